import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { findProvider } from "../../src/providers/mod.ts";
import { recordBodies } from "../support/chat_bodies.ts";
import { jsonLines, type MachineOptions, TestMachine } from "../support/platform.ts";

const HOUR = 3_600_000;
const API = "https://models.dev/api.json";

async function signedIn(options: MachineOptions = {}, provider = "xai-oauth") {
  const machine = new TestMachine({ env: { NO_COLOR: "1" }, ...options });
  await machine.signIn(`auth add ${provider}`);
  machine.requests.length = 0;
  return machine;
}

function idsOf(stdout: string): string[] {
  return jsonLines(stdout)[0].providers[0].models.map(({ id }: { id: string }) => id);
}

Deno.test("models: the default on top and marked, what each can do, and where that comes from", async () => {
  const machine = await signedIn();
  const { code, stdout, stderr } = await machine.run("models --refresh");
  assertEquals(code, 0, stderr);
  const [provider, header, ...rows] = stdout.trimEnd().split("\n");
  assertEquals(provider, "xai-oauth  xAI Grok OAuth (SuperGrok Subscription)");
  assertMatch(header!, /^ {2}MODEL +CONTEXT +OUTPUT +\$\/M IN +\$\/M OUT +CAN$/);
  assertMatch(
    rows[0]!,
    /^ {2}grok-4\.3 +1,000,000 +30,000 +1\.25 +2\.50 +thinks, tools, sees images +default; in use; /,
  );
  assertMatch(rows[2]!, /^ {2}grok-4\.20-0309-non-reasoning .+ {2}tools, sees images /);
  assertMatch(rows[3]!, /^ {2}grok-4\.20-multi-agent-0309 .+ {2}thinks, sees images /);
  assertMatch(rows[4]!, /^ {2}grok-build-0\.1 +256,000 +256,000 +1\.00 +2\.00 /);
  assertEquals([rows.length, stderr], [5, "From models.dev, 0s ago\n"]);
});

Deno.test("models: without a login it shows what one can sign in to, and asks nobody twice", async () => {
  const machine = new TestMachine({ quirks: { failNext: 9, failOn: "catalog" } });
  const { code, stdout, stderr } = await machine.run("models");
  assertEquals(code, 0);
  assertEquals([...stdout.matchAll(/^\S+(?= {2})/gm)].map(([id]) => id), [
    "minimax-oauth",
    "xai-oauth",
  ]);
  assertEquals(
    stderr,
    "The list that came with this version (2026-07-02); it is being refreshed\n" +
      "Nobody is signed in yet. Run: grantway auth add minimax-oauth\n" +
      "The list could not be refreshed now\n",
  );
  const again = await machine.run("models xai");
  assertMatch(again.stderr, /could not be refreshed just now\n$/);
  assertEquals(machine.requests.length, 1);
});

Deno.test("models: an API key is enough, and a provider goes by any of its names", async () => {
  const machine = new TestMachine({ env: { MINIMAX_API_KEY: "sandbox-key" } });
  assertMatch((await machine.run("models")).stdout, /^minimax {2}MiniMax\n {2}MODEL/);
  assertMatch((await machine.run("models grok-oauth")).stdout, /^xai-oauth /);
  const unknown = await machine.run("models grok-outh");
  assertEquals(unknown.code, 2);
  assertStringIncludes(unknown.stderr, "Did you mean: grok-oauth");
});

Deno.test("models: what is known is shown at once, and new models come with the next refresh", async () => {
  const machine = await signedIn();
  await machine.run("models --refresh");
  machine.sandbox.setQuirks({ catalog: "newer" });
  machine.clock.mono += 4 * HOUR - 1_000;
  const fresh = await machine.run("models");
  assertEquals(machine.requests.length, 1);
  assert(!fresh.stdout.includes("grok-4.6"));
  assertEquals(fresh.stderr, "From models.dev, 3h 59m ago\n");

  machine.clock.mono += 1_000;
  const stale = await machine.run("models");
  assert(!stale.stdout.includes("grok-4.6"));
  assertEquals(
    stale.stderr,
    "From models.dev, 4h ago; it is being refreshed\nNew: xai-oauth/grok-4.6\n",
  );
  const after = await machine.run("models --json");
  assertEquals(idsOf(after.stdout).slice(3), [
    "grok-4.20-multi-agent-0309",
    "grok-4.6",
    "grok-build-0.1",
  ]);
  assertEquals(machine.requests.map(({ url }) => url), [API, API]);
  assertEquals(machine.requests[1]!.headers.get("if-none-match"), 'W/"sandbox-good"');
});

Deno.test("models: a slow server delays neither the list nor, for long, the end", async () => {
  const machine = await signedIn();
  machine.sandbox.setQuirks({ delayMs: 60_000 });
  let seenAt = NaN;
  const started = machine.clock.now();
  const { code } = await machine.run("models", {
    onStderr: () => seenAt = Number.isNaN(seenAt) ? machine.clock.now() : seenAt,
  });
  assertEquals([code, seenAt - started, machine.clock.now() - started], [0, 0, 3_000]);
  // That is no failure: the next command tries again.
  assertEquals(machine.file("models.json"), undefined);
});

for (
  const { quirks, code, says } of [
    { quirks: { failWith: "connection_lost" }, code: 6, says: "cannot reach models.dev" },
    { quirks: { failWith: "status_503" }, code: 6, says: "models.dev answered 503" },
    { quirks: { failWith: "not_json" }, code: 6, says: "with what is no list" },
    { quirks: { failNext: 0, catalog: "huge" }, code: 6, says: "more than 16 MiB" },
  ] as const
) {
  Deno.test(`models --refresh says so when it cannot: ${says}`, async () => {
    const machine = await signedIn();
    await machine.run("models --refresh");
    machine.sandbox.setQuirks({ failNext: 1, failOn: "catalog", ...quirks });
    const result = await machine.run("models --refresh");
    assertEquals([result.code, result.stdout], [code, ""]);
    assertStringIncludes(result.stderr, "error: Cannot fetch the list of models: ");
    assertStringIncludes(result.stderr, says);
    assertEquals((await machine.run("models")).code, 0);
  });
}

Deno.test("models --json: every field, and nothing of a login", async () => {
  const machine = await signedIn({}, "minimax-oauth");
  const { stdout } = await machine.run("models --refresh --json");
  const [{ source, providers }] = jsonLines(stdout);
  assertEquals(source, {
    url: API,
    asOf: new Date(machine.clock.now()).toISOString(),
    stale: false,
  });
  assertEquals(providers.length, 1);
  assertEquals(providers[0].models[0], {
    id: "MiniMax-M2.7",
    default: true,
    contextTokens: 200_000,
    maxOutputTokens: 131_072,
    input: ["text"],
    thinks: true,
    efforts: [],
    tools: true,
    price: { input: 0.3, output: 1.2, cacheRead: 0.06 },
    deprecated: false,
    summary: "long-context reasoning, complex tool calling",
  });
});

Deno.test("models: a broken models.json is set aside with a word", async () => {
  const machine = await signedIn();
  await machine.write("models.json", "{");
  const { code, stderr } = await machine.run("models");
  assertEquals(code, 0);
  assertMatch(
    stderr,
    /kept is broken and is now \/home\/user\/\.grantway\/models\.json\.broken-\S+\n/,
  );
  const aside = [...machine.disk.entries.keys()].filter((path) => path.includes(".broken-"));
  assertEquals(aside.length, 1);
  assertEquals((await machine.run("models --quiet")).stderr, "");
});

const ALLOWED = { GRANTWAY_ALLOW_LOOPBACK: "1" };
const URLS: { env: Record<string, string>; asked?: string }[] = [
  { env: { GRANTWAY_MODELS_DEV_URL: "https://mirror.example/api.json" } },
  { env: { GRANTWAY_MODELS_DEV_URL: "http://127.0.0.1:9/api.json", ...ALLOWED } },
];
for (const { env } of URLS) {
  Deno.test(`models asks ${JSON.stringify(env)}`, async () => {
    const machine = await signedIn();
    await machine.run("models --refresh", { env });
    assertEquals(machine.requests.map(({ url }) => url), [env["GRANTWAY_MODELS_DEV_URL"]]);
  });
}

for (
  const url of [
    "http://mirror.example/api.json",
    "http://127.0.0.1:9/api.json",
    "https://127.0.0.1:9/api.json",
    "https://user:word@mirror.example/",
    "file:///etc/passwd",
    "mirror",
  ]
) {
  Deno.test(`models refuses ${url} as the list's address`, async () => {
    const machine = await signedIn({ env: { GRANTWAY_MODELS_DEV_URL: url } });
    const { code, stderr } = await machine.run("models");
    assertEquals([code, machine.requests.length], [1, 0]);
    assertStringIncludes(stderr, "Cannot use GRANTWAY_MODELS_DEV_URL");
    assert(!stderr.includes("word"), stderr);
    // What needs no list goes on.
    assertEquals((await machine.run("chat Hello")).code, 0);
    assertStringIncludes(
      (await machine.run("doctor")).stdout,
      "Cannot use GRANTWAY_MODELS_DEV_URL",
    );
  });
}

Deno.test("with a sandbox the list is the sandbox's, whatever the variable says", async () => {
  const env = {
    GRANTWAY_SANDBOX: "http://127.0.0.1:8700",
    GRANTWAY_MODELS_DEV_URL: "https://mirror.example/api.json",
  };
  const machine = new TestMachine({ env });
  assertEquals((await machine.run("models --refresh")).code, 0);
  assertEquals(machine.requests.map(({ url }) => url), [
    "http://127.0.0.1:8700/models.dev/api.json",
  ]);
  assertEquals(machine.file("models.json"), undefined);
  assert(machine.file("sandbox/models.json"));
});

Deno.test("a chat neither reads nor fetches the list", async () => {
  const machine = await signedIn();
  await machine.write("models.json", "{");
  const { code, stderr } = await machine.run("chat Hello");
  assertEquals([code, stderr], [0, ""]);
  assertEquals(machine.sent("models.dev"), []);
  assertEquals(machine.file("models.json"), "{");
});

Deno.test("chat: the context window of a model is that of the list", async () => {
  const machine = await signedIn();
  const { stderr } = await machine.run(["-m", "grok-build-0.1", "--no-save"], {
    lines: ["Hello", "/usage", "exit"],
  });
  assertMatch(stderr, /Context: [\d.]+k? of 256k tokens/);
});

Deno.test("chat: /model knows the list, and takes any other name as it is", async () => {
  const machine = await signedIn();
  const bodies = recordBodies(machine);
  const { stderr } = await machine.run(["--no-save"], {
    lines: ["/model GROK-BUILD-0.1", "one", "/model grok-next", "exit"],
  });
  assertEquals(bodies.map(({ model }) => model), ["grok-build-0.1"]);
  assertEquals(stderr.match(/lists no such model/g)?.length, 1);
});

Deno.test("model: an unknown model is used as written, with a hint to the list", async () => {
  const machine = await signedIn();
  const known = await machine.run("model XAI-OAuth/grok-BUILD-0.1");
  assertEquals([known.stdout, known.stderr], ["Using xai-oauth/grok-build-0.1\n", ""]);
  const unknown = await machine.run("model grok-next");
  assertEquals(unknown.stdout, "Using xai-oauth/grok-next\n");
  assertStringIncludes(unknown.stderr, "grantway models xai-oauth");
  assertStringIncludes((await machine.run("models")).stdout, "grok-next (in use; not in the list)");
  const near = await machine.run("model grok-4.33");
  assertStringIncludes(near.stderr, "Did you mean grok-4.3?");
});

Deno.test("connect and run: a model that nobody lists is said, a provider that is none refused", async () => {
  const machine = await signedIn();
  machine.program = () => Promise.resolve(0);
  const unknown = await machine.run("connect openai --model grok-4.33");
  assertEquals(unknown.code, 0);
  assertStringIncludes(unknown.stderr, 'xai-oauth lists no model "grok-4.33"');
  assertStringIncludes(unknown.stderr, "Did you mean grok-4.3?");
  for (const command of ["connect openai", "run openai true"]) {
    const [name, ...rest] = command.split(" ");
    const wrong = await machine.run([name!, "--model", "xai-oaut/grok-4.3", ...rest]);
    assertEquals(wrong.code, 2);
    assertStringIncludes(wrong.stderr, 'Unknown provider "xai-oaut"');
    assertStringIncludes(wrong.stderr, "Did you mean: xai-oauth");
  }
});

Deno.test("connect: the context window of any listed model goes into a client's set-up", async () => {
  const machine = await signedIn();
  const { stdout, code, stderr } = await machine.run([
    "connect",
    "codex",
    "-m",
    "grok-build-0.1",
  ]);
  assertEquals(code, 0, stderr);
  assertStringIncludes(stdout, "model_context_window = 256000");
  assertEquals(findProvider("xai-oauth")!.models.some(({ id }) => id === "grok-build-0.1"), false);
});
