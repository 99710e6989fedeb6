import { assert, assertEquals } from "@std/assert";
import type { Sandbox, SandboxIdToken, SandboxQuirks } from "../../../src/sandbox/mod.ts";
import { type Json, START, testSandbox } from "../support.ts";
import { AUTH, AUTHORIZE_QUERY, CLIENT_ID, decodeJwt, exchange, requestCode } from "./support.ts";

const IMPORT = {
  ES256: { name: "ECDSA", namedCurve: "P-256" },
  RS256: { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" },
} as const;
const VERIFY = {
  ES256: { name: "ECDSA", hash: "SHA-256" },
  RS256: { name: "RSASSA-PKCS1-v1_5" },
} as const;

function decodePart(part: string): Uint8Array<ArrayBuffer> {
  const text = atob(part.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(text, (char) => char.charCodeAt(0));
}

/** Whether a JWT is signed by the key that the JWKS has under its `kid`. */
async function isSigned(sandbox: Sandbox, jwt: string): Promise<boolean> {
  const [header = "", payload = "", signature = ""] = jwt.split(".");
  const { alg, kid } = JSON.parse(new TextDecoder().decode(decodePart(header)));
  const { keys } = await (await sandbox.fetch(`${AUTH}/.well-known/jwks.json`)).json();
  const jwk = keys.find((key: Json) => key.kid === kid && key.alg === alg);
  if (jwk === undefined) return false;
  const name = alg as keyof typeof IMPORT;
  const key = await crypto.subtle.importKey("jwk", jwk, IMPORT[name], false, ["verify"]);
  const signed = new TextEncoder().encode(`${header}.${payload}`);
  return await crypto.subtle.verify(VERIFY[name], key, decodePart(signature), signed);
}

async function tokensWith(
  quirks: Partial<SandboxQuirks>,
): Promise<{ sandbox: Sandbox; tokens: Json }> {
  const { sandbox } = testSandbox({ autoApprove: true, quirks });
  const code = await requestCode(sandbox);
  return { sandbox, tokens: await (await exchange(sandbox, code)).json() };
}

for (const signingAlg of ["ES256", "RS256"] as const) {
  Deno.test(`xai tokens are signed with ${signingAlg} by the key of the JWKS`, async () => {
    const { sandbox, tokens } = await tokensWith({ signingAlg });
    assert(await isSigned(sandbox, tokens.id_token));
    assert(await isSigned(sandbox, tokens.access_token));
    assert(!await isSigned(testSandbox().sandbox, tokens.id_token));
  });
}

const GOOD = {
  iss: AUTH,
  aud: CLIENT_ID,
  iat: Math.floor(START / 1000),
  exp: Math.floor(START / 1000) + 3600,
  nonce: AUTHORIZE_QUERY["nonce"],
  email: "user@sandbox.example",
  email_verified: true,
  name: "Sandbox User",
  given_name: "Sandbox",
  family_name: "User",
};

Deno.test("xai id token: claims by scope", async () => {
  const { sandbox, tokens } = await tokensWith({});
  const { sub, ...claims } = decodeJwt(tokens.id_token);
  assertEquals(claims, GOOD);
  assertEquals(sub, decodeJwt(tokens.access_token).sub);
  const code = await requestCode(sandbox, { scope: "openid", nonce: undefined });
  const bare = decodeJwt((await (await exchange(sandbox, code)).json()).id_token);
  assertEquals(Object.keys(bare).toSorted(), ["aud", "exp", "iat", "iss", "sub"]);
});

const FAULTS: { idToken: SandboxIdToken; signed: boolean; claims: Json; alg?: string }[] = [
  { idToken: "bad_signature", signed: false, claims: { email: "other@sandbox.example" } },
  { idToken: "alg_none", signed: false, claims: {}, alg: "none" },
  { idToken: "alg_hs256", signed: false, claims: {}, alg: "HS256" },
  { idToken: "unknown_kid", signed: false, claims: {} },
  { idToken: "no_kid", signed: false, claims: {} },
  { idToken: "other_issuer", signed: true, claims: { iss: "https://auth.x.ai.example" } },
  { idToken: "other_audience", signed: true, claims: { aud: "another-client" } },
  { idToken: "other_nonce", signed: true, claims: { nonce: "another-nonce" } },
  { idToken: "no_nonce", signed: true, claims: { nonce: undefined } },
  {
    idToken: "expired",
    signed: true,
    claims: { iat: GOOD.iat - 7200, exp: GOOD.iat - 3600 },
  },
  { idToken: "other_subject", signed: true, claims: { email: "other@sandbox.example" } },
];
for (const { idToken, signed, claims, alg = "ES256" } of FAULTS) {
  Deno.test(`xai id token with the fault ${idToken} has that fault alone`, async () => {
    const { sandbox, tokens } = await tokensWith({ idToken });
    assertEquals(await isSigned(sandbox, tokens.id_token), signed);
    const header = JSON.parse(
      new TextDecoder().decode(decodePart(tokens.id_token.split(".")[0])),
    );
    assertEquals(header.alg, alg);
    assertEquals("kid" in header, idToken !== "alg_none" && idToken !== "no_kid");
    const { sub, ...rest } = decodeJwt(tokens.id_token);
    assertEquals({ nonce: undefined, ...rest }, { ...GOOD, ...claims });
    const isSame = sub === decodeJwt(tokens.access_token).sub;
    assertEquals(isSame, idToken !== "other_subject");
    assert(await isSigned(sandbox, tokens.access_token));
  });
}

Deno.test("xai id token can be no JWT at all", async () => {
  assertEquals((await tokensWith({ idToken: "garbage" })).tokens.id_token, "not.a.jwt");
});
