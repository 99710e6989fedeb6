/**
 * The store over Workers KV, against the real KV of workerd: the adapter inside a Worker, and outside
 * through miniflare's binding.
 *
 * @module
 */

import { createKvStore } from "../../src/adapters/cloudflare/mod.ts";
import type { KvStore } from "../../src/credentials/mod.ts";
import { kvStoreContract, type OpenStore } from "../contracts/kv_store.ts";
import { bundle } from "../support/bundle.ts";
import { startWorkerd, type Workerd } from "../support/workerd.ts";
import type { StoreCall } from "./kv_worker.ts";

let code: ReturnType<typeof bundle> | undefined;

type CreateStore = (workerd: Workerd, now: () => number) => KvStore;

/** Opens a store over an empty namespace. */
async function open(createStore: CreateStore): Promise<OpenStore<KvStore>> {
  code ??= bundle("runtimes/kv_worker.ts");
  const workerd = await startWorkerd(await code);
  let offsetMs = 0;
  return {
    store: createStore(workerd, () => Date.now() + offsetMs),
    advance: (ms) => void (offsetMs += ms),
    close: async () => await workerd[Symbol.asyncDispose](),
  };
}

/** The store that lives inside the Worker. */
const createRemoteStore: CreateStore = ({ origin }, now) => {
  const call = async (method: keyof KvStore, args: unknown[]) => {
    const body: StoreCall = { method, args, now: now() };
    const response = await fetch(origin, { method: "POST", body: JSON.stringify(body) });
    const { result, error } = await response.json();
    if (error !== undefined) throw new Error(`${method} failed in the Worker: ${error}`);
    return result;
  };
  return {
    get: (...args) => call("get", args),
    put: (...args) => call("put", args),
    delete: (...args) => call("delete", args),
    list: (...args) => call("list", args),
  };
};

kvStoreContract("Workers KV, inside workerd,", () => open(createRemoteStore), {
  // Beyond one page of 1,000.
  manyKeys: 1_001,
});
kvStoreContract(
  "Workers KV, through its binding,",
  () => open(({ kv }, now) => createKvStore(kv, { now })),
);
