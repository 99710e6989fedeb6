// oauth.md 2.2, 2.5, 8.4 (RFC 9207); faults L02-L04, L15, L16, X08.

import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { OAuthError } from "../../src/core/errors.ts";
import {
  type AuthorizationCodeClient,
  createAuthorizationUrl,
  exchangeAuthorizationCode,
  readAuthorizationResponse,
} from "../../src/oauth/authorization_code.ts";
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

const CODE_CLIENT: AuthorizationCodeClient = {
  ...CLIENT,
  authorizationEndpoint: new URL("https://auth.example/authorize?tenant=7"),
  issuer: "https://auth.example",
  scopes: ["openid", "offline_access"],
  parameters: { plan: "generic", state: "fixed", code_challenge_method: "plain" },
  entitlement: { status: 403, hint: "Look at your plan" },
};
const ATTEMPT = {
  redirectUri: "http://127.0.0.1:56121/callback",
  verifier: "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
  state: "state-canary",
  nonce: "nonce-1",
};
const CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

Deno.test("createAuthorizationUrl() carries the attempt; S256 cannot be talked down", async () => {
  const url = await createAuthorizationUrl(CODE_CLIENT, ATTEMPT);
  assertEquals(url.origin + url.pathname, "https://auth.example/authorize");
  assertEquals(Object.fromEntries(url.searchParams), {
    tenant: "7",
    plan: "generic",
    response_type: "code",
    client_id: "client-1",
    redirect_uri: "http://127.0.0.1:56121/callback",
    scope: "openid offline_access",
    code_challenge: CHALLENGE,
    code_challenge_method: "S256",
    state: "state-canary",
    nonce: "nonce-1",
  });
  assert(!url.href.includes(ATTEMPT.verifier));
  assertEquals(CODE_CLIENT.authorizationEndpoint.search, "?tenant=7");
});

Deno.test("createAuthorizationUrl() refuses an empty verifier", async () => {
  await assertRejects(
    () => createAuthorizationUrl(CODE_CLIENT, { ...ATTEMPT, verifier: "" }),
    TypeError,
  );
});

const S = "state=state-canary";
const RESPONSES: {
  name: string;
  query: string;
  kind: string;
  reason?: string;
  code?: string;
  namesIssuer?: boolean;
}[] = [
  { name: "a code", query: `code=c1&${S}`, kind: "code", code: "c1" },
  { name: "a padded code", query: `code=%20c1%0A&${S}`, kind: "code", code: "c1" },
  {
    name: "a code from the issuer",
    query: `code=c1&${S}&iss=https://auth.example`,
    kind: "code",
    code: "c1",
  },
  {
    name: "a code from the issuer that must name itself",
    query: `code=c1&${S}&iss=https://auth.example`,
    namesIssuer: true,
    kind: "code",
    code: "c1",
  },
  {
    name: "unknown parameters",
    query: `code=c1&${S}&session_state=a&session_state=b`,
    kind: "code",
    code: "c1",
  },
  { name: "nothing", query: "", kind: "unrelated", reason: "empty" },
  { name: "a state alone", query: S, kind: "unrelated", reason: "empty" },
  { name: "an empty code", query: `code=&${S}`, kind: "unrelated", reason: "empty" },
  { name: "a code without state", query: "code=c1", kind: "unrelated", reason: "state" },
  { name: "an empty state", query: "code=c1&state=", kind: "unrelated", reason: "state" },
  {
    name: "another state",
    query: "code=c1&state=state-canarY",
    kind: "unrelated",
    reason: "state",
  },
  {
    name: "a longer state",
    query: "code=c1&state=state-canary1",
    kind: "unrelated",
    reason: "state",
  },
  { name: "a shorter state", query: "code=c1&state=state", kind: "unrelated", reason: "state" },
  {
    name: "an error without state",
    query: "error=access_denied",
    kind: "unrelated",
    reason: "state",
  },
  { name: "two states", query: `code=c1&${S}&${S}`, kind: "unrelated", reason: "malformed" },
  { name: "two codes", query: `code=c1&code=c2&${S}`, kind: "unrelated", reason: "malformed" },
  {
    name: "two issuers",
    query: `code=c1&${S}&iss=https://auth.example&iss=x`,
    kind: "unrelated",
    reason: "malformed",
  },
  {
    name: "code and error",
    query: `code=c1&error=access_denied&${S}`,
    kind: "unrelated",
    reason: "malformed",
  },
  {
    name: "a code that is none",
    query: `code=c%00${S}&${S}`,
    kind: "unrelated",
    reason: "malformed",
  },
  {
    name: "a huge code",
    query: `code=${"c".repeat(5000)}&${S}`,
    kind: "unrelated",
    reason: "malformed",
  },
  {
    name: "another issuer",
    query: `code=c1&${S}&iss=https://evil.example`,
    kind: "refused",
    code: "invalid_response",
  },
  {
    name: "an error of another issuer",
    query: `error=x&${S}&iss=`,
    kind: "refused",
    code: "invalid_response",
  },
  {
    name: "no issuer where there must be one",
    query: `code=c1&${S}`,
    namesIssuer: true,
    kind: "refused",
    code: "invalid_response",
  },
  {
    name: "a refusal",
    query: `error=access_denied&error_description=No&${S}`,
    kind: "refused",
    code: "access_denied",
  },
  {
    name: "an unknown error",
    query: `error=constructor&${S}`,
    kind: "refused",
    code: "oauth_error",
  },
  { name: "a server error", query: `error=server_error&${S}`, kind: "refused", code: "upstream" },
];
for (const { name, query, kind, reason, code, namesIssuer } of RESPONSES) {
  Deno.test(`readAuthorizationResponse() of ${name}: ${kind} ${reason ?? code}`, () => {
    const client = { ...CODE_CLIENT, namesIssuer };
    const response = readAuthorizationResponse(client, ATTEMPT, new URLSearchParams(query));
    assertEquals(response.kind, kind as typeof response.kind);
    if (response.kind === "code") assertEquals(response.code, code);
    if (response.kind === "unrelated") assertEquals(response.reason, reason as "empty");
    if (response.kind === "refused") assertEquals(response.error.code, code as "oauth_error");
  });
}

Deno.test("readAuthorizationResponse() makes a server's words printable", () => {
  const query = new URLSearchParams({
    error: "bad\u001b]52;c;x\u0007",
    error_description: "\u202eevil\nline",
    state: ATTEMPT.state,
  });
  const response = readAuthorizationResponse(CODE_CLIENT, ATTEMPT, query);
  assert(response.kind === "refused");
  assertEquals(
    response.error.message,
    "Cannot sign in to Example: the server answered bad ]52;c;x (evil line)",
  );
});

const GOOD = { access_token: "at-1", refresh_token: "rt-1", expires_in: 3600, id_token: "a.b.c" };

for (const echoesChallenge of [true, false]) {
  Deno.test(`exchangeAuthorizationCode() sends the verifier; challenge: ${echoesChallenge}`, async () => {
    const { fetch, seen } = scriptFetch(Response.json(GOOD));
    const client = { ...CODE_CLIENT, echoesChallenge };
    const tokenSet = await exchangeAuthorizationCode(client, ATTEMPT, "c1", {
      fetch,
      now: () => 0,
    });
    assertEquals(tokenSet.refreshToken, "rt-1");
    assertEquals(tokenSet.expiresAt, 3_600_000);
    assertEquals(tokenSet.extra["id_token"], "a.b.c");
    assertEquals(seen[0]!.url, "https://auth.example/token");
    assertEquals(seen[0]!.fields, {
      grant_type: "authorization_code",
      code: "c1",
      redirect_uri: "http://127.0.0.1:56121/callback",
      client_id: "client-1",
      code_verifier: ATTEMPT.verifier,
      ...(echoesChallenge && { code_challenge: CHALLENGE, code_challenge_method: "S256" }),
    });
    assert(seen[0]!.headers.get("user-agent"));
  });
}

const FAILS: { name: string; answer: Scripted; code: string; hint?: string; says?: string }[] = [
  {
    name: "a spent code",
    answer: Response.json({ error: "invalid_grant" }, { status: 400 }),
    code: "invalid_grant",
  },
  {
    name: "an unknown client",
    answer: Response.json({ error: "invalid_client" }, { status: 401 }),
    code: "invalid_client",
  },
  {
    name: "a plan that is not let in",
    answer: Response.json({ code: "denied", error: "No permission" }, { status: 403 }),
    code: "not_entitled",
    hint: "Look at your plan",
    says: "No permission",
  },
  {
    name: "a nested refusal of a plan",
    answer: Response.json({ error: { message: "no" } }, { status: 403 }),
    code: "not_entitled",
    hint: "Look at your plan",
  },
  {
    name: "a bad code under 403",
    answer: Response.json({ error: "invalid_grant" }, { status: 403 }),
    code: "invalid_grant",
  },
  { name: "a page under 403", answer: html(403), code: "invalid_response" },
  {
    name: "a challenge of the edge",
    answer: Response.json({}, { status: 403, headers: { "cf-mitigated": "challenge" } }),
    code: "invalid_response",
  },
  {
    name: "no access token",
    answer: Response.json({ refresh_token: "rt" }),
    code: "invalid_response",
  },
  { name: "a page under 200", answer: html(200), code: "invalid_response" },
  { name: "503", answer: html(503), code: "upstream" },
  {
    name: "a foreign redirect",
    answer: redirectTo("https://evil.example/token"),
    code: "invalid_response",
  },
  { name: "no connection", answer: connectError(), code: "network" },
  { name: "a lost answer", answer: resetError(), code: "network", says: "the code may be spent" },
];
for (const { name, answer, code, hint, says } of FAILS) {
  Deno.test(`exchangeAuthorizationCode() meets ${name}: ${code}, and sends it once`, async () => {
    const { fetch, seen } = scriptFetch(answer);
    const error = await assertRejects(
      () => exchangeAuthorizationCode(CODE_CLIENT, ATTEMPT, "code-canary", { fetch }),
      OAuthError,
    );
    assertEquals([error.code, error.hint], [code as typeof error.code, hint]);
    if (says !== undefined) assertStringIncludes(error.message, says);
    assertEquals(seen.length, 1);
    assert(!error.message.includes("canary"));
  });
}

Deno.test("exchangeAuthorizationCode() has a deadline, and minds its caller's signal", async () => {
  const error = await rejection(
    exchangeAuthorizationCode(CODE_CLIENT, ATTEMPT, "c1", {
      fetch: neverFetch,
      startTimer: expiredTimer,
    }),
  ) as OAuthError;
  assertEquals([error.code, error.retryable], ["timeout", false]);
  const controller = new AbortController();
  const reason = new Error("stop");
  const pending = exchangeAuthorizationCode(CODE_CLIENT, ATTEMPT, "c1", {
    fetch: neverFetch,
    startTimer: () => () => {},
    signal: controller.signal,
  });
  const failure = rejection(pending);
  controller.abort(reason);
  assertEquals(await failure, reason);
});
