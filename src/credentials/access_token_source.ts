/**
 * The keeper: hands out access tokens of one credential that are fresh now, and refreshes it early
 * enough that nobody waits.
 *
 * Any number of calls in this process share one flight, which holds the credential's lease while
 * {@linkcode Rotation} works; so of all processes over one store one refreshes, and the others adopt
 * what it stored. While an access token has {@linkcode READER_MARGIN_MS} left, it is handed out at
 * once and the refresh happens behind it; it is handed out until it expires when the refresh fails.
 *
 * A bearer that upstream refused is replaced once: only if the stored generation is still the
 * refused one, and not if it was just minted. API keys pass through.
 *
 * Invariants kept here; {@linkcode Rotation} keeps those of one refresh, the file store those of the
 * disk, and `docs/refresh.md` has all of them and how they are shown:
 *
 * - One flight at a time in this process, and the lease of the credential around all of it (I1).
 * - A token is handed out that is stored, or one that the rotation calls unsaved: then with a warning
 *   each time, while the flight goes on and keeps the lease (I5).
 * - No caller waits longer than {@linkcode WAIT_MS}, or at all with {@linkcode READER_MARGIN_MS} left;
 *   who gives up waiting interrupts nothing that was sent (I10).
 * - A failed refresh behind a valid token costs its readers nothing, and is not repeated at once (I14).
 *
 * @module
 */

import { createDeferred } from "../core/deferred.ts";
import { CredentialError } from "../core/errors.ts";
import { conceal } from "../core/secret.ts";
import type { AccessToken, AccessTokenSource, GetTokenOptions } from "./access_token.ts";
import { type Credential, credentialKey, parseCredential } from "./credential.ts";
import type { Lease } from "./kv_store.ts";
import { loginEnded, notYet } from "./refresh_error.ts";
import {
  dueAt,
  FRESH_MINT_MS,
  OVER,
  pacedMs,
  PROBE_DELAY_MS,
  READER_MARGIN_MS,
  SAVE_TIMEOUT_MS,
  WAIT_MS,
} from "./refresh_timing.ts";
import { createRotation, type RotationOptions } from "./rotation.ts";
import { type LiveCredential, requireLogin } from "./rotation_record.ts";

/** What a keeper takes of the outside world. */
export interface AccessTokenSourceOptions extends RotationOptions {
  /** Excludes everybody else who shares the store; without it nothing is refreshed. */
  lease: Lease | undefined;
  /** Uniform in [0, 1): makes processes differ in when they refresh. */
  random: () => number;
}

/** Options of {@linkcode Keeper.refresh}. */
export interface RefreshOptions {
  /** Gives up waiting. A refresh that has been sent is not interrupted. */
  signal?: AbortSignal | undefined;
}

/** Keeps one credential fresh. */
export interface Keeper extends AccessTokenSource {
  /** `refreshing` while a flight is up, `unsaved` while an answer is not durable. */
  readonly state: "idle" | "refreshing" | "unsaved";
  /**
   * Refreshes now, due or not, and resolves once the answer is durable.
   *
   * @throws {CredentialError} As {@linkcode AccessTokenSource.get}; `storage_write` when it could
   * not be saved, `unsupported` for an API key.
   */
  refresh(options?: RefreshOptions): Promise<Credential>;
  /**
   * Refreshes if that is due, and waits for it: what a timer calls. As long as the access token lasts,
   * a failure is not an error.
   *
   * @throws {CredentialError} As {@linkcode AccessTokenSource.get}.
   */
  renew(options?: RefreshOptions): Promise<Credential>;
  /**
   * Waits for what goes on behind the callers' backs; to be called before the process ends.
   *
   * @throws {CredentialError} `storage_write` when an answer could not be saved: it is lost with
   * this process.
   */
  settled(): Promise<void>;
}

// So that the message which names the lease's holder comes before the general one.
const LEASE_WAIT_MS = WAIT_MS - 2_000;
/** After a flight that failed behind a valid token, how long none is tried, monotonic ms. */
const BACKGROUND_PAUSE_MS = 2_000;

/** A refresh that any number of callers wait for. */
interface Flight {
  promise: Promise<Credential>;
  /** Whether it waits for the lease; if not, who must have a token starts another. */
  waits: boolean;
}

/** Creates the keeper of one credential. Nothing is read or sent before it is used. */
export function createAccessTokenSource(options: AccessTokenSourceOptions): Keeper {
  const { store, lease, provider, id, name, now, monotonicNow, sleep } = options;
  const key = credentialKey(provider, id);
  const jitter = options.random();
  const rotation = createRotation(options);
  let closing = new AbortController();
  const work = new Set<Promise<void>>();
  let flight: Flight | undefined;
  let loading: Promise<Credential | null> | undefined;
  let pausedUntil = -Infinity;

  /** Callers at the same moment share one read. */
  function load(): Promise<Credential | null> {
    loading ??= store.get(key)
      .then((text) => text === null ? null : parseCredential(text, key))
      .finally(() => loading = undefined);
    return loading;
  }

  const isDue = (credential: Credential) => now() >= dueAt(credential, jitter);
  const leftMs = ({ expiresAt }: Credential) => (expiresAt ?? Infinity) - now();

  /** Starts the flight of this process; `refusedGeneration` will not do. */
  function takeOff(waits: boolean, refusedGeneration: number | undefined): Flight {
    if (lease === undefined) throw noLease(name);
    const { promise, resolve, reject } = createDeferred<Credential>();
    const request = {
      isSatisfied: (stored: Credential) =>
        stored.generation !== refusedGeneration && !isDue(stored),
      patienceMs: waits ? WAIT_MS : 0,
      signal: closing.signal,
      handOut: resolve,
    };
    const running = lease.withLease(key, (held) => rotation.run(held, request), {
      timeoutMs: waits ? LEASE_WAIT_MS : 0,
      signal: closing.signal,
    }).then(resolve, (error) => {
      if (!waits) pausedUntil = monotonicNow() + BACKGROUND_PAUSE_MS;
      reject(error);
    }).finally(() => work.delete(running));
    work.add(running);

    const started: Flight = { promise, waits };
    const land = () => {
      if (flight === started) flight = undefined;
    };
    promise.then(land, land);
    return flight = started;
  }

  /** A refresh that nobody waits for: one try, whose failure the next caller will meet. */
  function refreshBehind(credential: LiveCredential): void {
    const isOff = lease === undefined || flight !== undefined || closing.signal.aborted ||
      !credential.tokens.refreshToken || monotonicNow() < pausedUntil ||
      pacedMs(credential, now()) > 0;
    if (!isOff) takeOff(false, undefined);
  }

  /** Waits until `deadline`, monotonic ms; what is waited for goes on. */
  async function within<T>(
    promise: Promise<T>,
    credential: Credential,
    deadline: number,
    signal: AbortSignal | undefined,
  ): Promise<T> {
    const timer = new AbortController();
    const signals = signal === undefined ? [timer.signal] : [timer.signal, signal];
    const timeout = sleep(deadline - monotonicNow(), AbortSignal.any(signals)).then(() => {
      throw notYet(options, credential, PROBE_DELAY_MS);
    });
    try {
      return await Promise.race([promise, timeout]);
    } finally {
      timer.abort(OVER);
    }
  }

  /** The token of an answer that is not durable: usable here, and said to be at risk each time. */
  function fromUnsaved(refusedGeneration: number | undefined): Credential | undefined {
    if (rotation.unsaved === undefined) return undefined;
    const { credential, error } = rotation.unsaved;
    if (credential.generation === refusedGeneration || leftMs(credential) <= 0) throw error;
    options.onWarning(error.message);
    return credential;
  }

  /** A credential that is fresh now and not of `refusedGeneration`. */
  async function obtain(
    refusedGeneration: number | undefined,
    signal: AbortSignal | undefined,
    { isForced = false, marginMs = READER_MARGIN_MS } = {},
  ): Promise<Credential> {
    const deadline = monotonicNow() + WAIT_MS;
    for (;;) {
      signal?.throwIfAborted();
      const unsaved = fromUnsaved(refusedGeneration);
      if (unsaved !== undefined) return unsaved;
      const credential = requireLogin(await load(), options);
      const isRefused = credential.generation === refusedGeneration;
      if (credential.source === "api_key") {
        if (isRefused) throw refused(name, "its API key was refused", options.loginHint);
        return credential;
      }
      if (!isRefused) {
        if (!isDue(credential)) return credential;
        if (leftMs(credential) >= marginMs) {
          refreshBehind(credential);
          return credential;
        }
      } else if (!isForced) {
        const ageMs = now() - (credential.refreshedAt ?? -Infinity);
        if (ageMs >= 0 && ageMs < FRESH_MINT_MS) {
          throw refused(name, "its new access token was refused", options.loginHint);
        }
      }

      let joined: Flight | undefined;
      try {
        if (!credential.tokens.refreshToken) {
          throw loginEnded(options, "its access token is of no use and it has no refresh token");
        }
        joined = flight ?? takeOff(true, refusedGeneration);
        const refreshed = await within(joined.promise, credential, deadline, signal);
        if (refreshed.generation !== refusedGeneration) return refreshed;
      } catch (error) {
        if (signal?.aborted) throw signal.reason;
        // It did not wait for its turn, and this caller does.
        if (joined?.waits === false) continue;
        // What is at hand is better than an error, as long as it lasts.
        if (isRefused || leftMs(credential) <= 0) throw error;
        return credential;
      }
    }
  }

  return {
    get state(): "idle" | "refreshing" | "unsaved" {
      return rotation.unsaved !== undefined ? "unsaved" : flight ? "refreshing" : "idle";
    },

    async get({ signal, rejectedGeneration }: GetTokenOptions = {}): Promise<AccessToken> {
      const credential = await obtain(rejectedGeneration, signal);
      const token: AccessToken = {
        value: credential.tokens!.accessToken,
        generation: credential.generation,
        expiresAt: credential.expiresAt,
        credential: { provider, id, label: credential.label, region: credential.region },
        resourceUrl: credential.resourceUrl,
      };
      return conceal(token, "value");
    },

    async refresh({ signal }: RefreshOptions = {}): Promise<Credential> {
      const { source, generation } = requireLogin(await load(), options);
      if (source === "api_key") {
        throw new CredentialError("unsupported", `Cannot refresh ${name}: API keys do not expire`);
      }
      const credential = await obtain(generation, signal, { isForced: true });
      const saved = rotation.unsaved?.saved;
      if (saved !== undefined) {
        // It settles by itself, so this deadline only bounds what `signal` ends early.
        await within(saved, credential, monotonicNow() + 2 * SAVE_TIMEOUT_MS, signal);
      }
      return credential;
    },

    renew: ({ signal }: RefreshOptions = {}): Promise<Credential> =>
      obtain(undefined, signal, { marginMs: Infinity }),

    async settled(): Promise<void> {
      // Not without a listener: each abort makes an exception, which takes longer than all else here.
      if (work.size > 0) closing.abort();
      rotation.close();
      while (work.size > 0) await Promise.allSettled(work);
      closing = new AbortController();
      if (rotation.unsaved !== undefined) throw rotation.unsaved.error;
    },
  };
}

function noLease(name: string): CredentialError {
  return new CredentialError(
    "no_mutual_exclusion",
    `Cannot refresh ${name}: over this store two processes could spend one refresh token`,
    { hint: "Let the CLI's home folder or the gateway's Durable Object keep this login" },
  );
}

function refused(name: string, what: string, hint: string): CredentialError {
  return new CredentialError("unauthorized", `Cannot use ${name}: ${what}`, { hint });
}
