/**
 * A bearer for many requests: the keeper, which reads the store each time, is asked now and then.
 *
 * @module
 */

import type {
  AccessToken,
  AccessTokenSource,
  GetTokenOptions,
} from "../credentials/access_token.ts";

/** How long a bearer is handed out again. */
export interface BearerCacheOptions {
  /** Wall clock, ms since the epoch. */
  now: () => number;
  /** For how long, ms: a logout is seen that much later. */
  freshMs: number;
}

/** So close to its end a bearer is the keeper's to judge, ms. */
const MARGIN_MS = 30_000;

/** Hands out the bearer of `source` again for a moment. One that upstream refused never. */
export function createBearerCache(
  source: AccessTokenSource,
  { now, freshMs }: BearerCacheOptions,
): AccessTokenSource {
  let last: { token: AccessToken; at: number } | undefined;
  return {
    get: async (options: GetTokenOptions = {}) => {
      const ageMs = last === undefined ? Infinity : now() - last.at;
      const isFresh = last !== undefined && ageMs >= 0 && ageMs < freshMs &&
        (last.token.expiresAt ?? Infinity) - now() > MARGIN_MS;
      if (isFresh && options.rejectedGeneration === undefined) return last!.token;
      last = undefined;
      const token = await source.get(options);
      last = { token, at: now() };
      return token;
    },
  };
}
