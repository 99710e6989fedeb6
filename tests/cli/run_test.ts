// `run`: real processes. A program in the PATH stands for the client and tells what it was given.

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { passedFrom } from "../../src/cli/command_table.ts";
import { splitGlobals } from "../../src/cli/main.ts";
import { type ChildOptions, COMMAND, TestCli } from "../support/cli.ts";
import { jsonLines, TestMachine } from "../support/platform.ts";
import { testIf } from "../support/requires.ts";
import { Terminal } from "../support/terminal.ts";

/** Tells arguments, variables and input; then does what `$DO` says. */
const CLIENT = `#!/bin/sh
for word in "$@"; do echo "arg $word"; done
env | grep -E '^(ANTHROPIC|OPENAI|OPENCODE|GRANTWAY|CLAUDE|KEPT)' | sort
for word in "$@"; do case "$word" in */run-*.json) echo "settings $(cat "$word")";; esac; done
eval "$DO"
`;

interface Started {
  code: number;
  stdout: string;
  stderr: string;
  args: string[];
  env: Record<string, string>;
}

class Clients implements AsyncDisposable {
  readonly cli: TestCli;
  readonly bin: string;

  private constructor(cli: TestCli, bin: string) {
    this.cli = cli;
    this.bin = bin;
  }

  static async create(): Promise<Clients> {
    const cli = await TestCli.create();
    await cli.signIn();
    const bin = await Deno.makeTempDir();
    for (const name of ["claude", "codex", "opencode", "mine"]) {
      await Deno.writeTextFile(`${bin}/${name}`, CLIENT, { mode: 0o755 });
    }
    return new Clients(cli, bin);
  }

  env(more: Record<string, string> = {}): Record<string, string> {
    return { PATH: `${this.bin}:${Deno.env.get("PATH")}`, ...more };
  }

  async run(args: string[], options: ChildOptions = {}): Promise<Started> {
    const result = await this.cli.run(["run", ...args], {
      ...options,
      env: this.env(options.env),
    });
    const lines = result.stdout.split("\n");
    return {
      ...result,
      args: lines.filter((line) => line.startsWith("arg ")).map((line) => line.slice(4)),
      env: Object.fromEntries(
        lines.map((line) => /^([A-Z_]+)=(.*)$/.exec(line)).filter((match) => match !== null)
          .map(([, name, value]) => [name!, value!]),
      ),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.bin, { recursive: true });
    await this.cli[Symbol.asyncDispose]();
  }
}

const GATEWAY = /^http:\/\/127\.0\.0\.1:\d+$/;
const KEY = /^gw_[\w-]{43}$/;

Deno.test("run: each client gets its variables, its own arguments untouched, and nothing of ours", async () => {
  await using clients = await Clients.create();
  const env = {
    KEPT: "yes",
    GRANTWAY_KEYS: `k1:${btoa("0123456789abcdef0123456789abcdef")}`,
    GRANTWAY_ADMIN_TOKEN: "secret",
    ANTHROPIC_API_KEY: "sk-other",
    OPENAI_ORG_ID: "org",
  };
  const own = ["--json", "-v", "--model", "x", "--", "--yes", "a b"];
  const [claude, dashed, codex, opencode, openai, aiSdk, any] = await Promise.all([
    clients.run(["claude-code", ...own], { env }),
    clients.run(["--model", "MiniMax-M2.7-highspeed", "claude-code", "--", "-p", "hi"], { env }),
    clients.run(["codex", "exec", "hi"], { env }),
    clients.run(["opencode"], { env }),
    clients.run(["openai", "mine", "--help"], { env }),
    clients.run(["ai-sdk", "mine"], { env }),
    clients.run(["--", "mine", "-x"], { env }),
  ]);
  for (const { code, stderr, env } of [claude, dashed, codex, opencode, openai, aiSdk, any]) {
    assertEquals([code, stderr], [0, ""]);
    assertEquals(env["KEPT"], "yes");
    const ours = Object.keys(env).filter((name) => name.startsWith("GRANTWAY_"));
    assertEquals(ours.filter((name) => name !== "GRANTWAY_CLIENT_KEY"), []);
  }
  assertEquals(claude.args, own);
  assertMatch(claude.env["ANTHROPIC_BASE_URL"]!, GATEWAY);
  assertMatch(claude.env["ANTHROPIC_AUTH_TOKEN"]!, KEY);
  assertEquals(claude.env["ANTHROPIC_MODEL"], "minimax-oauth/MiniMax-M2.7");
  assertEquals(claude.env["ANTHROPIC_API_KEY"], undefined);

  assertEquals(dashed.args, ["-p", "hi"]);
  assertEquals(dashed.env["ANTHROPIC_MODEL"], "minimax-oauth/MiniMax-M2.7-highspeed");

  assertEquals(codex.args.slice(-2), ["exec", "hi"]);
  assert(codex.args.includes('model="minimax-oauth/MiniMax-M2.7"'));
  assert(codex.args.includes('model_providers.grantway.env_key="GRANTWAY_CLIENT_KEY"'));
  assertMatch(codex.env["GRANTWAY_CLIENT_KEY"]!, KEY);
  assert(!codex.args.join(" ").includes("gw_"), "a key among the arguments");

  const { provider } = JSON.parse(opencode.env["OPENCODE_CONFIG_CONTENT"]!);
  assertMatch(provider.grantway.options.baseURL, /^http:\/\/127\.0\.0\.1:\d+\/v1$/);
  assertMatch(opencode.env["GRANTWAY_CLIENT_KEY"]!, KEY);

  assertEquals(openai.args, ["--help"]);
  assertMatch(openai.env["OPENAI_BASE_URL"]!, /\/v1$/);
  assertMatch(openai.env["OPENAI_API_KEY"]!, KEY);
  assertEquals(openai.env["OPENAI_ORG_ID"], undefined);
  assertMatch(aiSdk.env["ANTHROPIC_BASE_URL"]!, /\/v1$/);

  assertEquals(any.args, ["-x"]);
  assertMatch(any.env["ANTHROPIC_BASE_URL"]!, GATEWAY);
  assertMatch(any.env["ANTHROPIC_API_KEY"]!, KEY);
});

/** Asks the gateway, with the key unless told otherwise. */
const ASK = (key = "$ANTHROPIC_AUTH_TOKEN") =>
  `${Deno.execPath()} eval --quiet 'const { env } = Deno;
const answer = await fetch(env.get("ANTHROPIC_BASE_URL") + "/v1/messages", { method: "POST",
  headers: { authorization: "Bearer " + Deno.args[0], "content-type": "application/json" },
  body: JSON.stringify({ model: "claude-sonnet-4-5", max_tokens: 500,
    messages: [{ role: "user", content: "Hello from the client" }] }) });
console.log(answer.status, await answer.text())' "${key}"`;

Deno.test("run: the gateway answers its client alone, and ends with it", async () => {
  await using clients = await Clients.create();
  const { code, stdout, env } = await clients.run(["claude-code"], {
    env: { DO: `${ASK()}; ${ASK("gw_wrong")}; exit 7` },
  });
  assertEquals(code, 7);
  const [good, bad] = stdout.split("\n").filter((line) => /^\d{3} /.test(line));
  assertMatch(good!, /^200 .*Hello from the client/);
  assertMatch(bad!, /^401 /);
  const gone = await fetch(`${env["ANTHROPIC_BASE_URL"]}/healthz`).then(() => false, () => true);
  assert(gone, "the gateway still listens");
  assertEquals((await clients.cli.run("gateway keys list --json")).stdout.includes("run-"), false);
  const [usage] = jsonLines((await clients.cli.run("usage --by key --json")).stdout);
  assertEquals(
    usage.rows.map(({ name, requests }: { name: string; requests: number }) => [
      name,
      requests,
    ]),
    [["run-claude-code", 1]],
  );
});

Deno.test("run: standard input, exit codes, and signals are the client's", async () => {
  await using clients = await Clients.create();
  const env = (action: string) => clients.env({ DO: action });
  const piped = await clients.run(["--", "mine"], { env: { DO: "cat" }, stdin: "from the pipe\n" });
  assertStringIncludes(piped.stdout, "from the pipe\n");

  const killed = await clients.run(["--", "mine"], { env: { DO: "kill -9 $$" } });
  assertEquals(killed.code, 137);

  for (
    const { signal, code } of [
      { signal: "SIGTERM", code: 41 },
      { signal: "SIGINT", code: 42 },
      { signal: "SIGHUP", code: 43 },
    ] as const
  ) {
    const child = clients.cli.spawn(["run", "--", "mine"], {
      env: env(
        'trap "exit 41" TERM; trap "exit 42" INT; trap "exit 43" HUP; echo ready; ' +
          "while :; do sleep 0.02; done",
      ),
    });
    await child.said("ready");
    child.kill(signal);
    assertEquals((await child.result).code, code, signal);
  }

  // A client that takes its time to say goodbye, or refuses to go, is waited for.
  const stubborn = clients.cli.spawn(["run", "--", "mine"], {
    env: env('trap "echo got it" TERM; echo ready; read line; exit 5'),
    stdin: "",
  });
  assert((await stubborn.result).code === 5);
});

Deno.test("run claude-code: settings of its own that lead elsewhere are overridden for this run", async () => {
  await using clients = await Clients.create();
  const folder = await Deno.makeTempDir();
  const file = `${folder}/settings.json`;
  await Deno.writeTextFile(file, '{"env":{"ANTHROPIC_BASE_URL":"https://elsewhere.example"}}');
  const env = { CLAUDE_CONFIG_DIR: folder, DO: 'stat -c "mode %a" "$2"' };
  const { args, stdout, stderr, env: seen } = await clients.run(["claude-code", "-p"], { env });
  assertEquals([args[0], args[2], stderr], ["--settings", "-p", ""]);
  const settings = JSON.parse(/^settings (.*)$/m.exec(stdout)![1]!);
  assertEquals(settings.env.ANTHROPIC_BASE_URL, seen["ANTHROPIC_BASE_URL"]);
  assertEquals(settings.env.ANTHROPIC_AUTH_TOKEN, seen["ANTHROPIC_AUTH_TOKEN"]);
  assertStringIncludes(stdout, "mode 600");
  const left = (await clients.cli.tree()).filter((line) => /\/run-/.test(line));
  assertEquals(left, [], "the file with the key is still there");

  const warned = await clients.run(["claude-code", "--settings", "{}"], { env });
  assertEquals(warned.args, ["--settings", "{}"]);
  assertMatch(warned.stderr, /settings\.json may lead elsewhere/);
  await Deno.writeTextFile(file, '{"model":"opus"}');
  assertEquals((await clients.run(["claude-code"], { env: { ...env, DO: "" } })).args, []);
  await Deno.remove(folder, { recursive: true });
});

testIf("tmux", "run on a terminal: the client has it, and Ctrl-C is its own", async (tmux) => {
  await using clients = await Clients.create();
  const action = 'trap "echo interrupted; exit 9" INT; test -t 0 && echo has a terminal; ' +
    "while :; do sleep 0.02; done";
  await using terminal = await Terminal.start(
    tmux,
    [...COMMAND, "run", "--", `${clients.bin}/mine`],
    clients.cli.env(clients.env({ DO: action })),
  );
  await terminal.shows("has a terminal");
  await terminal.press("C-c");
  const screen = await terminal.shows("[exit 9]");
  assertEquals(screen.match(/interrupted/g)?.length, 1, "it came more than once");
});

const REFUSED: { args: string; code: number; message: RegExp }[] = [
  { args: "run", code: 2, message: /There is no client to run/ },
  { args: "run python3 -x", code: 2, message: /Any program: grantway run -- python3 -x/ },
  { args: "run code", code: 2, message: /Unknown client "code"\n {2}Did you mean: codex/ },
  { args: "run openai", code: 2, message: /There is no command to run/ },
  { args: "run --", code: 2, message: /There is no command to run/ },
  { args: "run --modle x codex", code: 2, message: /Unknown option '--modle'/ },
  { args: "run --model xai-oauth/grok-4.3 codex", code: 4, message: /auth add xai-oauth/ },
];

for (const { args, code, message } of REFUSED) {
  Deno.test(`${args}: refused before anything starts`, async () => {
    const machine = new TestMachine();
    machine.program = () => {
      throw new Error("It was started");
    };
    await machine.signIn();
    const result = await machine.run(args);
    assertEquals(result.code, code);
    assertMatch(result.stderr, message);
  });
}

Deno.test("run says how to sign in, and how to install a client that is missing", async () => {
  assertEquals((await new TestMachine().run("run claude-code")).code, 4);
  await using clients = await Clients.create();
  await Deno.remove(`${clients.bin}/codex`);
  await Deno.writeTextFile(`${clients.bin}/data`, "x", { mode: 0o644 });
  const env = { PATH: clients.bin };
  const [codex, any, data] = await Promise.all([
    clients.run(["codex"], { env }),
    clients.run(["--", "none-such"], { env }),
    clients.run(["--", `${clients.bin}/data`], { env }),
  ]);
  assertEquals([codex.code, any.code, data.code], [2, 2, 1]);
  assertMatch(data.stderr, /Cannot start [^\n]*\/data: this user may not run it/);
  assertMatch(codex.stderr, /Cannot start codex: [^\n]*\n {2}Install it: npm install -g @openai/);
  assertMatch(any.stderr, /Cannot start none-such: [^\n]*\n {2}Is it on the PATH\?/);
});

const SPLITS: { args: string[]; globals: string[]; words: string[] }[] = [
  {
    args: ["--sandbox", "run", "-q", "codex", "-v", "--json"],
    globals: ["--sandbox", "--quiet"],
    words: ["run", "codex", "-v", "--json"],
  },
  {
    args: ["run", "--json", "--", "x", "--json"],
    globals: ["--json"],
    words: ["run", "--", "x", "--json"],
  },
  { args: ["chat", "run", "--json"], globals: ["--json"], words: ["chat", "run"] },
];

for (const { args, globals, words } of SPLITS) {
  Deno.test(`splitGlobals() of ${args.join(" ")}`, () => {
    const split = splitGlobals(args);
    assertEquals([[...split.globals], split.words], [globals, words]);
  });
}

Deno.test("passedFrom() finds the first argument behind options with values", () => {
  const entry = { path: ["run"], summary: "", load: () => Promise.reject(), passesThrough: ["-m"] };
  assertEquals(passedFrom(entry, ["-m", "x", "-q", "y", "z"]), 3);
  assertEquals(passedFrom(entry, ["-m", "--", "--", "z"]), 2);
  assertEquals(passedFrom(entry, ["-q"]), 1);
});
