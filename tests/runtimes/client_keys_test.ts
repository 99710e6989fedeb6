/**
 * Client keys over the real KV of workerd, which has no mutual exclusion.
 *
 * @module
 */

import { createKvStore } from "../../src/adapters/cloudflare/mod.ts";
import { clientKeysContract } from "../contracts/client_keys.ts";
import { startWorkerd } from "../support/workerd.ts";

clientKeysContract("Workers KV", async () => {
  const workerd = await startWorkerd("export default { fetch: () => new Response() };");
  return {
    store: createKvStore(workerd.kv),
    close: async () => await workerd[Symbol.asyncDispose](),
  };
});
