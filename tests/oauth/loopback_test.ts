// oauth.md 2.3; faults L02, L03, L07, L08, L10, X02, X03, X06, X09.

import { assert, assertEquals } from "@std/assert";
import type { AuthorizationCodeClient } from "../../src/oauth/authorization_code.ts";
import { createLoopbackReceiver, loopbackRedirectUri } from "../../src/oauth/loopback.ts";
import { CLIENT } from "./support.ts";

const CODE_CLIENT: AuthorizationCodeClient = {
  ...CLIENT,
  authorizationEndpoint: new URL("https://auth.example/authorize"),
  issuer: "https://auth.example",
};
const PORT = 56121;
const CONSENT = "https://accounts.example";
const GOOD = "/callback?code=code-1&state=state-1";

interface Asked {
  target: string;
  method?: string;
  host?: string | null;
  origin?: string;
}

function setUp() {
  const { handle, result } = createLoopbackReceiver(CODE_CLIENT, { state: "state-1" }, {
    port: PORT,
    path: "/callback",
    consentOrigins: [CONSENT, "https://auth.example"],
  });
  let outcome: unknown = "waiting";
  result.then((value) => outcome = value);
  return {
    outcome: async () => {
      await Promise.resolve();
      return outcome;
    },
    ask: ({ target, method = "GET", host = `127.0.0.1:${PORT}`, origin }: Asked) => {
      const headers = new Headers();
      if (host !== null) headers.set("host", host);
      if (origin !== undefined) headers.set("origin", origin);
      return handle(new Request(new URL(target, `http://127.0.0.1:${PORT}`), { method, headers }));
    },
  };
}

Deno.test("loopbackRedirectUri() names the IPv4 literal", () => {
  assertEquals(loopbackRedirectUri(PORT, "/callback"), "http://127.0.0.1:56121/callback");
});

const STRAY: (Asked & { name: string; status: number })[] = [
  { name: "nothing received", target: "/callback", status: 400 },
  { name: "an empty code", target: "/callback?code=&state=state-1", status: 400 },
  { name: "a missing state", target: "/callback?code=code-1", status: 400 },
  { name: "a wrong state", target: "/callback?code=code-1&state=other", status: 400 },
  { name: "an error without state", target: "/callback?error=access_denied", status: 400 },
  { name: "an error of another attempt", target: "/callback?error=x&state=other", status: 400 },
  { name: "a doubled state", target: `${GOOD}&state=state-1`, status: 400 },
  { name: "a doubled code", target: `${GOOD}&code=code-1`, status: 400 },
  { name: "code and error", target: `${GOOD}&error=access_denied`, status: 400 },
  { name: "the root", target: "/?code=code-1&state=state-1", status: 404 },
  { name: "a longer path", target: "/callback/?code=code-1&state=state-1", status: 404 },
  { name: "another case", target: "/Callback?code=code-1&state=state-1", status: 404 },
  { name: "a favicon", target: "/favicon.ico", status: 404 },
  { name: "HEAD", method: "HEAD", target: GOOD, status: 405 },
  { name: "POST", method: "POST", target: GOOD, status: 405 },
  { name: "PUT", method: "PUT", target: GOOD, status: 405 },
  { name: "a preflight without an origin", method: "OPTIONS", target: GOOD, status: 403 },
  {
    name: "a preflight of a foreign page",
    method: "OPTIONS",
    target: GOOD,
    origin: "https://evil.example",
    status: 403,
  },
  { name: "a preflight elsewhere", method: "OPTIONS", target: "/", origin: CONSENT, status: 404 },
  {
    name: "a preflight of the consent page",
    method: "OPTIONS",
    target: GOOD,
    origin: CONSENT,
    status: 204,
  },
  { name: "no host", target: GOOD, host: null, status: 400 },
  { name: "a rebound name", target: GOOD, host: `evil.example:${PORT}`, status: 400 },
  { name: "localhost", target: GOOD, host: `localhost:${PORT}`, status: 400 },
  { name: "IPv6", target: GOOD, host: `[::1]:${PORT}`, status: 400 },
  { name: "no port", target: GOOD, host: "127.0.0.1", status: 400 },
  { name: "another port", target: GOOD, host: "127.0.0.1:80", status: 400 },
  { name: "two hosts", target: GOOD, host: `127.0.0.1:${PORT}, evil.example`, status: 400 },
  { name: "a user name", target: GOOD, host: `a@127.0.0.1:${PORT}`, status: 400 },
  { name: "a trailing dot", target: GOOD, host: `127.0.0.1.:${PORT}`, status: 400 },
  {
    name: "an absolute form with another authority",
    target: `http://evil.example${GOOD}`,
    status: 400,
  },
];
for (const { name, status, ...asked } of STRAY) {
  Deno.test(`createLoopbackReceiver(): ${name} is answered with ${status} and changes nothing`, async () => {
    const { ask, outcome } = setUp();
    assertEquals(ask(asked).status, status);
    assertEquals(await outcome(), "waiting");
    assertEquals(ask({ target: GOOD }).status, 200);
    assertEquals(await outcome(), { kind: "code", code: "code-1" });
  });
}

Deno.test("createLoopbackReceiver(): the first response decides, later ones get the same page", async () => {
  const { ask, outcome } = setUp();
  const first = await ask({ target: GOOD }).text();
  for (const target of [GOOD, "/callback?error=access_denied&state=state-1", "/callback"]) {
    const later = ask({ target });
    assertEquals([later.status, await later.text()], [200, first]);
  }
  assertEquals(await outcome(), { kind: "code", code: "code-1" });
});

Deno.test("createLoopbackReceiver(): a refusal is a result, and stays one", async () => {
  const { ask, outcome } = setUp();
  const page = await ask({ target: "/callback?error=access_denied&state=state-1" }).text();
  assertEquals(await ask({ target: GOOD }).text(), page);
  const result = await outcome() as { kind: string; error: { code: string } };
  assertEquals([result.kind, result.error.code], ["refused", "access_denied"]);
});

const ORIGINS: [origin: string | undefined, allowed: boolean][] = [
  [CONSENT, true],
  ["https://auth.example", true],
  [undefined, false],
  ["null", false],
  ["https://accounts.example.evil.example", false],
  ["https://evil-accounts.example", false],
  ["https://accounts.example:444", false],
  ["http://accounts.example", false],
  ["https://ACCOUNTS.example", false],
  ["*", false],
];
for (const [origin, allowed] of ORIGINS) {
  Deno.test(`createLoopbackReceiver(): CORS for ${origin}: ${allowed}`, () => {
    const { ask } = setUp();
    for (const method of ["OPTIONS", "GET"]) {
      const { headers } = ask({ target: GOOD, method, ...(origin !== undefined && { origin }) });
      assertEquals(headers.get("access-control-allow-origin"), allowed ? origin! : null);
      assertEquals(headers.get("access-control-allow-private-network"), allowed ? "true" : null);
      assertEquals(headers.get("access-control-allow-methods"), allowed ? "GET, OPTIONS" : null);
      assertEquals(headers.get("access-control-allow-credentials"), null);
      assertEquals(headers.get("vary"), "Origin");
    }
  });
}

Deno.test("createLoopbackReceiver(): pages are static, closed and never stored", async () => {
  const canary = "%3Cscript%3Ecanary%3C/script%3E";
  const targets = [
    `/callback?code=${canary}&state=other`,
    `/${canary}`,
    `/callback?error=${canary}&error_description=${canary}&state=state-1`,
  ];
  const { ask } = setUp();
  for (const target of targets) {
    const response = ask({ target });
    assert(!(await response.text()).includes("canary"));
    assert(response.headers.get("content-security-policy")?.startsWith("default-src 'none'"));
    assertEquals(response.headers.get("connection"), "close");
    assertEquals(response.headers.get("cache-control"), "no-store");
    assertEquals(response.headers.get("referrer-policy"), "no-referrer");
    assertEquals(response.headers.get("x-content-type-options"), "nosniff");
  }
});
