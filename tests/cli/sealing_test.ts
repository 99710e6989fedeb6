// GRANTWAY_KEYS on the command line: sealed at rest, converted, rotated, and clear without the key.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { TestMachine } from "../support/platform.ts";

const ONE = `one:${"A".repeat(42)}E`;
const TWO = `two:${"B".repeat(42)}E`;

const keys = (ring: string) => ({ env: { GRANTWAY_KEYS: ring } });

// deno-lint-ignore no-explicit-any -- a JSON document whose shape the test states
function stored(machine: TestMachine): any {
  return JSON.parse(machine.file("auth.json")!);
}

Deno.test("a login under GRANTWAY_KEYS leaves no token on the disk, and works", async () => {
  const machine = new TestMachine(keys(ONE));
  await machine.signIn();
  for (const command of ["chat Hello", "auth refresh minimax-oauth", "chat Hello"]) {
    const { code, stderr } = await machine.run(command);
    assertEquals(code, 0, stderr);
  }
  const credential = stored(machine).providers["minimax-oauth"][0];
  assertEquals(credential.generation, 2);
  assertEquals(typeof credential.tokens, "string");
  const files = [...machine.disk.entries].map(([, { bytes }]) => new TextDecoder().decode(bytes));
  assert(!/sbx_[ar]t_/.test(files.join("\n")));
});

Deno.test("doctor says what is not sealed, and --fix seals it", async () => {
  const machine = new TestMachine();
  await machine.signIn();
  assertStringIncludes((await machine.run("doctor")).stdout, "not sealed: GRANTWAY_KEYS is not");
  const before = stored(machine).providers["minimax-oauth"][0];
  const inspected = await machine.run("doctor", keys(ONE));
  assertStringIncludes(
    inspected.stdout,
    "2 records not yet sealed with the key one, 2 of them not",
  );
  assertEquals(stored(machine).providers["minimax-oauth"][0], before);

  const fixed = await machine.run("doctor --fix --yes", keys(ONE));
  assertStringIncludes(fixed.stderr, "Sealed 2 records with the key one");
  assertStringIncludes(fixed.stdout, "✓ sealed with the key one");
  const { tokens, ...rest } = stored(machine).providers["minimax-oauth"][0];
  assertEquals({ ...rest, tokens: before.tokens }, before);
  assertEquals(tokens.split(".").length, 5);

  const rotated = await machine.run("doctor --fix --yes", keys(`${TWO},${ONE}`));
  assertStringIncludes(rotated.stdout, "✓ sealed with the key two");
  const chat = await machine.run("chat Hello", keys(TWO));
  assertEquals(chat.code, 0, chat.stderr);
});

const WITHOUT_KEY = [
  { name: "no key", ring: "", says: "sealed with the key one, and GRANTWAY_KEYS is not set" },
  { name: "another key", ring: TWO, says: "the key one, which GRANTWAY_KEYS does not hold" },
  { name: "a wrong key", ring: TWO.replace("two", "one"), says: "the key one does not open it" },
];
for (const { name, ring, says } of WITHOUT_KEY) {
  Deno.test(`every command says so when a sealed store meets ${name}, and changes nothing`, async () => {
    const machine = new TestMachine();
    const login = await machine.run("auth add minimax-oauth --quiet", keys(ONE));
    assertEquals(login.code, 0, login.stderr);
    const before = machine.file("auth.json");
    for (
      const command of [
        "auth list",
        "chat Hello",
        "auth refresh minimax-oauth",
        "auth add minimax-oauth",
        "auth remove minimax-oauth",
        "auth token minimax-oauth",
      ]
    ) {
      const { code, stderr } = await machine.run(command, keys(ring));
      assertEquals(code, 9, `${command}: ${stderr}`);
      assertStringIncludes(stderr, says, command);
    }
    const doctor = await machine.run("doctor --fix --yes", keys(ring));
    assertEquals(doctor.code, 1);
    assertStringIncludes(doctor.stdout, says);
    assertEquals(machine.file("auth.json"), before);
    assertEquals((await machine.run("chat Hello", keys(ONE))).code, 0);
  });
}

Deno.test("a malformed GRANTWAY_KEYS ends every command that reads the store, unquoted", async () => {
  const machine = new TestMachine();
  const { code, stderr } = await machine.run("auth list", keys("canary"));
  assertEquals(code, 1);
  assertStringIncludes(stderr, "Cannot use GRANTWAY_KEYS: its key is not of the form id:key");
  assert(!stderr.includes("canary"));
});
