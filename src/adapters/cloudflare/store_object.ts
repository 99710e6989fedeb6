/**
 * The Durable Object of what a gateway keeps besides logins: client keys, settings, the order and the
 * rests of accounts, the list of logins. It alone writes them, so that two who change something at once
 * lose nothing, and so that a record can be sealed anew without bringing back an older one.
 *
 * @module
 */

import { GrantwayError } from "../../core/errors.ts";
import { resolveRuntime, type RuntimeOptions } from "../../core/runtime.ts";
import { createCredentialCaller, PROTOCOL, toWireError } from "./credential_call.ts";
import type { ObjectState } from "./durable_object.ts";
import { openOwnedStorage } from "./owned_storage.ts";
import type { StoreCalls, StoreMethod } from "./remote_store.ts";
import { createSealSweep, type SealSweep } from "./seal_sweep.ts";
import type { WorkerEnv } from "./worker_env.ts";

/** After a failure: what KV did not take must not wait for the next change. */
const FAILED_ALARM_MS = 30_000;

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
      await this.#state.storage.setAlarm(resolveRuntime(this.#runtime).now() + FAILED_ALARM_MS);
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
