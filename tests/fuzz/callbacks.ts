/**
 * What anybody can send to the loopback port, and what a user may paste: only a response that carries
 * this attempt's state ends the wait, nothing is reflected, nothing is quoted.
 *
 * @module
 */

import fc from "fast-check";
import { assert, assertEquals } from "@std/assert";
import { createLoopbackReceiver } from "../../src/oauth/loopback.ts";
import { parsePastedResponse } from "../../src/oauth/pasted_response.ts";
import { hostileText } from "./hostile.ts";
import { fuzz, type FuzzProperty } from "./property.ts";
import { assertPrintable } from "./terminal.ts";

const PORT = 56121;
const STATE = "Zk92UHpXdGhLcUJtTn";
const ISSUER = "https://auth.example";
const REDIRECT = `http://127.0.0.1:${PORT}/callback`;
const CONSENT = "https://accounts.example";
const CLIENT = {
  clientId: "client",
  tokenEndpoint: new URL(`${ISSUER}/token`),
  authorizationEndpoint: new URL(`${ISSUER}/authorize`),
  issuer: ISSUER,
};

const pair = fc.tuple(
  fc.oneof(
    { arbitrary: fc.constantFrom("code", "state", "error", "error_description", "iss"), weight: 6 },
    hostileText,
  ),
  fc.oneof(
    { arbitrary: fc.constantFrom("code-1", STATE, "access_denied", ISSUER), weight: 6 },
    fc.constantFrom(`${STATE}x`, STATE.slice(1), "", "https://evil.example", "x".repeat(5_000)),
    hostileText,
  ),
);
const query = fc.array(pair, { maxLength: 6 }).map((pairs) =>
  pairs.map(([name, value]) =>
    [name, value].map((text) => encodeURIComponent(text.toWellFormed())).join("=")
  ).join("&")
);

/** What the query says of this attempt, by its own reading. */
function carriesState(search: URLSearchParams): boolean {
  return search.getAll("state").length === 1 && search.get("state") === STATE;
}

export const CALLBACKS: readonly FuzzProperty[] = [
  fuzz(
    "a visit to the loopback port ends the wait only with this attempt's state (L02, L03)",
    fc.record({
      query,
      path: fc.constantFrom("/callback", "/callback/", "/", "//callback", "/favicon.ico", "/%63"),
      method: fc.constantFrom("GET", "GET", "GET", "OPTIONS", "POST", "HEAD", "DELETE"),
      host: fc.constantFrom(`127.0.0.1:${PORT}`, `localhost:${PORT}`, "evil.example", "127.0.0.1"),
      origin: fc.constantFrom(undefined, CONSENT, "null", "https://evil.example", `${CONSENT}.x`),
    }),
    async ({ query, path, method, host, origin }) => {
      const settings = { port: PORT, path: "/callback", consentOrigins: [CONSENT] };
      const receiver = createLoopbackReceiver(CLIENT, { state: STATE }, settings);
      let result: unknown;
      receiver.result.then((value) => result = value);
      const headers = new Headers({ host });
      if (origin !== undefined) headers.set("origin", origin);
      const url = `http://127.0.0.1:${PORT}${path}?${query}`;
      // A Request drops a host header, which the listener keeps.
      const request = { method, url, headers } as Request;
      const response = receiver.handle(request);
      const page = await response.text();
      await Promise.resolve();
      assert(response.status >= 200 && response.status < 600);
      assert(!page.includes(STATE) && !page.includes("code-1") && !page.includes("evil"));
      for (const [name, value] of response.headers) {
        assert(!value.includes("evil") && !value.includes(STATE), `${name}: ${value}`);
      }
      if (result === undefined) return;
      assert(method === "GET" && path === "/callback" && host === `127.0.0.1:${PORT}`);
      assert(carriesState(new URL(url).searchParams), "ended by a stranger");
      const again = receiver.handle(request);
      assertEquals(await again.text(), page);
    },
  ),
  fuzz(
    "pasted text is a code, a refusal or unusable, and never quoted (L11)",
    fc.oneof(
      hostileText,
      query,
      query.map((query) => `?${query}`),
      query.map((query) => `${REDIRECT}?${query}`),
      query.map((query) => `127.0.0.1:${PORT}/callback?${query}#x`),
      query.map((query) => `https://evil.example/callback?${query}`),
      query.map((query) => ` "${REDIRECT}?${query}" \n`),
      fc.constantFrom("x".repeat(1_000_000), "http://[", "http://", `${REDIRECT}?`, "code-12345"),
    ),
    (pasted) => {
      const attempt = { state: STATE, redirectUri: REDIRECT };
      const result = parsePastedResponse(CLIENT, attempt, pasted);
      switch (result.kind) {
        case "code":
          assert(/^[\x20-\x7e]{1,4096}$/.test(result.code));
          if (result.hasState) assert(pasted.includes(encodeURIComponent(STATE)));
          break;
        case "refused":
          assertPrintable(result.error.message);
          break;
        case "unusable":
          assertPrintable(result.reason);
          assert(!result.reason.includes(STATE) && !result.reason.includes("code-1"));
      }
    },
  ),
];
