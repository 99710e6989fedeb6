/**
 * Knows when Web Crypto is at work: its thread pool takes real time, which no virtual clock sees.
 *
 * @module
 */

/** How much the thread pool computes, which no event loop turn waits for. */
let computing = 0;
const ASYNC = [
  "digest",
  "encrypt",
  "decrypt",
  "importKey",
  "exportKey",
  "generateKey",
  "sign",
  "verify",
] as const;
for (const name of ASYNC) {
  const original = crypto.subtle[name].bind(crypto.subtle) as (...args: unknown[]) => unknown;
  Object.defineProperty(crypto.subtle, name, {
    value: async (...args: unknown[]) => {
      computing++;
      try {
        return await original(...args);
      } finally {
        computing--;
      }
    },
  });
}

/** Whether any call of Web Crypto has not returned yet. */
export function isComputing(): boolean {
  return computing > 0;
}
