/**
 * Answers during a sign-in: a request for a code, a poll, a discovery document, an exchange. Each is
 * read, or refused with an error of ours that is safe to print.
 *
 * @module
 */

import fc from "fast-check";
import { assert, assertEquals } from "@std/assert";
import { GrantwayError } from "../../src/core/errors.ts";
import { isTrustedUrl, type TrustedHosts } from "../../src/core/http.ts";
import {
  createDiscovery,
  exchangeAuthorizationCode,
  pollDeviceGrant,
  pollUserCodeGrant,
  requestDeviceAuthorization,
  requestUserCode,
  revokeToken,
} from "../../src/oauth/mod.ts";
import { readJwtClaims, readJwtExpiry } from "../../src/oauth/token_set.ts";
import { findProvider } from "../../src/providers/catalog.ts";
import { readXaiAccount } from "../../src/providers/xai/quirks.ts";
import { hostileAnswer, hostileObject, hostileText, jsonText, respond } from "./hostile.ts";
import { fuzz, type FuzzProperty } from "./property.ts";
import { assertPrintable } from "./terminal.ts";

const NOW = 1_800_000_000_000;
const SECRET = "dc-Zk92UHpXdGhLcUJtTnNKd1JjRXlB";
const STATE = "state-1234567890abcdef";
const HOSTS: TrustedHosts = { hosts: ["auth.example", "*.auth.example"] };

const minimax = findProvider("minimax-oauth")!.oauth!;
const CLIENT = {
  clientId: "client",
  name: "Acme",
  tokenEndpoint: new URL("https://auth.example/token"),
  authorizationEndpoint: new URL("https://auth.example/code"),
  deviceAuthorizationEndpoint: new URL("https://auth.example/device"),
  grantType: "user_code",
  issuer: "https://auth.example",
  trustedHosts: HOSTS,
  readTokenAnswer: minimax.kind === "user_code" ? minimax.readTokenAnswer : undefined,
  entitlement: { status: 403, hint: "Look at your plan" },
};

const json = (...values: unknown[]) =>
  fc.constantFrom(...values.map((value) => JSON.stringify(value)));

const codeAnswer = hostileObject({
  user_code: json("ABCD-1234", "\x1b[2J", "a b", "ＡＢ", "x".repeat(65)),
  device_code: json(SECRET, "", 7),
  verification_uri: json(
    "https://auth.example/activate",
    "javascript:alert(1)",
    "file:///etc/passwd",
    "https://auth.example/\x1b]8;;x\x07",
    "-flag",
    "http://[::1",
  ),
  verification_uri_complete: json("https://auth.example/activate?c=1", "data:text/html,x"),
  interval: json(5, 0, -1, 1e9, "5", 2_000),
  expires_in: json(900, 0, -1, "900"),
  expired_in: json(900, NOW + 900_000),
  state: json(STATE, "other"),
  error: json("invalid_client", "slow_down"),
  base_resp: json({ status_code: 0 }, { status_code: 1004, status_msg: "no" }),
});

const pollAnswer = hostileObject({
  error: json("authorization_pending", "slow_down", "access_denied", "expired_token", "invalid"),
  error_description: json("no", SECRET, `<${SECRET}>`),
  access_token: json("at-1", "", "a\nb", "a b"),
  refresh_token: json("rt-1", ""),
  token_type: json("Bearer", "mac"),
  expires_in: json(900, "900", -1),
  status: json("success", "pending", "error", "denied"),
  base_resp: json({ status_code: 0 }, { status_code: 1004, status_msg: "invalid_grant" }),
});

const url = json(
  "https://auth.example/x",
  "https://sub.auth.example/x",
  "https://evil.example/x",
  "https://auth.example.evil.example/x",
  "http://auth.example/x",
  "https://auth.example:8443/x",
  "https://user@auth.example/x",
  "https://auth.example@evil.example/x",
  "//evil.example",
  "\u0000",
);
const discoveryDocument = hostileObject({
  issuer: fc.oneof(
    { arbitrary: json("https://auth.example"), weight: 5 },
    json("https://auth.example/", "https://evil.example"),
  ),
  token_endpoint: url,
  authorization_endpoint: url,
  device_authorization_endpoint: url,
  revocation_endpoint: url,
  jwks_uri: url,
  code_challenge_methods_supported: json(["S256"], "S256", [1, null]),
  authorization_response_iss_parameter_supported: json(true, "true"),
});

/** What ends an operation must be ours, and printable. */
async function caught(run: () => Promise<unknown>): Promise<unknown> {
  try {
    return await run();
  } catch (error) {
    assert(error instanceof GrantwayError, `not ours: ${error}`);
    for (let e: unknown = error; e instanceof GrantwayError; e = e.cause) {
      assertPrintable(e.message);
      assertPrintable(e.hint ?? "");
      assert(!e.message.includes(SECRET.slice(4, 16)), e.message);
    }
    return undefined;
  }
}

/** A header or a URL must be able to carry it. */
function assertToken(tokenSet: { accessToken: string; expiresAt?: number | undefined }): void {
  new Headers({ authorization: `Bearer ${tokenSet.accessToken}` });
  const { expiresAt } = tokenSet;
  assert(expiresAt === undefined || (Number.isSafeInteger(expiresAt) && expiresAt > 0));
}

export const LOGIN_ANSWERS: readonly FuzzProperty[] = [
  fuzz(
    "an answer with a code is safe to show, or refused (A21)",
    fc.record({ answer: hostileAnswer(codeAnswer), isDevice: fc.boolean() }),
    async ({ answer, isDevice }) => {
      // deno-lint-ignore require-await -- a broken connection rejects
      const runtime = { fetch: async () => respond(answer), now: () => NOW };
      const got = await caught(() =>
        isDevice
          ? requestDeviceAuthorization(CLIENT, runtime)
          : requestUserCode(CLIENT, { verifier: "v".repeat(43), state: STATE }, runtime)
      ) as Awaited<ReturnType<typeof requestUserCode>> | undefined;
      if (got === undefined) return;
      assert(/^[\w.-]{1,64}$/.test(got.userCode), got.userCode);
      for (const uri of [got.verificationUri, got.verificationUriComplete ?? "https://x.example"]) {
        assert(/^https?:\/\/[\x21-\x7e]+$/.test(uri), uri);
      }
      assert(got.intervalMs >= 1_000 && got.intervalMs <= 60_000);
      assert(got.expiresAt > 0 && got.expiresAt <= NOW + 1_800_000);
    },
  ),
  fuzz(
    "every answer to a poll has an outcome (A17, A23)",
    fc.record({ answer: hostileAnswer(pollAnswer), isDevice: fc.boolean() }),
    async ({ answer, isDevice }) => {
      // deno-lint-ignore require-await -- a broken connection rejects
      const runtime = { fetch: async () => respond(answer), now: () => NOW };
      const result = isDevice
        ? await pollDeviceGrant(CLIENT, { deviceCode: SECRET }, runtime)
        : await pollUserCodeGrant(CLIENT, { userCode: "ABCD", verifier: SECRET }, runtime);
      if (result.kind === "granted") assertToken(result.tokenSet);
      if ("error" in result) await caught(() => Promise.reject(result.error));
    },
  ),
  fuzz(
    "an exchange grants or is refused",
    hostileAnswer(pollAnswer),
    async (answer) => {
      const attempt = {
        redirectUri: "http://127.0.0.1:1/cb",
        verifier: "v".repeat(43),
        state: "s",
      };
      // deno-lint-ignore require-await -- a broken connection rejects
      const runtime = { fetch: async () => respond(answer), now: () => NOW };
      const got = await caught(() => exchangeAuthorizationCode(CLIENT, attempt, SECRET, runtime));
      if (got !== undefined) assertToken(got as { accessToken: string });
    },
  ),
  fuzz(
    "a revocation says what became of it",
    hostileAnswer(pollAnswer),
    async (answer) => {
      const client = { ...CLIENT, revocationEndpoint: new URL("https://auth.example/revoke") };
      // deno-lint-ignore require-await -- a broken connection rejects
      const runtime = { fetch: async () => respond(answer), now: () => NOW };
      await caught(() => revokeToken(client, { token: SECRET }, runtime));
    },
  ),
  fuzz(
    "a discovery document names trusted hosts only",
    hostileAnswer(discoveryDocument),
    async (answer) => {
      const discovery = createDiscovery({ issuer: "https://auth.example", trustedHosts: HOSTS });
      // deno-lint-ignore require-await -- a broken connection rejects
      const runtime = { fetch: async () => respond(answer), now: () => NOW };
      const got = await caught(() => discovery.get(runtime)) as
        | Awaited<ReturnType<typeof discovery.get>>
        | undefined;
      if (got === undefined) return;
      assertEquals(got.issuer, "https://auth.example");
      for (const value of Object.values(got)) {
        if (value instanceof URL) assert(isTrustedUrl(value, HOSTS), value.href);
      }
    },
  ),
  fuzz(
    "a JWT's claims are read or not (X61)",
    fc.oneof(
      fc.tuple(hostileText, jsonText, hostileText).map(([head, claims, tail]) =>
        `${btoa(encodeURIComponent(head.toWellFormed()))}.${
          btoa(String.fromCharCode(...new TextEncoder().encode(claims))).replaceAll("+", "-")
            .replaceAll("/", "_").replace(/=+$/, "")
        }.${btoa(encodeURIComponent(tail.toWellFormed()))}`
      ),
      hostileText,
    ),
    (token) => {
      const claims = readJwtClaims(token);
      const expiry = readJwtExpiry(token);
      assert(expiry === undefined || (Number.isSafeInteger(expiry) && expiry > 0));
      const account = readXaiAccount({ idToken: claims, accessToken: claims });
      assert(account === undefined || typeof account.label === "string");
    },
  ),
];
