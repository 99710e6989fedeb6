/**
 * Work that goes on when its request has been answered.
 *
 * @see {@link https://developers.cloudflare.com/workers/runtime-apis/context/ | Context}
 * @module
 */

/** Has the request that runs now wait for `promise` before it ends; for 30 s at most. */
export type WaitUntil = (promise: Promise<unknown>) => void;

/** Loads the runtime's `waitUntil`, which knows the request that runs at each moment. */
export async function loadWaitUntil(): Promise<WaitUntil> {
  // No literal: only workerd has this module, and nobody else its types.
  const name = "cloudflare:workers";
  const { waitUntil } = await import(name);
  return (promise) => waitUntil(promise.catch(() => {}));
}
