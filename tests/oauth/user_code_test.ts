// oauth.md 1.3-1.5, 1.7, 1.11, 6 rows 2-4, 8.5.1; design.md 6; faults A17, A21-A23, A25, L15, X12.

import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { OAuthError } from "../../src/core/errors.ts";
import {
  awaitUserCodeGrant,
  pollUserCodeGrant,
  requestUserCode,
  type UserCodeClient,
} from "../../src/oauth/user_code.ts";
import { readMinimaxTokenAnswer } from "../../src/providers/minimax/quirks.ts";
import {
  CLIENT,
  connectError,
  html,
  manualClock,
  neverFetch,
  redirectTo,
  rejection,
  resetError,
  type Scripted,
  scriptFetch,
} from "./support.ts";

const NOW = 1_778_006_674_711;
const GRANT_TYPE = "urn:ietf:params:oauth:grant-type:user_code";
const USER_CODE_CLIENT: UserCodeClient = {
  ...CLIENT,
  authorizationEndpoint: new URL("https://auth.example/code"),
  grantType: GRANT_TYPE,
  scopes: ["profile", "model"],
  readTokenAnswer: readMinimaxTokenAnswer,
};
const VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const REQUEST = { verifier: VERIFIER, state: "state-1" };
const CODE = {
  user_code: "LRAR-BW2A",
  verification_uri: "https://auth.example/approve?user_code=LRAR-BW2A&client=X",
  expired_in: NOW + 600_000,
  interval: 3_000,
  state: "state-1",
};

function request(body: unknown, init: ResponseInit = {}, now = NOW) {
  const { fetch, seen } = scriptFetch(Response.json(body, init));
  return { seen, promise: requestUserCode(USER_CODE_CLIENT, REQUEST, { fetch, now: () => now }) };
}

Deno.test("requestUserCode() sends challenge and state, never the verifier", async () => {
  const { seen, promise } = request(CODE);
  await promise;
  const { url, headers, body, fields } = seen[0]!;
  assertEquals(url, "https://auth.example/code");
  assertEquals(fields, {
    response_type: "code",
    client_id: "client-1",
    scope: "profile model",
    code_challenge: "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
    code_challenge_method: "S256",
    state: "state-1",
  });
  assert(!body.includes(VERIFIER));
  assertMatch(headers.get("x-request-id")!, /^[0-9a-f-]{36}$/);
});

const EXPECTED = {
  userCode: "LRAR-BW2A",
  verificationUri: "https://auth.example/approve?user_code=LRAR-BW2A&client=X",
  verificationUriComplete: undefined as string | undefined,
  expiresAt: NOW + 600_000,
  intervalMs: 3_000,
};

const CODES: { name: string; change: object; expected: Partial<typeof EXPECTED> }[] = [
  { name: "as it was seen", change: {}, expected: {} },
  { name: "interval in ms", change: { interval: 5_000 }, expected: { intervalMs: 5_000 } },
  { name: "no interval", change: { interval: undefined }, expected: { intervalMs: 2_000 } },
  { name: "interval null", change: { interval: null }, expected: { intervalMs: 2_000 } },
  { name: "interval 0", change: { interval: 0 }, expected: { intervalMs: 2_000 } },
  { name: "interval -1", change: { interval: -1 }, expected: { intervalMs: 2_000 } },
  { name: "interval 1e9", change: { interval: 1e9 }, expected: { intervalMs: 60_000 } },
  {
    name: "interval in seconds by mistake",
    change: { interval: 3 },
    expected: { intervalMs: 1_000 },
  },
  { name: "interval as text", change: { interval: "3000" }, expected: { intervalMs: 3_000 } },
  { name: "interval as nonsense", change: { interval: "soon" }, expected: { intervalMs: 2_000 } },
  {
    name: "expiry as a lifetime",
    change: { expired_in: 900 },
    expected: { expiresAt: NOW + 900_000 },
  },
  {
    name: "expiry in seconds",
    change: { expired_in: 1_778_007_274 },
    expected: { expiresAt: 1_778_007_274_000 },
  },
  {
    name: "expiry as text",
    change: { expired_in: String(NOW + 5) },
    expected: { expiresAt: NOW + 5 },
  },
  {
    name: "expiry already past",
    change: { expired_in: NOW - 1 },
    expected: { expiresAt: NOW - 1 },
  },
  { name: "no expiry", change: { expired_in: undefined }, expected: { expiresAt: NOW + 300_000 } },
  { name: "expiry 0", change: { expired_in: 0 }, expected: { expiresAt: NOW + 300_000 } },
  { name: "expiry 1e308", change: { expired_in: 1e308 }, expected: { expiresAt: NOW + 300_000 } },
  {
    name: "expiry in a year",
    change: { expired_in: 31_536_000 },
    expected: { expiresAt: NOW + 1_800_000 },
  },
  {
    name: "RFC 8628 names",
    change: { expired_in: undefined, expires_in: 60 },
    expected: { expiresAt: NOW + 60_000 },
  },
  {
    name: "a complete URI",
    change: { verification_uri_complete: "https://auth.example/c?x=1" },
    expected: { verificationUriComplete: "https://auth.example/c?x=1" },
  },
  {
    name: "a complete URI of no use",
    change: { verification_uri_complete: "javascript:1" },
    expected: {},
  },
  {
    name: "a URI with controls and other scripts",
    change: { verification_uri: "https://аuth.example/\u001b[31m\u202e?q=\u0007x" },
    expected: { verificationUri: "https://xn--uth-5cd.example/%1B[31m%E2%80%AE?q=%07x" },
  },
];
for (const { name, change, expected } of CODES) {
  Deno.test(`requestUserCode() reads a code: ${name}`, async () => {
    const { promise } = request({ ...CODE, ...change });
    assertEquals(await promise, { ...EXPECTED, ...expected });
  });
}

for (const aheadMs of [30_000, 3_600_289, -3_599_711]) {
  Deno.test(`requestUserCode() minds a server clock that is ${aheadMs} ms ahead`, async () => {
    const serverNow = NOW + aheadMs;
    const { promise } = request(
      { ...CODE, expired_in: serverNow + 600_000 },
      { headers: { date: new Date(serverNow).toUTCString() } },
    );
    const { expiresAt } = await promise;
    const isCorrected = Math.abs(aheadMs) > 60_000;
    assertEquals(expiresAt, NOW + 600_000 + (isCorrected ? 0 : aheadMs));
  });
}

const REFUSED: { name: string; answer: Scripted; code: string; status?: number; says?: string }[] =
  [
    {
      name: "no state",
      answer: Response.json({ ...CODE, state: undefined }),
      code: "state_mismatch",
      says: "possible CSRF",
    },
    {
      name: "another state",
      answer: Response.json({ ...CODE, state: "state-2" }),
      code: "state_mismatch",
      says: "a proxy that rewrites",
    },
    {
      name: "a state of another type",
      answer: Response.json({ ...CODE, state: ["state-1"] }),
      code: "state_mismatch",
    },
    {
      name: "no user code",
      answer: Response.json({ ...CODE, user_code: undefined }),
      code: "invalid_response",
      says: "user_code",
    },
    ...["", " ", "A B", "A\u001b[31mB", "А1", "-rf", "$(x)", "A'B", "A\nB", "x".repeat(65), 7, null]
      .map((user_code) => ({
        name: `the user code ${JSON.stringify(user_code)}`,
        answer: Response.json({ ...CODE, user_code }),
        code: "invalid_response",
        says: "user_code",
      })),
    ...[
      undefined,
      null,
      7,
      "",
      "approve",
      "//auth.example",
      "javascript:alert(1)",
      "file:///etc/passwd",
      "ms-settings:x",
      "data:text/html,x",
      "-flag",
      `https://auth.example/${"x".repeat(3_000)}`,
    ].map((verification_uri) => ({
      name: `the verification URI ${JSON.stringify(verification_uri)?.slice(0, 40)}`,
      answer: Response.json({ ...CODE, verification_uri }),
      code: "invalid_response",
      says: "verification_uri",
    })),
    {
      name: "an error with 200",
      answer: Response.json({ error: "invalid_scope" }),
      code: "oauth_error",
      status: 200,
    },
    {
      name: "base_resp with 200",
      answer: Response.json({
        ...CODE,
        base_resp: { status_code: 1004, status_msg: "login fail" },
      }),
      code: "oauth_error",
      status: 200,
      says: "login fail",
    },
    {
      name: "a lost body",
      answer: Response.json({
        error: "invalid_request",
        error_description: "client_id is required",
      }, { status: 400 }),
      code: "invalid_request",
      status: 400,
      says: "client_id is required",
    },
    {
      name: "an unknown client",
      answer: Response.json({ error: "invalid_client" }, { status: 401 }),
      code: "invalid_client",
      status: 401,
    },
    { name: "404", answer: html(404), code: "invalid_response", status: 404, says: "an HTML page" },
    {
      name: "405",
      answer: new Response(null, { status: 405 }),
      code: "invalid_response",
      status: 405,
    },
    {
      name: "429",
      answer: Response.json({}, { status: 429, headers: { "retry-after": "3" } }),
      code: "rate_limited",
      status: 429,
    },
    { name: "503", answer: html(503), code: "upstream", status: 503 },
    { name: "nothing", answer: new Response(""), code: "invalid_response", status: 200 },
    {
      name: "a foreign redirect",
      answer: redirectTo("https://evil.example"),
      code: "invalid_response",
    },
    { name: "no connection", answer: connectError(), code: "network" },
  ];
for (const { name, answer, code, status, says } of REFUSED) {
  Deno.test(`requestUserCode() refuses ${name}`, async () => {
    const { fetch } = scriptFetch(answer);
    const promise = requestUserCode(USER_CODE_CLIENT, REQUEST, { fetch, now: () => NOW });
    const error = await assertRejects(() => promise, OAuthError);
    assertEquals(error.code, code as typeof error.code);
    assertEquals(error.status, status);
    assertStringIncludes(error.message, "Cannot request a sign-in code from Example: ");
    assertStringIncludes(error.message, says ?? "");
    // deno-lint-ignore no-control-regex
    assert(!/[\x00-\x1f\x7f]/.test(error.message));
    assert(!error.message.endsWith("."));
  });
}

Deno.test("requestUserCode() says what to look for when the state does not match", async () => {
  const error = await assertRejects(() => request({ ...CODE, state: "x" }).promise, OAuthError);
  assertStringIncludes(error.hint ?? "", "Sign in again");
});

const TOKEN = { status: "success", access_token: "at", refresh_token: "rt", expired_in: 900 };

const POLLS: { name: string; answer: () => Scripted; kind: string; code?: string }[] = [
  { name: "success", answer: () => Response.json(TOKEN), kind: "granted" },
  {
    name: "tokens without a status",
    answer: () => Response.json({ ...TOKEN, status: undefined }),
    kind: "granted",
  },
  {
    name: "tokens with an unknown status",
    answer: () => Response.json({ ...TOKEN, status: "granted" }),
    kind: "granted",
  },
  {
    name: "tokens without a refresh token",
    answer: () => Response.json({ ...TOKEN, refresh_token: undefined }),
    kind: "granted",
  },
  {
    name: "success without an access token",
    answer: () => Response.json({ status: "success" }),
    kind: "refused",
    code: "invalid_response",
  },
  {
    name: "an access token that is none",
    answer: () => Response.json({ access_token: 7 }),
    kind: "refused",
    code: "invalid_response",
  },
  { name: "pending", answer: () => Response.json({ status: "pending" }), kind: "pending" },
  {
    name: "pending with an error code",
    answer: () => Response.json({ status: "pending", error: "not_yet" }),
    kind: "pending",
  },
  {
    name: "an unknown status",
    answer: () => Response.json({ status: "thinking" }),
    kind: "pending",
  },
  { name: "no status", answer: () => Response.json({}), kind: "pending" },
  {
    name: "base_resp 0",
    answer: () => Response.json({ base_resp: { status_code: 0 } }),
    kind: "pending",
  },
  {
    name: "status error",
    answer: () => Response.json({ status: "error" }),
    kind: "denied",
    code: "access_denied",
  },
  {
    name: "status error beside tokens",
    answer: () => Response.json({ ...TOKEN, status: "error" }),
    kind: "denied",
  },
  {
    name: "status error, access_denied",
    answer: () => Response.json({ status: "error", error: "access_denied" }),
    kind: "denied",
    code: "access_denied",
  },
  {
    name: "status error, expired_token",
    answer: () => Response.json({ status: "error", error: "expired_token" }),
    kind: "expired",
    code: "expired_token",
  },
  {
    name: "status error, another code",
    answer: () => Response.json({ status: "error", error: "teapot" }),
    kind: "refused",
    code: "oauth_error",
  },
  {
    name: "base_resp 1004 with 200",
    answer: () => Response.json({ base_resp: { status_code: 1004, status_msg: "login fail" } }),
    kind: "refused",
    code: "oauth_error",
  },
  { name: "an empty body", answer: () => new Response(""), kind: "transient" },
  { name: "a portal's page", answer: () => html(200), kind: "transient" },
  {
    name: "a portal's page, 403, edge",
    answer: () => new Response("<html>", { status: 403, headers: { "cf-mitigated": "challenge" } }),
    kind: "transient",
  },
  { name: "408", answer: () => Response.json({}, { status: 408 }), kind: "transient" },
  {
    name: "429",
    answer: () => Response.json({ error: "rate" }, { status: 429 }),
    kind: "transient",
    code: "rate_limited",
  },
  {
    name: "500 in JSON",
    answer: () => Response.json({ error: "access_denied" }, { status: 500 }),
    kind: "transient",
    code: "upstream",
  },
  { name: "502 in HTML", answer: () => html(502), kind: "transient" },
  { name: "a reset", answer: resetError, kind: "transient", code: "network" },
  { name: "no connection", answer: connectError, kind: "transient", code: "network" },
  {
    name: "a foreign redirect",
    answer: () => redirectTo("https://evil.example/"),
    kind: "refused",
  },
  { name: "302", answer: () => redirectTo("/x", 302), kind: "refused" },
  { name: "403 in HTML", answer: () => html(403), kind: "refused", code: "invalid_response" },
  {
    name: "400 base_resp",
    answer: () =>
      Response.json({ base_resp: { status_code: 1013, status_msg: "no" } }, { status: 400 }),
    kind: "refused",
  },
  {
    name: "400 authorization_pending",
    answer: () => Response.json({ error: "authorization_pending" }, { status: 400 }),
    kind: "pending",
  },
  {
    name: "400 slow_down",
    answer: () => Response.json({ error: "slow_down" }, { status: 400 }),
    kind: "slow_down",
  },
  {
    name: "429 slow_down",
    answer: () => Response.json({ error: "slow_down" }, { status: 429 }),
    kind: "slow_down",
  },
  {
    name: "400 access_denied",
    answer: () => Response.json({ error: "access_denied" }, { status: 400 }),
    kind: "denied",
    code: "access_denied",
  },
  {
    name: "400 authorization_denied",
    answer: () => Response.json({ error: "authorization_denied" }, { status: 400 }),
    kind: "denied",
    code: "access_denied",
  },
  {
    name: "400 expired_token",
    answer: () => Response.json({ error: "expired_token" }, { status: 400 }),
    kind: "expired",
    code: "expired_token",
  },
  {
    name: "400 temporarily_unavailable",
    answer: () => Response.json({ error: "temporarily_unavailable" }, { status: 400 }),
    kind: "transient",
  },
  {
    name: "400 invalid_grant",
    answer: () => Response.json({ error: "invalid_grant" }, { status: 400 }),
    kind: "refused",
    code: "invalid_grant",
  },
  {
    name: "401 invalid_client",
    answer: () => Response.json({ error: "invalid_client" }, { status: 401 }),
    kind: "refused",
    code: "invalid_client",
  },
  {
    name: "400 nested error",
    answer: () => Response.json({ error: { code: "slow_down" } }, { status: 400 }),
    kind: "refused",
  },
];
for (const { name, answer, kind, code } of POLLS) {
  Deno.test(`pollUserCodeGrant() takes ${name} as ${kind}`, async () => {
    const { fetch, seen } = scriptFetch(answer());
    const grant = { userCode: "LRAR-BW2A", verifier: VERIFIER };
    const result = await pollUserCodeGrant(USER_CODE_CLIENT, grant, { fetch, now: () => NOW });
    assertEquals(result.kind, kind as typeof result.kind);
    assertEquals(seen[0]!.fields, {
      grant_type: GRANT_TYPE,
      client_id: "client-1",
      user_code: "LRAR-BW2A",
      code_verifier: VERIFIER,
    });
    assertEquals(seen[0]!.headers.get("x-request-id"), null);
    if (result.kind === "granted") assertEquals(result.tokenSet.accessToken, "at");
    if (code !== undefined) {
      assert("error" in result);
      assertEquals(result.error.code, code as typeof result.error.code);
      assertStringIncludes(result.error.message, "Cannot sign in to Example: ");
      assert(!result.error.message.includes(VERIFIER));
    }
  });
}

const pending = () => Response.json({ status: "pending" });
const slowDown = () => Response.json({ error: "slow_down" }, { status: 400 });
const success = () => Response.json(TOKEN);
const down = () => html(502);

interface Wait {
  name: string;
  polls: (() => Scripted)[];
  waitsMs: number[];
  intervalMs?: number;
  lifetimeMs?: number;
  error?: string;
  requests?: number;
}

const WAITS: Wait[] = [
  { name: "approved at once", polls: [success], waitsMs: [3_000] },
  { name: "pending twice", polls: [pending, pending, success], waitsMs: [3_000, 3_000, 3_000] },
  {
    name: "keeps slow_down",
    polls: [slowDown, slowDown, pending, success],
    waitsMs: [3_000, 8_000, 13_000, 13_000],
  },
  {
    name: "saturates slow_down at 60 s",
    polls: [...Array(14).fill(slowDown), success],
    waitsMs: [3, 8, 13, 18, 23, 28, 33, 38, 43, 48, 53, 58, 60, 60, 60].map((s) => s * 1_000),
    lifetimeMs: 1_800_000,
  },
  {
    name: "backs off while it fails",
    polls: [down, resetError, connectError, pending, success],
    waitsMs: [3_000, 6_000, 12_000, 24_000, 3_000],
  },
  {
    name: "backs off to 60 s at most",
    polls: [...Array(6).fill(down), success],
    waitsMs: [3_000, 6_000, 12_000, 24_000, 48_000, 60_000, 60_000],
  },
  {
    name: "honours retry-after",
    polls: [() => Response.json({}, { status: 503, headers: { "retry-after": "17" } }), success],
    waitsMs: [3_000, 17_000],
  },
  {
    name: "honours retry-after up to 60 s",
    polls: [() => Response.json({}, { status: 429, headers: { "retry-after": "3600" } }), success],
    waitsMs: [3_000, 60_000],
  },
  {
    name: "never polls past the deadline",
    polls: [pending, pending],
    waitsMs: [3_000, 3_000, 2_000],
    lifetimeMs: 8_000,
    error: "expired_token",
  },
  {
    name: "does not poll at the deadline",
    polls: [pending],
    waitsMs: [3_000, 3_000],
    lifetimeMs: 6_000,
    error: "expired_token",
  },
  {
    name: "polls once when the code lives shorter than the interval",
    polls: [pending],
    waitsMs: [2_000],
    lifetimeMs: 2_000,
    error: "expired_token",
  },
  {
    name: "polls once when the code is already past",
    polls: [success],
    waitsMs: [3_000],
    lifetimeMs: -3_600_000,
  },
  {
    name: "polls only once when the code is already past",
    polls: [pending],
    waitsMs: [3_000],
    lifetimeMs: -1,
    error: "expired_token",
  },
  {
    name: "stops when denied",
    polls: [pending, () => Response.json({ status: "error" })],
    waitsMs: [3_000, 3_000],
    error: "access_denied",
  },
  {
    name: "stops when refused",
    polls: [() => Response.json({ error: "teapot" }, { status: 400 })],
    waitsMs: [3_000],
    error: "oauth_error",
  },
  { name: "stops at the first tokens", polls: [success, success], waitsMs: [3_000], requests: 1 },
];
for (
  const { name, polls, waitsMs, intervalMs = 3_000, lifetimeMs = 600_000, error, requests } of WAITS
) {
  Deno.test(`awaitUserCodeGrant() ${name}`, async () => {
    const clock = manualClock();
    const { fetch, seen } = scriptFetch(...polls.map((poll) => poll()));
    const promise = awaitUserCodeGrant(
      USER_CODE_CLIENT,
      { ...EXPECTED, intervalMs, expiresAt: NOW + lifetimeMs, verifier: VERIFIER },
      { fetch, now: clock.now, sleep: clock.sleep },
    );
    if (error === undefined) {
      assertEquals((await promise).accessToken, "at");
    } else {
      const thrown = await assertRejects(() => promise, OAuthError);
      assertEquals(thrown.code, error as typeof thrown.code);
    }
    assertEquals(clock.waits, waitsMs);
    assertEquals(seen.length, requests ?? polls.length);
  });
}

Deno.test("awaitUserCodeGrant() tells denied, expired and never approved apart", async () => {
  const messages = new Set<string>();
  for (
    const answer of [
      () => Response.json({ status: "error", error: "access_denied" }),
      () => Response.json({ status: "error", error: "expired_token" }),
      pending,
      down,
    ]
  ) {
    const clock = manualClock();
    const error = await assertRejects(
      () =>
        awaitUserCodeGrant(
          USER_CODE_CLIENT,
          { ...EXPECTED, expiresAt: NOW + 3_500, verifier: VERIFIER },
          { fetch: () => Promise.resolve(answer()), now: clock.now, sleep: clock.sleep },
        ),
      OAuthError,
    );
    messages.add(error.message);
  }
  assertEquals(messages.size, 4);
  assertStringIncludes([...messages][2]!, "nobody approved the code in time");
  assertStringIncludes([...messages][3]!, "the last poll failed");
});

Deno.test("awaitUserCodeGrant() forgets a failed poll after one that worked", async () => {
  const clock = manualClock();
  const { fetch } = scriptFetch(down(), pending());
  const promise = awaitUserCodeGrant(
    USER_CODE_CLIENT,
    { ...EXPECTED, expiresAt: NOW + 10_000, verifier: VERIFIER },
    { fetch, now: clock.now, sleep: clock.sleep },
  );
  const error = await assertRejects(() => promise, OAuthError);
  assert(!error.message.includes("the last poll failed"), error.message);
});

Deno.test("pollUserCodeGrant() rethrows a cancellation unchanged", async () => {
  const reason = new Error("stop");
  const controller = new AbortController();
  const promise = pollUserCodeGrant(USER_CODE_CLIENT, { userCode: "A", verifier: VERIFIER }, {
    fetch: (...args) => (queueMicrotask(() => controller.abort(reason)), neverFetch(...args)),
    signal: controller.signal,
  });
  assertEquals(await rejection(promise), reason);
});

Deno.test("awaitUserCodeGrant() rethrows a cancellation, during a wait and during a poll", async () => {
  const reason = new Error("stop");
  const grant = { ...EXPECTED, expiresAt: Date.now() + 600_000, verifier: VERIFIER };
  const waiting = new AbortController();
  const { fetch, seen } = scriptFetch();
  const promise = awaitUserCodeGrant(USER_CODE_CLIENT, grant, { fetch, signal: waiting.signal });
  waiting.abort(reason);
  assertEquals(await rejection(promise), reason);
  assertEquals(seen, []);

  const polling = new AbortController();
  const during = awaitUserCodeGrant(USER_CODE_CLIENT, grant, {
    fetch: (...args) => (queueMicrotask(() => polling.abort(reason)), neverFetch(...args)),
    sleep: () => Promise.resolve(),
    signal: polling.signal,
  });
  assertEquals(await rejection(during), reason);
});
