// refresh.md 2.4; design.md 5 rule 3; oauth.md 1.6, 6 rows 7, 8, 53-57, 8.5.1;
// faults A01-A03, A06, A09-A11, A15, A17-A19, N02.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { OAuthClient } from "../../src/oauth/client.ts";
import { requestRefresh } from "../../src/oauth/refresh_token.ts";
import { readMinimaxTokenAnswer } from "../../src/providers/minimax/quirks.ts";
import {
  CLIENT,
  connectError,
  expiredTimer,
  html,
  neverFetch,
  redirectTo,
  rejection,
  resetError,
  type Scripted,
  scriptFetch,
} from "./support.ts";

const MARKED: OAuthClient = {
  ...CLIENT,
  deadErrors: ["refresh_token_reused", "invalid_refresh_token"],
  readTokenAnswer: readMinimaxTokenAnswer,
};
const NOW = 1_778_006_674_711;

function json(status: number, body: unknown, headers: HeadersInit = {}): Response {
  return Response.json(body, { status, headers });
}

function asHtml(status: number, body: unknown): Response {
  return new Response(JSON.stringify(body), { status, headers: { "content-type": "text/html" } });
}

const GOOD = { status: "success", access_token: "at2", refresh_token: "rt2", expired_in: 900 };

interface Row {
  name: string;
  answer: Scripted;
  kind: "granted" | "dead" | "refused" | "not_sent" | "ambiguous";
  code?: string;
  retryAfterMs?: number;
  client?: OAuthClient;
}

const ROWS: Row[] = [
  // Success.
  { name: "success", answer: json(200, GOOD), kind: "granted" },
  { name: "success, 201", answer: json(201, GOOD), kind: "granted" },
  { name: "no status", answer: json(200, { ...GOOD, status: undefined }), kind: "granted" },
  { name: "unknown status", answer: json(200, { ...GOOD, status: "ok" }), kind: "granted" },
  {
    name: "base_resp 0",
    answer: json(200, { ...GOOD, base_resp: { status_code: 0 } }),
    kind: "granted",
  },
  {
    name: "tokens beside an error mark",
    answer: json(200, { ...GOOD, status: "error" }),
    kind: "granted",
  },
  { name: "tokens as text/html", answer: asHtml(200, GOOD), kind: "granted" },
  {
    name: "tokens of type mac",
    answer: json(200, { ...GOOD, token_type: "mac" }),
    kind: "granted",
  },
  // Dead: the code itself, in JSON, under 4xx.
  ...[400, 401, 403, 422].flatMap((status) =>
    ["invalid_grant", "refresh_token_reused", "invalid_refresh_token"].map((error): Row => ({
      name: `${status} ${error}`,
      answer: json(status, { error, error_description: "gone" }),
      kind: "dead",
      code: "invalid_grant",
    }))
  ),
  { name: "429 invalid_grant", answer: json(429, { error: "invalid_grant" }), kind: "dead" },
  {
    name: "400 base_resp",
    answer: json(400, { base_resp: { status_code: 1004, status_msg: "invalid_grant" } }),
    kind: "dead",
  },
  // Dead: under 200, where the vendor marks it as an error.
  {
    name: "200 status error, invalid_grant",
    answer: json(200, { status: "error", error: "invalid_grant" }),
    kind: "dead",
  },
  {
    name: "200 status error, reused",
    answer: json(200, { status: "error", error: "refresh_token_reused" }),
    kind: "dead",
  },
  {
    name: "200 base_resp, whole message",
    answer: json(200, { base_resp: { status_code: 2049, status_msg: "invalid_refresh_token" } }),
    kind: "dead",
  },
  // Not dead, though the word is there.
  {
    name: "200 unmarked invalid_grant",
    answer: json(200, { error: "invalid_grant" }),
    kind: "ambiguous",
  },
  {
    name: "500 invalid_grant",
    answer: json(500, { error: "invalid_grant" }),
    kind: "ambiguous",
    code: "upstream",
  },
  {
    name: "503 refresh_token_reused",
    answer: json(503, { error: "refresh_token_reused" }),
    kind: "ambiguous",
  },
  { name: "400 text", answer: new Response("invalid_grant", { status: 400 }), kind: "ambiguous" },
  { name: "400 HTML", answer: html(400, "<html>invalid_grant</html>"), kind: "ambiguous" },
  {
    name: "400 JSON that calls itself HTML",
    answer: asHtml(400, { error: "invalid_grant" }),
    kind: "ambiguous",
  },
  {
    name: "200 JSON that calls itself HTML",
    answer: asHtml(200, { status: "error", error: "invalid_grant" }),
    kind: "ambiguous",
  },
  {
    name: "400 nested error",
    answer: json(400, { error: { code: "invalid_grant", message: "invalid_grant" } }),
    kind: "ambiguous",
  },
  {
    name: "400 array of errors",
    answer: json(400, { error: ["invalid_grant"] }),
    kind: "ambiguous",
  },
  { name: "400 JSON array", answer: json(400, [{ error: "invalid_grant" }]), kind: "ambiguous" },
  {
    name: "400 code in the description",
    answer: json(400, { error: "other", error_description: "invalid_grant" }),
    kind: "ambiguous",
  },
  {
    name: "400 longer code",
    answer: json(400, { error: "invalid_grant_type" }),
    kind: "ambiguous",
  },
  {
    name: "200 base_resp, code within a sentence",
    answer: json(200, {
      base_resp: { status_code: 1004, status_msg: "login fail: invalid_grant" },
    }),
    kind: "ambiguous",
  },
  {
    name: "200 base_resp 1004",
    answer: json(200, { base_resp: { status_code: 1004, status_msg: "login fail" } }),
    kind: "ambiguous",
  },
  {
    name: "200 base_resp 2049",
    answer: json(200, { base_resp: { status_code: 2049, status_msg: "invalid api key" } }),
    kind: "ambiguous",
  },
  {
    name: "401 base_resp 1004 alone",
    answer: json(401, { base_resp: { status_code: 1004 } }),
    kind: "ambiguous",
  },
  {
    name: "400 vendor code of another client",
    answer: json(400, { error: "refresh_token_reused" }),
    kind: "ambiguous",
    client: CLIENT,
  },
  {
    name: "200 status error without the hook",
    answer: json(200, { status: "error", error: "invalid_grant" }),
    kind: "ambiguous",
    client: CLIENT,
  },
  {
    name: "302 with a dead code",
    answer: new Response(`{"error":"invalid_grant"}`, { status: 302 }),
    kind: "ambiguous",
  },
  // Refused: the token was not looked at.
  {
    name: "400 invalid_request",
    answer: json(400, { error: "invalid_request" }),
    kind: "refused",
    code: "invalid_request",
  },
  {
    name: "401 invalid_client",
    answer: json(401, { error: "invalid_client" }),
    kind: "refused",
    code: "invalid_client",
  },
  {
    name: "200 marked invalid_client",
    answer: json(200, { status: "error", error: "invalid_client" }),
    kind: "refused",
    code: "invalid_client",
  },
  {
    name: "400 unauthorized_client",
    answer: json(400, { error: "unauthorized_client" }),
    kind: "refused",
    code: "oauth_error",
  },
  {
    name: "400 unsupported_grant_type",
    answer: json(400, { error: "unsupported_grant_type" }),
    kind: "refused",
  },
  { name: "400 invalid_scope", answer: json(400, { error: "invalid_scope" }), kind: "refused" },
  {
    name: "429",
    answer: json(429, { error: "too_many" }, { "retry-after": "7" }),
    kind: "refused",
    code: "rate_limited",
    retryAfterMs: 7_000,
  },
  {
    name: "429 with a date",
    answer: json(429, {}, { "retry-after": new Date(NOW + 9_289).toUTCString() }),
    kind: "refused",
    retryAfterMs: 9_289,
  },
  { name: "429 HTML", answer: html(429), kind: "refused", code: "rate_limited" },
  { name: "500 invalid_client", answer: json(500, { error: "invalid_client" }), kind: "ambiguous" },
  // Not sent, lost.
  { name: "no connection", answer: connectError(), kind: "not_sent", code: "network" },
  { name: "a reset", answer: resetError(), kind: "ambiguous", code: "network" },
  { name: "an unknown failure", answer: new Error("?"), kind: "ambiguous", code: "network" },
  { name: "a foreign redirect", answer: redirectTo("https://evil.example/"), kind: "ambiguous" },
  { name: "301", answer: redirectTo("https://auth.example/x", 301), kind: "ambiguous" },
  // Not the provider's answer, or not one that says anything.
  ...[200, 400, 403, 502, 503].map((status): Row => ({
    name: `HTML ${status}`,
    answer: html(status),
    kind: "ambiguous",
  })),
  ...[200, 400, 500].map((status): Row => ({
    name: `empty ${status}`,
    answer: new Response("", { status }),
    kind: "ambiguous",
  })),
  { name: "204", answer: new Response(null, { status: 204 }), kind: "ambiguous" },
  {
    name: "200 without tokens",
    answer: json(200, { status: "success" }),
    kind: "ambiguous",
    code: "invalid_response",
  },
  {
    name: "200 with an empty token",
    answer: json(200, { ...GOOD, access_token: "" }),
    kind: "ambiguous",
  },
  { name: "200 pending", answer: json(200, { status: "pending" }), kind: "ambiguous" },
  { name: "200 status error alone", answer: json(200, { status: "error" }), kind: "ambiguous" },
  {
    name: "400 without a code",
    answer: json(400, { detail: "?" }),
    kind: "ambiguous",
    code: "invalid_response",
  },
  {
    name: "400 unknown code",
    answer: json(400, { error: "teapot" }),
    kind: "ambiguous",
    code: "oauth_error",
  },
  { name: "408", answer: json(408, {}), kind: "ambiguous" },
  {
    name: "503 with retry-after",
    answer: json(503, {}, { "retry-after": "30" }),
    kind: "ambiguous",
    code: "upstream",
    retryAfterMs: 30_000,
  },
  {
    name: "more than 64 KiB",
    answer: json(400, { error: "invalid_grant", error_description: "x".repeat(5_000_000) }),
    kind: "ambiguous",
  },
  {
    name: "UTF-16",
    answer: new Response(JSON.stringify(GOOD), {
      headers: { "content-type": "application/json; charset=utf-16" },
    }),
    kind: "ambiguous",
  },
];
for (const { name, answer, kind, code, retryAfterMs, client = MARKED } of ROWS) {
  Deno.test(`requestRefresh() takes ${name} as ${kind}`, async () => {
    const { fetch, seen } = scriptFetch(answer);
    const outcome = await requestRefresh(client, "rt-1-canary", { fetch, now: () => NOW });
    assertEquals(outcome.kind, kind);
    assertEquals(seen.length, 1);
    assertEquals(seen[0]!.fields, {
      grant_type: "refresh_token",
      client_id: "client-1",
      refresh_token: "rt-1-canary",
    });
    if (outcome.kind === "granted") return assertEquals(outcome.tokenSet.accessToken, "at2");
    assertStringIncludes(outcome.error.message, "Cannot refresh the token of Example: ");
    if (code !== undefined) assertEquals(outcome.error.code, code as typeof outcome.error.code);
    if (retryAfterMs !== undefined) assertEquals(outcome.error.retryAfterMs, retryAfterMs);
    if (kind === "dead") assertEquals(outcome.error.code, "invalid_grant");
  });
}

Deno.test("requestRefresh() takes a good answer that is cut at any byte as ambiguous", async () => {
  const text = JSON.stringify(GOOD);
  for (let length = 0; length < text.length; length++) {
    const { fetch } = scriptFetch(new Response(text.slice(0, length)));
    const outcome = await requestRefresh(MARKED, "rt1", { fetch });
    assertEquals(outcome.kind, "ambiguous", `cut after ${length}`);
  }
});

const TOKENS = [
  { name: "a new refresh token", body: GOOD, refreshToken: "rt2", expiresAt: NOW + 900_000 },
  {
    name: "none",
    body: { ...GOOD, refresh_token: undefined },
    refreshToken: undefined,
    expiresAt: NOW + 900_000,
  },
  {
    name: "the old one",
    body: { ...GOOD, refresh_token: "rt1" },
    refreshToken: "rt1",
    expiresAt: NOW + 900_000,
  },
  {
    name: "no expiry",
    body: { ...GOOD, expired_in: [1] },
    refreshToken: "rt2",
    expiresAt: undefined,
  },
];
for (const { name, body, refreshToken, expiresAt } of TOKENS) {
  Deno.test(`requestRefresh() hands out tokens with ${name}`, async () => {
    const { fetch } = scriptFetch(Response.json(body));
    const outcome = await requestRefresh(MARKED, "rt1", { fetch, now: () => NOW });
    assert(outcome.kind === "granted");
    assertEquals(outcome.tokenSet.refreshToken, refreshToken);
    assertEquals(outcome.tokenSet.expiresAt, expiresAt);
  });
}

Deno.test("requestRefresh() follows 307 with the same body, within one attempt", async () => {
  const { fetch, seen } = scriptFetch(
    redirectTo("https://account.auth.example/t"),
    Response.json(GOOD),
  );
  assertEquals((await requestRefresh(MARKED, "rt1", { fetch })).kind, "granted");
  assertEquals(seen.map(({ url }) => url), [
    "https://auth.example/token",
    "https://account.auth.example/t",
  ]);
  assertEquals(seen[1]!.body, seen[0]!.body);
});

Deno.test("requestRefresh() is ambiguous at its deadline of 20 s", async () => {
  let afterMs = 0;
  const outcome = await requestRefresh(MARKED, "rt1", {
    fetch: neverFetch,
    startTimer: (ms, fire) => (afterMs = ms, expiredTimer(ms, fire)),
  });
  assert(outcome.kind === "ambiguous");
  assertEquals([outcome.error.code, afterMs], ["timeout", 20_000]);
});

Deno.test("requestRefresh() throws a cancellation before it sends; after, it is ambiguous", async () => {
  const reason = new Error("stop");
  const { fetch, seen } = scriptFetch();
  const early = requestRefresh(MARKED, "rt1", { fetch, signal: AbortSignal.abort(reason) });
  assertEquals(await rejection(early), reason);
  assertEquals(seen, []);

  const controller = new AbortController();
  const outcome = await requestRefresh(MARKED, "rt1", {
    fetch: () => (queueMicrotask(() => controller.abort(reason)), new Promise(() => {})),
    signal: controller.signal,
  });
  assertEquals(outcome.kind, "ambiguous");
});

Deno.test("requestRefresh() prints no secret and no control character of an answer", async () => {
  const token = "rt-canary-0123456789abcdef";
  const { fetch } = scriptFetch(json(400, {
    error: "invalid_grant\u001b[31m\u202e",
    error_description: `\u001b]52;c;eA==\u0007 ${token} was\r\nnot found ${"y".repeat(900)}`,
    hint: "canary-in-another-field",
  }));
  const outcome = await requestRefresh(MARKED, token, { fetch });
  assert(outcome.kind === "ambiguous");
  const { message } = outcome.error;
  assert(!message.includes(token) && !message.includes("canary"), message);
  assert(/^[\x20-\x7e…]+$/.test(message), JSON.stringify(message));
  assert(message.length < 500);
});

/** A server that refuses plans with 403. */
const GATED: OAuthClient = { ...CLIENT, entitlement: { status: 403, hint: "Look at your plan" } };

const GATES: {
  name: string;
  answer: Response;
  kind: string;
  code: string;
  client?: OAuthClient;
}[] = [
  {
    name: "a refused plan",
    answer: json(403, { code: "x", error: "No permission" }),
    kind: "refused",
    code: "not_entitled",
  },
  {
    name: "a refused plan, nested",
    answer: json(403, { error: { message: "no" } }),
    kind: "refused",
    code: "not_entitled",
  },
  {
    name: "access_denied",
    answer: json(403, { error: "access_denied" }),
    kind: "refused",
    code: "not_entitled",
  },
  {
    name: "a dead token under 403",
    answer: json(403, { error: "invalid_grant" }),
    kind: "dead",
    code: "invalid_grant",
  },
  {
    name: "an unknown client under 403",
    answer: json(403, { error: "invalid_client" }),
    kind: "refused",
    code: "invalid_client",
  },
  { name: "a page under 403", answer: html(403), kind: "ambiguous", code: "invalid_response" },
  {
    name: "JSON that calls itself a page",
    answer: asHtml(403, { error: "no" }),
    kind: "ambiguous",
    code: "invalid_response",
  },
  {
    name: "a challenge of the edge",
    answer: json(403, { error: "no" }, { "cf-mitigated": "challenge" }),
    kind: "ambiguous",
    code: "oauth_error",
  },
  {
    name: "the same with 401",
    answer: json(401, { error: "No permission" }),
    kind: "ambiguous",
    code: "oauth_error",
  },
  {
    name: "403 of a server that tells nothing by it",
    answer: json(403, { error: "no" }),
    kind: "ambiguous",
    code: "oauth_error",
    client: CLIENT,
  },
];
for (const { name, answer, kind, code, client = GATED } of GATES) {
  Deno.test(`requestRefresh() takes ${name} as ${kind}`, async () => {
    const { fetch } = scriptFetch(answer);
    const outcome = await requestRefresh(client, "rt-canary", { fetch });
    assertEquals(outcome.kind, kind as typeof outcome.kind);
    assert(outcome.kind !== "granted");
    assertEquals(outcome.error.code, code as typeof outcome.error.code);
    assertEquals(outcome.error.hint, code === "not_entitled" ? "Look at your plan" : undefined);
  });
}
