/**
 * One rotation: what happens while the lease of a credential is held.
 *
 *     re-read → adopt, or: wait for an orphan → durable intent → request → re-read → durable answer
 *
 * Invariants kept here, whatever crashes in between; `orphan.ts` says how long that wait is, and
 * `rotation_record.ts` what is written:
 *
 * - A refresh token is presented again only while its outcome is unknown, one attempt after the
 *   other, no sooner than {@linkcode PROBE_DELAY_MS} after the previous sender is known to be gone
 *   (I3).
 * - The intent is durable before the first byte leaves; the answer is durable before it is handed
 *   out, or it is handed out as unsaved: with a warning on each use, and the lease kept (I4, I5).
 * - Only the provider's definitive word ends a login, and only the token it was about (I7).
 * - What is written is what is stored at that moment, with our own fields changed (I6, I8).
 * - No token is presented more often than {@linkcode pacedMs} allows (I14).
 *
 * @module
 */

import { createDeferred, type Deferred } from "../core/deferred.ts";
import { CredentialError, GrantwayError, OAuthError } from "../core/errors.ts";
import { toHex } from "../core/hex.ts";
import type { RefreshOutcome } from "../oauth/refresh_token.ts";
import type { TokenSet } from "../oauth/token_set.ts";
import {
  type Credential,
  credentialKey,
  parseCredential,
  type RefreshIntent,
  serializeCredential,
} from "./credential.ts";
import type { Digest } from "./document.ts";
import type { HeldLease, KvStore } from "./kv_store.ts";
import { createOrphans, type OrphanOptions } from "./orphan.ts";
import { loginEnded, type LoginNames, notSaved, notYet, whyRejected } from "./refresh_error.ts";
import {
  GRANT_TIMEOUT_MS,
  OVER,
  pacedMs,
  PROBE_DELAY_MS,
  SAVE_TIMEOUT_MS,
} from "./refresh_timing.ts";
import {
  afterFailure,
  type FailedOutcome,
  isSameGrant,
  nextIntent,
  requireLogin,
  rotated,
  supersedes,
} from "./rotation_record.ts";

/** A host that slept finds every deadline passed at its first try, and the disk in order at its next. */
const MIN_SAVES = 5;

/** What a rotation takes of the outside world. */
export interface RotationOptions extends LoginNames, OrphanOptions {
  /** Where the credential is. */
  store: KvStore;
  /** Provider id. */
  provider: string;
  /** Credential id. */
  id: string;
  /** Id of this home folder or Worker, to notice a login that was copied here. */
  host?: string | undefined;
  /**
   * Presents the refresh token once; the signal aborts it at its deadline. Where it rejects, the
   * outcome is unknown, unless the error's code is `invalid_configuration`: then nothing was sent.
   */
  refresh: (credential: Credential, signal?: AbortSignal) => Promise<RefreshOutcome>;
  /** Wall clock, ms since the epoch. */
  now: () => number;
  /** Waits; rejects with the signal's reason when aborted. */
  sleep: (ms: number, signal?: AbortSignal) => Promise<void>;
  /** SHA-256. */
  digest: Digest;
  /** Told what does not fail a call, but should be known. */
  onWarning: (message: string) => void;
  /** Runs what a signal to the process must not interrupt. Default: runs it. */
  critical?: (<T>(run: () => Promise<T>) => Promise<T>) | undefined;
}

/** What one rotation is for. */
export interface RotationRequest {
  /** Whether a stored credential makes the refresh needless. */
  isSatisfied: (credential: Credential) => boolean;
  /** How long it may wait for its turn to send, ms; the wait for an orphan does not count. */
  patienceMs: number;
  /** Ends waits before anything is sent. */
  signal?: AbortSignal | undefined;
  /** Gets a credential that could not be saved yet, while saving goes on. */
  handOut: (credential: Credential) => void;
}

/** A rotated credential that is not durable. */
export interface Unsaved {
  /** The new generation. */
  readonly credential: Credential;
  /** Why it could not be saved. */
  readonly error: CredentialError;
  /** Resolves once it is durable; rejects when it is not after {@linkcode SAVE_TIMEOUT_MS}. */
  readonly saved: Promise<void>;
}

/** The rotations of one credential in this process. */
export interface Rotation {
  /** Set while an answer is not durable. */
  readonly unsaved: Unsaved | undefined;
  /** Refreshes, or adopts what a sibling stored. The caller holds the lease. */
  run(held: HeldLease, request: RotationRequest): Promise<Credential>;
  /** The process is about to end: saving is given up after {@linkcode SAVE_TIMEOUT_MS}. */
  close(): void;
}

/** Creates the {@linkcode Rotation} of one credential. */
export function createRotation(options: RotationOptions): Rotation {
  const { store, name, now, monotonicNow, sleep, onWarning } = options;
  const key = credentialKey(options.provider, options.id);
  const critical = options.critical ?? ((run) => run());
  let unsaved: (Unsaved & Deferred<void>) | undefined;
  let isClosed = false;
  const orphans = createOrphans(options);

  async function read(): Promise<Credential | null> {
    const text = await store.get(key);
    return text === null ? null : parseCredential(text, key);
  }

  const write = (credential: Credential) => store.put(key, serializeCredential(credential));

  async function run(held: HeldLease, request: RotationRequest): Promise<Credential> {
    const deadline = monotonicNow() + request.patienceMs;
    for (let presentations = 0;;) {
      const current = requireLogin(await read(), options);
      if (request.isSatisfied(current)) return current;
      if (!current.tokens.refreshToken) {
        throw loginEnded(options, "its access token is of no use and it has no refresh token");
      }

      const turnMs = pacedMs(current, now());
      // At most one probe within a call: whoever asked gets an answer in time.
      if (presentations > 1 || (turnMs > 0 && monotonicNow() + turnMs > deadline)) {
        throw notYet(options, current, turnMs);
      }
      const orphanMs = orphans.waitMs(current, held);
      if (turnMs > 0 || orphanMs > 0) {
        await sleep(Math.max(turnMs, orphanMs), request.signal);
        if (orphanMs > 0) {
          const since = monotonicNow() - PROBE_DELAY_MS;
          const answer = await orphans.findAnswer(current, request.signal);
          if (answer !== undefined) await write(answer);
          orphans.noteGone(current, since);
        }
        continue;
      }
      // Who had sent would have left an intent, and who has not will see that its lock is gone.
      if (held.unproven) await held.prove();

      const sent = { ...current, intent: nextIntent(current, now()) };
      await write(sent);
      if (!(await held.isHeld())) {
        throw new CredentialError("lease_timeout", `Cannot refresh ${name}: its lock was removed`, {
          retryable: true,
        });
      }
      presentations++;
      const finish = await critical(async () => {
        const outcome = await present(sent);
        orphans.noteGone(sent, monotonicNow());
        if (outcome.kind !== "granted") return await conclude(sent, outcome);
        const isOverdue = createDeadline(SAVE_TIMEOUT_MS);
        const issuedAt = now();
        const saveUntil = (isOver: () => boolean) =>
          save(sent, outcome.tokenSet, issuedAt, request, isOver);
        const saved = await saveUntil(isOverdue);
        return () => saved ?? saveUntil(() => isClosed);
      });
      const rotated = await finish?.();
      if (rotated !== undefined) return rotated;
      if (unsaved !== undefined) throw unsaved.error;
    }
  }

  /** Sends once. No caller's abort reaches it, only its own deadline. */
  async function present(sent: Credential): Promise<RefreshOutcome | FailedOutcome> {
    const request = new AbortController(), timer = new AbortController();
    sleep(GRANT_TIMEOUT_MS, timer.signal).then(
      () => request.abort(new DOMException("The refresh took too long", "TimeoutError")),
      () => {},
    );
    try {
      return await options.refresh(sent, request.signal);
    } catch (cause) {
      if (cause instanceof GrantwayError && cause.code === "invalid_configuration") {
        return { kind: "not_sent", error: cause };
      }
      const error = new OAuthError("refresh_uncertain", `Cannot refresh ${name}: no answer`, {
        cause,
        retryable: true,
      });
      return { kind: "ambiguous", error };
    } finally {
      timer.abort(OVER);
    }
  }

  /**
   * Notes what a failed attempt proved. Returns when the store should be looked at again: the
   * outcome is unknown, or it is about a token that is no longer the stored one.
   *
   * @throws What the caller of the refresh should learn, otherwise.
   */
  async function conclude(
    sent: Credential & { intent: RefreshIntent },
    outcome: FailedOutcome,
  ): Promise<undefined> {
    const rejected = outcome.kind === "dead" ? await fingerprint(sent.tokens!.refreshToken!) : "";
    let isAnother = false;
    try {
      const stored = await read();
      isAnother = stored !== null && !isSameGrant(stored, sent);
      if (stored !== null && !isAnother) {
        await write(afterFailure(stored, sent.intent, outcome, rejected, now()));
      }
    } catch (error) {
      onWarning(`Cannot note how the refresh of ${name} ended: ${(error as Error).message}`);
    }
    if (isAnother || outcome.kind === "ambiguous") return;
    if (outcome.kind !== "dead") throw outcome.error;
    throw loginEnded(options, whyRejected(sent, options.host), outcome.error);
  }

  /** Tries to save the answer; `undefined` when `isOver` before it could. */
  async function save(
    sent: Credential,
    tokenSet: TokenSet,
    issuedAt: number,
    request: RotationRequest,
    isOver: () => boolean,
  ): Promise<Credential | undefined> {
    for (let attempt = 1, delayMs = 100;; attempt++, delayMs = Math.min(2 * delayMs, 5_000)) {
      try {
        let latest = await read();
        // After a write that failed it may be there already, but perhaps not for good.
        const isOurs = latest?.tokens?.accessToken === tokenSet.accessToken;
        if (latest === null || isOurs || !supersedes(latest, sent)) {
          latest = rotated(latest ?? sent, sent, tokenSet, issuedAt);
          await write(latest);
        } else {
          onWarning(`A login to ${name} came before the answer to a refresh, which is dropped`);
        }
        unsaved?.resolve();
        unsaved = undefined;
        return latest;
      } catch (cause) {
        const error = notSaved(options, cause);
        onWarning(error.message);
        if (unsaved === undefined) {
          const saved = createDeferred<void>();
          saved.promise.catch(() => {}); // most have nobody who asks
          const credential = rotated(sent, sent, tokenSet, issuedAt);
          unsaved = { ...saved, credential, error, saved: saved.promise };
          request.handOut(credential);
        }
      }
      if (attempt >= MIN_SAVES && isOver()) {
        unsaved.reject(unsaved.error);
        return undefined;
      }
      await sleep(delayMs);
    }
  }

  function createDeadline(ms: number): () => boolean {
    const deadline = monotonicNow() + ms;
    return () => monotonicNow() >= deadline;
  }

  /** What names a token without telling it. */
  async function fingerprint(token: string): Promise<string> {
    const hash = await options.digest(new TextEncoder().encode(token));
    return toHex(hash.subarray(0, 4));
  }

  return {
    get unsaved(): Unsaved | undefined {
      return unsaved;
    },
    run,
    close(): void {
      isClosed = true;
    },
  };
}
