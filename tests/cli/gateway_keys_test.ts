// `grantway gateway keys`: what is shown, what is kept, and what is refused.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { HOME, jsonLines, TestMachine } from "../support/platform.ts";

const SECRET = /^gw_[A-Za-z0-9_-]{43}\n$/;

Deno.test("gateway keys create prints the key alone on stdout, and keeps its digest", async () => {
  const machine = new TestMachine();
  const { code, stdout, stderr } = await machine.run("gateway keys create laptop");
  assertEquals(code, 0);
  assert(SECRET.test(stdout), stdout);
  assertStringIncludes(stderr, 'Client key "laptop" (key_');
  assertStringIncludes(stderr, "Next: grantway gateway serve\n");
  const secret = stdout.trim();
  assert(!stderr.includes(secret));
  assert(!machine.snapshot().includes(secret.slice(3)));
  assertEquals(machine.file("auth.json"), undefined);
  assertStringIncludes(machine.file("gateway.json")!, "client_key/");
});

Deno.test("gateway keys list shows what create was told", async () => {
  const machine = new TestMachine();
  await machine.run("gateway keys create laptop");
  machine.clock.offset += 1;
  const { code } = await machine.run([
    ..."gateway keys create ci --provider grok-oauth --model grok-*,minimax-portal/MiniMax-M2.7"
      .split(" "),
    ..."--route messages --route chat --expires 90d --rpm 60 --concurrent 2".split(" "),
  ]);
  assertEquals(code, 0);
  const { stdout } = await machine.run("gateway keys list");
  const [header, laptop, ci] = stdout.split("\n");
  assert(/^NAME +ID +GOOD FOR +LIMITS +EXPIRES +LAST USED/.test(header!));
  assert(/^laptop +key_\w{12} +everything +- +never +not yet$/.test(laptop!), laptop);
  assertStringIncludes(ci!, "xai-oauth; grok-*, minimax-oauth/MiniMax-M2.7; /messages, /chat");
  assertStringIncludes(ci!, "60/min, 2 at once");
  const [json] = jsonLines((await machine.run("gateway keys list --json")).stdout);
  const { scope, limits, expiresAt, expired, lastUsed } = json.keys[1];
  assertEquals({ scope, limits, expired, lastUsed }, {
    scope: {
      providers: ["xai-oauth"],
      models: ["grok-*", "minimax-oauth/MiniMax-M2.7"],
      routes: ["messages", "chat"],
    },
    limits: { requestsPerMinute: 60, concurrent: 2 },
    expired: false,
    lastUsed: null,
  });
  assertEquals(Date.parse(expiresAt) - Date.parse(json.keys[1].createdAt), 90 * 86_400_000);
  machine.clock.offset += 91 * 86_400_000;
  assertStringIncludes((await machine.run("gateway keys list")).stdout, "expired ");
});

Deno.test("gateway keys create --out writes a file, for --json never holds the key", async () => {
  const machine = new TestMachine();
  const refused = await machine.run("gateway keys create ci --json");
  assertEquals([refused.code, machine.file("gateway.json")], [2, undefined]);
  const made = await machine.run(`gateway keys create ci --json --out ${HOME}/key.txt`);
  assertEquals(made.code, 0);
  const [json] = jsonLines(made.stdout);
  assertEquals([json.type, json.key.name, json.file], [
    "gateway_keys_create",
    "ci",
    `${HOME}/key.txt`,
  ]);
  const secret = machine.file("key.txt")!;
  assert(SECRET.test(secret));
  assert(!`${made.stdout}${made.stderr}`.includes(secret.trim()));
  // An existing file stays as it is, and no key is made.
  const again = await machine.run(`gateway keys create two --out ${HOME}/key.txt`);
  assertEquals([again.code, machine.file("key.txt")], [1, secret]);
  const [list] = jsonLines((await machine.run("gateway keys list --json")).stdout);
  assertEquals(list.keys.map(({ name }: { name: string }) => name), ["ci"]);
});

Deno.test("gateway keys create takes back a key that nobody could see", async () => {
  const machine = new TestMachine();
  const { code } = await machine.run("gateway keys create laptop", { stdoutLimit: 0 });
  assertEquals(code, 1);
  const [list] = jsonLines((await machine.run("gateway keys list --json")).stdout);
  assertEquals(list.keys, []);
});

Deno.test("gateway keys revoke ends a key by name or id", async () => {
  const machine = new TestMachine();
  for (const name of ["one", "two"]) await machine.run(`gateway keys create ${name}`);
  const [{ keys }] = jsonLines((await machine.run("gateway keys list --json")).stdout);
  assertEquals((await machine.run("gateway keys revoke one")).code, 0);
  assertEquals((await machine.run(`gateway keys revoke ${keys[1].id}`)).code, 0);
  const left = await machine.run("gateway keys list");
  assertEquals(left.stdout, "");
  assertStringIncludes(left.stderr, "Run: grantway gateway keys create <name>");
});

const WRONG: { args: string[]; code: number; says: string }[] = [
  { args: ["create"], code: 2, says: "grantway gateway keys create --help" },
  { args: ["creat", "x"], code: 2, says: "Did you mean: grantway gateway keys create" },
  { args: ["create", "taken"], code: 1, says: 'there is a key called "taken"' },
  { args: ["create", "key_123"], code: 1, says: "cannot be a key's name" },
  { args: ["create", "x\u001b[2J"], code: 1, says: "cannot be a key's name" },
  { args: ["create", "x", "--route", "mesages"], code: 2, says: "Did you mean: messages" },
  { args: ["create", "x", "--provider", "xia"], code: 2, says: "Unknown provider" },
  { args: ["create", "x", "--rpm", "0"], code: 2, says: "--rpm takes a whole number" },
  { args: ["create", "x", "--concurrent", "two"], code: 2, says: "--concurrent takes" },
  { args: ["create", "x", "--expires", "soon"], code: 2, says: "--expires takes a time" },
  { args: ["create", "x", "--expires", "2001-01-01"], code: 2, says: "2001-01-01 is over" },
  { args: ["revoke", "takn"], code: 1, says: "Did you mean: grantway gateway keys revoke taken" },
  { args: ["revoke", "x".repeat(50)], code: 1, says: "Run: grantway gateway keys list" },
];
Deno.test("gateway keys: what is wrong names the next command, and changes nothing", async () => {
  const machine = new TestMachine();
  await machine.run("gateway keys create taken");
  const before = machine.file("gateway.json");
  for (const { args, code, says } of WRONG) {
    const result = await machine.run(["gateway", "keys", ...args]);
    assertEquals([result.code, result.stdout], [code, ""], args.join(" "));
    assertStringIncludes(result.stderr, says);
    assert(!result.stderr.includes("\u001b[2J"));
  }
  assertEquals(machine.file("gateway.json"), before);
});

Deno.test("gateway keys of the sandbox are the sandbox's", async () => {
  const machine = new TestMachine();
  const { stderr } = await machine.run("gateway keys create laptop --sandbox");
  assertStringIncludes(stderr, "grantway gateway serve --sandbox");
  assertEquals(machine.file("gateway.json"), undefined);
  assertStringIncludes(machine.file("sandbox/gateway.json")!, "client_key/");
  const missing = await machine.run("gateway keys revoke desktop --sandbox");
  assertStringIncludes(missing.stderr, "grantway gateway keys list --sandbox");
});

Deno.test("gateway keys: a gateway.json that is none is an error and stays as it is", async () => {
  const machine = new TestMachine();
  await machine.write("gateway.json", "{");
  for (const args of ["list", "create laptop", "revoke laptop"]) {
    const { code, stderr } = await machine.run(`gateway keys ${args}`);
    assertEquals(code, 9, args);
    assertStringIncludes(stderr, "gateway.json");
  }
  assertEquals(machine.file("gateway.json"), "{");
  const { stdout } = await machine.run("doctor");
  assertStringIncludes(stdout, "gateway.json: Cannot read");
  await machine.run("doctor --fix --yes");
  assertEquals((await machine.run("gateway keys create laptop")).code, 0);
  assertStringIncludes((await machine.run("doctor")).stdout, "1 client key");
});
