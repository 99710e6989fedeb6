/**
 * One rotation: what happens while the lease of a credential is held.
 *
 *     re-read → adopt, or: wait for an orphan → durable intent → request → re-read → durable answer
 *
 * Invariants kept here, whatever crashes in between:
 *
 * - A refresh token is presented again only while its outcome is unknown, one attempt after the
 *   other, no sooner than {@linkcode PROBE_DELAY_MS} after the previous sender is known to be gone.
 *   That wait starts when this process sees the intent: the time written in it may be wrong (I3).
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
import { displayText } from "../core/redact.ts";
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
import {
  loginEnded,
  type LoginNames,
  notLoggedIn,
  notSaved,
  notYet,
  whyRejected,
} from "./refresh_error.ts";
import {
  DEFAULT_LIFETIME_MS,
  GRANT_TIMEOUT_MS,
  notSentDelayMs,
  OVER,
  pacedMs,
  pendingIntent,
  PROBE_DELAY_MS,
  probeDelayMs,
  recentPresentations,
  refusedDelayMs,
  SAVE_TIMEOUT_MS,
} from "./refresh_timing.ts";

/** A host that slept finds every deadline passed at its first try, and the disk in order at its next. */
const MIN_SAVES = 5;

/** What a rotation takes of the outside world. */
export interface RotationOptions extends LoginNames {
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
  /**
   * Looks for the answer to an attempt whose sender has gone without a word, where one is kept before
   * the store has it. Asked before the token is presented again, and may take its time. Where it
   * rejects, nothing is presented. Default: the store alone has answers.
   */
  recover?:
    | ((sent: Credential, signal: AbortSignal | undefined) => Promise<Credential | undefined>)
    | undefined;
  /** Wall clock, ms since the epoch. */
  now: () => number;
  /** Monotonic clock, ms. */
  monotonicNow: () => number;
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
  /** An attempt whose sender is gone, and since when at the latest, monotonic ms. */
  let gone: { attempt: string; since: number } | undefined;

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
      const orphanMs = orphanWaitMs(current, held);
      if (turnMs > 0 || orphanMs > 0) {
        await sleep(Math.max(turnMs, orphanMs), request.signal);
        if (orphanMs > 0) {
          const since = monotonicNow() - PROBE_DELAY_MS;
          await adoptAnswer(current, request.signal);
          gone = { attempt: attemptOf(current), since };
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
        gone = { attempt: attemptOf(sent), since: monotonicNow() };
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

  /** Stores the answer to an attempt whose sender could not, where it has left one. */
  async function adoptAnswer(current: Credential, signal: AbortSignal | undefined): Promise<void> {
    if (gone?.attempt === attemptOf(current)) return;
    // Who lived to write a reason had no answer; whoever tried before it may have had one.
    const { attempt, reason } = current.intent!;
    if (reason !== undefined && attempt === 1) return;
    const answer = await options.recover?.(current, signal);
    if (answer !== undefined) await write(answer);
  }

  /** How long a request may still be on its way that another attempt would collide with, ms. */
  function orphanWaitMs(current: Credential, held: HeldLease): number {
    const intent = pendingIntent(current);
    if (intent === undefined) return 0;
    if (gone?.attempt === attemptOf(current)) {
      return Math.max(0, gone.since + PROBE_DELAY_MS - monotonicNow());
    }
    // A sender that wrote a reason has ended. Of any other, only the lease says so.
    const mayLive = held.unproven && intent.reason === undefined;
    return PROBE_DELAY_MS + (mayLive ? GRANT_TIMEOUT_MS : 0);
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

/** A credential that has tokens. */
export type LiveCredential = Credential & { tokens: NonNullable<Credential["tokens"]> };

/**
 * What is stored, if it is a login.
 *
 * @throws {CredentialError} `login_required`
 */
export function requireLogin(
  stored: Credential | null,
  names: LoginNames & { host?: string | undefined },
): LiveCredential {
  if (stored === null) throw notLoggedIn(names);
  if (stored.status === "dead" || stored.tokens === null) {
    throw loginEnded(names, whyRejected(stored, names.host));
  }
  return stored as LiveCredential;
}

type FailedOutcome = {
  kind: Exclude<RefreshOutcome["kind"], "granted">;
  error: GrantwayError;
};

function attemptOf({ intent }: Credential): string {
  return `${intent?.generation}/${intent?.attempt}/${intent?.sentAt}`;
}

function nextIntent(current: Credential, sentAt: number): RefreshIntent {
  const previous = pendingIntent(current);
  return {
    ...previous,
    generation: current.generation,
    attempt: (previous?.attempt ?? 0) + 1,
    sentAt,
    recentAt: [...recentPresentations(previous, sentAt), sentAt],
    reason: undefined,
    retryAt: undefined,
  };
}

function isSameGrant(stored: Credential, sent: Credential): boolean {
  return stored.generation === sent.generation &&
    stored.tokens?.refreshToken === sent.tokens?.refreshToken;
}

/** Whether a login has taken the place of what was sent; an older backup has not. */
function supersedes(stored: Credential, sent: Credential): boolean {
  return stored.generation > sent.generation ||
    (stored.generation === sent.generation && stored.tokens !== null &&
      stored.tokens.refreshToken !== sent.tokens?.refreshToken);
}

function afterFailure(
  stored: Credential,
  intent: RefreshIntent,
  { kind, error }: FailedOutcome,
  rejected: string,
  at: number,
): Credential {
  const message = displayText(error.message);
  if (kind === "dead") {
    return {
      ...stored,
      status: "dead",
      tokens: null,
      intent: undefined,
      lastError: {
        code: error.code,
        message: `Refresh token ${rejected} of generation ${stored.generation}: ${message}`,
        at,
      },
    };
  }
  if (kind === "ambiguous") {
    return {
      ...stored,
      intent: { ...intent, reason: message, retryAt: at + probeDelayMs(intent.attempt) },
      lastError: { code: "refresh_uncertain", message, at },
    };
  }
  const delayMs = kind === "refused" ? refusedDelayMs(error.retryAfterMs) : notSentDelayMs(stored);
  return {
    ...stored,
    // This attempt spent nothing; whether an earlier one did is as unknown as before.
    intent: intent.attempt > 1 ? { ...intent, reason: message } : undefined,
    lastError: {
      code: error.code,
      message,
      at,
      retryAt: at + delayMs,
    },
  };
}

function rotated(
  stored: Credential,
  sent: Credential,
  tokenSet: TokenSet,
  issuedAt: number,
): Credential {
  const { expiresAt = NaN } = tokenSet;
  return {
    ...stored,
    status: "active",
    tokens: {
      ...(stored.tokens ?? sent.tokens),
      accessToken: tokenSet.accessToken,
      // RFC 6749 6: without a new one the old one stays valid.
      refreshToken: tokenSet.refreshToken || sent.tokens?.refreshToken,
      tokenType: tokenSet.tokenType,
      scope: tokenSet.scope ?? sent.tokens?.scope,
      expiryRaw: tokenSet.expiryRaw,
    },
    // Nobody mints a token that has expired: such an instant is a wrong clock's, and says nothing.
    expiresAt: Number.isFinite(expiresAt) && expiresAt > issuedAt
      ? expiresAt
      : issuedAt + DEFAULT_LIFETIME_MS,
    issuedAt,
    refreshedAt: issuedAt,
    generation: sent.generation + 1,
    intent: undefined,
    lastError: undefined,
  };
}
