// `connect`: what it prints, and what it does to the files of Claude Code and Codex.

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { CLIENTS } from "../../src/cli/clients/mod.ts";
import { TestCli } from "../support/cli.ts";
import { jsonLines, TestMachine } from "../support/platform.ts";

const CLAUDE = "/home/user/.claude/settings.json";
const CODEX = "/home/user/.codex/config.toml";

async function signedIn(...commands: string[]): Promise<TestMachine> {
  const machine = new TestMachine();
  for (const command of commands) await machine.signIn(command);
  return machine;
}

function put(machine: TestMachine, path: string, text: string, mode = 0o600): void {
  machine.userFiles.set(path, { bytes: new TextEncoder().encode(text), mode });
}

function textOf(machine: TestMachine, path: string): string | undefined {
  const file = machine.userFiles.get(path);
  return file && new TextDecoder("utf-8", { ignoreBOM: true }).decode(file.bytes);
}

async function ok(machine: TestMachine, command: string, stdin = ""): Promise<string> {
  const { code, stdout, stderr } = await machine.run(command, { stdin });
  assertEquals(code, 0, stderr);
  return stdout + stderr;
}

/** Names of the keys that the gateway takes. */
async function keyNames(machine: TestMachine): Promise<string[]> {
  const [{ keys }] = jsonLines((await machine.run("gateway keys list --json")).stdout);
  return keys.map(({ name }: { name: string }) => name).sort();
}

const PRINTED: { args: string; stdout: string }[] = [
  {
    args: "claude-code",
    stdout: `export ANTHROPIC_BASE_URL=http://127.0.0.1:8645
export ANTHROPIC_MODEL=minimax-oauth/MiniMax-M2.7
export ANTHROPIC_DEFAULT_HAIKU_MODEL=minimax-oauth/MiniMax-M2.7-highspeed
export CLAUDE_CODE_MAX_CONTEXT_TOKENS=200000
export ANTHROPIC_AUTH_TOKEN="$GRANTWAY_CLIENT_KEY"
`,
  },
  {
    args: "codex --model xai-oauth/grok-4.3 --gateway https://gateway.example/v1/",
    stdout: `model_provider = "grantway"
model = "xai-oauth/grok-4.3"
model_context_window = 1000000

[model_providers.grantway]
name = "Grantway"
base_url = "https://gateway.example/v1"
wire_api = "responses"
env_key = "GRANTWAY_CLIENT_KEY"
`,
  },
  {
    args: "openai",
    stdout: `export OPENAI_BASE_URL=http://127.0.0.1:8645/v1
export OPENAI_API_KEY="$GRANTWAY_CLIENT_KEY"
`,
  },
  {
    args: "anthropic",
    stdout: `export ANTHROPIC_BASE_URL=http://127.0.0.1:8645
export ANTHROPIC_API_KEY="$GRANTWAY_CLIENT_KEY"
`,
  },
  {
    args: "ai-sdk",
    stdout: `export OPENAI_BASE_URL=http://127.0.0.1:8645/v1
export ANTHROPIC_BASE_URL=http://127.0.0.1:8645/v1
export OPENAI_API_KEY="$GRANTWAY_CLIENT_KEY"
export ANTHROPIC_API_KEY="$GRANTWAY_CLIENT_KEY"
`,
  },
];

for (const { args, stdout } of PRINTED) {
  Deno.test(`connect ${args} prints what to set`, async () => {
    const machine = await signedIn("auth add minimax-oauth");
    const result = await machine.run(`connect ${args}`);
    assertEquals(result.code, 0);
    assertEquals(result.stdout, stdout);
    assertStringIncludes(result.stderr, "grantway gateway keys create");
    assertEquals(machine.userFiles.size, 0);
  });
}

Deno.test("connect opencode prints a configuration with every model of what is signed in", async () => {
  const machine = await signedIn("auth add minimax-oauth", "auth add xai-oauth");
  const { stdout } = await machine.run("connect opencode");
  const { model, small_model, provider: { grantway } } = JSON.parse(stdout);
  assertEquals(model, "grantway/minimax-oauth/MiniMax-M2.7");
  assertEquals(small_model, "grantway/minimax-oauth/MiniMax-M2.7-highspeed");
  assertEquals(grantway.options, {
    baseURL: "http://127.0.0.1:8645/v1",
    apiKey: "{env:GRANTWAY_CLIENT_KEY}",
  });
  assertEquals(grantway.models["xai-oauth/grok-4.3"].limit.context, 1_000_000);
  assert("minimax-oauth/MiniMax-M2.7-highspeed" in grantway.models);
});

Deno.test("connect --json has one shape for every client", async () => {
  const machine = await signedIn("auth add minimax-oauth");
  for (const { id } of CLIENTS) {
    const { stdout, stderr } = await machine.run(`connect ${id} --json`);
    const [report] = jsonLines(stdout);
    // What belongs there is in the report.
    assertEquals(/^In /m.test(stderr), false);
    assertEquals([report.version, report.type, report.client], [1, "connect", id]);
    assertEquals(report.gateway, "http://127.0.0.1:8645");
    assertEquals(report.model, "minimax-oauth/MiniMax-M2.7");
    assert(report.models.length >= 2 && report.keyVariables.length >= 1);
    assert(Object.keys(report.variables).length > 0 || report.file.text.length > 0, id);
  }
});

Deno.test("connect says who is missing, and takes a model all the same", async () => {
  const machine = new TestMachine();
  const { code, stdout, stderr } = await machine.run("connect claude-code");
  assertEquals(code, 0);
  assert(!stdout.includes("ANTHROPIC_MODEL"));
  assertStringIncludes(stderr, "grantway auth add");
  const named = await machine.run("connect claude-code --model xai-oauth/grok-4.3");
  assertStringIncludes(named.stdout, "ANTHROPIC_MODEL=xai-oauth/grok-4.3");
});

const WRONG: { args: string; message: RegExp }[] = [
  { args: "claude-cod", message: /Unknown client "claude-cod"\n {2}Did you mean: claude-code/ },
  { args: "x", message: /Unknown client "x"\n {2}Clients: claude-code, codex/ },
  { args: "openai --write", message: /--write works for claude-code and codex, not for openai/ },
  { args: "codex --write --undo", message: /exclude each other/ },
  { args: "codex --key-name x", message: /--key-name belongs to --write/ },
  { args: "codex --write --key-stdin --key-name x", message: /exclude each other/ },
  { args: "codex --gateway gateway.example", message: /takes an https URL/ },
  { args: "codex --gateway http://gateway.example", message: /takes an https URL/ },
  { args: "codex --gateway https://a:b@gateway.example", message: /takes an https URL/ },
  { args: "codex --write --gateway https://gateway.example", message: /--key-stdin < key\.txt/ },
  { args: "codex --write", message: /Add --yes to agree/ },
];

for (const { args, message } of WRONG) {
  Deno.test(`connect ${args}: usage, and nothing is written`, async () => {
    const machine = await signedIn("auth add minimax-oauth");
    const { code, stderr } = await machine.run(`connect ${args}`);
    assertEquals(code, 2);
    assertMatch(stderr, message);
    assertEquals(machine.userFiles.size, 0);
    assertEquals(await keyNames(machine), []);
  });
}

const FILES = [
  { client: "claude-code", path: CLAUDE, text: '{\r\n\t"a" : 1 ,\r\n\t"env" : {}\r\n}' },
  { client: "codex", path: CODEX, text: '\ufeff# mine\r\nmodel = "gpt" # best\r\n[a]\r\nb=1' },
];

for (const { client, path, text } of FILES) {
  Deno.test(`connect ${client}: --write makes a key, --undo gives back every byte`, async () => {
    const machine = await signedIn("auth add minimax-oauth");
    put(machine, path, text, 0o640);
    const said = await ok(machine, `connect ${client} --write --yes`);
    assertMatch(said, /Other users of this machine can read the key/);
    const written = textOf(machine, path)!;
    const [secret] = /gw_[\w-]{43}/.exec(written)!;
    assert(!said.includes(secret), "the key was shown");
    assertEquals(await keyNames(machine), [client]);

    assertMatch(await ok(machine, `connect ${client} --write --yes`), /Nothing to change/);
    assertEquals(textOf(machine, path), written);
    assertEquals(await keyNames(machine), [client]);

    // Another model: the key stays.
    await ok(machine, `connect ${client} --write --yes --model MiniMax-M2.7-highspeed`);
    assertStringIncludes(textOf(machine, path)!, secret);
    assertStringIncludes(textOf(machine, path)!, "minimax-oauth/MiniMax-M2.7-highspeed");

    await ok(machine, `connect ${client} --undo --yes`);
    assertEquals(textOf(machine, path), text);
    assertEquals(machine.userFiles.get(path)!.mode, 0o640);
    assertEquals(await keyNames(machine), []);
    assertMatch(await ok(machine, `connect ${client} --undo --yes`), /Nothing was written/);
  });

  Deno.test(`connect ${client}: a file that was not there is not there afterwards`, async () => {
    const machine = await signedIn("auth add minimax-oauth");
    await ok(machine, `connect ${client} --write --yes`);
    assertEquals(machine.userFiles.get(path)!.mode, 0o600);
    await ok(machine, `connect ${client} --undo --yes`);
    assertEquals(machine.userFiles.size, 0);
  });

  Deno.test(`connect ${client}: a key that was revoked is made anew, one of the user's stays`, async () => {
    const machine = await signedIn("auth add minimax-oauth");
    await ok(machine, `gateway keys create ${client}`);
    await ok(machine, `connect ${client} --write --yes`);
    assertEquals(await keyNames(machine), [client, `${client}-2`]);
    const before = textOf(machine, path)!;
    await ok(machine, `gateway keys revoke ${client}-2 --yes`);
    await ok(machine, `connect ${client} --write --yes --key-name other`);
    assert(textOf(machine, path) !== before);
    assertEquals(await keyNames(machine), [client, "other"]);
    await ok(machine, `connect ${client} --undo --yes`);
    assertEquals(await keyNames(machine), [client]);
  });

  Deno.test(`connect ${client}: a key from standard input is written and never revoked`, async () => {
    const machine = await signedIn("auth add minimax-oauth");
    const command = `connect ${client} --write --yes --key-stdin`;
    await ok(machine, `${command} --gateway https://gateway.example`, "gw_of-another-gateway\n");
    assertStringIncludes(textOf(machine, path)!, "gw_of-another-gateway");
    assertEquals(await keyNames(machine), []);
    await ok(machine, `connect ${client} --undo --yes`);
    assertEquals(machine.userFiles.size, 0);
    assertEquals((await machine.run(command, { stdin: "two words" })).code, 2);
  });
}

Deno.test("connect --undo after edits gives back what was there, and keeps the edits", async () => {
  const machine = await signedIn("auth add minimax-oauth");
  put(machine, CLAUDE, '{\n  "env": {\n    "ANTHROPIC_AUTH_TOKEN": "sk-mine"\n  }\n}\n');
  await ok(machine, "connect claude-code --write --yes");
  assert(!textOf(machine, CLAUDE)!.includes("sk-mine"));
  const edited = textOf(machine, CLAUDE)!
    .replace('"http://127.0.0.1:8645"', '"http://127.0.0.1:9999"')
    .replace(/\n\}\n$/, ',\n  "model": "opus"\n}\n');
  put(machine, CLAUDE, edited);
  const said = await ok(machine, "connect claude-code --undo --yes");
  assertMatch(said, /left alone: env\.ANTHROPIC_BASE_URL/);
  assertEquals(
    textOf(machine, CLAUDE),
    '{\n  "env": {\n    "ANTHROPIC_AUTH_TOKEN": "sk-mine",\n    "ANTHROPIC_BASE_URL": "http://127.0.0.1:9999"\n  },\n  "model": "opus"\n}\n',
  );
});

Deno.test("connect --undo where the file is gone: the key is revoked all the same", async () => {
  const machine = await signedIn("auth add minimax-oauth");
  await ok(machine, "connect codex --write --yes");
  machine.userFiles.clear();
  await ok(machine, "connect codex --undo --yes");
  assertEquals([await keyNames(machine), machine.userFiles.size], [[], 0]);
});

Deno.test("connect --write into a broken file: refused with the line, nothing changed", async () => {
  const machine = await signedIn("auth add minimax-oauth");
  for (
    const { client, path, text, line } of [
      { client: "claude-code", path: CLAUDE, text: '{\n  "a": \n', line: 3 },
      { client: "codex", path: CODEX, text: "a = 1\na = 2\n", line: 2 },
    ]
  ) {
    put(machine, path, text);
    const { code, stderr } = await machine.run(`connect ${client} --write --yes`);
    assertEquals(code, 1);
    assertStringIncludes(stderr, `Cannot edit ${path}: line ${line}: `);
    assertEquals(textOf(machine, path), text);
    assertEquals(await keyNames(machine), []);
  }
  put(machine, CLAUDE, "");
  machine.userFiles.set(CLAUDE, { bytes: new Uint8Array([0x7b, 0xff, 0x7d]), mode: 0o600 });
  assertStringIncludes(
    (await machine.run("connect claude-code --write --yes")).stderr,
    "not UTF-8",
  );
});

Deno.test("connect --undo of a broken file touches neither it nor the key", async () => {
  const machine = await signedIn("auth add minimax-oauth");
  await ok(machine, "connect codex --write --yes");
  const broken = `${textOf(machine, CODEX)}[`;
  put(machine, CODEX, broken);
  assertEquals((await machine.run("connect codex --undo --yes")).code, 1);
  assertEquals(textOf(machine, CODEX), broken);
  assertEquals(await keyNames(machine), ["codex"]);
});

Deno.test("connect --write that cannot be saved leaves no key and no record", async () => {
  const machine = await signedIn("auth add minimax-oauth");
  put(machine, CODEX, "a = 1\n");
  machine.userFileFailure = new Error("it is read-only");
  const { code, stderr } = await machine.run("connect codex --write --yes");
  assertEquals(code, 9);
  assertStringIncludes(stderr, `Cannot write ${CODEX}: it is read-only`);
  assertEquals(await keyNames(machine), []);
  machine.userFileFailure = undefined;
  assertMatch(await ok(machine, "connect codex --undo --yes"), /Nothing was written/);
});

Deno.test("connect --write keeps what it replaced sealed where logins are", async () => {
  const machine = await signedIn("auth add minimax-oauth");
  machine.env["GRANTWAY_KEYS"] = `k1:${btoa("0123456789abcdef0123456789abcdef")}`;
  put(machine, CLAUDE, '{"env":{"ANTHROPIC_AUTH_TOKEN":"sk-mine"}}');
  await ok(machine, "connect claude-code --write --yes");
  const stored = machine.file("clients.json")!;
  assert(stored.includes("connect/claude-code") && !stored.includes("sk-mine"));
  await ok(machine, "connect claude-code --undo --yes");
  assertEquals(textOf(machine, CLAUDE), '{"env":{"ANTHROPIC_AUTH_TOKEN":"sk-mine"}}');
});

Deno.test("connect tells of variables that lead the client elsewhere", async () => {
  const machine = await signedIn("auth add minimax-oauth");
  machine.env["ANTHROPIC_API_KEY"] = "sk-mine";
  const { stdout } = await machine.run("connect claude-code");
  assertMatch(stdout, /^unset ANTHROPIC_API_KEY\nexport /);
  put(machine, CLAUDE, '{"env":{"CLAUDE_CODE_USE_BEDROCK":"1"}}');
  const said = await ok(machine, "connect claude-code --write --yes");
  assertMatch(said, /ANTHROPIC_API_KEY is set in this shell/);
  assertMatch(said, /env\.CLAUDE_CODE_USE_BEDROCK is set in/);
});

Deno.test("connect finds the file where the client does, and names another one", async () => {
  const machine = await signedIn("auth add minimax-oauth");
  machine.env["CODEX_HOME"] = "/elsewhere";
  await ok(machine, "connect codex --write --yes --json");
  assertEquals([...machine.userFiles.keys()], ["/elsewhere/config.toml"]);
  delete machine.env["CODEX_HOME"];
  assertMatch(
    await ok(machine, "connect codex --undo --yes"),
    /But into \/elsewhere\/config\.toml/,
  );
});

Deno.test("connect --write by several processes at once: one key, one file, undone as one", async () => {
  await using cli = await TestCli.create();
  await cli.signIn();
  const folder = cli.root.replace(/[^/]+$/, "codex-home");
  const path = `${folder}/config.toml`;
  const env = { CODEX_HOME: folder };
  const runs = await Promise.all(
    [1, 2, 3].map(() => cli.run("connect codex --write --yes", { env })),
  );
  assertEquals(runs.map(({ code }) => code), [0, 0, 0], runs.map(({ stderr }) => stderr).join());
  assertEquals(runs.filter(({ stderr }) => /Nothing to change/.test(stderr)).length, 2);
  const [{ keys }] = jsonLines((await cli.run("gateway keys list --json")).stdout);
  assertEquals(keys.length, 1);
  // As Codex itself writes into it.
  await Deno.writeTextFile(path, `${await Deno.readTextFile(path)}\n[tui]\nscreen = true`);
  assertEquals((await cli.run("connect codex --undo --yes", { env })).code, 0);
  assertEquals((await Deno.readTextFile(path)).trim(), "[tui]\nscreen = true");
  const nowhere = await cli.run("connect codex --write --yes", { env: { HOME: "" } });
  assertEquals(nowhere.code, 1);
  assertMatch(nowhere.stderr, /Cannot find the configuration of Codex: HOME is not set/);
});
