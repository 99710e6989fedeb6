/**
 * What Cloudflare Workers supply: Workers KV as a store.
 *
 * @module
 */

export { createKvStore, type KvNamespace, type KvStoreOptions } from "./kv_store.ts";
