// Failures that users of other clients met with xAI, as far as they need a whole command. README.md
// beside the tests lists them all.

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { type MachineOptions, TestMachine } from "../support/platform.ts";

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

async function signedIn(options: MachineOptions = {}): Promise<TestMachine> {
  const machine = new TestMachine(options);
  await machine.signIn("auth add xai-oauth");
  machine.requests.length = 0;
  return machine;
}

for (const expiresIn of ["missing", "null", "string", "zero", "negative", "huge"] as const) {
  Deno.test(`xAI: a lifetime that is ${expiresIn} neither kills a login nor refreshes it on every use`, async () => {
    const machine = await signedIn({ quirks: { expiresIn } });
    for (let session = 1; session <= 2; session++) {
      const [{ expiresAt }] = await machine.credentials();
      const leftMs = Date.parse(expiresAt) - machine.clock.now();
      assert(leftMs > 0 && leftMs <= 60 * MINUTE, `${leftMs}`);
      for (let use = 0; use < 3; use++) {
        const { code, stderr } = await machine.run("chat Hello");
        assertEquals([code, stderr], [0, ""]);
      }
      assertEquals(machine.sandbox.counters.refreshes, session - 1);
      machine.clock.mono += DAY;
      assertEquals((await machine.run("chat Hello")).code, 0);
      assertEquals(machine.sandbox.counters.refreshes, session);
    }
  });
}

for (
  const { ttl, uses, refreshes } of [
    { ttl: 15 * MINUTE, uses: 12, refreshes: 0 },
    { ttl: 15 * MINUTE, uses: 60, refreshes: 4 },
    { ttl: 4 * MINUTE, uses: 12, refreshes: 3 },
  ]
) {
  Deno.test(`xAI: a token of ${ttl / MINUTE} min, used each minute for ${uses}, costs few refreshes`, async () => {
    const machine = await signedIn({ accessTokenTtlMs: ttl });
    for (let use = 0; use < uses; use++) {
      assertEquals((await machine.run("chat Hello")).code, 0);
      machine.clock.mono += MINUTE;
    }
    const { counters } = machine.sandbox;
    assert(counters.refreshes <= refreshes + 1, `${counters.refreshes}`);
    assert(counters.refreshes >= refreshes, `${counters.refreshes}`);
    assertEquals(counters.reuses, 0);
  });
}

Deno.test("xAI: a conversation recovers from a 403 that means an ended token, each time", async () => {
  const machine = await signedIn({ quirks: { staleToken: "403_code" } });
  const end = () => {
    machine.clock.mono += 3 * MINUTE;
    machine.sandbox.expireAccessTokens();
    return "again";
  };
  const { code, stdout } = await machine.run("", { lines: ["now", end, end, null] });
  assertEquals(code, 0);
  assertEquals(stdout.split("You wrote: “again”").length, 3);
  assertEquals(machine.sandbox.counters.refreshes, 2);
});

Deno.test("xAI: a bearer that is refused for ever is no loop", async () => {
  const machine = await signedIn();
  machine.clock.mono += 3 * MINUTE;
  const { code, stderr } = await machine.run("chat [error:unauthenticated]");
  assertEquals(code, 4);
  assertStringIncludes(stderr, "grantway auth add xai-oauth");
  assertEquals(machine.sent("/responses").length, 2);
  assertEquals(machine.sent("/oauth2/token").length, 1);
  await machine.run("chat [error:unauthenticated]");
  assertEquals(machine.sent("/oauth2/token").length, 1);
});

Deno.test("xAI: another program's sign-in to the same account ends this one, and that is said", async () => {
  const machine = await signedIn({ quirks: { singleGrant: true } });
  const other = new TestMachine();
  other.fetch = machine.sandbox.fetch as typeof fetch;
  await other.signIn("auth add xai-oauth");
  machine.clock.mono += DAY;
  const { code, stderr } = await machine.run("chat Hello");
  assertEquals(code, 4);
  assertMatch(stderr, /^error: The login to xAI OAuth has ended: /);
  assertStringIncludes(stderr, "Run: grantway auth add xai-oauth\n");
});

Deno.test("xAI: a plan with a spending limit at the API is led to the other upstream, where it works", async () => {
  const machine = await signedIn({ quirks: { entitlement: "spending_limit" } });
  const refused = await machine.run("chat Hello");
  assertEquals(refused.code, 5);
  assertStringIncludes(refused.stderr, "grantway auth add xai-oauth --upstream cli");
  assertEquals(machine.sandbox.counters.refreshes, 0);
  assertEquals((await machine.run("auth add xai-oauth --upstream cli")).code, 0);
  assertEquals((await machine.credentials()).length, 1);
  const { code, stderr } = await machine.run("chat Hello");
  assertEquals([code, stderr], [0, ""]);
  assertEquals(
    machine.requests.at(-1)!.url,
    "https://cli-chat-proxy.grok.com/v1/responses",
  );
});

Deno.test("xAI: the proxy that asks for more scopes gets them", async () => {
  const machine = new TestMachine({ quirks: { proxyScopes: "conversations" } });
  await machine.signIn("auth add xai-oauth --upstream cli");
  assertEquals((await machine.run("chat Hello")).code, 0);
  const { headers } = machine.requests.at(-1)!;
  assertEquals(headers.get("x-xai-token-auth"), "xai-grok-cli");
  assertEquals(headers.get("x-grok-client-identifier"), "grok-shell");
  assert(headers.get("user-agent")!.includes(headers.get("x-grok-client-version")!));
});

for (const revocation of ["status_503", "challenge_403", "connection_lost", "absent"] as const) {
  Deno.test(`xAI: a logout where the revocation is ${revocation} removes the login all the same`, async () => {
    const machine = await signedIn();
    machine.sandbox.setQuirks(
      revocation === "absent"
        ? { revocation }
        : { failNext: 9, failOn: "revoke", failWith: revocation },
    );
    const { code, stdout, stderr } = await machine.run("auth logout xai-oauth");
    assertEquals([code, stdout], [0, "Removed xai-oauth user@sandbox.example\n"]);
    assertEquals(stderr.includes("may live on at the provider"), revocation !== "absent");
    assertEquals(await machine.credentials(), []);
  });
}

Deno.test("xAI: an outdated version is told apart from a login", async () => {
  const machine = await signedIn();
  const { code, stderr } = await machine.run("chat [error:outdated]");
  assertEquals(code, 1, stderr);
  assertStringIncludes(stderr, "grantway auth add xai-oauth --upstream api");
  assert(!/login is needed|new login|not logged in/i.test(stderr), stderr);
});

Deno.test("xAI: after a reset an expired token is refreshed on the next use", async () => {
  const machine = await signedIn({ quirks: { failOn: "refresh", failWith: "status_503" } });
  machine.sandbox.setQuirks({ failNext: 9 });
  machine.clock.mono += DAY;
  assertEquals((await machine.run("chat Hello")).code, 6);
  machine.sandbox.setQuirks({ failNext: 0 });
  assertEquals((await machine.run("auth reset xai-oauth")).code, 0);
  assertEquals((await machine.run("chat Hello")).code, 0);
  assertEquals((await machine.credentials())[0].generation, 2);
});

Deno.test("xAI: an edge's page in place of a token answer costs no login", async () => {
  for (const failWith of ["challenge_403", "challenge_503", "html_520"] as const) {
    const machine = await signedIn({ quirks: { failOn: "refresh", failWith } });
    machine.sandbox.setQuirks({ failNext: 9 });
    machine.clock.mono += DAY;
    const { code, stderr } = await machine.run("chat Hello");
    assertEquals(code, 6, failWith);
    assert(!/<html|<!doctype/i.test(stderr), stderr);
    machine.sandbox.setQuirks({ failNext: 0 });
    machine.clock.mono += 10 * MINUTE;
    assertEquals((await machine.run("chat Hello")).code, 0);
  }
});

Deno.test("xAI: the token endpoint that was retired is discovered anew", async () => {
  const machine = await signedIn();
  machine.sandbox.setQuirks({ discovery: "retired_token_endpoint" });
  machine.clock.mono += DAY;
  assertEquals((await machine.run("chat Hello")).code, 6);
  assertEquals((await machine.credentials())[0].status, "uncertain");
  machine.sandbox.setQuirks({ discovery: "good" });
  machine.clock.mono += 10 * MINUTE;
  assertEquals((await machine.run("chat Hello")).code, 0);
});
