// Failures that users of other clients met. README.md beside the tests lists them all, with the tests
// that hold against each; here are those that need a whole command.

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { TestCli } from "../support/cli.ts";
import { TestMachine } from "../support/platform.ts";

const DAY = 86_400_000;

for (
  const tokenExpiredIn of [
    "absolute_ms",
    "absolute_s",
    "ttl_s",
    "string",
    "missing",
    "past",
  ] as const
) {
  Deno.test(`an expiry written as ${tokenExpiredIn} neither kills a login nor lasts for ever`, async () => {
    const machine = new TestMachine({ quirks: { tokenExpiredIn } });
    await machine.signIn();
    for (let session = 0; session < 2; session++) {
      const [{ expiresAt }] = await machine.credentials();
      const leftMs = Date.parse(expiresAt) - machine.clock.now();
      assert(leftMs > 0 && leftMs <= 900_000, `${leftMs}`);
      machine.clock.mono += DAY;
      assertEquals((await machine.run("chat Hello")).code, 0);
    }
    assertEquals(machine.sandbox.counters.refreshes, 2);
  });
}

Deno.test("a verification page on the marketing host is mended before it is shown", async () => {
  const machine = new TestMachine({ quirks: { verificationHost: "www" } });
  const { stderr } = await machine.run("auth add minimax-oauth");
  assertMatch(stderr, /https:\/\/platform\.minimax\.io\/oauth-authorize\?user_code=/);
  assert(!stderr.includes("www."));
});

Deno.test("a verification page elsewhere is shown with a warning, and never opened", async () => {
  const machine = new TestMachine({
    env: { DISPLAY: ":0" },
    quirks: { verificationHost: "foreign" },
  });
  const { stderr } = await machine.run("auth add minimax-oauth");
  assertEquals(machine.opened, []);
  assertStringIncludes(stderr, "not on a host of the provider's");
});

for (const accountPaths of ["not_found", "method_not_allowed"] as const) {
  Deno.test(`a login under legacy paths works in China too, and keeps to them: ${accountPaths}`, async () => {
    const machine = new TestMachine({ quirks: { accountPaths, legacyPaths: "serve" } });
    await machine.signIn("auth add minimax-oauth --region cn");
    machine.clock.mono += DAY;
    assertEquals((await machine.run("auth refresh minimax-oauth")).code, 0);
    assertEquals(machine.requests.at(-1)!.url, "https://api.minimaxi.com/oauth/token");
  });
}

Deno.test("one conversation outlives its access token: each request asks for a bearer", async () => {
  const machine = new TestMachine();
  await machine.signIn();
  const wait = () => {
    machine.clock.mono += DAY;
    return "later";
  };
  assertEquals((await machine.run("", { lines: ["now", wait, null] })).code, 0);
  const bearers = machine.sent("/v1/messages").map(({ headers }) => headers.get("authorization"));
  assertEquals(new Set(bearers).size, 2);
  assertEquals(machine.sandbox.counters.refreshes, 1);
});

Deno.test("a login is one credential, whatever is run after it", async () => {
  const machine = new TestMachine();
  await machine.signIn();
  for (
    const args of ["chat Hello", "auth refresh minimax-oauth", "doctor --fix --yes", "auth status"]
  ) {
    assertEquals((await machine.run(args)).code, 0);
    machine.clock.mono += DAY;
  }
  const document = JSON.parse(machine.file("auth.json")!);
  assertEquals(Object.keys(document.providers), ["minimax-oauth"]);
  assertEquals(document.providers["minimax-oauth"].length, 1);
});

Deno.test("a server that floods with errors is not read to its end", async () => {
  const machine = new TestMachine({
    quirks: { failNext: 99, failOn: "refresh", failWith: "oversized_500" },
  });
  await machine.signIn();
  machine.clock.mono += DAY;
  const { code, stderr } = await machine.run("chat Hello");
  assertEquals(code, 6);
  assert(stderr.length < 1_000, `${stderr.length} characters`);
  assert(!stderr.includes("xxxx"));
});

const STALE = [
  {
    name: "another vendor's base URL",
    config: "model:\n  provider: minimax-oauth\n  base_url: https://openrouter.ai/api/v1\n",
    code: 1,
  },
  {
    name: "the other region's base URL",
    config: "model:\n  provider: minimax-oauth\n  base_url: https://api.minimaxi.com/anthropic\n",
    code: 0,
  },
  {
    name: "another wire mode",
    config: "model:\n  provider: minimax-oauth\n  api_mode: chat_completions\n",
    code: 0,
  },
];

for (const { name, config, code: expected } of STALE) {
  Deno.test(`a stale configuration with ${name} misroutes nothing`, async () => {
    const machine = new TestMachine();
    await machine.signIn();
    await machine.write("config.yaml", config);
    const { code, stderr } = await machine.run("chat Hello");
    assertEquals(code, expected, stderr);
    const sent = machine.requests.map(({ url }) => url).filter((url) => url.includes("/v1/"));
    assertEquals(sent, expected === 0 ? ["https://api.minimax.io/anthropic/v1/messages"] : []);
  });
}

Deno.test("the sandbox's logins and the user's own know nothing of each other", async () => {
  await using cli = await TestCli.create();
  await cli.signIn();
  const own = await cli.run("auth list", { env: { GRANTWAY_SANDBOX: "" } });
  assertEquals([own.code, own.stdout], [0, ""]);
});

/** A proxy that notes what it is asked for, and leads nowhere. */
async function withProxy(run: (url: string) => Promise<void>): Promise<string[]> {
  const asked: string[] = [];
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const serving = (async () => {
    for await (const connection of listener) {
      const buffer = new Uint8Array(4096);
      const size = await connection.read(buffer).catch(() => null) ?? 0;
      asked.push(new TextDecoder().decode(buffer.subarray(0, size)).split("\r\n")[0]!);
      await connection.write(new TextEncoder().encode("HTTP/1.1 502 Bad Gateway\r\n\r\n"))
        .catch(() => {});
      connection.close();
    }
  })();
  await run(`http://127.0.0.1:${listener.addr.port}`);
  listener.close();
  await serving;
  return asked;
}

Deno.test("HTTPS_PROXY holds for sign-in and answers alike", async () => {
  await using cli = await TestCli.create({ offline: true });
  const asked = await withProxy(async (HTTPS_PROXY) => {
    const env = { HTTPS_PROXY, MINIMAX_API_KEY: "sandbox-key" };
    const [login, answer] = await Promise.all([
      cli.run("auth add minimax-oauth --region cn", { env }),
      cli.run("chat --provider minimax Hello", { env }),
    ]);
    assertEquals([login.code, answer.code], [6, 6], login.stderr + answer.stderr);
  });
  assertEquals([...new Set(asked)].sort(), [
    "CONNECT account.minimaxi.com:443 HTTP/1.1",
    "CONNECT api.minimax.io:443 HTTP/1.1",
  ]);
});
