/**
 * The Durable Object of what a gateway keeps besides logins: client keys, settings, the order and the
 * rests of accounts, the list of logins. It alone writes them, so that two who change something at once
 * lose nothing, and so that a record can be sealed anew without bringing back an older one.
 *
 * @module
 */

import { GrantwayError } from "../../core/errors.ts";
import { isJsonObject } from "../../core/http.ts";
import { resolveRuntime, type RuntimeOptions } from "../../core/runtime.ts";
import type { KeyPage, KvStore, PutOptions } from "../../credentials/kv_store.ts";
import type { SweepPage, SweepRequest } from "../../credentials/seal_sweep.ts";
import { bounded } from "./bounded.ts";
import {
  createCredentialCaller,
  PROTOCOL,
  toWireError,
  type WireError,
} from "./credential_call.ts";
import type { ObjectNamespace, ObjectState } from "./durable_object.ts";
import { createSealSweep, type SealSweep } from "./seal_sweep.ts";
import { openOwnedStorage, type WorkerEnv } from "./worker_env.ts";

/** The methods of the object. */
interface StoreCalls {
  get: { arguments: { key: string }; result: string | null };
  put: { arguments: { key: string; text: string } & PutOptions; result: null };
  delete: { arguments: { key: string }; result: null };
  list: { arguments: { prefix: string; cursor?: string | undefined }; result: KeyPage };
  /** Writes, if `before` is what is there. */
  swap: { arguments: { key: string; before: string | null; text: string }; result: boolean };
  sweep: { arguments: SweepRequest; result: SweepPage };
}

type StoreMethod = keyof StoreCalls;
type StoreHandlers = {
  [Method in StoreMethod]: (
    args: StoreCalls[Method]["arguments"],
  ) => Promise<StoreCalls[Method]["result"]>;
};

/** The class of the binding `STORE`. Workers make it; nobody else does. */
export class StoreObject {
  readonly #state: ObjectState;
  readonly #env: WorkerEnv;
  readonly #runtime: Omit<RuntimeOptions, "signal">;
  #opened: { handlers: StoreHandlers; catchUp: () => Promise<void> } | undefined;

  /**
   * As Workers call it; nothing is read before the first call.
   *
   * @param runtime For classes derived from this one: their own clock.
   */
  constructor(state: ObjectState, env: WorkerEnv, runtime: Omit<RuntimeOptions, "signal"> = {}) {
    this.#state = state;
    this.#env = env;
    this.#runtime = runtime;
  }

  /** Answers a call of a gateway, or of a credential's object. */
  async fetch(request: Request): Promise<Response> {
    const method = new URL(request.url).pathname.slice(1);
    const { protocol, arguments: args } = await request.json();
    if (protocol !== PROTOCOL) return Response.json({ protocol: PROTOCOL });
    try {
      const { handlers } = this.#open();
      if (!Object.hasOwn(handlers, method)) return Response.json({ protocol: PROTOCOL });
      return Response.json({ result: await handlers[method as StoreMethod](args) });
    } catch (error) {
      if (!(error instanceof GrantwayError)) console.error(`Store object: ${error}`);
      return Response.json({ error: toWireError(error) });
    }
  }

  /** Called by the runtime when KV did not take a record. */
  async alarm(): Promise<void> {
    try {
      await this.#open().catchUp();
    } catch (error) {
      console.warn(error instanceof GrantwayError ? error.message : `Store object: ${error}`);
    }
  }

  #open(): { handlers: StoreHandlers; catchUp: () => Promise<void> } {
    if (this.#opened !== undefined) return this.#opened;
    const { storage } = this.#state;
    const { now, sleep } = resolveRuntime(this.#runtime);
    const opened = openOwnedStorage(this.#env, { storage, now, sleep });
    const { owned, store } = opened;
    const call = createCredentialCaller({
      objects: this.#env.CREDENTIALS,
      sleep,
      random: Math.random,
    });
    const sweep: SealSweep = createSealSweep({ ...opened, storage, call, now });
    const handlers: StoreHandlers = {
      get: ({ key }) => store.get(key),
      put: async ({ key, text, expiresAt }) => {
        await store.withLease(key, () => store.put(key, text, { expiresAt }));
        return null;
      },
      delete: async ({ key }) => {
        await store.withLease(key, () => store.delete(key));
        return null;
      },
      list: (options) => store.list(options),
      swap: ({ key, before, text }) =>
        store.withLease(key, async () => {
          if (await store.get(key) !== before) return false;
          await store.put(key, text);
          return true;
        }),
      sweep,
    };
    return this.#opened = { handlers, catchUp: owned.catchUp };
  }
}

const NAME = "store";
const TRIES = 3;
const RETRY_MS = 200;
const CALL_TIMEOUT_MS = 60_000;
/** A change that meets others this often is not a coincidence. */
const MAX_CONFLICTS = 20;

/** How others reach the object. */
export interface RemoteStoreOptions {
  /** The objects; undefined where the deployment has no binding for them. */
  objects: ObjectNamespace | undefined;
  /** Waits. */
  sleep: (ms: number, signal?: AbortSignal) => Promise<void>;
}

/** The object's records, as everybody sees them at once. Every method rejects without a binding. */
export interface RemoteStore extends KvStore {
  /** Has `edit` change a record; it is asked again when somebody else was faster. */
  change(key: string, edit: (text: string | null) => string): Promise<void>;
  /** Goes over what is sealed, one page. */
  sweep: SealSweep;
}

/** Creates the way to the object. */
export function createRemoteStore({ objects, sleep }: RemoteStoreOptions): RemoteStore {
  async function send(method: StoreMethod, args: unknown): Promise<unknown> {
    if (objects === undefined) {
      throw new GrantwayError("invalid_configuration", "This deployment can change nothing", {
        hint: "Add the binding STORE of class StoreObject and its migration to wrangler.toml, " +
          "as in the one of this project, and deploy again",
      });
    }
    const body = JSON.stringify({ protocol: PROTOCOL, arguments: args });
    for (let tries = 1;; tries++) {
      try {
        // A stub that has failed once may stay broken.
        const stub = objects.get(objects.idFromName(NAME));
        return await (await stub.fetch(`https://object/${method}`, { method: "POST", body }))
          .json();
      } catch (cause) {
        if (tries === TRIES) {
          const state = "Cannot reach the gateway's store just now";
          throw new GrantwayError("overloaded", state, { cause, retryable: true });
        }
        await sleep(RETRY_MS * tries);
      }
    }
  }

  async function call<Method extends StoreMethod>(
    method: Method,
    args: StoreCalls[Method]["arguments"],
  ): Promise<StoreCalls[Method]["result"]> {
    const action = "reach the gateway's store";
    const answer = await bounded(send(method, args), CALL_TIMEOUT_MS, action, sleep);
    if (isJsonObject(answer)) {
      if ("result" in answer) return answer["result"] as StoreCalls[Method]["result"];
      if (isJsonObject(answer["error"])) {
        const { code, message, ...details } = answer["error"] as unknown as WireError;
        throw new GrantwayError(code, message, details);
      }
    }
    const state = "Cannot use the gateway's store just now: a new version is being deployed";
    throw new GrantwayError("overloaded", state, { retryable: true, retryAfterMs: 5_000 });
  }

  return {
    get: (key: string): Promise<string | null> => call("get", { key }),
    put: async (key: string, text: string, options: PutOptions = {}): Promise<void> => {
      await call("put", { key, text, ...options });
    },
    delete: async (key: string): Promise<void> => {
      await call("delete", { key });
    },
    list: (options): Promise<KeyPage> => call("list", options),
    change: async (key: string, edit: (text: string | null) => string): Promise<void> => {
      for (let conflicts = 0; conflicts < MAX_CONFLICTS; conflicts++) {
        const before = await call("get", { key });
        const text = edit(before);
        if (text === before || await call("swap", { key, before, text })) return;
      }
      const state = `Cannot change ${key}: others keep changing it`;
      throw new GrantwayError("lease_timeout", state, { retryable: true });
    },
    sweep: (request: SweepRequest): Promise<SweepPage> => call("sweep", request),
  };
}
