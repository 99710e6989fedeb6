// oauth.md 2.6; faults X61.

import { assertEquals, assertRejects } from "@std/assert";
import { exportJWK, generateKeyPair, type JWK, SignJWT, UnsecuredJWT } from "jose";
import { OAuthError } from "../../src/core/errors.ts";
import { verifyIdToken } from "../../src/oauth/id_token.ts";
import { connectError, html, rejection, type Scripted, scriptFetch } from "./support.ts";

const NOW = 1_778_006_674_711;
const NOW_S = Math.floor(NOW / 1000);
const ISSUER = "https://auth.example";
const CLAIMS = {
  iss: ISSUER,
  aud: "client-1",
  sub: "user-1",
  nonce: "nonce-1",
  iat: NOW_S,
  exp: NOW_S + 600,
};

const ours = await generateKeyPair("ES256");
const theirs = await generateKeyPair("ES256");
const rsa = await generateKeyPair("PS256");
const edwards = await generateKeyPair("EdDSA");
async function jwk(key: CryptoKey, kid: string): Promise<JWK> {
  return { ...await exportJWK(key), kid };
}
const KEYS = {
  keys: [
    await jwk(ours.publicKey, "k1"),
    await jwk(rsa.publicKey, "k2"),
    await jwk(edwards.publicKey, "k3"),
  ],
};

function sign(
  claims: object,
  key: CryptoKey | Uint8Array = ours.privateKey,
  header: { alg: string; kid?: string } = { alg: "ES256", kid: "k1" },
): Promise<string> {
  return new SignJWT({ ...claims } as Record<string, unknown>).setProtectedHeader(header).sign(key);
}

function verify(
  idToken: string,
  answer: Scripted = Response.json(KEYS),
  server: { jwksUri?: URL | undefined; signingAlgorithms?: readonly string[] } = {},
) {
  const { fetch, seen } = scriptFetch(answer);
  const claims = verifyIdToken(idToken, {
    server: { issuer: ISSUER, jwksUri: new URL("https://auth.example/jwks"), ...server },
    trustedHosts: { hosts: ["auth.example"] },
    clientId: "client-1",
    nonce: "nonce-1",
    action: "Cannot sign in to Example",
  }, { fetch, now: () => NOW });
  return { claims, seen };
}

const GOOD: { name: string; token: Promise<string> }[] = [
  { name: "ES256", token: sign(CLAIMS) },
  { name: "PS256", token: sign(CLAIMS, rsa.privateKey, { alg: "PS256", kid: "k2" }) },
  { name: "EdDSA", token: sign(CLAIMS, edwards.privateKey, { alg: "EdDSA", kid: "k3" }) },
  {
    name: "several audiences",
    token: sign({ ...CLAIMS, aud: ["x", "client-1"], azp: "client-1" }),
  },
  { name: "an expiry within the tolerance", token: sign({ ...CLAIMS, exp: NOW_S - 59 }) },
];
for (const { name, token } of GOOD) {
  Deno.test(`verifyIdToken() takes ${name}`, async () => {
    const { claims, seen } = verify(await token);
    assertEquals((await claims)["sub"], "user-1");
    assertEquals(seen.map(({ method, url }) => [method, url]), [
      ["GET", "https://auth.example/jwks"],
    ]);
  });
}

const secret = new TextEncoder().encode(JSON.stringify(KEYS.keys[0]));
const BAD: { name: string; token: Promise<string> | string; algorithms?: string[] }[] = [
  { name: "another issuer", token: sign({ ...CLAIMS, iss: `${ISSUER}/` }) },
  { name: "another audience", token: sign({ ...CLAIMS, aud: "client-2" }) },
  {
    name: "another authorized party",
    token: sign({ ...CLAIMS, aud: ["client-1", "c2"], azp: "c2" }),
  },
  { name: "an expired token", token: sign({ ...CLAIMS, exp: NOW_S - 61 }) },
  { name: "a token without expiry", token: sign({ ...CLAIMS, exp: undefined }) },
  { name: "a token without subject", token: sign({ ...CLAIMS, sub: undefined }) },
  { name: "another nonce", token: sign({ ...CLAIMS, nonce: "nonce-2" }) },
  { name: "no nonce", token: sign({ ...CLAIMS, nonce: undefined }) },
  { name: "another key", token: sign(CLAIMS, theirs.privateKey) },
  {
    name: "an unknown key id",
    token: sign(CLAIMS, ours.privateKey, { alg: "ES256", kid: "../k1" }),
  },
  { name: "HS256 over the public key", token: sign(CLAIMS, secret, { alg: "HS256", kid: "k1" }) },
  { name: "no signature", token: new UnsecuredJWT(CLAIMS).encode() },
  {
    name: "an algorithm that the server does not offer",
    token: sign(CLAIMS),
    algorithms: ["RS256"],
  },
  { name: "no algorithm that both know", token: sign(CLAIMS), algorithms: ["HS256", "none"] },
  { name: "no JWT", token: "opaque" },
  { name: "nothing", token: "" },
];
for (const { name, token, algorithms } of BAD) {
  Deno.test(`verifyIdToken() refuses ${name}`, async () => {
    const server = algorithms === undefined ? {} : { signingAlgorithms: algorithms };
    const { claims } = verify(await token, Response.json(KEYS), server);
    const error = await assertRejects(() => claims, OAuthError);
    assertEquals(error.code, "invalid_response");
    assertEquals(
      error.message,
      "Cannot sign in to Example: the id token is not this server's word on this sign-in",
    );
  });
}

const KEYLESS: { name: string; answer: Scripted; code: string }[] = [
  { name: "a page", answer: html(200), code: "invalid_response" },
  { name: "no list", answer: Response.json({ keys: {} }), code: "invalid_response" },
  { name: "an empty list", answer: Response.json({ keys: [] }), code: "invalid_response" },
  {
    name: "keys that are none",
    answer: Response.json({ keys: [1, { kty: "EC", kid: "k1" }] }),
    code: "invalid_response",
  },
  { name: "503", answer: html(503), code: "upstream" },
  { name: "no connection", answer: connectError(), code: "network" },
];
for (const { name, answer, code } of KEYLESS) {
  Deno.test(`verifyIdToken() meets ${name} instead of keys: ${code}`, async () => {
    const error = await rejection(verify(await sign(CLAIMS), answer).claims) as OAuthError;
    assertEquals(error.code, code as typeof error.code);
  });
}

Deno.test("verifyIdToken() needs a server with keys", async () => {
  const { claims } = verify(await sign(CLAIMS), html(404), { jwksUri: undefined });
  assertEquals((await rejection(claims) as OAuthError).code, "invalid_response");
});

Deno.test("verifyIdToken() goes by the server's clock", async () => {
  const serverNow = NOW - 7_200_000;
  const headers = { date: new Date(serverNow).toUTCString() };
  const exp = Math.floor(serverNow / 1000) + 600;
  const { claims } = verify(await sign({ ...CLAIMS, exp }), Response.json(KEYS, { headers }));
  assertEquals((await claims)["sub"], "user-1");
});
