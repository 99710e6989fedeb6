// What only a real process can show: streams that close or fill, a home that cannot be used, signals,
// and the sandbox as a server. Children run side by side where they do not share a home.

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { type ChildOptions, TestCli } from "../support/cli.ts";
import { jsonLines } from "../support/platform.ts";

/** Waits for what another process brings about. */
async function until(condition: () => boolean): Promise<void> {
  for (let turn = 0; !condition(); turn++) {
    assert(turn < 2_000, "it did not come about");
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

const LONG = "[long:20000]";

Deno.test("--version and --help need nothing: no home, no store, no network", async () => {
  await using cli = await TestCli.create({ offline: true });
  const results = await Promise.all([
    cli.run("--version"),
    cli.run("--json --version"),
    cli.run("--help"),
    cli.run("auth --help"),
    cli.run("auth add --help"),
    cli.run("help config set"),
  ]);
  assertEquals(results.map(({ code }) => code), [0, 0, 0, 0, 0, 0]);
  for (const { stdout } of results.slice(0, 2)) assertMatch(stdout, /^\d+\.\d+\.\d+\n$/);
  for (const { stdout } of results.slice(2)) assertMatch(stdout, /^Usage: /m);
  for (const { stderr } of results) assertEquals(stderr, "");
  assertEquals(await cli.tree(), []);
});

Deno.test("output that cannot be written ends the command: 1, one line", async () => {
  await using cli = await TestCli.create();
  await cli.signIn();
  const gone = "error: Cannot write the output: its reader is gone\n";
  const [head, list, full, json] = await Promise.all([
    cli.shell(`grantway chat '${LONG}' | head -c 0; exit "\${PIPESTATUS[0]}"`),
    cli.shell(`grantway auth list | exec 0<&- sleep 0; exit "\${PIPESTATUS[0]}"`),
    cli.shell(`grantway chat Hello > /dev/full`),
    cli.shell(`grantway auth list --json > /dev/full`),
  ]);
  assertEquals([head.code, head.stderr], [1, gone]);
  assert(list.code === 0 || list.stderr === gone);
  for (const { code, stderr } of [full, json]) {
    assertEquals(code, 1);
    assertMatch(stderr, /^error: Cannot write the output: No space left on device[^\n]*\n$/);
  }
});

Deno.test("stderr that nobody reads stops nothing", async () => {
  await using cli = await TestCli.create();
  await cli.signIn();
  cli.sandbox.expireAccessTokens();
  const { code, stdout } = await cli.shell(`grantway chat --verbose Hello 2> /dev/full`);
  assertEquals(code, 0);
  assertStringIncludes(stdout, "You wrote: “Hello”");
});

Deno.test("standard input: closed, huge, and not UTF-8", async () => {
  await using cli = await TestCli.create();
  await cli.signIn();
  const before = await cli.tree();
  const [closed, huge, hugeKey, binary] = await Promise.all([
    cli.shell("grantway chat - <&-"),
    cli.run("chat -", { stdin: "x".repeat(9 * 1024 * 1024) }),
    cli.run("auth add minimax --type api-key", { stdin: "x".repeat(70_000) }),
    cli.run("chat --no-save -", { stdin: new Uint8Array([0x68, 0x69, 0xff, 0xfe]) }),
  ]);
  assertEquals(closed.code, 2);
  assertStringIncludes(closed.stderr, "error: The prompt is empty\n");
  for (const { code, stderr } of [huge, hugeKey]) {
    assertEquals(code, 2);
    assertMatch(stderr, /^error: Standard input is larger than \d+ bytes\n$/);
  }
  assertEquals(binary.code, 0);
  assertMatch(binary.stderr, /^warning: Standard input is not all UTF-8[^\n]*\n$/);
  assertEquals(await cli.tree(), before);
});

/** Homes that cannot be used, and what is said of them. Root may read and write everything. */
const HOMES: {
  name: string;
  prepare?: (cli: TestCli) => Promise<void>;
  env?: (cli: TestCli) => Record<string, string>;
  commands: [args: string, code: number, error: RegExp][];
}[] = [
  {
    name: "no home at all",
    env: () => ({ HOME: "", GRANTWAY_HOME: "" }),
    commands: [
      ["auth list", 1, /Cannot find the home folder: neither GRANTWAY_HOME nor HOME is set/],
      ["chat Hello", 1, /Cannot find the home folder/],
    ],
  },
  {
    name: "a file in the place of the home",
    env: ({ root }) => ({ GRANTWAY_HOME: `${root}/file` }),
    prepare: ({ root }) => Deno.writeTextFile(`${root}/file`, "mine"),
    commands: [
      ["auth add minimax-oauth", 9, /file/],
      ["config set model x", 9, /file/],
      ["auth list", 9, /file/],
    ],
  },
  {
    name: "a place where nothing can be made",
    prepare: ({ root }) => Deno.writeTextFile(`${root}/file`, "mine"),
    env: ({ root }) => ({ GRANTWAY_HOME: `${root}/file/home` }),
    commands: [
      ["auth add minimax-oauth", 9, /file\/home/],
      ["config set model x", 9, /file\/home/],
      ["chat Hello", 9, /file\/home/],
    ],
  },
  {
    name: "a folder in the place of config.yaml",
    prepare: ({ root }) => Deno.mkdir(`${root}/config.yaml`),
    commands: [
      ["chat Hello", 9, /config\.yaml: it is a folder/],
      ["config set model x", 9, /config\.yaml: it is a folder/],
    ],
  },
  {
    name: "a folder in the place of auth.json",
    prepare: ({ root }) => Deno.mkdir(`${root}/auth.json`),
    commands: [
      ["auth list", 9, /auth\.json: it is a folder/],
      ["auth add minimax-oauth", 9, /auth\.json: it is a folder/],
    ],
  },
  {
    name: "a link in the place of auth.json",
    prepare: async ({ root }) => {
      await Deno.writeTextFile(`${root}/elsewhere`, "{}", { mode: 0o600 });
      await Deno.symlink(`${root}/elsewhere`, `${root}/auth.json`);
    },
    commands: [
      ["auth list", 9, /auth\.json: it is a symbolic link/],
      ["auth add minimax-oauth", 9, /auth\.json: it is a symbolic link/],
    ],
  },
];

for (const { name, prepare, env, commands } of HOMES) {
  Deno.test(`${name}: one clear line, the right exit code, nothing changed`, async () => {
    await using cli = await TestCli.create({ offline: true });
    await Deno.mkdir(cli.root, { mode: 0o700 });
    await prepare?.(cli);
    const before = await cli.tree();
    const options: ChildOptions = { env: { NO_COLOR: "1", ...env?.(cli) } };
    const results = await Promise.all(commands.map(([args]) => cli.run(args, options)));
    for (const [index, { code, stderr }] of results.entries()) {
      const [args, expected, error] = commands[index]!;
      assertEquals(code, expected, `${args}: ${stderr}`);
      assertMatch(stderr, error, args);
      assert(stderr.trimEnd().split("\n").length <= 2, `${args}: ${stderr}`);
      assert(!/at .*\.ts:\d+/.test(stderr), stderr);
    }
    const locks = (line: string) => !line.includes("/locks");
    assertEquals((await cli.tree()).filter(locks), before);
  });
}

Deno.test("a home that others may read is closed, with a word", async () => {
  await using cli = await TestCli.create();
  await cli.signIn();
  await Deno.chmod(`${cli.home}/auth.json`, 0o644);
  const loose = await cli.run("doctor");
  assertMatch(loose.stdout, /⚠ \S+auth\.json is open to other users \(0644\)/);
  await Deno.chmod(`${cli.home}/auth.json`, 0o644);
  const { code, stderr } = await cli.run("auth list");
  assertEquals(code, 0);
  assertStringIncludes(stderr, "auth.json (mode 0644); it is 0600 now");
  assertEquals((await Deno.stat(`${cli.home}/auth.json`)).mode! & 0o777, 0o600);
});

Deno.test("a network that cannot be reached is 6, in one line, and changes nothing", async () => {
  await using cli = await TestCli.create();
  await cli.signIn();
  const before = await cli.tree();
  const dead = { HTTPS_PROXY: "http://127.0.0.1:1", HTTP_PROXY: "http://127.0.0.1:1" };
  const [sandbox, login] = await Promise.all([
    cli.run("chat Hello", { env: { GRANTWAY_SANDBOX: "http://127.0.0.1:1" } }),
    // No sandbox: the vendor's own hosts, behind a proxy that is not there.
    cli.run("auth add minimax-oauth", {
      env: { GRANTWAY_SANDBOX: "", GRANTWAY_HOME: `${cli.root}-other`, ...dead },
    }),
  ]);
  for (const { code, stderr } of [sandbox, login]) {
    assertEquals(code, 6, stderr);
    assertMatch(stderr, /^error: [^\n]+\n( {2}[^\n]+\n)?$/);
  }
  assertEquals(await cli.tree(), before);
});

Deno.test("a proxy is not asked for what is on this machine", async () => {
  await using cli = await TestCli.create();
  await cli.signIn();
  const env = { HTTP_PROXY: "http://127.0.0.1:1", HTTPS_PROXY: "http://127.0.0.1:1" };
  const { code, stderr } = await cli.run("chat Hello", { env });
  assertEquals(code, 0, stderr);
});

Deno.test("the command line asks for no permission beyond those it is given", async () => {
  await using cli = await TestCli.create();
  await cli.signIn();
  const commands = [
    "auth list",
    "auth status",
    "doctor",
    "chat Hello",
    "auth refresh minimax-oauth",
  ];
  for (const { code, stderr } of await Promise.all(commands.map((args) => cli.run(args)))) {
    assertEquals(code, 0, stderr);
    assert(!/permission|--allow/i.test(stderr), stderr);
  }
});

Deno.test("Ctrl-C during a login ends it at once, with 130, and stores nothing", async () => {
  await using cli = await TestCli.create({ autoApprove: false });
  const child = cli.spawn(["auth", "add", "minimax-oauth"]);
  await child.said("Waiting for your approval");
  const startedAt = performance.now();
  child.kill("SIGINT");
  const { code, stdout, stderr } = await child.result;
  assert(performance.now() - startedAt < 3_000, "it took too long");
  assertEquals([code, stdout], [130, ""]);
  assert(stderr.endsWith("\nInterrupted\n"), stderr);
  // Folders, and lock files that name their last holder.
  const files = (await cli.tree()).filter((line) => / 100\d+ /.test(line));
  assert(files.length > 0 && files.every((line) => line.includes("/locks/")), files.join("\n"));
});

Deno.test("Ctrl-C during a silent answer ends with 130, and the server sees it", async () => {
  await using cli = await TestCli.create();
  await cli.signIn();
  const child = cli.spawn(["chat", "[hang] please"]);
  await child.said("You wrote");
  child.kill("SIGINT");
  const { code, stderr } = await child.result;
  assertEquals(code, 130);
  assertStringIncludes(stderr, "Interrupted");
  await until(() => cli.sandbox.counters.cancelledStreams > 0);
});

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  Deno.test(`${signal} while a refresh is on its way: the new tokens are saved, then 130`, async () => {
    await using cli = await TestCli.create();
    await cli.signIn();
    const [before] = await cli.stored();
    cli.sandbox.setQuirks({ delayMs: 500 });
    const child = cli.spawn(["auth", "refresh", "minimax-oauth"]);
    const key = "POST account.minimax.io/oauth2/token";
    const asked = cli.sandbox.counters.requests[key]!;
    await until(() => cli.sandbox.counters.requests[key]! > asked);
    child.kill(signal);
    // `deno task` delivers it twice.
    if (signal === "SIGINT") child.kill(signal);
    assertEquals((await child.result).code, 130);
    const [after] = await cli.stored();
    assertEquals(after.generation, before.generation + 1);
    assert(after.tokens.refreshToken !== before.tokens.refreshToken);
    cli.sandbox.setQuirks({ delayMs: 0 });
    assertEquals((await cli.run("chat Hello")).code, 0);
    assertEquals(cli.sandbox.counters.reuses, 0);
  });
}

Deno.test("a second Ctrl-C while a refresh is on its way is told why it must wait", async () => {
  await using cli = await TestCli.create();
  await cli.signIn();
  cli.sandbox.setQuirks({ delayMs: 1_000 });
  const child = cli.spawn(["auth", "refresh", "minimax-oauth"]);
  const key = "POST account.minimax.io/oauth2/token";
  const asked = cli.sandbox.counters.requests[key]!;
  await until(() => cli.sandbox.counters.requests[key]! > asked);
  child.kill("SIGINT");
  // Presses that come sooner count as one.
  await new Promise((resolve) => setTimeout(resolve, 350));
  child.kill("SIGINT");
  const { code, stderr } = await child.result;
  assertEquals(code, 130);
  assertStringIncludes(stderr, "its answer must be saved");
  assertEquals((await cli.stored())[0].generation, 2);
});

Deno.test("a login in one process, an answer in the next, with the sandbox inside each", async () => {
  await using cli = await TestCli.create({ offline: true });
  const first = await cli.run("chat --sandbox Hello");
  assertEquals(first.code, 4);
  assertStringIncludes(first.stderr, "Run: grantway auth add minimax-oauth --sandbox");
  assertEquals((await cli.run("auth add minimax-oauth --sandbox --quiet")).code, 0);
  const { code, stdout } = await cli.run("chat --sandbox Hello");
  assertEquals(code, 0);
  assertStringIncludes(stdout, "You wrote: “Hello”");
  // The user's own home does not know of it.
  assertEquals((await cli.run("chat Hello")).code, 4);
});

Deno.test("what a gateway of --sandbox answers names commands with that flag", async () => {
  await using cli = await TestCli.create({ offline: true });
  const child = cli.spawn(["gateway", "serve", "--sandbox", "--port", "0"]);
  const origin = /http:\/\/[\d.]+:\d+/.exec(await child.said("Ctrl-C stops"))![0];
  const { missing } = await (await fetch(`${origin}/readyz`)).json();
  assertEquals(missing.map((text: string) => text.split("Run: ")[1]), [
    "grantway gateway keys create <name> --sandbox",
    "grantway auth add minimax-oauth --sandbox (or xai-oauth)",
  ]);
  const refused = await fetch(`${origin}/v1/messages`, { method: "POST", body: "{}" });
  assertEquals(refused.status, 503);
  assertStringIncludes(
    (await refused.json()).error.message,
    "grantway gateway keys create <name> --sandbox",
  );
  child.kill("SIGINT");
  assertEquals((await child.result).code, 0);
});

Deno.test("sandbox serves what --json says, until Ctrl-C, and continues after a restart", async () => {
  await using cli = await TestCli.create({ offline: true });
  const start = async (args: string[] = []) => {
    const child = cli.spawn(["sandbox", "--port", "0", "--json", "--auto-approve", ...args]);
    await child.said('"origin"');
    return child;
  };
  const first = await start(["--token-ttl", "2"]);
  first.kill("SIGINT");
  const stopped = await first.result;
  assertEquals(stopped.code, 0);
  const [{ version, type, origin }] = jsonLines(stopped.stdout);
  assertEquals([version, type], [1, "sandbox"]);
  const { port } = new URL(origin);

  const serve = ["--port", port, "--token-ttl", "2"];
  let child = await start(serve);
  const env = { GRANTWAY_SANDBOX: origin };
  const added = await cli.run("auth add minimax-oauth --json", { env });
  assertEquals(added.code, 0, added.stderr);
  const { credential } = jsonLines(added.stdout).at(-1);
  const lifetimeMs = Date.parse(credential.expiresAt) - Date.parse(credential.createdAt);
  assert(lifetimeMs > 0 && lifetimeMs <= 2_000, `${lifetimeMs}`);

  const taken = await cli.run(["sandbox", "--port", port]);
  assertEquals(taken.code, 1);
  assertEquals(
    taken.stderr,
    `error: Cannot listen on port ${port}: it is taken\n` +
      "  Choose another one with --port, or 0 for a free one\n",
  );

  child.kill("SIGTERM");
  assertEquals((await child.result).code, 0);
  child = await start(serve);
  try {
    const answer = await cli.run("chat Hello", { env });
    assertEquals(answer.code, 0, answer.stderr);
  } finally {
    child.kill("SIGINT");
    await child.result;
  }
});

Deno.test("sandbox with an answer that never ends stops on the second Ctrl-C", async () => {
  await using cli = await TestCli.create({ offline: true });
  const server = cli.spawn(["sandbox", "--port", "0", "--json"]);
  const [{ origin }] = jsonLines(await server.said('"origin"'));
  const env = { GRANTWAY_SANDBOX: origin, MINIMAX_API_KEY: "sandbox-key" };
  const chat = cli.spawn(["chat", "--provider", "minimax", "[hang] please"], { env });
  await chat.said("You wrote");
  server.kill("SIGINT");
  // Presses that come sooner count as one.
  await new Promise((resolve) => setTimeout(resolve, 350));
  server.kill("SIGINT");
  assertEquals((await server.result).code, 130);
  assertEquals((await chat.result).code, 6);
});

Deno.test("processes that refresh at once spend each refresh token once", async () => {
  await using cli = await TestCli.create({ accessTokenTtlMs: 1 });
  await cli.signIn();
  cli.sandbox.setQuirks({ delayMs: 50 });
  const results = await Promise.all(
    Array.from({ length: 4 }, () => cli.run("auth token minimax-oauth")),
  );
  for (const { code, stderr } of results) assertEquals(code, 0, stderr);
  assertEquals(cli.sandbox.counters.reuses, 0);
});
