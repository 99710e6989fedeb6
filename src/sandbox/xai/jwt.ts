/**
 * The JWTs that xAI issues: access tokens, and id tokens with every fault a client must notice.
 *
 * @see {@link https://www.rfc-editor.org/rfc/rfc7515 | RFC 7515, JWS}
 * @see {@link https://openid.net/specs/openid-connect-core-1_0.html#IDToken | OpenID Connect Core 2}
 * @module
 */

import { type AccessTokenMinter, base64url, digest } from "../ledger.ts";
import type { StoredGrant } from "../state.ts";
import type { World } from "../world.ts";
import { siteUrl } from "../address.ts";
import { API_HOST, issuerOf } from "./hosts.ts";
import type { Keys, SigningKey } from "./keys.ts";

type Claims = Record<string, unknown>;

const encoder = new TextEncoder();
const encode = (value: unknown) => base64url(encoder.encode(JSON.stringify(value)));

/** A JWS in compact form, signed by `key`; `header` changes its header. */
export async function signJwt(
  key: SigningKey,
  claims: Claims,
  header: Claims = {},
): Promise<string> {
  const signed = `${encode({ alg: key.alg, kid: key.kid, typ: "JWT", ...header })}.${
    encode(claims)
  }`;
  const signature = await crypto.subtle.sign(key.params, key.privateKey, encoder.encode(signed));
  return `${signed}.${base64url(new Uint8Array(signature))}`;
}

async function hmacJwt(secret: string, claims: Claims, kid: string): Promise<string> {
  const signed = `${encode({ alg: "HS256", kid, typ: "JWT" })}.${encode(claims)}`;
  const key = await crypto.subtle.importKey(
    "raw",
    encoder.encode(secret),
    { name: "HMAC", hash: "SHA-256" },
    false,
    ["sign"],
  );
  const signature = await crypto.subtle.sign("HMAC", key, encoder.encode(signed));
  return `${signed}.${base64url(new Uint8Array(signature))}`;
}

/** The same id for the same name, in the form of a UUID. */
export async function stableUuid(name: string): Promise<string> {
  const hex = await digest(name);
  return hex.replace(/^(.{8})(.{4}).(.{3}).(.{3})(.{12}).*$/, "$1-$2-4$3-a$4-$5");
}

/** Who a grant is for, as claims of an access token. */
export async function principalClaims(account: string, world: World): Promise<Claims> {
  const sub = await stableUuid(account);
  if (world.quirks.principalType === "User") {
    return { sub, principal_type: "User", principal_id: sub };
  }
  const team = await stableUuid(`team of ${account}`);
  return { sub, principal_type: "Team", principal_id: team, team_id: team };
}

/** What the profile scopes say of an account. */
export async function profileClaims(account: string): Promise<Claims> {
  return {
    sub: await stableUuid(account),
    email: account,
    email_verified: true,
    name: "Sandbox User",
    given_name: "Sandbox",
    family_name: "User",
  };
}

/** Makes access tokens for clients that address the server as `request` does. */
export function accessTokenMinter(world: World, keys: Keys, request: Request): AccessTokenMinter {
  return async ({ clientId, scope, account = "" }, expiresAt) =>
    await signJwt(await keys.signing(world.quirks.signingAlg), {
      iss: issuerOf(request),
      aud: siteUrl(request, API_HOST, ""),
      iat: Math.floor(world.now() / 1000),
      exp: Math.floor(expiresAt / 1000),
      jti: crypto.randomUUID(),
      client_id: clientId,
      scope,
      ...await principalClaims(account, world),
    });
}

/** The id token of a grant, by the `idToken` quirk; `undefined` where there is none. */
export async function mintIdToken(
  world: World,
  keys: Keys,
  request: Request,
  grant: Readonly<StoredGrant>,
  nonce: string | null,
): Promise<string | undefined> {
  const { idToken, principalType, signingAlg } = world.quirks;
  const scopes = grant.scope.split(" ");
  if (!scopes.includes("openid") || principalType === "Team") return undefined;
  const key = await keys.signing(signingAlg);
  const iat = Math.floor(world.now() / 1000);
  const { sub, email, email_verified, ...profile } = await profileClaims(grant.account ?? "");
  const claims: Claims = {
    iss: issuerOf(request),
    aud: grant.clientId,
    sub,
    iat,
    exp: iat + 3600,
    ...(nonce === null ? {} : { nonce }),
    ...(scopes.includes("email") ? { email, email_verified } : {}),
    ...(scopes.includes("profile") ? profile : {}),
  };
  switch (idToken) {
    case "good":
      return await signJwt(key, claims);
    case "missing":
      return undefined;
    case "bad_signature": {
      const [header, , signature] = (await signJwt(key, claims)).split(".");
      return `${header}.${encode({ ...claims, email: "other@sandbox.example" })}.${signature}`;
    }
    case "alg_none":
      return `${encode({ alg: "none", typ: "JWT" })}.${encode(claims)}.`;
    case "alg_hs256":
      return await hmacJwt(JSON.stringify(key.publicJwk), claims, key.kid);
    case "unknown_kid":
      return await signJwt(key, claims, { kid: "0000000000000000" });
    case "no_kid":
      return await signJwt(key, claims, { kid: undefined });
    case "other_issuer":
      return await signJwt(key, { ...claims, iss: "https://auth.x.ai.example" });
    case "other_audience":
      return await signJwt(key, { ...claims, aud: "another-client" });
    case "other_nonce":
      return await signJwt(key, { ...claims, nonce: "another-nonce" });
    case "no_nonce":
      return await signJwt(key, { ...claims, nonce: undefined });
    case "expired":
      return await signJwt(key, { ...claims, iat: iat - 7200, exp: iat - 3600 });
    case "other_subject":
      return await signJwt(key, {
        ...claims,
        sub: await stableUuid("other"),
        email: "other@sandbox.example",
      });
    case "garbage":
      return "not.a.jwt";
  }
}
