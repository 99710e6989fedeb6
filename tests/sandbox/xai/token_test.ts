import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import type { SandboxFailure, SandboxQuirks } from "../../../src/sandbox/mod.ts";
import { CHALLENGE, type Json, postForm, START, testSandbox, VERIFIER } from "../support.ts";
import {
  CLIENT_ID,
  decodeJwt,
  exchange,
  login,
  refresh,
  requestCode,
  REVOKE_URL,
  SCOPE,
  TOKEN_URL,
  USERINFO_URL,
} from "./support.ts";

async function statusAndJson(response: Response): Promise<[number, Json]> {
  return [response.status, await response.json()];
}

Deno.test("xai code exchange: a token set, once", async () => {
  const { sandbox } = testSandbox({ autoApprove: true });
  const code = await requestCode(sandbox);
  const response = await exchange(sandbox, code);
  assertEquals([response.status, response.headers.get("cache-control")], [200, "no-store"]);
  const tokens = await response.json();
  assertEquals(Object.keys(tokens).toSorted(), [
    "access_token",
    "expires_in",
    "id_token",
    "refresh_token",
    "scope",
    "token_type",
  ]);
  assertEquals([tokens.token_type, tokens.expires_in, tokens.scope], ["Bearer", 900, SCOPE]);
  assertMatch(tokens.refresh_token, /^sbx_rt_/);
  const { sub, jti, principal_id, ...claims } = decodeJwt(tokens.access_token);
  assertEquals(principal_id, sub);
  assertMatch(jti, /^[0-9a-f-]{36}$/);
  assertEquals(claims, {
    iss: "https://auth.x.ai",
    aud: "https://api.x.ai",
    iat: Math.floor(START / 1000),
    exp: Math.floor((START + 900_000) / 1000),
    client_id: CLIENT_ID,
    scope: SCOPE,
    principal_type: "User",
  });
});

Deno.test("xai code exchange: a code that comes again ends what it gave", async () => {
  const { sandbox } = testSandbox({ autoApprove: true });
  const code = await requestCode(sandbox);
  const tokens = await (await exchange(sandbox, code)).json();
  const [status, body] = await statusAndJson(await exchange(sandbox, code));
  assertEquals([status, body.error], [400, "invalid_grant"]);
  const dead = await (await refresh(sandbox, tokens.refresh_token)).json();
  assertEquals(dead.error_description, "Refresh token has been revoked");
});

Deno.test("xai code exchange: of two at once one wins, and its grant is void", async () => {
  const { sandbox } = testSandbox({ autoApprove: true });
  const code = await requestCode(sandbox);
  const answers = await Promise.all([exchange(sandbox, code), exchange(sandbox, code)]);
  assertEquals(answers.map(({ status }) => status).toSorted(), [200, 400]);
  for (const answer of answers) await answer.body?.cancel();
  assertEquals(sandbox.state.grants.map(({ revoked }) => revoked), [true]);
});

const EXCHANGE_REFUSALS: {
  name: string;
  fields: Record<string, string | undefined>;
  quirks?: Partial<SandboxQuirks>;
  error: string;
  text?: string;
}[] = [
  { name: "no client", fields: { client_id: undefined }, error: "invalid_request" },
  { name: "an unknown client", fields: { client_id: "x" }, error: "invalid_client" },
  { name: "no code", fields: { code: undefined }, error: "invalid_request" },
  { name: "an unknown code", fields: { code: "sbx_ac_x" }, error: "invalid_grant" },
  { name: "no redirect URI", fields: { redirect_uri: undefined }, error: "invalid_request" },
  {
    name: "another redirect URI",
    fields: { redirect_uri: "http://127.0.0.1:56122/callback" },
    error: "invalid_grant",
  },
  { name: "no verifier", fields: { code_verifier: undefined }, error: "invalid_request" },
  { name: "an empty verifier", fields: { code_verifier: "" }, error: "invalid_request" },
  {
    name: "a short verifier",
    fields: { code_verifier: VERIFIER.slice(1) },
    error: "invalid_request",
  },
  { name: "another verifier", fields: { code_verifier: `${VERIFIER}x` }, error: "invalid_grant" },
  {
    name: "another challenge",
    fields: { code_challenge: CHALLENGE.replace("E", "F"), code_challenge_method: "S256" },
    error: "invalid_grant",
  },
  {
    name: "a challenge without its method",
    fields: { code_challenge: CHALLENGE },
    error: "invalid_request",
    text: "code_challenge_method must be S256",
  },
  {
    name: "no challenge where it is required",
    fields: {},
    quirks: { challengeEcho: "required" },
    error: "invalid_request",
    text: "code_challenge is required",
  },
  { name: "no grant type", fields: { grant_type: undefined }, error: "invalid_request" },
  {
    name: "an unknown grant type",
    fields: { grant_type: "password" },
    error: "unsupported_grant_type",
  },
];
for (const { name, fields, quirks = {}, error, text } of EXCHANGE_REFUSALS) {
  Deno.test(`xai code exchange with ${name} is refused, and the code stays good`, async () => {
    const { sandbox } = testSandbox({ autoApprove: true, quirks });
    const code = await requestCode(sandbox);
    const [status, body] = await statusAndJson(await exchange(sandbox, code, fields));
    assertEquals([status, body.error], [error === "invalid_client" ? 401 : 400, error]);
    if (text !== undefined) assertEquals(body.error_description, text);
    const echo = { code_challenge: CHALLENGE, code_challenge_method: "S256" };
    const good = await exchange(sandbox, code, echo);
    assertEquals(good.status, 200);
    await good.body?.cancel();
  });
}

Deno.test("xai code exchange: a code expires after five minutes", async () => {
  const { sandbox, clock } = testSandbox({ autoApprove: true });
  const code = await requestCode(sandbox);
  clock.now += 300_000;
  const [status, body] = await statusAndJson(await exchange(sandbox, code));
  assertEquals([status, body.error_description], [400, "Authorization code has expired"]);
});

Deno.test("xai token request: a body that is no form, and a repeated field", async () => {
  const { sandbox } = testSandbox();
  const json = await sandbox.fetch(TOKEN_URL, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ client_id: CLIENT_ID }),
  });
  assertEquals((await json.json()).error_description, "client_id is required");
  const body = new URLSearchParams([["client_id", CLIENT_ID], ["client_id", CLIENT_ID]]);
  const repeated = await sandbox.fetch(TOKEN_URL, { method: "POST", body });
  assertEquals((await repeated.json()).error_description, "client_id is repeated");
});

Deno.test("xai: without offline_access no refresh token, without openid no id token", async () => {
  const { sandbox } = testSandbox();
  const tokens = await login(sandbox, { scope: "api:access" });
  assertEquals(Object.keys(tokens).toSorted(), [
    "access_token",
    "expires_in",
    "scope",
    "token_type",
  ]);
});

const TOKEN_QUIRKS: { quirks: Partial<SandboxQuirks>; field: string; value: unknown }[] = [
  { quirks: { expiresIn: "missing" }, field: "expires_in", value: undefined },
  { quirks: { expiresIn: "null" }, field: "expires_in", value: null },
  { quirks: { expiresIn: "string" }, field: "expires_in", value: "900" },
  { quirks: { expiresIn: "zero" }, field: "expires_in", value: 0 },
  { quirks: { expiresIn: "negative" }, field: "expires_in", value: -1 },
  { quirks: { expiresIn: "huge" }, field: "expires_in", value: 1e308 },
  { quirks: { tokenType: "missing" }, field: "token_type", value: undefined },
  { quirks: { tokenType: "bearer" }, field: "token_type", value: "bearer" },
  { quirks: { tokenMissing: "access_token" }, field: "access_token", value: undefined },
  { quirks: { tokenMissing: "refresh_token" }, field: "refresh_token", value: undefined },
  { quirks: { idToken: "missing" }, field: "id_token", value: undefined },
  { quirks: { principalType: "Team" }, field: "id_token", value: undefined },
];
for (const { quirks, field, value } of TOKEN_QUIRKS) {
  Deno.test(`xai token answer with ${JSON.stringify(quirks)}`, async () => {
    const tokens = await login(testSandbox({ quirks }).sandbox);
    assertEquals(tokens[field], value);
    assertEquals(field in tokens, value !== undefined);
  });
}

Deno.test("xai access token of a Team names the team", async () => {
  const { sandbox } = testSandbox({ quirks: { principalType: "Team" } });
  const claims = decodeJwt((await login(sandbox)).access_token);
  assertEquals([claims.principal_type, claims.principal_id], ["Team", claims.team_id]);
  assert(claims.team_id !== claims.sub);
});

Deno.test("xai refresh: rotates, and a spent token ends the family", async () => {
  const { sandbox } = testSandbox();
  const first = await login(sandbox);
  const second = await (await refresh(sandbox, first.refresh_token)).json();
  assert(second.refresh_token !== first.refresh_token);
  assert(second.access_token !== first.access_token);
  assert(!("id_token" in second));
  const reused = await (await refresh(sandbox, first.refresh_token)).json();
  assertEquals(reused, {
    error: "invalid_grant",
    error_description: "Refresh token has been revoked",
  });
  assertEquals(
    (await (await refresh(sandbox, second.refresh_token)).json()).error,
    "invalid_grant",
  );
  assertEquals([sandbox.counters.reuses, sandbox.counters.revocations], [1, 1]);
  assertEquals(sandbox.counters.refreshes, 1);
});

Deno.test("xai refresh: of many at once exactly one is first", async () => {
  const { sandbox } = testSandbox();
  const { refresh_token } = await login(sandbox);
  const answers = await Promise.all(
    Array.from({ length: 8 }, async () => (await refresh(sandbox, refresh_token)).status),
  );
  assertEquals(answers.filter((status) => status === 200).length, 1);
});

const ROTATIONS: { quirks: Partial<SandboxQuirks>; kept: unknown }[] = [
  { quirks: { rotation: "omit" }, kept: undefined },
  { quirks: { rotation: "repeat" }, kept: true },
];
for (const { quirks, kept } of ROTATIONS) {
  Deno.test(`xai refresh with ${JSON.stringify(quirks)} spends nothing`, async () => {
    const { sandbox } = testSandbox({ quirks });
    const { refresh_token } = await login(sandbox);
    for (let round = 0; round < 2; round++) {
      const body = await (await refresh(sandbox, refresh_token)).json();
      assertEquals(body.refresh_token, kept && refresh_token);
    }
  });
}

Deno.test("xai refresh: grace, reuse without revocation, id token, ended access", async () => {
  const { sandbox, clock } = testSandbox({
    quirks: {
      reuseGraceMs: 1000,
      reuse: "refuse",
      idTokenOnRefresh: true,
      rotationEndsAccess: true,
    },
  });
  const first = await login(sandbox);
  const second = await (await refresh(sandbox, first.refresh_token)).json();
  assert("id_token" in second);
  const userinfo = (token: string) =>
    sandbox.fetch(USERINFO_URL, { headers: { authorization: `Bearer ${token}` } });
  assertEquals((await userinfo(first.access_token)).status, 401);
  assertEquals((await refresh(sandbox, first.refresh_token)).status, 200);
  clock.now += 1000;
  assertEquals((await refresh(sandbox, first.refresh_token)).status, 400);
  assertEquals((await refresh(sandbox, second.refresh_token)).status, 200);
});

const DEAD: { quirk: SandboxQuirks["refreshRefusal"]; status: number; body: unknown }[] = [
  {
    quirk: "rfc6749",
    status: 400,
    body: { error: "invalid_grant", error_description: "Refresh token not found or invalid" },
  },
  {
    quirk: "rfc6749_401",
    status: 401,
    body: { error: "invalid_grant", error_description: "Refresh token not found or invalid" },
  },
  {
    quirk: "nested",
    status: 400,
    body: { error: { code: "invalid_grant", message: "Refresh token not found or invalid" } },
  },
  {
    quirk: "flat",
    status: 400,
    body: { code: "invalid-argument", error: "Refresh token not found or invalid" },
  },
];
for (const { quirk, status, body } of DEAD) {
  Deno.test(`xai refresh with refreshRefusal ${quirk}`, async () => {
    const { sandbox } = testSandbox({ quirks: { refreshRefusal: quirk } });
    assertEquals<unknown>(await statusAndJson(await refresh(sandbox, "gone")), [status, body]);
  });
}
Deno.test("xai refresh with refreshRefusal empty", async () => {
  const { sandbox } = testSandbox({ quirks: { refreshRefusal: "empty" } });
  const response = await refresh(sandbox, "gone");
  assertEquals([response.status, await response.text()], [400, ""]);
});

const FAILURES: { failWith: SandboxFailure; status: number; body: string }[] = [
  { failWith: "challenge_403", status: 403, body: "<html>" },
  { failWith: "challenge_503", status: 503, body: "<html>" },
  { failWith: "html_520", status: 520, body: "<html>" },
  { failWith: "status_400", status: 400, body: "" },
  { failWith: "status_401", status: 401, body: "Unauthorized" },
  { failWith: "invalid_grant", status: 400, body: '"error":"invalid_grant"' },
  { failWith: "invalid_client", status: 401, body: "invalid_client" },
  { failWith: "temporarily_unavailable", status: 400, body: "temporarily_unavailable" },
  { failWith: "nested_error", status: 400, body: '"error":{' },
  { failWith: "empty_object", status: 200, body: "{}" },
  { failWith: "json_array", status: 200, body: "[]" },
];
for (const { failWith, status, body } of FAILURES) {
  Deno.test(`xai refresh that fails with ${failWith} spends nothing`, async () => {
    const { sandbox } = testSandbox();
    const { refresh_token } = await login(sandbox);
    sandbox.setQuirks({ failNext: 1, failOn: "refresh", failWith });
    const response = await refresh(sandbox, refresh_token);
    assertEquals(response.status, status);
    assertEquals(
      response.headers.get("cf-mitigated"),
      /^challenge/.test(failWith) ? "challenge" : null,
    );
    assertStringIncludes(await response.text(), body);
    assertEquals((await refresh(sandbox, refresh_token)).status, 200);
  });
}

Deno.test("xai refresh whose answer is lost has spent the token", async () => {
  const { sandbox } = testSandbox();
  const { refresh_token } = await login(sandbox);
  sandbox.setQuirks({ loseNext: 1, loseOn: "refresh", loseWith: "html_502" });
  assertEquals((await refresh(sandbox, refresh_token)).status, 502);
  assertEquals((await (await refresh(sandbox, refresh_token)).json()).error, "invalid_grant");
  assertEquals(sandbox.counters.lostAnswers, 1);
});

const GATES = [
  { tierGate: "exchange", login: 403, refresh: 200 },
  { tierGate: "refresh", login: 200, refresh: 403 },
  { tierGate: "both", login: 403, refresh: 403 },
] as const;
for (const gate of GATES) {
  Deno.test(`xai tierGate ${gate.tierGate} answers 403 JSON and spends nothing`, async () => {
    const { sandbox } = testSandbox({ autoApprove: true });
    const { refresh_token } = await login(sandbox);
    const code = await requestCode(sandbox);
    sandbox.setQuirks({ tierGate: gate.tierGate });
    const exchanged = await exchange(sandbox, code);
    assertEquals(exchanged.status, gate.login);
    const refreshed = await refresh(sandbox, refresh_token);
    assertEquals(refreshed.status, gate.refresh);
    for (const response of [exchanged, refreshed]) {
      const body = await response.json();
      if (response.status === 403) assertStringIncludes(body.code, "does not have permission");
    }
    sandbox.setQuirks({ tierGate: "none" });
    if (gate.login === 403) assertEquals((await exchange(sandbox, code)).status, 200);
    if (gate.refresh === 403) assertEquals((await refresh(sandbox, refresh_token)).status, 200);
  });
}

Deno.test("xai userAgentRequired: the edge turns away who does not say a name", async () => {
  const { sandbox } = testSandbox({ quirks: { userAgentRequired: true } });
  const fields = { grant_type: "refresh_token", client_id: CLIENT_ID, refresh_token: "x" };
  const nameless = await postForm(sandbox, TOKEN_URL, fields);
  assertEquals([nameless.status, nameless.headers.get("cf-mitigated")], [403, "challenge"]);
  await nameless.body?.cancel();
  const named = await postForm(sandbox, TOKEN_URL, fields, {
    headers: { "user-agent": "grantway" },
  });
  assertEquals((await named.json()).error, "invalid_grant");
});

Deno.test("xai singleGrant: a login ends the earlier one of its account", async () => {
  const { sandbox } = testSandbox();
  const first = await login(sandbox);
  sandbox.setQuirks({ account: "bob@sandbox.example" });
  const other = await login(sandbox);
  sandbox.setQuirks({ account: "user@sandbox.example", singleGrant: true });
  const second = await login(sandbox);
  assertEquals((await (await refresh(sandbox, first.refresh_token)).json()).error, "invalid_grant");
  assertEquals((await refresh(sandbox, other.refresh_token)).status, 200);
  assertEquals((await refresh(sandbox, second.refresh_token)).status, 200);
});

Deno.test("xai userinfo: who the account is, for a good token alone", async () => {
  const { sandbox } = testSandbox({ quirks: { account: "ann@sandbox.example" } });
  const { access_token } = await login(sandbox);
  const ask = (headers: Record<string, string>) => sandbox.fetch(USERINFO_URL, { headers });
  const info = await (await ask({ authorization: `Bearer ${access_token}` })).json();
  assertEquals(info.email, "ann@sandbox.example");
  assertEquals(info.sub, decodeJwt(access_token).sub);
  const nobody = await ask({});
  assertEquals([nobody.status, nobody.headers.get("www-authenticate")], [401, "Bearer"]);
  const forged = await ask({ authorization: `Bearer ${access_token}x` });
  assertEquals(forged.headers.get("www-authenticate"), 'Bearer error="invalid_token"');
});

const REVOCATIONS = [
  { token: "refresh_token", refreshes: 400, access: 401 },
  { token: "access_token", refreshes: 200, access: 401 },
] as const;
for (const { token, refreshes, access } of REVOCATIONS) {
  Deno.test(`xai revocation of the ${token}`, async () => {
    const { sandbox } = testSandbox();
    const tokens = await login(sandbox);
    const other = await login(sandbox);
    const revoked = await postForm(sandbox, REVOKE_URL, {
      client_id: CLIENT_ID,
      token: tokens[token],
    });
    assertEquals([revoked.status, await revoked.text()], [200, ""]);
    const headers = { authorization: `Bearer ${tokens.access_token}` };
    assertEquals((await sandbox.fetch(USERINFO_URL, { headers })).status, access);
    assertEquals((await refresh(sandbox, tokens.refresh_token)).status, refreshes);
    assertEquals((await refresh(sandbox, other.refresh_token)).status, 200);
  });
}

const REVOCATION_ANSWERS: {
  name: string;
  fields: Record<string, string>;
  status: number;
  quirks?: Partial<SandboxQuirks>;
}[] = [
  { name: "an unknown token", fields: { client_id: CLIENT_ID, token: "x" }, status: 200 },
  { name: "no token", fields: { client_id: CLIENT_ID }, status: 400 },
  { name: "an unknown client", fields: { client_id: "x", token: "x" }, status: 401 },
  {
    name: "no endpoint",
    fields: { client_id: CLIENT_ID, token: "x" },
    status: 404,
    quirks: { revocation: "absent" },
  },
  {
    name: "a failing server",
    fields: { client_id: CLIENT_ID, token: "x" },
    status: 503,
    quirks: { failNext: 1, failOn: "revoke" },
  },
];
for (const { name, fields, status, quirks = {} } of REVOCATION_ANSWERS) {
  Deno.test(`xai revocation with ${name} answers ${status}`, async () => {
    const { sandbox } = testSandbox({ quirks });
    const response = await postForm(sandbox, REVOKE_URL, fields);
    assertEquals(response.status, status);
    await response.body?.cancel();
  });
}

Deno.test("xai state: logins, codes, keys and grants outlive a restart", async () => {
  const { sandbox, clock } = testSandbox({ autoApprove: true });
  const tokens = await login(sandbox);
  const code = await requestCode(sandbox);
  const state = JSON.parse(JSON.stringify(sandbox.state));
  for (const secret of [code, tokens.refresh_token, tokens.access_token]) {
    assert(!JSON.stringify(state).includes(secret));
  }
  const restarted = testSandbox({ state, now: () => clock.now }).sandbox;
  assertEquals((await exchange(restarted, code)).status, 200);
  assertEquals((await refresh(restarted, tokens.refresh_token)).status, 200);
  // A state from before there were keys.
  const { keys: _keys, ...old } = state;
  const older = testSandbox({ state: old, now: () => clock.now }).sandbox;
  assertEquals((await refresh(older, tokens.refresh_token)).status, 200);
});
