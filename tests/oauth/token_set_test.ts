// oauth.md 1.7 (vectors), 1.11 (clock), 6 rows 1, 52-54 (expiry); faults A07, A09-A11, A15.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { OAuthError } from "../../src/core/errors.ts";
import { encodeBase64Url } from "../../src/oauth/pkce.ts";
import {
  interpretExpiry,
  isBearerType,
  parseTokenSet,
  readExpiry,
  readJwtExpiry,
  serverClockOffset,
} from "../../src/oauth/token_set.ts";

const NOW = 1_778_006_674_711; // 2026-05-05T18:44:34.711Z

const EXPIRIES: [raw: unknown, expected: string | undefined][] = [
  [1_778_010_274_711, "2026-05-05T19:44:34.711Z"],
  [900, "2026-05-05T18:59:34.711Z"],
  [3600, "2026-05-05T19:44:34.711Z"],
  [7200, "2026-05-05T20:44:34.711Z"],
  [1_778_010_274, "2026-05-05T19:44:34.000Z"],
  [1_746_729_600_000, "2025-05-08T18:40:00.000Z"],
  ["3600", "2026-05-05T19:44:34.711Z"],
  [" 1778010274711 ", "2026-05-05T19:44:34.711Z"],
  [3600.7, "2026-05-05T19:44:35.411Z"],
  [1, "2026-05-05T18:44:35.711Z"],
  [999_999_999, "2058-01-11T20:31:13.711Z"],
  [1_000_000_000, "2001-09-09T01:46:40.000Z"],
  [999_999_999_999, "33658-09-27T01:46:39.000Z"],
  [1_000_000_000_000, "2001-09-09T01:46:40.000Z"],
  [0, undefined],
  [-1, undefined],
  [-(2 ** 31), undefined],
  [1e308, undefined],
  [2 ** 53 + 1, undefined],
  [NaN, undefined],
  [Infinity, undefined],
  ["abc", undefined],
  ["", undefined],
  ["0x10", undefined],
  ["1e3", undefined],
  ["NaN", undefined],
  ["-3600", undefined],
  ["9".repeat(400), undefined],
  [null, undefined],
  [undefined, undefined],
  [true, undefined],
  [[3600], undefined],
  [{ valueOf: () => 3600 }, undefined],
  [10n, undefined],
  [Symbol("3600"), undefined],
];
for (const [raw, expected] of EXPIRIES) {
  Deno.test(`interpretExpiry() reads ${typeof raw} ${String(raw).slice(0, 40)}`, () => {
    const expiresAt = interpretExpiry(raw, NOW);
    if (expected === undefined) return assertEquals(expiresAt, undefined);
    // Years above 9999 have six digits and a sign in ISO 8601.
    const iso = expected.length > 24 ? `+0${expected}` : expected;
    assertEquals(new Date(expiresAt!).toISOString(), iso);
  });
}

Deno.test("interpretExpiry() moves instants by the clocks' difference, lifetimes not", () => {
  const ahead = 600_000;
  assertEquals(interpretExpiry(3600, NOW, ahead), NOW + 3_600_000);
  assertEquals(interpretExpiry(NOW + ahead + 3_600_000, NOW, ahead), NOW + 3_600_000);
  assertEquals(interpretExpiry(1_778_010_274, NOW, -ahead), 1_778_010_274_000 + ahead);
});

const FIELDS = [
  { name: "expires_in alone", body: { expires_in: 60 }, raw: 60, afterMs: 60_000 },
  { name: "expired_in alone", body: { expired_in: NOW + 5 }, raw: NOW + 5, afterMs: 5 },
  { name: "both", body: { expires_in: 60, expired_in: 90 }, raw: 60, afterMs: 60_000 },
  {
    name: "the one that means something",
    body: { expires_in: 0, expired_in: "90" },
    raw: "90",
    afterMs: 90_000,
  },
  { name: "null", body: { expired_in: null }, raw: null, afterMs: undefined },
  { name: "nonsense, kept raw", body: { expires_in: "soon" }, raw: "soon", afterMs: undefined },
  { name: "an array, not kept", body: { expires_in: [1] }, raw: undefined, afterMs: undefined },
  { name: "nothing", body: {}, raw: undefined, afterMs: undefined },
];
for (const { name, body, raw, afterMs } of FIELDS) {
  Deno.test(`readExpiry() reads ${name}`, () => {
    const expiresAt = afterMs === undefined ? undefined : NOW + afterMs;
    assertEquals(readExpiry(body, { now: NOW }), { raw, expiresAt });
  });
}

const DATES = [
  { date: undefined, offsetMs: 0 },
  { date: "never", offsetMs: 0 },
  { date: new Date(NOW + 59_000).toUTCString(), offsetMs: 0 },
  { date: new Date(NOW - 59_000).toUTCString(), offsetMs: 0 },
  { date: new Date(NOW + 3_600_289).toUTCString(), offsetMs: 3_600_289 },
  { date: new Date(NOW - 7_200_711).toUTCString(), offsetMs: -7_200_711 },
];
for (const { date, offsetMs } of DATES) {
  Deno.test(`serverClockOffset() of ${date ?? "no Date"} is ${offsetMs} ms`, () => {
    const headers = new Headers(date === undefined ? {} : { date });
    assertEquals(serverClockOffset(headers, NOW), offsetMs);
  });
}

function jwt(payload: unknown): string {
  const part = (value: unknown) => encodeBase64Url(new TextEncoder().encode(JSON.stringify(value)));
  return `${part({ alg: "none" })}.${part(payload)}.sig`;
}

const JWTS = [
  { name: "exp", token: jwt({ exp: 1_778_010_274 }), expected: 1_778_010_274_000 },
  { name: "no exp", token: jwt({ sub: "x" }), expected: undefined },
  { name: "a string exp", token: jwt({ exp: "1778010274" }), expected: undefined },
  { name: "a huge exp", token: jwt({ exp: 1e300 }), expected: undefined },
  { name: "a negative exp", token: jwt({ exp: -1 }), expected: undefined },
  { name: "an array", token: jwt([1]), expected: undefined },
  { name: "no JWT", token: "opaque", expected: undefined },
  { name: "three parts of nothing", token: "..", expected: undefined },
  { name: "no base64", token: "a.%%%.c", expected: undefined },
  { name: "no JSON", token: "a.AAAA.c", expected: undefined },
];
for (const { name, token, expected } of JWTS) {
  Deno.test(`readJwtExpiry() of a token with ${name}`, () => {
    assertEquals(readJwtExpiry(token), expected);
  });
}

Deno.test("parseTokenSet() keeps unknown fields apart and drops none", () => {
  const body = JSON.parse(
    `{"status":"success","access_token":"at","refresh_token":"rt","expired_in":3600,
      "token_type":"bearer","scope":"a b","resource_url":"https://api.example","__proto__":{"a":1}}`,
  );
  const tokenSet = parseTokenSet(body, { now: NOW });
  assertEquals(tokenSet.accessToken, "at");
  assertEquals(tokenSet.refreshToken, "rt");
  assertEquals(tokenSet.tokenType, "bearer");
  assertEquals(tokenSet.scope, "a b");
  assertEquals(tokenSet.expiryRaw, 3600);
  assertEquals(tokenSet.expiresAt, NOW + 3_600_000);
  assertEquals(Object.keys(tokenSet.extra), ["status", "resource_url", "__proto__"]);
  assertEquals(Object.getPrototypeOf(tokenSet.extra), Object.prototype);
});

const ABSENT = [
  { name: "nothing else", body: {} },
  { name: "empty strings", body: { refresh_token: "", token_type: "", scope: "" } },
  { name: "null", body: { refresh_token: null, token_type: null, scope: null } },
  { name: "other types", body: { refresh_token: 7, token_type: [], scope: {} } },
];
for (const { name, body } of ABSENT) {
  Deno.test(`parseTokenSet() with ${name} leaves the rest undefined`, () => {
    const tokenSet = parseTokenSet({ ...body, access_token: "at" }, { now: NOW });
    assertEquals(tokenSet, {
      accessToken: "at",
      refreshToken: undefined,
      tokenType: "Bearer",
      scope: undefined,
      expiryRaw: undefined,
      expiresAt: undefined,
      extra: {},
    });
  });
}

for (
  const token of [undefined, null, "", 7, ["at"], {}, "a b", "a\nb", "at\u0000", "\ud800", "tökén"]
) {
  Deno.test(`parseTokenSet() refuses the access token ${JSON.stringify(token)}`, () => {
    const error = assertThrows(
      () => parseTokenSet({ access_token: token, refresh_token: "rt" }, { now: NOW }),
      OAuthError,
    );
    assertEquals(error.code, "invalid_response");
  });
}

Deno.test("parseTokenSet() falls back to the access token's exp, by the server's clock", () => {
  const token = jwt({ exp: 1_778_010_274 });
  const body = { access_token: token, expired_in: "abc" };
  assertEquals(parseTokenSet(body, { now: NOW }).expiresAt, 1_778_010_274_000);
  const ahead = parseTokenSet(body, { now: NOW, offsetMs: 600_000 });
  assertEquals(ahead.expiresAt, 1_778_009_674_000);
  const both = parseTokenSet({ access_token: token, expires_in: 60 }, { now: NOW });
  assertEquals(both.expiresAt, NOW + 60_000);
});

Deno.test("isBearerType() minds no case, and nothing else passes", () => {
  for (const type of ["Bearer", "bearer", "BEARER", " Bearer "]) assert(isBearerType(type), type);
  for (const type of ["mac", "DPoP", "N_A", "bearer2", ""]) assert(!isBearerType(type), type);
});
