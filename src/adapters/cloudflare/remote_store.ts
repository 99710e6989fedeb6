/**
 * How everybody reaches the object that owns the records of a gateway besides logins, which
 * `store_object.ts` is.
 *
 * @module
 */

import { GrantwayError } from "../../core/errors.ts";
import { isJsonObject } from "../../core/http.ts";
import type { KeyPage, KvStore, PutOptions } from "../../credentials/kv_store.ts";
import type { SweepPage, SweepRequest } from "../../credentials/seal_sweep.ts";
import { bounded } from "./bounded.ts";
import { PROTOCOL, type WireError } from "./credential_call.ts";
import type { ObjectNamespace } from "./durable_object.ts";
import type { SealSweep } from "./seal_sweep.ts";

/** The methods of the object. */
export interface StoreCalls {
  /** Reads a record. */
  get: { arguments: { key: string }; result: string | null };
  /** Writes a record. */
  put: { arguments: { key: string; text: string } & PutOptions; result: null };
  /** Removes a record. */
  delete: { arguments: { key: string }; result: null };
  /** Lists records. */
  list: { arguments: { prefix: string; cursor?: string | undefined }; result: KeyPage };
  /** Writes, if `before` is what is there. */
  swap: { arguments: { key: string; before: string | null; text: string }; result: boolean };
  /** Goes over what is sealed, one page. */
  sweep: { arguments: SweepRequest; result: SweepPage };
}

/** Their names. */
export type StoreMethod = keyof StoreCalls;
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
