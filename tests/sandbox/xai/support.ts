/** What the tests of xAI's part share: its URLs, and logins by hand. */

import type { Sandbox } from "../../../src/sandbox/mod.ts";
import { CHALLENGE, type Json, postForm, VERIFIER } from "../support.ts";

export const CLIENT_ID = "b1a00492-073a-47ea-816f-4c329264a828";
export const AUTH = "https://auth.x.ai";
export const DISCOVERY_URL = `${AUTH}/.well-known/openid-configuration`;
export const AUTHORIZE_URL = `${AUTH}/oauth2/authorize`;
export const DEVICE_URL = `${AUTH}/oauth2/device/code`;
export const TOKEN_URL = `${AUTH}/oauth2/token`;
export const REVOKE_URL = `${AUTH}/oauth2/revoke`;
export const USERINFO_URL = `${AUTH}/oauth2/userinfo`;
export const CONSENT_URL = "https://accounts.x.ai/oauth2/consent";
export const DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code";
export const REDIRECT_URI = "http://127.0.0.1:56121/callback";
export const SCOPE = "openid profile email offline_access grok-cli:access api:access";

export const AUTHORIZE_QUERY: Record<string, string> = {
  response_type: "code",
  client_id: CLIENT_ID,
  redirect_uri: REDIRECT_URI,
  scope: SCOPE,
  code_challenge: CHALLENGE,
  code_challenge_method: "S256",
  state: "0123456789abcdef0123456789abcdef",
  nonce: "fedcba9876543210fedcba9876543210",
  plan: "generic",
  referrer: "grantway",
};

type Fields = Record<string, string | undefined>;

/** GETs the authorization endpoint; members that are `undefined` are left out. */
export function authorize(sandbox: Sandbox, fields: Fields = {}): Promise<Response> {
  const url = new URL(AUTHORIZE_URL);
  for (const [name, value] of Object.entries({ ...AUTHORIZE_QUERY, ...fields })) {
    if (value !== undefined) url.searchParams.set(name, value);
  }
  return sandbox.fetch(url);
}

/** The query of a redirect. */
export function locationQuery(response: Response): Record<string, string> {
  return Object.fromEntries(new URL(response.headers.get("location")!).searchParams);
}

/** An authorization code, from a sandbox that approves by itself. */
export async function requestCode(sandbox: Sandbox, fields: Fields = {}): Promise<string> {
  return locationQuery(await authorize(sandbox, fields))["code"]!;
}

/** Redeems an authorization code. */
export function exchange(sandbox: Sandbox, code: string, fields: Fields = {}): Promise<Response> {
  return postForm(sandbox, TOKEN_URL, {
    grant_type: "authorization_code",
    client_id: CLIENT_ID,
    code,
    redirect_uri: REDIRECT_URI,
    code_verifier: VERIFIER,
    ...fields,
  });
}

/** Asks for a device code. */
export async function requestDevice(sandbox: Sandbox, fields: Fields = {}): Promise<Json> {
  const response = await postForm(sandbox, DEVICE_URL, {
    client_id: CLIENT_ID,
    scope: SCOPE,
    ...fields,
  });
  return await response.json();
}

/** Polls once. */
export function pollDevice(
  sandbox: Sandbox,
  deviceCode: string,
  fields: Fields = {},
): Promise<Response> {
  return postForm(sandbox, TOKEN_URL, {
    grant_type: DEVICE_GRANT,
    client_id: CLIENT_ID,
    device_code: deviceCode,
    ...fields,
  });
}

/** Refreshes once. */
export function refresh(
  sandbox: Sandbox,
  refreshToken: string,
  fields: Fields = {},
): Promise<Response> {
  return postForm(sandbox, TOKEN_URL, {
    grant_type: "refresh_token",
    client_id: CLIENT_ID,
    refresh_token: refreshToken,
    ...fields,
  });
}

/** Logs in with a device code; the token answer. */
export async function login(sandbox: Sandbox, fields: Fields = {}): Promise<Json> {
  const { device_code, user_code } = await requestDevice(sandbox, fields);
  sandbox.approve(user_code);
  return await (await pollDevice(sandbox, device_code)).json();
}

/** The claims of a JWT, unchecked. */
export function decodeJwt(jwt: string): Json {
  const part = jwt.split(".")[1]!.replaceAll("-", "+").replaceAll("_", "/");
  return JSON.parse(new TextDecoder().decode(Uint8Array.from(atob(part), (c) => c.charCodeAt(0))));
}
