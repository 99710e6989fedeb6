/** What the tests of xAI's part share: its URLs, and logins by hand. */

import type { Sandbox } from "../../../src/sandbox/mod.ts";
import { CHALLENGE, type Json, parseFrames, postForm, VERIFIER } from "../support.ts";

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

export const RESPONSES_URL = "https://api.x.ai/v1/responses";
export const PROXY_URL = "https://cli-chat-proxy.grok.com/v1";

/** A function with one required string. */
export const WEATHER_TOOL = {
  type: "function",
  name: "get_weather",
  description: "Weather of a place",
  parameters: {
    type: "object",
    properties: { place: { type: "string" } },
    required: ["place"],
    additionalProperties: false,
  },
};

/** POSTs a Responses request with an API key of the sandbox. */
export function postResponses(
  sandbox: Sandbox,
  body: unknown,
  headers: Record<string, string> = {},
  url: string = RESPONSES_URL,
): Promise<Response> {
  return sandbox.fetch(url, {
    method: "POST",
    headers: {
      authorization: "Bearer xai-sandbox-key",
      "content-type": "application/json",
      ...headers,
    },
    body: JSON.stringify(body),
  });
}

/** A Responses request around one user text. */
export function responsesBody(input: unknown, fields: Record<string, unknown> = {}): Json {
  return { model: "grok-4.3", input, ...fields };
}

/** The whole answer to a request. */
export async function respond(
  sandbox: Sandbox,
  input: unknown,
  fields: Record<string, unknown> = {},
): Promise<Json> {
  const response = await postResponses(sandbox, responsesBody(input, fields));
  if (response.status !== 200) throw new Error(`${response.status} ${await response.text()}`);
  return await response.json();
}

/** Streams the answer to a request; its events. */
export async function streamEvents(
  sandbox: Sandbox,
  input: unknown,
  fields: Record<string, unknown> = {},
  headers: Record<string, string> = {},
): Promise<Json[]> {
  const body = responsesBody(input, { ...fields, stream: true });
  return parseFrames(await (await postResponses(sandbox, body, headers)).text());
}
