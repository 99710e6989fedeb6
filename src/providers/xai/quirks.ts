/**
 * Where xAI's authorization server departs from the RFCs, as pure functions.
 *
 * @module
 */

import type { JsonObject } from "../../core/http.ts";
import type { AccountIdentity, TokenClaims } from "../provider.ts";

/** The device page with the code filled in; the server names it in most answers, but not in all. */
export function completeXaiVerificationUrl(url: string, userCode: string): string {
  const complete = new URL(url);
  complete.searchParams.set("user_code", userCode);
  return complete.href;
}

/**
 * Whose login it is: the person, or the team or organization that a token was issued for. Those have
 * no e-mail address of their own.
 */
export function readXaiAccount({ idToken, accessToken }: TokenClaims): AccountIdentity | undefined {
  const principal = text(accessToken, "principal_id", "principalId");
  const type = text(accessToken, "principal_type", "principalType");
  if (principal !== undefined && type !== undefined && type.toLowerCase() !== "user") {
    return { id: principal, label: principal };
  }
  const subject = text(accessToken, "sub");
  const id = subject ?? text(idToken, "sub");
  if (id === undefined) return undefined;
  // What the bearer is good for counts; an id token of somebody else says nothing about that.
  const isOthers = text(idToken, "sub") !== id;
  const label = (isOthers ? undefined : text(idToken, "email")) ??
    text(accessToken, "email", "preferred_username", "upn") ?? id;
  return { id, label };
}

function text(claims: JsonObject | undefined, ...names: string[]): string | undefined {
  return names.map((name) => claims?.[name])
    .find((value): value is string => typeof value === "string" && value.trim() !== "");
}
