/**
 * Which account makes media: the accounts of a provider one by one, until one of them may.
 *
 * A failure puts no account to rest: a plan without speech, or without any left, says nothing about
 * chats.
 *
 * @module
 */

import { type ErrorCode, GrantwayError } from "../core/errors.ts";
import type { RuntimeOptions } from "../core/runtime.ts";
import type { MediaOptions } from "../media/mod.ts";
import type { Provider } from "../providers/provider.ts";
import type { Account, Upstreams } from "./upstreams.ts";

/** What may be otherwise with another account. */
const OWN: readonly ErrorCode[] = [
  "login_required",
  "unauthorized",
  "not_entitled",
  "quota_exhausted",
  "rate_limited",
];

/** Whether another account may fare better. */
export function isAccountsOwn(error: unknown): error is GrantwayError {
  return error instanceof GrantwayError && OWN.includes(error.code);
}

/** What the media functions need of an account. */
export function mediaOptions(
  { provider, endpoints, source }: Account,
  { fetch, now, sleep, signal }: RuntimeOptions,
): MediaOptions {
  return { provider, endpoints, source, fetch, now, sleep, signal };
}

/** Which accounts are tried, and who is told. */
export interface MediaAccountsOptions {
  /** Providers in the order in which they are tried. */
  providers: readonly Provider[];
  /** Told what is tried next, and why. */
  onFailover?: ((next: Account, error: GrantwayError) => void) | undefined;
}

/**
 * Runs `run` with one account after the other until it succeeds.
 *
 * @throws What the last account failed with that was tried; what the first provider lacks where there is
 * none at all.
 */
export async function tryMediaAccounts<T>(
  upstreams: Upstreams,
  { providers, onFailover = () => {} }: MediaAccountsOptions,
  run: (account: Account) => Promise<T>,
): Promise<T> {
  let missing: unknown;
  let failure: GrantwayError | undefined;
  for (const provider of providers) {
    try {
      for await (const account of upstreams.accounts(provider)) {
        if (failure !== undefined) onFailover(account, failure);
        try {
          return await run(account);
        } catch (error) {
          if (!isAccountsOwn(error)) throw error;
          failure = error;
        }
      }
    } catch (error) {
      // Nothing is signed in to there; anything else would be the same with the next.
      if (!(error instanceof GrantwayError) || error.code !== "login_required") throw error;
      missing ??= error;
    }
  }
  throw failure ?? missing ?? new RangeError("No provider makes media");
}
