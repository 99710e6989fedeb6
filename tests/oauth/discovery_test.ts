// oauth.md 2.1, 4.6, 8.4 (RFC 8414); faults A19.

import { assertEquals, assertRejects } from "@std/assert";
import { OAuthError } from "../../src/core/errors.ts";
import type { TrustedHosts } from "../../src/core/http.ts";
import { createDiscovery } from "../../src/oauth/discovery.ts";
import {
  connectError,
  expiredTimer,
  html,
  neverFetch,
  redirectTo,
  rejection,
  type Scripted,
  scriptFetch,
} from "./support.ts";

const ISSUER = "https://auth.example";
const TRUSTED: TrustedHosts = { hosts: ["auth.example", "*.auth.example"] };
const DOCUMENT = {
  issuer: ISSUER,
  authorization_endpoint: "https://auth.example/authorize",
  token_endpoint: "https://auth.example/token",
  device_authorization_endpoint: "https://auth.example/device",
  revocation_endpoint: "https://auth.example/revoke",
  jwks_uri: "https://keys.auth.example/jwks",
  id_token_signing_alg_values_supported: ["ES256", 7],
  code_challenge_methods_supported: ["S256"],
};

function discovery(script: Scripted[], issuer = ISSUER) {
  const { fetch, seen } = scriptFetch(...script);
  let now = 1_000_000;
  const it = createDiscovery({ issuer, trustedHosts: TRUSTED, name: "Example" });
  return {
    seen,
    moveTo: (instant: number) => void (now = instant),
    get: (renew = false) => it.get({ fetch, now: () => now, renew }),
  };
}

Deno.test("createDiscovery() reads what the issuer publishes", async () => {
  const { get, seen } = discovery([Response.json(DOCUMENT)]);
  const server = await get();
  assertEquals([server.issuer, server.namesIssuer], [ISSUER, false]);
  assertEquals(server.tokenEndpoint.href, "https://auth.example/token");
  assertEquals(server.deviceAuthorizationEndpoint?.href, "https://auth.example/device");
  assertEquals(server.jwksUri?.href, "https://keys.auth.example/jwks");
  assertEquals(server.signingAlgorithms, ["ES256"]);
  assertEquals(server.challengeMethods, ["S256"]);
  assertEquals(seen.map(({ url, method, redirect }) => [method, url, redirect]), [
    ["GET", "https://auth.example/.well-known/openid-configuration", "manual"],
  ]);
  assertEquals(seen[0]!.headers.get("accept"), "application/json");
  assertEquals(seen[0]!.headers.has("content-type"), false);
});

Deno.test("createDiscovery() does without what is optional", async () => {
  const { get } = discovery([
    Response.json({
      issuer: ISSUER,
      token_endpoint: "https://auth.example/token",
      device_authorization_endpoint: null,
      authorization_response_iss_parameter_supported: true,
    }),
  ]);
  const server = await get();
  assertEquals(server.deviceAuthorizationEndpoint, undefined);
  assertEquals(server.authorizationEndpoint, undefined);
  assertEquals([server.challengeMethods, server.namesIssuer], [undefined, true]);
});

const AGES: { name: string; ageMs: number; renew?: boolean; requests: number }[] = [
  { name: "once within the hour", ageMs: 3_599_999, requests: 1 },
  { name: "again after an hour", ageMs: 3_600_000, requests: 2 },
  { name: "again when the clock was set back", ageMs: -1, requests: 2 },
  { name: "again when told to", ageMs: 0, renew: true, requests: 2 },
];
for (const { name, ageMs, renew, requests } of AGES) {
  Deno.test(`createDiscovery() asks ${name}`, async () => {
    const { get, seen, moveTo } = discovery([Response.json(DOCUMENT), Response.json(DOCUMENT)]);
    await get();
    moveTo(1_000_000 + ageMs);
    await get(renew);
    assertEquals(seen.length, requests);
  });
}

Deno.test("createDiscovery() remembers no failure", async () => {
  const { get } = discovery([html(503), Response.json(DOCUMENT)]);
  await assertRejects(() => get(), OAuthError);
  assertEquals((await get()).issuer, ISSUER);
});

Deno.test("createDiscovery() follows a redirect within the vendor's hosts", async () => {
  const { get, seen } = discovery([
    redirectTo("https://www.auth.example/metadata"),
    Response.json(DOCUMENT),
  ]);
  await get();
  assertEquals(seen.map(({ method, url }) => [method, url])[1], [
    "GET",
    "https://www.auth.example/metadata",
  ]);
});

const BAD: { name: string; answer: Scripted; code: string; issuer?: string }[] = [
  {
    name: "another issuer",
    answer: Response.json({ ...DOCUMENT, issuer: "https://x.example" }),
    code: "invalid_response",
  },
  {
    name: "the issuer with a slash",
    answer: Response.json({ ...DOCUMENT, issuer: `${ISSUER}/` }),
    code: "invalid_response",
  },
  {
    name: "no issuer",
    answer: Response.json({ ...DOCUMENT, issuer: undefined }),
    code: "invalid_response",
  },
  {
    name: "no token endpoint",
    answer: Response.json({ issuer: ISSUER }),
    code: "invalid_response",
  },
  ...[
    "https://evil.example/token",
    "https://auth.example.evil.example/token",
    "https://evilauth.example/token",
    "http://auth.example/token",
    "https://auth.example:8443/token",
    "https://user@auth.example/token",
    "//evil.example",
    "",
    7,
  ].flatMap((url) =>
    ["token_endpoint", "authorization_endpoint", "jwks_uri", "revocation_endpoint"].map((
      field,
    ) => ({
      name: `${field} ${JSON.stringify(url)}`,
      answer: Response.json({ ...DOCUMENT, [field]: url }),
      code: "invalid_response",
    }))
  ),
  { name: "a page", answer: html(200), code: "invalid_response" },
  {
    name: "JSON that calls itself HTML",
    answer: new Response(JSON.stringify(DOCUMENT), { headers: { "content-type": "text/html" } }),
    code: "invalid_response",
  },
  { name: "no JSON object", answer: Response.json([DOCUMENT]), code: "invalid_response" },
  {
    name: "a huge body",
    answer: new Response(JSON.stringify({ ...DOCUMENT, pad: "x".repeat(70_000) })),
    code: "invalid_response",
  },
  { name: "404", answer: Response.json({}, { status: 404 }), code: "invalid_response" },
  { name: "503", answer: html(503), code: "upstream" },
  {
    name: "a redirect elsewhere",
    answer: redirectTo("https://evil.example/"),
    code: "invalid_response",
  },
  {
    name: "a 302",
    answer: redirectTo("https://auth.example/other", 302),
    code: "invalid_response",
  },
  { name: "no connection", answer: connectError(), code: "network" },
  {
    name: "an issuer that is not the vendor's",
    answer: Response.json(DOCUMENT),
    issuer: "https://evil.example",
    code: "invalid_configuration",
  },
  {
    name: "an issuer over http",
    answer: Response.json(DOCUMENT),
    issuer: "http://auth.example",
    code: "invalid_configuration",
  },
];
for (const { name, answer, code, issuer } of BAD) {
  Deno.test(`createDiscovery() refuses ${name}`, async () => {
    const { get, seen } = discovery([answer], issuer);
    const error = await assertRejects(() => get(), OAuthError);
    assertEquals(error.code, code as typeof error.code);
    assertEquals(seen.length, code === "invalid_configuration" ? 0 : 1);
  });
}

Deno.test("createDiscovery() has a deadline, and minds its caller's signal", async () => {
  const it = createDiscovery({ issuer: ISSUER, trustedHosts: TRUSTED });
  const error = await rejection(it.get({ fetch: neverFetch, startTimer: expiredTimer }));
  assertEquals((error as OAuthError).code, "timeout");
  const reason = new Error("stop");
  const signal = AbortSignal.abort(reason);
  assertEquals(await rejection(it.get({ fetch: neverFetch, signal })), reason);
});
