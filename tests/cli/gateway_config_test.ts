// `grantway gateway config`: settings in config.yaml, checked, comments kept.

import { assertEquals, assertStringIncludes } from "@std/assert";
import { openBooks } from "../../src/cli/gateway_books.ts";
import type { Context } from "../../src/cli/context.ts";
import { homePaths } from "../../src/cli/home.ts";
import { createTextFiles } from "../../src/cli/text_files.ts";
import { createMemoryStore } from "../../src/credentials/mod.ts";
import { HOME, jsonLines, TestMachine } from "../support/platform.ts";

const BEFORE = `# mine
model:
  default: grok-4.3 # good
gateway:
  # who may ask
  hosts: gw.example
`;

Deno.test("gateway config set writes, get and list read, unset removes", async () => {
  const machine = new TestMachine();
  await machine.write("config.yaml", BEFORE);
  for (
    const [name, ...value] of [
      ["default_model", "xai-oauth/grok-4.3"],
      ["aliases.gpt-4.1", "default"],
      ["gateway.aliases.gpt-*", "grok-4.3"],
      ["limits.concurrent", "4"],
      ["hosts", "gw.example", "other.example"],
    ]
  ) {
    const { code, stderr } = await machine.run(["gateway", "config", "set", name!, ...value]);
    assertEquals(code, 0, stderr);
  }
  assertEquals(
    machine.file("config.yaml"),
    `# mine
model:
  default: grok-4.3 # good
gateway:
  # who may ask
  hosts: gw.example other.example
  default_model: xai-oauth/grok-4.3
  aliases:
    gpt-4.1: default
    gpt-*: grok-4.3
  limits:
    concurrent: 4
`,
  );
  assertEquals((await machine.run("gateway config get aliases.gpt-4.1")).stdout, "default\n");
  const missing = await machine.run("gateway config get limits.body_bytes");
  assertEquals([missing.code, missing.stdout], [1, ""]);
  const [json] = jsonLines((await machine.run("gateway config list --json")).stdout);
  assertEquals(json.settings["aliases.gpt-*"], "grok-4.3");
  assertStringIncludes(
    (await machine.run("config list")).stdout,
    "gateway.limits.concurrent = 4\n",
  );
  // A chat does not care.
  assertEquals((await machine.run("config get model")).stdout, "grok-4.3\n");

  for (const name of ["default_model", "aliases.gpt-4.1", "aliases.gpt-*", "limits.concurrent"]) {
    assertEquals((await machine.run(`gateway config unset ${name}`)).code, 0);
  }
  await machine.run("gateway config set hosts gw.example");
  assertEquals(machine.file("config.yaml"), BEFORE);
});

const WRONG: { args: string; says: string }[] = [
  { args: "set default_mode x", says: "Did you mean: default_model" },
  { args: "set limit.concurrent 4", says: "Did you mean: limits.concurrent" },
  { args: "set aliases x", says: "names no alias" },
  { args: "set aliases.a*b x", says: "names no alias" },
  { args: "set default_model", says: "grantway gateway config set --help" },
  { args: "set default_model nope/x", says: 'Unknown provider "nope"' },
  { args: "set default_model grok-4.33", says: "Did you mean: grok-4.3" },
  { args: "set default_model nothing-like-it", says: "grantway models" },
  { args: "set aliases.fast xai-oaut/x", says: "Did you mean: xai-oauth" },
  { args: "set limits.concurrent none", says: "a whole number from 1 to" },
  { args: "set origins https://a.example/", says: "an origin is https://host" },
  { args: "get nothing", says: "Settings: default_model, aliases.<name>" },
  { args: "sett hosts x", says: "Did you mean: grantway gateway config set" },
];
Deno.test("gateway config: what is wrong says what would be right, and changes nothing", async () => {
  const machine = new TestMachine();
  await machine.write("config.yaml", BEFORE);
  for (const { args, says } of WRONG) {
    const { code, stdout, stderr } = await machine.run(`gateway config ${args}`);
    assertEquals([code, stdout], [2, ""], args);
    assertStringIncludes(stderr, says);
  }
  const { code, stderr } = await machine.run("config set gateway.hosts x");
  assertEquals(code, 2);
  assertStringIncludes(stderr, "grantway gateway config set hosts");
  assertEquals(machine.file("config.yaml"), BEFORE);
});

Deno.test("gateway config: a model that its provider does not list is set, and said", async () => {
  const machine = new TestMachine();
  const { code, stdout, stderr } = await machine.run(
    "gateway config set aliases.new xai-oauth/grok-4.33",
  );
  assertEquals([code, stdout], [0, "aliases.new = xai-oauth/grok-4.33\n"]);
  assertStringIncludes(stderr, "Did you mean grok-4.3? What it lists: grantway models xai-oauth");
  for (const value of ["default", "minimax-m2.7", "xai-oauth/grok-4.3"]) {
    const { stderr } = await machine.run(`gateway config set aliases.known ${value} --quiet`);
    assertEquals(stderr, "");
  }
});

const BY_HAND = [
  {
    name: "a list",
    text: "gateway:\n  hosts: [a.example, b.example]\n",
    hosts: "a.example b.example",
  },
  { name: "nothing", text: "gateway:\n", hosts: undefined },
  { name: "null", text: "gateway:\n  hosts: c.example\n  limits: ~\n", hosts: "c.example" },
  { name: "a word", text: "gateway: yes\n", code: 1 },
  { name: "an unknown setting", text: "gateway:\n  host: a.example\n", code: 1 },
  { name: "a limit that is none", text: "gateway:\n  limits: { concurrent: -1 }\n", code: 1 },
];
for (const { name, text, hosts, code = 0 } of BY_HAND) {
  Deno.test(`gateway config list of a section by hand with ${name}`, async () => {
    const machine = new TestMachine();
    await machine.write("config.yaml", text);
    const result = await machine.run("gateway config list --json");
    assertEquals(result.code, code);
    if (code === 0) assertEquals(jsonLines(result.stdout)[0].settings.hosts, hosts);
    else assertEquals(jsonLines(result.stdout)[0].error.code, "invalid_configuration");
  });
}

function booksOf(machine: TestMachine, clock = { now: 0 }, warnings: string[] = []) {
  const context = {
    platform: {
      now: () => clock.now,
      sleep: () => Promise.resolve(),
      openStore: () => createMemoryStore(),
    },
    home: homePaths(HOME, false),
    files: createTextFiles(machine.disk.files()),
    output: { warn: (text: string) => warnings.push(text) },
  };
  return openBooks(context as unknown as Context);
}

const CHAT = "model:\n  provider: xai-oauth\n  default: grok-4.3\n";
const DEFAULTS = [
  { name: "the model of chats", text: CHAT, expected: "xai-oauth/grok-4.3" },
  {
    name: "its own default model above that of chats",
    text: `${CHAT}gateway:\n  default_model: MiniMax-M2.7\n`,
    expected: "MiniMax-M2.7",
  },
  {
    name: "none where a model has no provider",
    text: "model:\n  default: x\n",
    expected: undefined,
  },
];
for (const { name, text, expected } of DEFAULTS) {
  Deno.test(`openBooks() a gateway takes ${name}`, async () => {
    const machine = new TestMachine();
    await machine.write("config.yaml", text);
    assertEquals((await booksOf(machine).settings.read()).defaultModel, expected);
  });
}

Deno.test("openBooks() a running gateway follows config.yaml, and keeps what was good", async () => {
  const machine = new TestMachine();
  const clock = { now: 0 };
  const warnings: string[] = [];
  const { settings } = booksOf(machine, clock, warnings);
  assertEquals((await settings.read()).defaultModel, undefined);
  await machine.write("config.yaml", "gateway:\n  default_model: grok-4.3\n");
  assertEquals((await settings.read()).defaultModel, undefined);
  clock.now += 1_000;
  assertEquals((await settings.read()).defaultModel, "grok-4.3");
  await machine.write("config.yaml", "gateway: {\n");
  clock.now += 1_000;
  assertEquals((await settings.read()).defaultModel, "grok-4.3");
  assertEquals(warnings.length, 1);
});
