import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import type { SandboxFailure, SandboxQuirks } from "../../src/sandbox/mod.ts";
import {
  CHALLENGE,
  CODE_FORM,
  CODE_URL,
  type Json,
  login,
  poll,
  postForm,
  refresh,
  requestCode,
  START,
  testSandbox,
  TOKEN_URL,
  VERIFIER,
} from "./support.ts";

const CODING_PLAN_CLIENT = "659cf4c1-615c-45f6-a5f6-4bf15eb476e5";
const DEVICE_CODE_GRANT = "urn:ietf:params:oauth:grant-type:device_code";

async function statusAndJson(response: Response): Promise<[number, Json]> {
  return [response.status, await response.json()];
}

Deno.test("minimax login: code, pending, approval, tokens, once only", async () => {
  const { sandbox } = testSandbox();
  const code = await requestCode(sandbox);
  assertMatch(code.user_code, /^[A-Z0-9]{4}-[A-Z0-9]{4}$/);
  assertEquals(code, {
    user_code: code.user_code,
    verification_uri:
      `https://platform.minimax.io/oauth-authorize?user_code=${code.user_code}&client=OpenClaw`,
    expired_in: START + 600_000,
    interval: 3000,
    state: CODE_FORM.state,
  });
  assertEquals(await statusAndJson(await poll(sandbox, code.user_code)), [200, {
    status: "pending",
  }]);
  assert(sandbox.approve(code.user_code));
  const response = await poll(sandbox, code.user_code);
  assertEquals(response.headers.get("cache-control"), "no-store");
  assertEquals(response.headers.get("date"), new Date(START).toUTCString());
  const tokens = await response.json();
  assertMatch(tokens.access_token, /^sbx_at_[\w-]{43}$/);
  assertMatch(tokens.refresh_token, /^sbx_rt_[\w-]{43}$/);
  assertEquals({ ...tokens, access_token: "", refresh_token: "" }, {
    status: "success",
    access_token: "",
    refresh_token: "",
    expired_in: START + 900_000,
    token_type: "Bearer",
    resource_url: "https://api.minimax.io/anthropic",
  });
  assertEquals((await (await poll(sandbox, code.user_code)).json()).status, "error");
  assertEquals(sandbox.approve(code.user_code), false);
  assertEquals(sandbox.counters.grants, 1);
  assertEquals(sandbox.counters.requests, {
    "POST account.minimax.io/oauth2/device/code": 1,
    "POST account.minimax.io/oauth2/token": 3,
  });
});

const CODE_REFUSALS = [
  { name: "client_id missing", fields: { client_id: undefined }, error: "invalid_request" },
  { name: "client_id empty", fields: { client_id: "" }, error: "invalid_request" },
  { name: "client_id unknown", fields: { client_id: "mmx-cli" }, error: "invalid_client" },
  {
    name: "response_type missing",
    fields: { response_type: undefined },
    error: "unsupported_response_type",
  },
  {
    name: "response_type other",
    fields: { response_type: "token" },
    error: "unsupported_response_type",
  },
  {
    name: "code_challenge missing",
    fields: { code_challenge: undefined },
    error: "invalid_request",
  },
  {
    name: "code_challenge too short",
    fields: { code_challenge: CHALLENGE.slice(1) },
    error: "invalid_request",
  },
  {
    name: "code_challenge padded",
    fields: { code_challenge: `${CHALLENGE}=` },
    error: "invalid_request",
  },
  {
    name: "code_challenge not base64url",
    fields: { code_challenge: CHALLENGE.replace("-", "+") },
    error: "invalid_request",
  },
  {
    name: "method missing",
    fields: { code_challenge_method: undefined },
    error: "invalid_request",
  },
  { name: "method plain", fields: { code_challenge_method: "plain" }, error: "invalid_request" },
  { name: "state missing", fields: { state: undefined }, error: "invalid_request" },
  { name: "scope of another client", fields: { scope: "coding_plan" }, error: "invalid_scope" },
];
for (const { name, fields, error } of CODE_REFUSALS) {
  Deno.test(`minimax code request is refused: ${name}`, async () => {
    const { sandbox } = testSandbox();
    const [status, body] = await statusAndJson(
      await postForm(sandbox, CODE_URL, { ...CODE_FORM, ...fields }),
    );
    assertEquals([status, body.error], [400, error]);
    assertEquals(sandbox.counters.authorizations, 0);
  });
}

Deno.test("minimax code request: a body that is no form is one without fields", async () => {
  const { sandbox } = testSandbox();
  const init = { method: "POST", headers: { "content-type": "application/json" } };
  for (const body of [null, JSON.stringify(CODE_FORM)]) {
    assertEquals(await statusAndJson(await sandbox.fetch(CODE_URL, { ...init, body })), [400, {
      error: "invalid_request",
      error_description: "client_id is required",
    }]);
  }
});

Deno.test("minimax code request: a repeated field is refused", async () => {
  const { sandbox } = testSandbox();
  const body = new URLSearchParams([...Object.entries(CODE_FORM), ["state", "again"]]);
  const response = await sandbox.fetch(CODE_URL, { method: "POST", body });
  assertEquals((await response.json()).error_description, "state is repeated");
});

Deno.test("minimax coding plan clients: no response_type, own scopes, own grant type", async () => {
  const { sandbox } = testSandbox({ autoApprove: true });
  const client = { client_id: CODING_PLAN_CLIENT };
  const { user_code } = await requestCode(sandbox, CODE_URL, {
    ...client,
    response_type: undefined,
    scope: "openid profile coding_plan",
  });
  assertEquals(
    (await (await poll(sandbox, user_code, TOKEN_URL, client)).json()).error,
    "unsupported_grant_type",
  );
  const tokens = await (await poll(sandbox, user_code, TOKEN_URL, {
    ...client,
    grant_type: DEVICE_CODE_GRANT,
  })).json();
  assertEquals(tokens.status, "success");
});

const POLL_REFUSALS = [
  { name: "grant_type missing", fields: { grant_type: undefined }, error: "invalid_request" },
  {
    name: "grant_type other",
    fields: { grant_type: "authorization_code" },
    error: "unsupported_grant_type",
  },
  {
    name: "grant_type of other clients",
    fields: { grant_type: DEVICE_CODE_GRANT },
    error: "unsupported_grant_type",
  },
  { name: "client_id missing", fields: { client_id: undefined }, error: "invalid_request" },
  { name: "client_id unknown", fields: { client_id: "x" }, error: "invalid_client" },
  { name: "user_code missing", fields: { user_code: undefined }, error: "invalid_request" },
  { name: "user_code unknown", fields: { user_code: "AAAA-AAAA" }, error: "invalid_grant" },
  {
    name: "client_id of another client",
    fields: { client_id: CODING_PLAN_CLIENT, grant_type: DEVICE_CODE_GRANT },
    error: "invalid_grant",
  },
  { name: "verifier missing", fields: { code_verifier: undefined }, error: "invalid_request" },
  {
    name: "verifier too short",
    fields: { code_verifier: VERIFIER.slice(1) },
    error: "invalid_request",
  },
  {
    name: "verifier too long",
    fields: { code_verifier: "v".repeat(129) },
    error: "invalid_request",
  },
  {
    name: "verifier of another challenge",
    fields: { code_verifier: `${VERIFIER}x` },
    error: "invalid_grant",
  },
];
for (const { name, fields, error } of POLL_REFUSALS) {
  Deno.test(`minimax poll is refused: ${name}`, async () => {
    const { sandbox } = testSandbox();
    const { user_code } = await requestCode(sandbox);
    sandbox.approve(user_code);
    const [status, body] = await statusAndJson(await poll(sandbox, user_code, TOKEN_URL, fields));
    assertEquals([status, body.error], [400, error]);
    assertEquals((await (await poll(sandbox, user_code)).json()).status, "success");
  });
}

Deno.test("minimax poll: denied, expired and auto-approved", async () => {
  const { sandbox, clock } = testSandbox();
  const denied = await requestCode(sandbox);
  assert(sandbox.deny(denied.user_code));
  assertEquals((await (await poll(sandbox, denied.user_code)).json()).error, "access_denied");
  const expired = await requestCode(sandbox);
  clock.now += 600_000;
  assertEquals((await (await poll(sandbox, expired.user_code)).json()).error, "expired_token");
  assertEquals(sandbox.approve(expired.user_code), false);

  const auto = testSandbox({ autoApprove: true });
  const { user_code } = await requestCode(auto.sandbox);
  assertEquals((await (await poll(auto.sandbox, user_code)).json()).status, "success");
});

const CODE_QUIRKS: { quirks: Partial<SandboxQuirks>; field: string; value: unknown }[] = [
  { quirks: { codeExpiredIn: "absolute_s" }, field: "expired_in", value: 1_778_007_274 },
  { quirks: { codeExpiredIn: "ttl_s" }, field: "expired_in", value: 600 },
  { quirks: { codeExpiredIn: "string" }, field: "expired_in", value: String(START + 600_000) },
  { quirks: { codeExpiredIn: "missing" }, field: "expired_in", value: undefined },
  { quirks: { codeExpiredIn: "null" }, field: "expired_in", value: null },
  { quirks: { codeExpiredIn: "past" }, field: "expired_in", value: START - 3_600_000 },
  { quirks: { interval: "missing" }, field: "interval", value: undefined },
  { quirks: { interval: "string" }, field: "interval", value: "3000" },
  { quirks: { interval: "zero" }, field: "interval", value: 0 },
  { quirks: { interval: "negative" }, field: "interval", value: -1 },
  { quirks: { interval: "huge" }, field: "interval", value: 1e9 },
  { quirks: { interval: "null" }, field: "interval", value: null },
  { quirks: { stateEcho: "missing" }, field: "state", value: undefined },
  { quirks: { stateEcho: "other" }, field: "state", value: `${CODE_FORM.state}x` },
  { quirks: { clockOffsetMs: -90_000 }, field: "expired_in", value: START + 510_000 },
];
for (const { quirks, field, value } of CODE_QUIRKS) {
  Deno.test(`minimax code answer with ${JSON.stringify(quirks)}`, async () => {
    const code = await requestCode(testSandbox({ quirks }).sandbox);
    assertEquals(code[field], value);
    assertEquals(field in code, value !== undefined);
  });
}

const VERIFICATION_HOSTS = [
  { quirk: "platform", host: "platform.minimax.io" },
  { quirk: "www", host: "www.minimax.io" },
  { quirk: "foreign", host: "minimax.example" },
] as const;
for (const { quirk, host } of VERIFICATION_HOSTS) {
  Deno.test(`minimax verification_uri with verificationHost ${quirk}`, async () => {
    const { sandbox } = testSandbox({ quirks: { verificationHost: quirk } });
    const { verification_uri } = await requestCode(sandbox);
    assertEquals(new URL(verification_uri).host, host);
    assertEquals(new URL(verification_uri).pathname, "/oauth-authorize");
  });
}

const TOKEN_QUIRKS: { quirks: Partial<SandboxQuirks>; field: string; value: unknown }[] = [
  { quirks: { tokenExpiredIn: "absolute_s" }, field: "expired_in", value: 1_778_007_574 },
  { quirks: { tokenExpiredIn: "ttl_s" }, field: "expired_in", value: 900 },
  { quirks: { tokenExpiredIn: "string" }, field: "expired_in", value: String(START + 900_000) },
  { quirks: { tokenExpiredIn: "missing" }, field: "expired_in", value: undefined },
  { quirks: { tokenExpiredIn: "null" }, field: "expired_in", value: null },
  { quirks: { tokenExpiredIn: "past" }, field: "expired_in", value: START - 3_600_000 },
  { quirks: { tokenStatus: "missing" }, field: "status", value: undefined },
  { quirks: { tokenStatus: "unknown" }, field: "status", value: "granted" },
  { quirks: { tokenType: "bearer" }, field: "token_type", value: "bearer" },
  { quirks: { tokenType: "missing" }, field: "token_type", value: undefined },
  { quirks: { tokenType: "mac" }, field: "token_type", value: "mac" },
  { quirks: { tokenMissing: "access_token" }, field: "access_token", value: undefined },
  { quirks: { tokenMissing: "refresh_token" }, field: "refresh_token", value: undefined },
  { quirks: { resourceUrl: "missing" }, field: "resource_url", value: undefined },
  {
    quirks: { resourceUrl: "other_region" },
    field: "resource_url",
    value: "https://api.minimaxi.com/anthropic",
  },
  {
    quirks: { resourceUrl: "foreign" },
    field: "resource_url",
    value: "https://api.minimax.io.example/anthropic",
  },
  {
    quirks: { resourceUrl: "http" },
    field: "resource_url",
    value: "http://api.minimax.io/anthropic",
  },
  {
    quirks: { notificationMessage: "Welcome" },
    field: "notification_message",
    value: "Welcome",
  },
];
for (const { quirks, field, value } of TOKEN_QUIRKS) {
  Deno.test(`minimax token answer with ${JSON.stringify(quirks)}`, async () => {
    const tokens = await login(testSandbox({ quirks }).sandbox);
    assertEquals(tokens[field], value);
    assertEquals(field in tokens, value !== undefined);
  });
}

const POLL_ANSWERS = [
  { quirk: "status", outcome: "pending", status: 200, body: { status: "pending" } },
  {
    quirk: "status",
    outcome: "denied",
    status: 200,
    body: {
      status: "error",
      error: "access_denied",
      error_description: "the user denied the request",
    },
  },
  { quirk: "status_only", outcome: "pending", status: 200, body: { status: "pending" } },
  { quirk: "status_only", outcome: "denied", status: 200, body: { status: "error" } },
  {
    quirk: "rfc8628",
    outcome: "pending",
    status: 400,
    body: {
      error: "authorization_pending",
      error_description: "the user has not answered yet",
    },
  },
  {
    quirk: "rfc8628",
    outcome: "denied",
    status: 400,
    body: { error: "access_denied", error_description: "the user denied the request" },
  },
] as const;
for (const { quirk, outcome, status, body } of POLL_ANSWERS) {
  Deno.test(`minimax poll with pollAnswers ${quirk}: ${outcome}`, async () => {
    const { sandbox } = testSandbox({ quirks: { pollAnswers: quirk } });
    const { user_code } = await requestCode(sandbox);
    if (outcome === "denied") sandbox.deny(user_code);
    assertEquals<unknown>(await statusAndJson(await poll(sandbox, user_code)), [status, body]);
  });
}

Deno.test("minimax poll with slowDownNext and slowDownEarly", async () => {
  const { sandbox, clock } = testSandbox({ quirks: { slowDownNext: 2 } });
  const { user_code } = await requestCode(sandbox);
  const answers: string[] = [];
  const pollOnce = async () => {
    const body = await (await poll(sandbox, user_code)).json();
    answers.push(body.error ?? body.status);
  };
  await pollOnce();
  await pollOnce();
  await pollOnce();
  sandbox.setQuirks({ slowDownEarly: true });
  await pollOnce();
  clock.now += 2_999;
  await pollOnce();
  clock.now += 3_000;
  await pollOnce();
  assertEquals(answers, [
    "slow_down",
    "slow_down",
    "pending",
    "slow_down",
    "slow_down",
    "pending",
  ]);
});

const REDIRECTS: { quirks: Partial<SandboxQuirks>; status: number; code?: string }[] = [
  { quirks: {}, status: 307, code: CODE_URL },
  { quirks: { redirectStatus: 302 }, status: 302, code: CODE_URL },
  {
    quirks: { redirectStatus: 308, redirectHost: "minimax.example" },
    status: 308,
    code: "https://minimax.example/oauth2/device/code",
  },
  {
    quirks: { redirectHost: "api.minimax.io" },
    status: 307,
    code: "https://api.minimax.io/oauth/code",
  },
  { quirks: { legacyPaths: "serve" }, status: 200 },
  { quirks: { legacyPaths: "not_found" }, status: 404 },
  { quirks: { legacyPaths: "method_not_allowed" }, status: 405 },
];
for (const { quirks, status, code } of REDIRECTS) {
  Deno.test(`minimax legacy paths with ${JSON.stringify(quirks)}`, async () => {
    const { sandbox } = testSandbox({ quirks });
    const response = await postForm(sandbox, "https://api.minimax.io/oauth/code", CODE_FORM);
    assertEquals(response.status, status);
    assertEquals(response.headers.get("location"), code ?? null);
    await response.body?.cancel();
    const token = await poll(sandbox, "AAAA-AAAA", "https://api.minimax.io/oauth/token");
    assertEquals(token.status, status === 200 ? 400 : status);
    assertEquals(
      token.headers.get("location"),
      code?.replace("device/code", "token").replace("oauth/code", "oauth/token") ?? null,
    );
    await token.body?.cancel();
  });
}

for (const accountPaths of ["not_found", "method_not_allowed"] as const) {
  Deno.test(`minimax account paths with accountPaths ${accountPaths}`, async () => {
    const { sandbox } = testSandbox({ quirks: { accountPaths } });
    for (const url of [CODE_URL, TOKEN_URL]) {
      const response = await postForm(sandbox, url, CODE_FORM);
      assertEquals(response.status, accountPaths === "not_found" ? 404 : 405);
      await response.body?.cancel();
    }
  });
}

const UNKNOWN_CLIENT = [
  { quirk: "none", account: undefined, legacy: undefined },
  { quirk: "account", account: "invalid_client", legacy: undefined },
  { quirk: "legacy", account: undefined, legacy: "invalid_client" },
  { quirk: "both", account: "invalid_client", legacy: "invalid_client" },
] as const;
for (const { quirk, account, legacy } of UNKNOWN_CLIENT) {
  Deno.test(`minimax with unknownClientOn ${quirk}`, async () => {
    const { sandbox } = testSandbox({ quirks: { unknownClientOn: quirk, legacyPaths: "serve" } });
    assertEquals((await requestCode(sandbox)).error, account);
    assertEquals((await requestCode(sandbox, "https://api.minimax.io/oauth/code")).error, legacy);
  });
}

Deno.test("minimax regions do not know each other's codes and tokens", async () => {
  const { sandbox } = testSandbox();
  const cnToken = "https://account.minimaxi.com/oauth2/token";
  const { user_code } = await requestCode(sandbox);
  sandbox.approve(user_code);
  assertEquals((await (await poll(sandbox, user_code, cnToken)).json()).error, "invalid_grant");
  const tokens = await (await poll(sandbox, user_code)).json();
  const [status, body] = await statusAndJson(await refresh(sandbox, tokens.refresh_token, cnToken));
  assertEquals([status, body.error], [400, "invalid_grant"]);
  // The other region does not see a reuse either: the token still works at home.
  assertEquals((await (await refresh(sandbox, tokens.refresh_token)).json()).status, "success");
  assertEquals((await login(sandbox, "i.com")).resource_url, "https://api.minimaxi.com/anthropic");
});

Deno.test("minimax refresh rotates, and reuse revokes the whole family", async () => {
  const { sandbox } = testSandbox();
  const first = await login(sandbox);
  const second = await (await refresh(sandbox, first.refresh_token)).json();
  assertEquals(second.status, "success");
  assert(second.refresh_token !== first.refresh_token);
  const [status, body] = await statusAndJson(await refresh(sandbox, first.refresh_token));
  assertEquals([status, body.error], [400, "refresh_token_reused"]);
  const after = await statusAndJson(await refresh(sandbox, second.refresh_token));
  assertEquals([after[0], after[1].error], [400, "invalid_grant"]);
  assertEquals(
    [sandbox.counters.refreshes, sandbox.counters.reuses, sandbox.counters.revocations],
    [1, 1, 1],
  );
});

Deno.test("minimax refresh: of two at once with one token, one is a reuse", async () => {
  const { sandbox } = testSandbox();
  const { refresh_token } = await login(sandbox);
  const bodies = await Promise.all(
    [refresh(sandbox, refresh_token), refresh(sandbox, refresh_token)]
      .map(async (response) => (await (await response).json()) as Json),
  );
  assertEquals(bodies.map((body) => body.status ?? body.error).sort(), [
    "refresh_token_reused",
    "success",
  ]);
});

const REFRESH_REFUSALS = [
  { name: "refresh_token missing", fields: { refresh_token: undefined }, error: "invalid_request" },
  { name: "refresh_token unknown", fields: { refresh_token: "x" }, error: "invalid_grant" },
  {
    name: "client_id of another client",
    fields: { client_id: CODING_PLAN_CLIENT },
    error: "invalid_grant",
  },
  { name: "client_id missing", fields: { client_id: undefined }, error: "invalid_request" },
];
for (const { name, fields, error } of REFRESH_REFUSALS) {
  Deno.test(`minimax refresh is refused, and spends nothing: ${name}`, async () => {
    const { sandbox } = testSandbox();
    const { refresh_token } = await login(sandbox);
    const [status, body] = await statusAndJson(
      await refresh(sandbox, refresh_token, TOKEN_URL, fields),
    );
    assertEquals([status, body.error], [400, error]);
    assertEquals((await (await refresh(sandbox, refresh_token)).json()).status, "success");
  });
}

const DEAD = [
  { quirks: { deadError: "invalid_grant" }, status: 400, error: "invalid_grant" },
  { quirks: { deadError: "refresh_token_reused" }, status: 400, error: "refresh_token_reused" },
  { quirks: { deadError: "invalid_refresh_token" }, status: 400, error: "invalid_refresh_token" },
  { quirks: { deadShape: "rfc6749" }, status: 400, error: "refresh_token_reused" },
] as const;
for (const { quirks, status, error } of DEAD) {
  Deno.test(`minimax dead refresh token with ${JSON.stringify(quirks)}`, async () => {
    const { sandbox } = testSandbox({ quirks });
    const { refresh_token } = await login(sandbox);
    await (await refresh(sandbox, refresh_token)).body?.cancel();
    const [actual, body] = await statusAndJson(await refresh(sandbox, refresh_token));
    assertEquals([actual, body.error], [status, error]);
  });
}

Deno.test("minimax dead refresh token under HTTP 200: status, base_resp", async () => {
  const { sandbox } = testSandbox({ quirks: { deadShape: "status" } });
  assertEquals(await statusAndJson(await refresh(sandbox, "x")), [200, {
    status: "error",
    error: "invalid_grant",
    error_description: "the refresh token is not valid",
  }]);
  sandbox.setQuirks({ deadShape: "base_resp" });
  assertEquals(await statusAndJson(await refresh(sandbox, "x")), [200, {
    base_resp: { status_code: 1004, status_msg: "invalid_grant" },
  }]);
});

Deno.test("minimax refresh with reuse 'refuse' keeps the family", async () => {
  const { sandbox } = testSandbox({ quirks: { reuse: "refuse" } });
  const first = await login(sandbox);
  const second = await (await refresh(sandbox, first.refresh_token)).json();
  assertEquals(
    (await (await refresh(sandbox, first.refresh_token)).json()).error,
    "refresh_token_reused",
  );
  assertEquals((await (await refresh(sandbox, second.refresh_token)).json()).status, "success");
  assertEquals([sandbox.counters.reuses, sandbox.counters.revocations], [1, 0]);
});

Deno.test("minimax refresh with a grace period honours a spent token until it ends", async () => {
  const { sandbox, clock } = testSandbox({ quirks: { reuseGraceMs: 10_000 } });
  const { refresh_token } = await login(sandbox);
  await (await refresh(sandbox, refresh_token)).body?.cancel();
  clock.now += 9_999;
  const salvaged = await (await refresh(sandbox, refresh_token)).json();
  assertEquals(salvaged.status, "success");
  assertEquals([sandbox.counters.refreshes, sandbox.counters.graceRefreshes], [1, 1]);
  clock.now += 1;
  assertEquals(
    (await (await refresh(sandbox, refresh_token)).json()).error,
    "refresh_token_reused",
  );
});

for (const rotation of ["omit", "repeat"] as const) {
  Deno.test(`minimax refresh with rotation ${rotation} spends nothing`, async () => {
    const { sandbox } = testSandbox({ quirks: { rotation } });
    const { refresh_token } = await login(sandbox);
    for (let i = 0; i < 2; i++) {
      const tokens = await (await refresh(sandbox, refresh_token)).json();
      assertEquals(tokens.refresh_token, rotation === "omit" ? undefined : refresh_token);
      assertEquals(tokens.status, "success");
    }
    assertEquals([sandbox.counters.refreshes, sandbox.counters.reuses], [2, 0]);
  });
}

const FAILURES: { failure: SandboxFailure; status: number; body: RegExp; type?: RegExp }[] = [
  { failure: "status_500", status: 500, body: /^\{"error":"server_error"\}$/ },
  { failure: "html_502", status: 502, body: /^<!DOCTYPE html>/, type: /^text\/html/ },
  { failure: "status_503", status: 503, body: /^$/ },
  { failure: "status_429", status: 429, body: /too_many_requests/ },
  { failure: "status_408", status: 408, body: /^$/ },
  { failure: "status_403", status: 403, body: /Forbidden/ },
  { failure: "empty", status: 200, body: /^$/ },
  { failure: "html", status: 200, body: /^<!DOCTYPE html>/, type: /^text\/html/ },
  { failure: "not_json", status: 200, body: /^temporarily unavailable$/ },
  { failure: "truncated_json", status: 200, body: /^\{"status":"success","access_tok$/ },
  { failure: "oversized", status: 200, body: /^\{"status":"success","padding":"x{2097152}"\}$/ },
  { failure: "oversized_500", status: 500, body: /^x{2097152}$/ },
];
for (const { failure, status, body, type } of FAILURES) {
  Deno.test(`failNext answers ${failure} before, loseNext after processing`, async () => {
    const { sandbox } = testSandbox();
    const { refresh_token } = await login(sandbox);
    sandbox.setQuirks({ failNext: 1, failWith: failure, failOn: "refresh" });
    const failed = await refresh(sandbox, refresh_token);
    assertEquals(failed.status, status);
    if (type) assertMatch(failed.headers.get("content-type") ?? "", type);
    assertEquals(failed.headers.get("retry-after"), status === 429 ? "1" : null);
    assertMatch(await failed.text(), body);
    assertEquals(sandbox.counters.refreshes, 0);

    sandbox.setQuirks({ loseNext: 1, loseWith: failure, loseOn: "refresh" });
    const lost = await refresh(sandbox, refresh_token);
    assertEquals(lost.status, status);
    await lost.body?.cancel();
    assertEquals([sandbox.counters.refreshes, sandbox.counters.lostAnswers], [1, 1]);
    const [, again] = await statusAndJson(await refresh(sandbox, refresh_token));
    assertEquals(again.error, "refresh_token_reused");
  });
}

Deno.test("connection_lost rejects as fetch does, before or after the rotation", async () => {
  const { sandbox } = testSandbox({ autoApprove: true });
  const { refresh_token } = await login(sandbox);
  sandbox.setQuirks({ failNext: 1, failWith: "connection_lost" });
  await assertRejects(() => refresh(sandbox, refresh_token), TypeError);
  assertEquals(sandbox.counters.refreshes, 0);
  sandbox.setQuirks({ loseNext: 1 });
  await assertRejects(() => refresh(sandbox, refresh_token), TypeError);
  assertEquals(sandbox.counters.refreshes, 1);
});

Deno.test("never waits for the caller's abort, and rejects with its reason", async () => {
  const { sandbox } = testSandbox({ quirks: { failNext: 1, failWith: "never" } });
  const controller = new AbortController();
  const answer = postForm(sandbox, CODE_URL, CODE_FORM, { signal: controller.signal });
  const reason = new Error("gave up");
  controller.abort(reason);
  assertEquals(await assertRejects(() => answer), reason);
});

Deno.test("failOn and loseOn leave other requests alone", async () => {
  const { sandbox } = testSandbox({
    quirks: { failNext: 1, failOn: "refresh", loseNext: 1, loseOn: "code", loseWith: "status_500" },
  });
  assertEquals((await postForm(sandbox, CODE_URL, CODE_FORM)).status, 500);
  const { refresh_token } = await login(sandbox);
  assertEquals((await refresh(sandbox, refresh_token)).status, 503);
  assertEquals((await refresh(sandbox, refresh_token)).status, 200);
});

Deno.test("delayMs waits before each vendor answer", async () => {
  const { sandbox, waits } = testSandbox({ quirks: { delayMs: 250 } });
  await requestCode(sandbox);
  assertEquals(waits, [250]);
});
