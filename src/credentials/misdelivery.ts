/**
 * An answer to a refresh that was meant for somebody else: its tokens are another account's, as a
 * broken proxy may bring about.
 *
 * It changes no credential. To its own login, the outcome of that refresh is unknown.
 *
 * @see {@link https://openid.net/specs/openid-connect-core-1_0.html#RefreshTokenResponse | OpenID
 * Connect Core 12.2}
 * @module
 */

import { OAuthError } from "../core/errors.ts";
import type { TokenSet } from "../oauth/token_set.ts";
import type { AccountIdentity } from "../providers/provider.ts";
import type { Credential } from "./credential.ts";
import type { KvStore } from "./kv_store.ts";

/** How long such an answer is kept for whoever looks into the matter. */
const KEPT_MS = 7 * 24 * 60 * 60_000;

/** The record that holds the last such answer to a refresh of a credential. */
export function misdeliveryKey({ provider, id }: Pick<Credential, "provider" | "id">): string {
  return `misdelivered/${provider}/${id}`;
}

/** Keeps an answer aside. What it returns is the outcome of the refresh. */
export async function setAside(
  store: KvStore | undefined,
  credential: Credential,
  { accessToken, refreshToken, scope, expiresAt }: TokenSet,
  account: AccountIdentity,
  { name, now }: { name: string; now: number },
): Promise<{ kind: "ambiguous"; error: OAuthError }> {
  const key = misdeliveryKey(credential);
  const record = { account, tokens: { accessToken, refreshToken, scope }, expiresAt, at: now };
  let rest = "it is not kept";
  let cause: unknown;
  try {
    await store?.put(key, JSON.stringify(record), { expiresAt: now + KEPT_MS });
    if (store !== undefined) rest = `it is kept for 7 days as ${key}`;
  } catch (error) {
    cause = error;
  }
  const state = `the answer was for another account, ${account.label}, and is not used; ${rest}`;
  return {
    kind: "ambiguous",
    error: new OAuthError("refresh_uncertain", `Cannot refresh ${name}: ${state}`, {
      cause,
      retryable: true,
    }),
  };
}
