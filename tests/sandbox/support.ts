/** What the sandbox tests share: a clock, a client that speaks the wire by hand, and PKCE vectors. */

import { createSandbox, type Sandbox, type SandboxOptions } from "../../src/sandbox/mod.ts";

/** RFC 7636 appendix B. */
export const VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
export const CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
export const CLIENT_ID = "78257093-7e40-4613-99e0-527b14b39113";
export const USER_CODE_GRANT = "urn:ietf:params:oauth:grant-type:user_code";
export const START = 1_778_006_674_711;

export const CODE_URL = "https://account.minimax.io/oauth2/device/code";
export const TOKEN_URL = "https://account.minimax.io/oauth2/token";
export const MESSAGES_URL = "https://api.minimax.io/anthropic/v1/messages";

export const CODE_FORM = {
  response_type: "code",
  client_id: CLIENT_ID,
  scope: "group_id profile model.completion",
  code_challenge: CHALLENGE,
  code_challenge_method: "S256",
  state: "c3RhdGUtb2YtdGVzdA",
};

// deno-lint-ignore no-explicit-any
export type Json = any;

/** A sandbox whose clock stands still until `clock.now` is moved; its waits move it. */
export function testSandbox(
  options: SandboxOptions = {},
): { sandbox: Sandbox; clock: { now: number }; waits: number[] } {
  const clock = { now: START };
  const waits: number[] = [];
  const sandbox = createSandbox({
    now: () => clock.now,
    sleep: (ms, signal) => {
      signal?.throwIfAborted();
      waits.push(ms);
      clock.now += ms;
      return Promise.resolve();
    },
    ...options,
  });
  return { sandbox, clock, waits };
}

/** POSTs a form; members that are `undefined` are left out. */
export function postForm(
  sandbox: Sandbox,
  url: string,
  fields: Record<string, string | undefined>,
  init: RequestInit = {},
): Promise<Response> {
  const body = new URLSearchParams();
  for (const [name, value] of Object.entries(fields)) {
    if (value !== undefined) body.set(name, value);
  }
  return sandbox.fetch(url, { method: "POST", body, ...init });
}

/** Asks for a user code. */
export async function requestCode(
  sandbox: Sandbox,
  url: string = CODE_URL,
  fields: Record<string, string | undefined> = {},
): Promise<Json> {
  return await (await postForm(sandbox, url, { ...CODE_FORM, ...fields })).json();
}

/** Polls once. */
export function poll(
  sandbox: Sandbox,
  userCode: string,
  url: string = TOKEN_URL,
  fields: Record<string, string | undefined> = {},
): Promise<Response> {
  return postForm(sandbox, url, {
    grant_type: USER_CODE_GRANT,
    client_id: CLIENT_ID,
    user_code: userCode,
    code_verifier: VERIFIER,
    ...fields,
  });
}

/** Refreshes once. */
export function refresh(
  sandbox: Sandbox,
  refreshToken: string,
  url: string = TOKEN_URL,
  fields: Record<string, string | undefined> = {},
): Promise<Response> {
  return postForm(sandbox, url, {
    grant_type: "refresh_token",
    client_id: CLIENT_ID,
    refresh_token: refreshToken,
    ...fields,
  });
}

/** Logs in; the token answer. */
export async function login(sandbox: Sandbox, region: "io" | "i.com" = "io"): Promise<Json> {
  const origin = `https://account.minimax${region === "io" ? ".io" : "i.com"}`;
  const { user_code } = await requestCode(sandbox, `${origin}/oauth2/device/code`);
  sandbox.approve(user_code);
  return await (await poll(sandbox, user_code, `${origin}/oauth2/token`)).json();
}

/** A Messages request body around one user text. */
export function messagesBody(text: string, fields: Record<string, unknown> = {}): Json {
  return {
    model: "MiniMax-M2.7",
    max_tokens: 1000,
    messages: [{ role: "user", content: text }],
    ...fields,
  };
}

/** POSTs a Messages request with an API key of the sandbox. */
export function postMessages(
  sandbox: Sandbox,
  body: unknown,
  headers: Record<string, string> = {},
  url: string = MESSAGES_URL,
): Promise<Response> {
  return sandbox.fetch(url, {
    method: "POST",
    headers: {
      authorization: "Bearer sandbox-key",
      "content-type": "application/json",
      ...headers,
    },
    body: JSON.stringify(body),
  });
}

/** The events of a stream that comes as `event:` and `data:` lines with LF. */
export function parseFrames(text: string): Json[] {
  return text.split("\n\n").filter((frame) => frame !== "").map((frame) => {
    const [event = "", data = ""] = frame.split("\n");
    const value = JSON.parse(data.slice("data: ".length));
    if (event !== `event: ${value.type}`) throw new Error(`frame names ${event}`);
    return value;
  });
}

/** Streams the answer to a text; its events. */
export async function streamEvents(
  sandbox: Sandbox,
  text: string,
  fields: Record<string, unknown> = {},
  headers: Record<string, string> = {},
): Promise<Json[]> {
  const response = await postMessages(
    sandbox,
    messagesBody(text, { ...fields, stream: true }),
    headers,
  );
  return parseFrames(await response.text());
}

/** A tool with one required string. */
export const WEATHER_TOOL = {
  type: "custom",
  name: "get_weather",
  description: "Weather of a place",
  input_schema: {
    type: "object",
    properties: { place: { type: "string" } },
    required: ["place"],
  },
};
