/**
 * The keeper of one stored credential, with web-standard defaults for all that it takes of the outside
 * world.
 *
 * @module
 */

import { resolveRuntime, type RuntimeOptions } from "../core/runtime.ts";
import type { EndpointOverrides } from "../providers/endpoints.ts";
import type { Provider } from "../providers/provider.ts";
import { createAccessTokenSource, type Keeper } from "./access_token_source.ts";
import type { Credential } from "./credential.ts";
import type { KvStore, Lease } from "./kv_store.ts";

/** Options of {@linkcode createKeeper}. A `signal` belongs to each call, not to the keeper. */
export interface KeeperOptions extends Omit<RuntimeOptions, "signal"> {
  /** Where the credential is. */
  store: KvStore;
  /** Excludes everybody else who shares the store; without it nothing is refreshed. */
  lease?: Lease | undefined;
  /** What the environment or the configuration replaces. */
  overrides?: EndpointOverrides | undefined;
  /** What mends a missing or dead login. Default: `Sign in again`. */
  loginHint?: string | undefined;
  /** Id of this home or program, to notice a login that was copied here. */
  host?: string | undefined;
  /** Told what does not fail a call, but should be known. Default: nobody. */
  onWarning?: ((message: string) => void) | undefined;
  /** Runs what a signal to the process must not interrupt. Default: runs it. */
  critical?: (<T>(run: () => Promise<T>) => Promise<T>) | undefined;
  /** Monotonic clock, ms. Default: `performance.now`. */
  monotonicNow?: (() => number) | undefined;
}

/**
 * Creates the keeper of a stored credential. Nothing is read or sent before it is used; call its
 * `settled` before the process ends.
 *
 * @example Usage
 * ```ts ignore
 * const keeper = createKeeper(provider, credential, { store, lease: store });
 * const { value } = await keeper.get();
 * ```
 */
export function createKeeper(
  provider: Provider,
  credential: Pick<Credential, "provider" | "id">,
  options: KeeperOptions,
): Keeper {
  const { store, lease, overrides, host, critical, onWarning = () => {} } = options;
  const { fetch, now, sleep, startTimer } = resolveRuntime(options);
  return createAccessTokenSource({
    store,
    lease,
    provider: credential.provider,
    id: credential.id,
    host,
    name: provider.shortName,
    loginHint: options.loginHint ?? "Sign in again",
    refresh: async (stored, signal) => {
      // Most programs end before a refresh is due.
      const { createProviderRefresh } = await import("./provider_refresh.ts");
      const needs = { fetch, now, sleep, startTimer, overrides, store, onWarning };
      return await createProviderRefresh(provider, needs)(stored, signal);
    },
    now,
    monotonicNow: options.monotonicNow ?? (() => performance.now()),
    sleep,
    random: Math.random,
    digest: async (bytes) => new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)),
    onWarning,
    critical,
  });
}
