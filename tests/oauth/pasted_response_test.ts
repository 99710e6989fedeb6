// oauth.md 2.4, 6 row 29; faults L10, L11.

import { assert, assertEquals } from "@std/assert";
import type { AuthorizationCodeClient } from "../../src/oauth/authorization_code.ts";
import { parsePastedResponse } from "../../src/oauth/pasted_response.ts";
import { CLIENT } from "./support.ts";

const CODE_CLIENT: AuthorizationCodeClient = {
  ...CLIENT,
  authorizationEndpoint: new URL("https://auth.example/authorize"),
  issuer: "https://auth.example",
};
const URI = "http://127.0.0.1:56121/callback";
const ATTEMPT = { redirectUri: URI, state: "state-1" };

const CASES: { name: string; text: string; code?: string; hasState?: boolean; refused?: string }[] =
  [
    {
      name: "the whole address",
      text: `${URI}?code=code-1&state=state-1`,
      code: "code-1",
      hasState: true,
    },
    {
      name: "the address as some terminals wrap it",
      text: `${URI}?code=co\n  de-1&sta\r\nte=state-1 `,
      code: "code-1",
      hasState: true,
    },
    {
      name: "the address in quotes",
      text: `"${URI}?code=code-1&state=state-1"`,
      code: "code-1",
      hasState: true,
    },
    {
      name: "the address in angle brackets",
      text: `<${URI}?code=code-1&state=state-1>`,
      code: "code-1",
      hasState: true,
    },
    {
      name: "the address without its scheme",
      text: "127.0.0.1:56121/callback?code=code-1&state=state-1",
      code: "code-1",
      hasState: true,
    },
    {
      name: "a query with its mark",
      text: "?code=code-1&state=state-1",
      code: "code-1",
      hasState: true,
    },
    { name: "a query", text: "state=state-1&code=code-1", code: "code-1", hasState: true },
    { name: "a bare code", text: "AbC-123_x.~", code: "AbC-123_x.~", hasState: false },
    {
      name: "a bare code with spaces and a line end",
      text: "  AbC-123 \n _x\r\n",
      code: "AbC-123_x",
      hasState: false,
    },
    { name: "a bare code in quotes", text: "'AbC-123'", code: "AbC-123", hasState: false },
    { name: "a bare code in base64", text: "a+b/c==d", code: "a+b/c==d", hasState: false },
    {
      name: "an error",
      text: `${URI}?error=access_denied&state=state-1`,
      refused: "access_denied",
    },
    {
      name: "another issuer",
      text: `${URI}?code=code-1&state=state-1&iss=https://evil.example`,
      refused: "invalid_response",
    },
    { name: "nothing", text: " \n" },
    { name: "a slip of the hand", text: "y" },
    { name: "words", text: "I do not know!?" },
    { name: "an address without a code", text: URI },
    { name: "another state", text: "code=code-1&state=state-2" },
    { name: "an address without a state", text: `${URI}?code=code-1` },
    { name: "an error of another attempt", text: `${URI}?error=access_denied&state=state-2` },
    {
      name: "the consent page",
      text: "https://accounts.example/oauth2/consent?code=code-1&state=state-1",
    },
    { name: "another port", text: "http://127.0.0.1:56122/callback?code=code-1&state=state-1" },
    { name: "another path", text: "http://127.0.0.1:56121/?code=code-1&state=state-1" },
    { name: "a user name", text: "http://a@127.0.0.1:56121/callback?code=code-1&state=state-1" },
    { name: "localhost", text: "http://localhost:56121/callback?code=code-1&state=state-1" },
    {
      name: "another scheme",
      text: "javascript://127.0.0.1:56121/callback?code=code-1&state=state-1",
    },
    { name: "an impossible address", text: "http://[::1" },
    { name: "escape codes", text: "\u001b[200~code-1234\u001b[201~" },
    { name: "invisible characters", text: "code\u200b-1234" },
    { name: "letters of another script", text: "соdе-1234" },
    {
      name: "an address that is too long",
      text: `${URI}?code=code-1&state=state-1&pad=${"x".repeat(9000)}`,
    },
    { name: "1 MB", text: "c".repeat(1_000_000) },
  ];
for (const { name, text, code, hasState, refused } of CASES) {
  Deno.test(`parsePastedResponse() of ${name}`, () => {
    const response = parsePastedResponse(CODE_CLIENT, ATTEMPT, text);
    if (code !== undefined) {
      assertEquals(response, { kind: "code", code, hasState: hasState! });
    } else if (refused !== undefined) {
      assert(response.kind === "refused");
      assertEquals(response.error.code, refused as "access_denied");
    } else {
      assert(response.kind === "unusable");
      assert(!response.reason.includes("code-1"), "the pasted text is quoted");
      assert(response.reason.length < 200);
    }
  });
}
