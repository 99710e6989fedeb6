import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { SandboxQuirks } from "../../../src/sandbox/mod.ts";
import { type Json, testSandbox } from "../support.ts";
import { AUTH, DISCOVERY_URL } from "./support.ts";

async function discover(
  quirks: Partial<SandboxQuirks> = {},
  url: string = DISCOVERY_URL,
): Promise<Json> {
  return await (await testSandbox({ quirks }).sandbox.fetch(url)).json();
}

Deno.test("xai discovery: all endpoints on the issuer's host", async () => {
  const document = await discover();
  assertEquals(document.issuer, AUTH);
  assertEquals(document.authorization_endpoint, `${AUTH}/oauth2/authorize`);
  assertEquals(document.token_endpoint, `${AUTH}/oauth2/token`);
  assertEquals(document.device_authorization_endpoint, `${AUTH}/oauth2/device/code`);
  assertEquals(document.userinfo_endpoint, `${AUTH}/oauth2/userinfo`);
  assertEquals(document.revocation_endpoint, `${AUTH}/oauth2/revoke`);
  assertEquals(document.jwks_uri, `${AUTH}/.well-known/jwks.json`);
  assertEquals(document.code_challenge_methods_supported, ["S256"]);
  assertEquals(document.token_endpoint_auth_methods_supported, ["none"]);
  assertEquals(document.id_token_signing_alg_values_supported, ["ES256"]);
  assert(!("authorization_response_iss_parameter_supported" in document));
});

Deno.test("xai discovery: below a loopback origin every URL stays below it", async () => {
  const origin = "http://127.0.0.1:8700";
  const document = await discover({}, `${origin}/auth.x.ai/.well-known/openid-configuration`);
  assertEquals(document.issuer, `${origin}/auth.x.ai`);
  const urls = Object.entries<Json>(document).filter(([name]) => /_endpoint$|_uri$/.test(name));
  assertEquals(urls.length, 6);
  for (const [name, url] of urls) assert(url.startsWith(`${origin}/auth.x.ai/`), name);
});

const DOCUMENTS: { quirks: Partial<SandboxQuirks>; field: string; value: unknown }[] = [
  {
    quirks: { discovery: "no_device_endpoint" },
    field: "device_authorization_endpoint",
    value: undefined,
  },
  { quirks: { discovery: "no_token_endpoint" }, field: "token_endpoint", value: undefined },
  { quirks: { discovery: "no_jwks" }, field: "jwks_uri", value: undefined },
  {
    quirks: { discovery: "retired_token_endpoint" },
    field: "token_endpoint",
    value: `${AUTH}/oauth/token`,
  },
  {
    quirks: { discovery: "foreign_token_endpoint" },
    field: "token_endpoint",
    value: "https://auth.x.ai.example/oauth2/token",
  },
  {
    quirks: { discovery: "foreign_authorization_endpoint" },
    field: "authorization_endpoint",
    value: "https://auth.x.ai.example/oauth2/authorize",
  },
  {
    quirks: { discovery: "foreign_device_endpoint" },
    field: "device_authorization_endpoint",
    value: "https://auth.x.ai.example/oauth2/device/code",
  },
  {
    quirks: { discovery: "http_token_endpoint" },
    field: "token_endpoint",
    value: "http://auth.x.ai/oauth2/token",
  },
  {
    quirks: { discovery: "other_issuer" },
    field: "issuer",
    value: "https://auth.x.ai.example",
  },
  { quirks: { revocation: "absent" }, field: "revocation_endpoint", value: undefined },
  {
    quirks: { signingAlg: "RS256" },
    field: "id_token_signing_alg_values_supported",
    value: ["RS256"],
  },
  ...(["on", "missing", "wrong"] as const).map((issParameter) => ({
    quirks: { issParameter },
    field: "authorization_response_iss_parameter_supported",
    value: true,
  })),
  {
    quirks: { issParameter: "unannounced" },
    field: "authorization_response_iss_parameter_supported",
    value: undefined,
  },
];
for (const { quirks, field, value } of DOCUMENTS) {
  Deno.test(`xai discovery with ${JSON.stringify(quirks)}`, async () => {
    const document = await discover(quirks);
    assertEquals(document[field], value);
    assertEquals(field in document, value !== undefined);
  });
}

Deno.test("xai discovery can fail like any request", async () => {
  const { sandbox } = testSandbox({
    quirks: { failNext: 1, failOn: "discovery", failWith: "challenge_503" },
  });
  const failed = await sandbox.fetch(DISCOVERY_URL);
  assertEquals([failed.status, failed.headers.get("cf-mitigated")], [503, "challenge"]);
  await failed.body?.cancel();
  assertEquals((await (await sandbox.fetch(DISCOVERY_URL)).json()).issuer, AUTH);
});

Deno.test("xai: the retired token endpoint answers 403 and HTML, whatever is asked", async () => {
  for (const method of ["GET", "POST"]) {
    const response = await testSandbox().sandbox.fetch(`${AUTH}/oauth/token`, { method });
    assertEquals(response.status, 403);
    assertStringIncludes(response.headers.get("content-type") ?? "", "text/html");
    assertStringIncludes(await response.text(), "<html>");
  }
});

Deno.test("xai JWKS: one public key per sandbox, the same after a restart", async () => {
  const { sandbox } = testSandbox();
  const keysOf = async (of: typeof sandbox): Promise<Json[]> =>
    (await (await of.fetch(`${AUTH}/.well-known/jwks.json`)).json()).keys;
  const keys = await keysOf(sandbox);
  assertEquals(keys.length, 1);
  assertEquals(Object.keys(keys[0]).toSorted(), ["alg", "crv", "kid", "kty", "use", "x", "y"]);
  const restarted = testSandbox({ state: sandbox.state }).sandbox;
  assertEquals(await keysOf(restarted), keys);
  const other = await keysOf(testSandbox().sandbox);
  assert(other[0].kid !== keys[0].kid);
});
