// What a user can get wrong: one clear line, the right exit code, and nothing changed on the disk.

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { jsonLines, type RunOptions, TestMachine } from "../support/platform.ts";

const CASES: ({
  args: string | string[];
  code: number;
  error: string;
  hint?: string;
} & RunOptions)[] = [
  { args: "frobnicate", code: 2, error: 'Unknown command "frobnicate"' },
  {
    args: "auht",
    code: 2,
    error: 'Unknown command "auht"',
    hint: "Did you mean: grantway auth",
  },
  {
    args: "auth lst",
    code: 2,
    error: 'Unknown command "auth lst"',
    hint: "Did you mean: grantway auth list",
  },
  { args: "help frobnicate", code: 2, error: 'Unknown command "frobnicate"' },
  { args: "chat --frobnicate Hello", code: 2, error: "Unknown option '--frobnicate'" },
  { args: "auth add", code: 2, error: "Missing required argument 'provider'" },
  { args: "auth add minimax-oauth more", code: 2, error: "Too many arguments" },
  { args: "auth add openai", code: 2, error: 'Unknown provider "openai"', hint: "Providers: " },
  {
    args: "auth add minimax-ouath",
    code: 2,
    error: 'Unknown provider "minimax-ouath"',
    hint: "Did you mean: minimax-oauth",
  },
  {
    args: "auth add minimax-oauth --region moon",
    code: 2,
    error: 'Unknown region "moon"',
    hint: "Regions: global, cn",
  },
  {
    args: "auth add minimax-cn --type oauth --region global",
    code: 2,
    error: "minimax-cn is the region cn",
  },
  {
    args: "auth add minimax-oauth --type password",
    code: 2,
    error: 'Unknown type "password"',
    hint: "Types: oauth, api-key",
  },
  {
    args: "auth add minimax-oauth --type api-key",
    code: 2,
    error: "minimax-oauth takes no API key",
    hint: "grantway auth add minimax-oauth",
  },
  { args: "auth add minimax --type oauth", code: 2, error: "minimax has no sign-in" },
  { args: "auth add minimax-oauth --timeout soon", code: 2, error: "--timeout takes" },
  { args: "auth add minimax-oauth --timeout 0", code: 2, error: "--timeout takes" },
  {
    args: ["auth", "add", "minimax-oauth", "--label", "\x1b[31mred"],
    code: 2,
    error: "--label takes 1 to 64 printable characters",
  },
  {
    args: ["auth", "add", "minimax-oauth", "--label", "x".repeat(65)],
    code: 2,
    error: "--label takes",
  },
  { args: ["auth", "add", "minimax-oauth", "--label", " "], code: 2, error: "--label takes" },
  {
    args: "auth add minimax --type api-key",
    stdin: "two words",
    code: 2,
    error: "That is no API key",
  },
  { args: "auth add minimax --type api-key", stdin: "", code: 2, error: "That is no API key" },
  {
    args: "auth add minimax --type api-key --non-interactive",
    lines: [],
    code: 2,
    error: "The API key is read from standard input",
    hint: "< key.txt",
  },
  {
    args: "auth remove minimax-oauth nobody",
    code: 2,
    error: 'No credential is called "nobody"',
    hint: "Stored: #1 work",
  },
  { args: "auth remove minimax-oauth 2", code: 2, error: 'No credential is called "2"' },
  { args: "auth remove minimax-oauth 0", code: 2, error: 'No credential is called "0"' },
  { args: "auth refresh minimax", code: 4, error: "No credentials for MiniMax" },
  { args: "auth logout minimax-cn", code: 4, error: "No credentials for MiniMax China" },
  {
    args: "auth status minimax",
    code: 4,
    error: "No credentials for MiniMax",
    hint: "or set MINIMAX_API_KEY",
  },
  { args: "auth priority minimax-oauth work 0", code: 2, error: "A place is a whole number" },
  {
    args: "config set model.provder x",
    code: 2,
    error: 'Unknown setting "model.provder"',
    hint: "Did you mean: model.provider",
  },
  { args: "config set modle x", code: 2, error: "Unknown setting", hint: "Did you mean: model" },
  { args: "config set model", code: 2, error: "Missing required argument 'value'" },
  { args: ["config", "set", "model", " "], code: 2, error: "model.default cannot be empty" },
  { args: "config set model minimax-oauth/", code: 2, error: '"minimax-oauth/" names no model' },
  { args: "config set provider openai", code: 2, error: 'Unknown provider "openai"' },
  {
    args: "config set base_url http://api.minimax.io/anthropic",
    code: 1,
    error: "Cannot use http://api.minimax.io as the API URL",
  },
  {
    args: "config set base_url https://minimax.io.example/anthropic",
    code: 1,
    error: "Cannot use https://minimax.io.example as the API URL",
  },
  {
    args: "config set providers.minimax-oauth.oauth_url https://evil.example",
    code: 1,
    error: "Cannot use https://evil.example as the OAuth URL",
  },
  {
    args: "config set providers.minimax-oauth.profile other",
    code: 2,
    error: 'Unknown profile "other"',
    hint: "One of: account, legacy",
  },
  { args: "config get nothing", code: 2, error: 'Unknown setting "nothing"' },
  { args: "model openai/gpt", code: 2, error: 'Unknown provider "openai"' },
  { args: "model minimax-oauth/", code: 2, error: "names no model" },
  {
    args: "model",
    code: 2,
    error: "The picker needs a terminal",
    hint: "grantway model <provider>/<model>",
  },
  { args: "model --non-interactive", lines: [], code: 2, error: "The picker needs a terminal" },
  { args: "chat", code: 2, error: "The prompt is empty" },
  { args: "chat -", stdin: " \n", code: 2, error: "The prompt is empty" },
  { args: "chat --non-interactive", lines: [], code: 2, error: "There is no prompt" },
  { args: "chat --max-tokens none Hello", code: 2, error: "--max-tokens takes" },
  { args: "chat --max-tokens", code: 2, error: "argument missing" },
  { args: ["chat", "--model", "", "Hello"], code: 2, error: "The model's name is empty" },
  {
    args: "chat --provider minimax --model minimax-oauth/MiniMax-M2.7 Hello",
    code: 2,
    error: "name different providers",
  },
  {
    args: "chat Hello",
    env: { GRANTWAY_INFERENCE_PROVIDER: "openai" },
    code: 2,
    error: 'Unknown provider "openai"',
  },
  {
    args: "chat Hello",
    env: { GRANTWAY_MINIMAX_API_URL: "https://evil.example" },
    code: 1,
    error: "Cannot use https://evil.example as the API URL",
  },
  {
    args: "chat Hello",
    env: { GRANTWAY_MINIMAX_API_URL: "http://127.0.0.1:1" },
    code: 1,
    error: "Cannot use http://127.0.0.1:1 as the API URL",
  },
  { args: "completions tcsh", code: 2, error: 'Unknown shell "tcsh"', hint: "bash, zsh, fish" },
  { args: "sandbox --port 65536", code: 2, error: "--port takes a whole number" },
  { args: "sandbox --token-ttl 0", code: 2, error: "--token-ttl takes a whole number" },
  { args: "doctor now", code: 2, error: "Too many arguments" },
];

/** A machine with one login. */
async function signedIn(): Promise<TestMachine> {
  const machine = new TestMachine();
  await machine.signIn("auth add minimax-oauth --label work");
  machine.requests.length = 0;
  return machine;
}

for (const { args, code, error, hint, ...options } of CASES) {
  const variables = Object.keys(options.env ?? {}).map((name) => `${name}=… `).join("");
  const name = `${variables}grantway ${typeof args === "string" ? args : JSON.stringify(args)}`;
  Deno.test(`${name} ends with ${code} and one clear line`, async () => {
    const machine = await signedIn();
    const before = machine.snapshot();
    const result = await machine.run(args, { ...options, env: { NO_COLOR: "1", ...options.env } });
    assertEquals(result.code, code, result.stderr);
    assertEquals(result.stdout, "");
    const [line, hintLine = "", ...rest] = result.stderr.trimEnd().split("\n");
    assertStringIncludes(line!, "error: ");
    assertStringIncludes(line!, error);
    assertStringIncludes(hintLine, hint ?? "");
    assertEquals(rest, []);
    assertEquals(machine.snapshot(), before);
    assertEquals(machine.requests, []);
  });
}

Deno.test("a failure under --json is an object on stdout besides the line on stderr", async () => {
  const machine = new TestMachine();
  for (const args of ["auth add openai --json", "--json chat Hello", "config get nothing --json"]) {
    const { stdout, stderr } = await machine.run(args);
    const [{ version, type, error }, ...more] = jsonLines(stdout);
    assertEquals([version, type, more.length], [1, "error", 0]);
    assertStringIncludes(stderr, error.message);
    assertMatch(error.code, /^(usage|login_required)$/);
  }
});

Deno.test("no secret is taken from the command line", async () => {
  const machine = new TestMachine();
  for (const option of ["--api-key=x", "--token=x", "--key=x"]) {
    const { code } = await machine.run(`auth add minimax --type api-key ${option}`);
    assertEquals(code, 2);
  }
});

const BROKEN: {
  name: string;
  files: Record<string, string>;
  commands: { args: string; code: number; error: string; stdin?: string }[];
}[] = [
  {
    name: "a config.yaml that is no YAML",
    files: { "config.yaml": "model: [\n" },
    commands: [
      { args: "chat Hello", code: 1, error: "config.yaml: line" },
      { args: "config set model x", code: 1, error: "config.yaml: line" },
      { args: "config list", code: 1, error: "config.yaml: line" },
    ],
  },
  {
    name: "a config.yaml whose provider is unknown",
    files: { "config.yaml": "model:\n  provider: openai\n" },
    commands: [{ args: "chat Hello", code: 2, error: 'Unknown provider "openai"' }],
  },
  {
    name: "a config.yaml with a mapping where a value belongs",
    files: { "config.yaml": "model:\n  provider:\n    id: minimax\n" },
    commands: [{ args: "chat Hello", code: 1, error: "model.provider is not a single value" }],
  },
  ...["{", "[]", "null", '{"version":1,"providers":[]}', "\0\0\0\0"].map((text) => ({
    name: `an auth.json that is ${JSON.stringify(text)}`,
    files: { "auth.json": text },
    commands: [
      { args: "auth list", code: 9, error: "auth.json" },
      { args: "auth status", code: 9, error: "auth.json" },
      { args: "chat Hello", code: 9, error: "auth.json" },
      { args: "auth add minimax-oauth", code: 9, error: "auth.json" },
      { args: "auth remove minimax-oauth", code: 9, error: "auth.json" },
      { args: "auth add minimax --type api-key", code: 9, error: "auth.json", stdin: "sandbox-k" },
    ],
  })),
  {
    name: "an auth.json of a newer version",
    files: { "auth.json": '{"version":99,"providers":{},"records":{}}' },
    commands: [
      { args: "auth add minimax-oauth", code: 9, error: "newer Grantway" },
      { args: "auth add minimax --type api-key", code: 9, error: "newer", stdin: "sandbox-k" },
    ],
  },
  {
    name: "an auth.json with a credential that is none",
    files: {
      "auth.json": '{"version":1,"providers":{"minimax-oauth":[{"id":"a1"}]},"records":{}}',
    },
    commands: [{ args: "chat Hello", code: 9, error: "field" }],
  },
];

for (const { name, files, commands } of BROKEN) {
  Deno.test(`${name} is an error that names it, and it stays as it is`, async () => {
    const machine = new TestMachine({ env: { NO_COLOR: "1" } });
    for (const [file, text] of Object.entries(files)) await machine.write(file, text);
    const before = machine.snapshot();
    for (const { args, code, error, ...options } of commands) {
      const result = await machine.run(args, options);
      assertEquals(result.code, code, `${args}: ${result.stderr}`);
      const lines = result.stderr.trimEnd().split("\n");
      assertStringIncludes(lines[0]!, "error: ");
      assertStringIncludes(lines[0]!, error, args);
      assert(lines.length <= 2, result.stderr);
      assertEquals(result.stdout, "");
      assertEquals(machine.snapshot(), before, args);
    }
    assertEquals(machine.requests, []);
  });
}

Deno.test("doctor reads past what is broken, and says what mends it", async () => {
  const machine = new TestMachine();
  await machine.write("auth.json", "{");
  await machine.write("config.yaml", "model: [\n");
  const before = machine.snapshot();
  const { code, stdout } = await machine.run("doctor");
  assertEquals(code, 1);
  assertMatch(stdout, /✗ auth\.json: .*\n {4}→ grantway doctor --fix\n/);
  assertMatch(stdout, /✗ config\.yaml: .*\n {4}→ grantway doctor --fix\n/);
  assertMatch(stdout, /◆ Auth Providers\n {2}⚠ not known while auth\.json cannot be read\n$/);
  assertEquals(machine.snapshot(), before);
});

Deno.test("doctor --fix asks first, and elsewhere than on a terminal names --yes", async () => {
  const machine = new TestMachine();
  await machine.write("auth.json", "{");
  const before = machine.snapshot();
  const { code, stderr } = await machine.run("doctor --fix");
  assertEquals(code, 2);
  assertStringIncludes(stderr, "--yes");
  assertEquals(machine.snapshot(), before);
});

Deno.test("doctor --fix --yes sets a broken store and configuration aside, whole", async () => {
  const machine = new TestMachine();
  await machine.write("auth.json", '{"precious": "sbx_rt_1"');
  await machine.write("config.yaml", "model: [\n");
  const { code, stdout } = await machine.run("doctor --fix --yes");
  assertEquals(code, 0, stdout);
  assertEquals(machine.file("auth.json"), undefined);
  assertEquals(machine.file("config.yaml"), undefined);
  const texts = [...machine.disk.entries].filter(([path]) => path.includes(".broken-"))
    .map(([, { bytes }]) => new TextDecoder().decode(bytes));
  assertEquals(texts.sort(), ["model: [\n", '{"precious": "sbx_rt_1"']);
  await machine.signIn();
  assertEquals((await machine.run("chat Hello")).code, 0);
});

Deno.test("doctor sends no request, whatever it finds", async () => {
  const machine = new TestMachine();
  await machine.run("doctor");
  await machine.signIn();
  await machine.signIn("auth add minimax-oauth --region cn");
  machine.clock.mono += 86_400_000;
  const sent = machine.requests.length;
  const before = machine.snapshot();
  for (const args of ["doctor", "doctor --json", "doctor --verbose", "doctor --fix --yes"]) {
    assertEquals((await machine.run(args)).code, 0);
  }
  assertEquals(machine.requests.length, sent);
  assertEquals(machine.snapshot(), before);
});
