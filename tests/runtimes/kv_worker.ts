/**
 * A Worker that lends out its store: the body names a method of `KvStore`, its arguments and the wall
 * clock to use.
 *
 * @module
 */

import { createKvStore, type KvNamespace } from "@grantway/grantway/adapters/cloudflare";
import type { KvStore } from "@grantway/grantway/credentials";

/** One call of a store's method. */
export interface StoreCall {
  method: keyof KvStore;
  args: unknown[];
  now: number;
}

export default {
  async fetch(request: Request, env: { KV: KvNamespace }): Promise<Response> {
    const { method, args, now }: StoreCall = await request.json();
    const store = createKvStore(env.KV, { now: () => now });
    try {
      const call = store[method] as (...args: unknown[]) => Promise<unknown>;
      return Response.json({ result: await call(...args) });
    } catch (error) {
      return Response.json({ error: String(error) });
    }
  },
};
