/** `grantway gateway serve` as a process, against the sandbox. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { type Child, type ChildOptions, TestCli } from "../support/cli.ts";
import { ask, events } from "./support.ts";

/** Starts it on a free port. */
async function serve(
  cli: TestCli,
  args: string[] = [],
  options: ChildOptions = {},
): Promise<{ child: Child; origin: string }> {
  const child = cli.spawn(["gateway", "serve", "--port", "0", ...args], options);
  const said = await child.said(args.includes("--json") ? '"origin"' : "Ctrl-C stops");
  return { child, origin: /http:\/\/[\d.]+:\d+/.exec(said)![0] };
}

async function createKey(cli: TestCli): Promise<string> {
  const { code, stdout, stderr } = await cli.run("gateway keys create laptop");
  assertEquals(code, 0, stderr);
  return /gw_[\w-]{43}/.exec(stdout)![0];
}

function post(origin: string, key: string, body: unknown): Promise<Response> {
  return fetch(`${origin}/v1/messages`, {
    method: "POST",
    headers: { "x-api-key": key },
    body: JSON.stringify(body),
  });
}

Deno.test("gateway serve serves nobody, then everybody with a key, without a restart", async () => {
  await using cli = await TestCli.create();
  const { child, origin } = await serve(cli);
  const closed = await post(origin, "gw_x", {});
  assertEquals(closed.status, 503);
  assertStringIncludes(await closed.text(), "grantway gateway keys create");
  const [key] = await Promise.all([createKey(cli), cli.signIn()]);
  for (;;) {
    const response = await post(origin, key, ask("messages", "claude-opus-4", "hello"));
    const text = await response.text();
    if (response.status === 200) break;
    assert([401, 503].includes(response.status), text);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  child.kill("SIGINT");
  const { code, stdout, stderr } = await child.result;
  assertEquals(code, 0, stderr);
  assertStringIncludes(stdout, `Gateway at ${origin}`);
  assertStringIncludes(stderr, "grantway gateway keys create");
  assertStringIncludes(stderr, "grantway auth add");
  const line = stderr.split("\n").find((line) => line.includes("  200  "))!.split("  ");
  assertEquals(line.slice(1, 4), ["200", "POST", "/v1/messages"]);
  assertEquals(line.slice(5, 7), ["laptop", "minimax-oauth/MiniMax-M2.7"]);
  assert(!stderr.includes("hello"));
  // What was used is in the books after the end.
  assertStringIncludes((await cli.run("usage")).stdout, "MiniMax-M2.7");
});

Deno.test("gateway serve --json says where it is, and logs JSON without what was said", async () => {
  await using cli = await TestCli.create();
  await cli.signIn();
  const key = await createKey(cli);
  const { child, origin } = await serve(cli, ["--json"]);
  const response = await post(origin, key, ask("messages", "MiniMax-M2.7", "a secret wish", true));
  assertEquals(events(await response.text()).at(-1)!.name, "message_stop");
  await (await fetch(`${origin}/healthz`)).body?.cancel();
  child.kill("SIGTERM");
  const { code, stdout, stderr } = await child.result;
  assertEquals(code, 0, stderr);
  const hello = JSON.parse(stdout.split("\n")[0]!);
  assertEquals([hello.type, hello.origin, hello.hasClientKey], ["gateway", origin, true]);
  const lines = stderr.split("\n").filter((line) => line.startsWith("{")).map((line) =>
    JSON.parse(line)
  );
  assertEquals(lines.length, 1);
  const [line] = lines;
  assertEquals([line.type, line.level, line.status, line.outcome], [
    "request",
    "info",
    200,
    "completed",
  ]);
  assertEquals([line.route, line.provider, line.key.name], [
    "/v1/messages",
    "minimax-oauth",
    "laptop",
  ]);
  assert(line.requestId.startsWith("req_") && line.usage.outputTokens > 0);
  assert(!stderr.includes("secret wish") && !stderr.includes(key));
});

Deno.test("Ctrl-C lets an open answer end, and a second one does not", async () => {
  await using cli = await TestCli.create({ quirks: { chunkDelayMs: 15 } });
  await cli.signIn();
  const key = await createKey(cli);
  for (const presses of [1, 2]) {
    const { child, origin } = await serve(cli);
    const text = presses === 1 ? "[long:40]" : "[hang]";
    const response = await post(origin, key, ask("messages", "MiniMax-M2.7", text, true));
    const reading = response.text().catch(() => "broken");
    child.kill("SIGINT");
    await child.said("Stopping");
    if (presses === 2) {
      // Sooner it would be taken for the same press.
      await new Promise((resolve) => setTimeout(resolve, 350));
      child.kill("SIGINT");
    }
    const { code } = await child.result;
    assertEquals(code, presses === 1 ? 0 : 130);
    const answer = await reading;
    if (presses === 1) assertEquals(events(answer).at(-1)!.name, "message_stop");
  }
});

Deno.test("gateway serve says who has its port, and what it needs to be reached by others", async () => {
  await using cli = await TestCli.create();
  const { child, origin } = await serve(cli, ["--quiet", "--json"], {
    env: { GRANTWAY_LOG: "off" },
  });
  await (await fetch(`${origin}/v1/models`)).body?.cancel();
  const { port } = new URL(origin);
  const CASES = [
    { args: ["--port", port], code: 1, says: "it is taken by another gateway" },
    { args: ["--port", "x"], code: 2, says: "--port takes a whole number" },
    { args: ["--port", "0", "--host", "0.0.0.0"], code: 1, says: "grantway gateway keys create" },
    { args: ["--port", "0", "--host", "203.0.113.7"], code: 1, says: "there is no client key" },
  ];
  for (const { args, code, says } of CASES) {
    const result = await cli.run(["gateway", "serve", ...args]);
    assertEquals(result.code, code);
    assertStringIncludes(result.stderr, says);
  }
  const logged = await cli.run("gateway serve --port 0", { env: { GRANTWAY_LOG: "loud" } });
  assertEquals(logged.code, 2);
  await createKey(cli);
  const elsewhere = await cli.run("gateway serve --port 0 --host 203.0.113.7");
  assertStringIncludes(elsewhere.stderr, "it is no address of this machine");
  child.kill("SIGINT");
  const { stderr } = await child.result;
  assert(!stderr.includes("/v1/models"), stderr);
});

Deno.test("gateway serve on every address is reached by address, and by no other's name", async () => {
  await using cli = await TestCli.create();
  await createKey(cli);
  const child = cli.spawn("gateway serve --port 0 --host 0.0.0.0".split(" "));
  await child.said("Ctrl-C stops");
  const { port } = new URL(/http:\/\/[\d.]+:\d+/.exec(await child.said("Gateway at"))![0]);
  // `fetch` writes the Host header itself.
  const statusFor = async (host: string) => {
    using connection = await Deno.connect({ hostname: "127.0.0.1", port: Number(port) });
    await connection.write(
      new TextEncoder().encode(`GET /healthz HTTP/1.1\r\nHost: ${host}\r\n\r\n`),
    );
    const bytes = new Uint8Array(1_000);
    const count = await connection.read(bytes);
    return Number(new TextDecoder().decode(bytes.subarray(0, count!)).slice(9, 12));
  };
  assertEquals(await statusFor(`192.0.2.1:${port}`), 200);
  assertEquals(await statusFor("evil.example"), 403);
  child.kill("SIGINT");
  assertEquals((await child.result).code, 0);
});

Deno.test("gateway serve signs in for whoever has the admin token, and for nobody else", async () => {
  await using cli = await TestCli.create();
  const env = { GRANTWAY_ADMIN_TOKEN: "an-admin-token-of-some-length" };
  const { child, origin } = await serve(cli, [], { env });
  const wrong = await cli.run(`auth add xai-oauth --yes --remote ${origin}`, {
    env: { GRANTWAY_ADMIN_TOKEN: "another-token-of-some-length" },
  });
  assertEquals(wrong.code, 4, wrong.stderr);
  const added = await cli.run(`auth add minimax-oauth --yes --label there --remote ${origin}`, {
    env,
  });
  assertEquals(added.code, 0, added.stderr);
  assertEquals((await cli.stored()).map(({ label }) => label), ["there"]);
  const listed = await cli.run(`auth list --remote ${origin}`, { env });
  assertStringIncludes(listed.stdout, "#1  there  login");
  const set = await cli.run(
    `gateway config set limits.concurrent 7 --remote ${origin}`,
    { env },
  );
  assertEquals(set.code, 0, set.stderr);
  assertEquals((await cli.run("gateway config get limits.concurrent")).stdout, "7\n");
  const doctor = await cli.run(`doctor --remote ${origin}`, { env });
  assertStringIncludes(doctor.stdout, "minimax-oauth there");
  const out = await cli.run(`auth logout minimax-oauth --remote ${origin}`, { env });
  assertEquals(out.code, 0, out.stderr);
  assertEquals(await cli.stored(), []);
  child.kill("SIGINT");
  assertEquals((await child.result).code, 0);
});
