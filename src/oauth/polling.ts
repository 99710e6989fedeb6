/**
 * Polling a token endpoint until the user has answered: one poll, and the loop around it. Device
 * code and user code share both.
 *
 * @see {@link https://www.rfc-editor.org/rfc/rfc8628#section-3.5 | RFC 8628 3.5}
 * @module
 */

import { OAuthError } from "../core/errors.ts";
import { resolveRuntime, type RuntimeOptions } from "../core/runtime.ts";
import { createAnswerError, createEntitlementError, readAnswerError } from "./answer_error.ts";
import type { OAuthClient } from "./client.ts";
import { type FormAnswer, type FormRequest, postForm } from "./request.ts";
import { parseTokenSet, type TokenSet } from "./token_set.ts";
import { MAX_INTERVAL_MS, type Verification } from "./verification.ts";

/** What one poll led to. */
export type PollResult =
  /** The user agreed. */
  | { kind: "granted"; tokenSet: TokenSet }
  /** The user has not answered yet. */
  | { kind: "pending" }
  /** Not yet, and from now on 5 s slower. */
  | { kind: "slow_down" }
  /** The user refused: `access_denied`. */
  | { kind: "denied"; error: OAuthError }
  /** The code ran out at the server: `expired_token`. */
  | { kind: "expired"; error: OAuthError }
  /** Any other definitive no. */
  | { kind: "refused"; error: OAuthError }
  /** No answer, or none of the server's own: worth another try, later. */
  | { kind: "transient"; error: OAuthError };

const POLL_TIMEOUT_MS = 15_000;
const SLOW_DOWN_STEP_MS = 5_000;

/** How messages of a login start. */
export function signInAction({ name, tokenEndpoint }: OAuthClient): string {
  return `Cannot sign in to ${name ?? tokenEndpoint.host}`;
}

/**
 * Asks the token endpoint once.
 *
 * @throws The signal's reason, unchanged, when the caller cancels.
 */
export async function pollTokenEndpoint(
  client: OAuthClient,
  fields: Readonly<Record<string, string>>,
  options: RuntimeOptions,
): Promise<PollResult> {
  const request: FormRequest = {
    action: signInAction(client),
    url: client.tokenEndpoint,
    fields: { ...fields, client_id: client.clientId },
    trustedHosts: client.trustedHosts,
    timeoutMs: POLL_TIMEOUT_MS,
  };
  const outcome = await postForm(request, options);
  if (outcome.kind === "answer") return judgePoll(client, request, outcome.answer);
  options.signal?.throwIfAborted();
  const { kind, error } = outcome;
  return { kind: kind === "redirected" ? "refused" : "transient", error };
}

function judgePoll(client: OAuthClient, request: FormRequest, answer: FormAnswer): PollResult {
  const { status, body } = answer;
  const { mark, said } = readAnswerError(client, body);
  const fail = (kind: "refused" | "transient", state?: string): PollResult => ({
    kind,
    error: createAnswerError(request, answer, said, state),
  });
  const end = (code: "access_denied" | "expired_token", state: string): PollResult => ({
    kind: code === "access_denied" ? "denied" : "expired",
    error: new OAuthError(code, `${request.action}: ${state}`, {
      status,
      cause: createAnswerError(request, answer, said),
    }),
  });

  if (status >= 500) return fail("transient");
  switch (said.code) {
    case "authorization_pending":
      return { kind: "pending" };
    case "slow_down":
      return { kind: "slow_down" };
    case "access_denied":
    case "authorization_denied":
      return end("access_denied", "access was denied");
    case "expired_token":
      return end("expired_token", "the code ran out before it was approved");
    case "server_error":
    case "temporarily_unavailable":
      return fail("transient");
  }
  if (status === 408 || status === 429 || answer.headers.has("cf-mitigated")) {
    return fail("transient");
  }
  const notEntitled = createEntitlementError(client, request, answer, said);
  if (notEntitled !== undefined) return { kind: "refused", error: notEntitled };
  if (status < 200 || status > 299) return fail("refused");
  // A portal's page; whatever stands in front of the server may be gone at the next poll.
  if (body === undefined) return fail("transient");
  if (mark === "pending") return { kind: "pending" };
  if (mark === "error" && said.code === undefined) {
    return end("access_denied", "the server says that it was denied or failed");
  }
  if (said.code !== undefined) return fail("refused");
  // Where the vendor marks its answers, one without a known mark is no success; under RFC 8628 a
  // success without a token is a failure.
  const isMarked = client.readTokenAnswer !== undefined;
  if (isMarked && mark !== "success" && body["access_token"] === undefined) {
    return { kind: "pending" };
  }
  try {
    return { kind: "granted", tokenSet: parseTokenSet(body, answer.clock) };
  } catch {
    return fail("refused", "without an access token");
  }
}

/** How fast to poll. */
export interface PollPace {
  /** The least time between two polls, ms. */
  intervalMs: number;
  /** The time until the next one, ms. */
  waitMs: number;
}

/**
 * How fast to poll after `result`: a `slow_down` adds 5 s for good, up to 60 s; after a failed poll the
 * wait doubles until one succeeds, and is at least what the server asked for, up to 60 s.
 */
export function paceAfter({ intervalMs, waitMs }: PollPace, result: PollResult): PollPace {
  switch (result.kind) {
    case "slow_down": {
      const slowerMs = Math.min(intervalMs + SLOW_DOWN_STEP_MS, MAX_INTERVAL_MS);
      return { intervalMs: slowerMs, waitMs: slowerMs };
    }
    case "transient": {
      const laterMs = Math.max(waitMs * 2, result.error.retryAfterMs ?? 0);
      return { intervalMs, waitMs: Math.min(laterMs, MAX_INTERVAL_MS) };
    }
    default:
      return { intervalMs, waitMs: intervalMs };
  }
}

/**
 * Polls until the user has answered, the code has run out, or the server says no.
 *
 * The first poll comes after one interval, the others as {@linkcode paceAfter} says. No poll comes
 * after the code has run out, except that there always is a first one: an expiry that is already past
 * speaks of a wrong clock.
 *
 * @throws {OAuthError} `expired_token`, `access_denied`, or the code of any other refusal.
 * @throws The signal's reason, unchanged, when the caller cancels.
 */
export async function awaitGrant(
  client: OAuthClient,
  { expiresAt, intervalMs }: Pick<Verification, "expiresAt" | "intervalMs">,
  poll: () => Promise<PollResult>,
  options: RuntimeOptions,
): Promise<TokenSet> {
  const { now, sleep, signal } = resolveRuntime(options);
  let pace: PollPace = { intervalMs, waitMs: intervalMs };
  let failure: OAuthError | undefined;
  for (let isFirst = true;; isFirst = false) {
    const leftMs = expiresAt - now();
    if (leftMs > 0) await sleep(Math.min(pace.waitMs, leftMs), signal);
    else if (isFirst) await sleep(pace.waitMs, signal);
    if (!isFirst && now() >= expiresAt) {
      const last = failure === undefined ? "" : `; the last poll failed: ${failure.message}`;
      throw new OAuthError(
        "expired_token",
        `${signInAction(client)}: nobody approved the code in time${last}`,
        { cause: failure },
      );
    }
    const result = await poll();
    pace = paceAfter(pace, result);
    failure = result.kind === "transient" ? result.error : undefined;
    switch (result.kind) {
      case "granted":
        return result.tokenSet;
      case "denied":
      case "expired":
      case "refused":
        throw result.error;
    }
  }
}
