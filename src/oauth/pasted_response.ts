/**
 * What a user pastes when the browser could not bring the code: the address it was led to, the query
 * of it, or the code alone.
 *
 * Pasted text is never quoted back: it may hold the code, and it may be anything.
 *
 * @module
 */

import type { OAuthError } from "../core/errors.ts";
import {
  type AuthorizationAttempt,
  type AuthorizationCodeClient,
  readAuthorizationResponse,
} from "./authorization_code.ts";

/** What pasted text says. */
export type PastedResponse =
  | {
    kind: "code";
    /** Secret. */
    code: string;
    /** Whether it came with this attempt's state. A bare code has none: the verifier binds it. */
    hasState: boolean;
  }
  /** The server ended this attempt. */
  | { kind: "refused"; error: OAuthError }
  /** Nothing to go on with; why, as one sentence for the user. */
  | { kind: "unusable"; reason: string };

const MAX_LENGTH = 8192;
/** One word without quotes; shorter ones are slips of the hand. */
const BARE_CODE = /^[A-Za-z0-9._~+/=:!$*-]{6,4096}$/;

const REASONS = {
  empty: "That holds neither a code nor an error: copy the whole address, or the code alone",
  state: "That is of another sign-in, or not whole: copy the whole address, or the code alone",
  malformed: "That contradicts itself: copy the whole address again, or the code alone",
} as const;

/** Reads pasted text. Spaces, line ends and quotes around and within it do not matter. */
export function parsePastedResponse(
  client: AuthorizationCodeClient,
  attempt: Pick<AuthorizationAttempt, "state" | "redirectUri">,
  pasted: string,
): PastedResponse {
  if (pasted.length > MAX_LENGTH) return unusable("That is too long to be a code or an address");
  const text = pasted.replace(/\s+/g, "").replace(/^["'`<(\[]+|["'`>)\],;]+$/g, "");
  if (text === "") return unusable("Nothing was pasted");
  // deno-lint-ignore no-control-regex
  if (/[\u0000-\u001f\u007f-\uffff]/.test(text)) {
    return unusable("That holds characters which no code or address has");
  }
  const query = queryOf(text, attempt.redirectUri);
  if (query === "foreign") {
    return unusable(
      `That is the address of another page: the right one starts with ${attempt.redirectUri}. ` +
        "If the page shows a code, copy the code alone",
    );
  }
  if (query === undefined) {
    return BARE_CODE.test(text)
      ? { kind: "code", code: text, hasState: false }
      : unusable("That is neither an address nor a code");
  }
  const response = readAuthorizationResponse(client, attempt, query);
  switch (response.kind) {
    case "code":
      return { ...response, hasState: true };
    case "refused":
      return response;
    case "unrelated":
      return unusable(REASONS[response.reason]);
  }
}

function unusable(reason: string): PastedResponse {
  return { kind: "unusable", reason };
}

/** The query in `text`; `undefined` where it is no address and no query. */
function queryOf(text: string, redirectUri: string): URLSearchParams | "foreign" | undefined {
  const redirect = new URL(redirectUri);
  // Browsers hide the scheme when one copies part of an address.
  const address = text.startsWith(redirect.host) ? `${redirect.protocol}//${text}` : text;
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(address)) {
    if (!URL.canParse(address)) return "foreign";
    const url = new URL(address);
    const isOurs = url.origin === redirect.origin && url.pathname === redirect.pathname &&
      url.username === "" && url.password === "";
    return isOurs ? url.searchParams : "foreign";
  }
  return /^\?|(^|&)(code|error|state)=/.test(address) ? new URLSearchParams(address) : undefined;
}
