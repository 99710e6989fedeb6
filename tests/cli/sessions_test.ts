// What was said is kept, listed, shown, gone on with and forgotten.

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { recordBodies } from "../support/chat_bodies.ts";
import { HOME, jsonLines, TestMachine } from "../support/platform.ts";

async function signedIn(): Promise<TestMachine> {
  const machine = new TestMachine({ env: { NO_COLOR: "1" } });
  await machine.signIn();
  return machine;
}

// deno-lint-ignore no-explicit-any -- a JSON document whose shape the test states
async function list(machine: TestMachine, more = ""): Promise<any[]> {
  return jsonLines((await machine.run(`sessions list --json ${more}`)).stdout)[0].sessions;
}

Deno.test("a plain prompt is kept and can be gone on with; --no-save keeps nothing", async () => {
  const machine = await signedIn();
  await machine.run(["chat", "Why is the sky blue?"]);
  await machine.run(["chat", "--no-save", "A secret"]);
  const sessions = await list(machine);
  assertEquals(sessions.map(({ preview, title, folder }) => [preview, title, folder]), [
    ["Why is the sky blue?", null, "/project"],
  ]);
  assertEquals(machine.snapshot().includes("A secret"), false);
  const bodies = recordBodies(machine);
  const { code, stderr } = await machine.run(["chat", "--continue", "And at night?"]);
  assertEquals([code, stderr], [0, ""]);
  assertEquals(bodies[0].messages.length, 3);
  assertStringIncludes(JSON.stringify(bodies[0].messages[0]), "Why is the sky blue?");
});

Deno.test("a conversation is resumed with its model, its system prompt and its beginning", async () => {
  const machine = await signedIn();
  const bodies = recordBodies(machine);
  await machine.run(["-m", "MiniMax-M2.5", "--no-save"], { lines: [null] });
  await machine.run(["--system", "Be brief"], { lines: ["one", "/new", "two", "exit"] });
  machine.clock.mono += 60_000;
  const sessions = await list(machine);
  assertEquals(sessions.length, 2);
  const one = sessions.find(({ preview }) => preview === "one");
  const { code, stderr } = await machine.run(["--resume", one.id.slice(-5)], {
    lines: ["three", null],
  });
  assertEquals(code, 0);
  assertMatch(stderr, /Resumed: [^]*\n> one\nYou wrote: “one”/);
  const { messages, system, model } = bodies.at(-1);
  assertEquals(messages.length, 3);
  assertStringIncludes(JSON.stringify(system), "Be brief");
  assertEquals(model, "MiniMax-M2.7");
});

Deno.test("a conversation gets a title from the auxiliary model", async () => {
  const machine = await signedIn();
  await machine.run("", {
    lines: ["one", () => machine.clock.sleep(1_000).then(() => "two"), "exit"],
  });
  const [session] = await list(machine);
  assertMatch(session.title, /^You wrote: “one/);
  const { stdout } = await machine.run("sessions list");
  assertStringIncludes(stdout, session.title);
});

Deno.test("--continue takes the last conversation of the working folder", async () => {
  const machine = await signedIn();
  await machine.run(["chat", "here"]);
  machine.workspace.cwd = "/other";
  machine.clock.mono += 1_000;
  await machine.run(["chat", "there"]);
  const bodies = recordBodies(machine);
  machine.clock.mono += 1_000;
  machine.workspace.cwd = "/project";
  await machine.run(["chat", "--continue", "more"]);
  assertStringIncludes(JSON.stringify(bodies.at(-1).messages[0]), "here");
  machine.workspace.cwd = "/third";
  await machine.run(["chat", "--continue", "more"]);
  assertEquals(bodies.at(-1).messages.length, 5);
  assertEquals((await list(machine, "--here")).length, 0);
});

const FAILURES = [
  { args: ["chat", "--continue", "x"], code: 2, says: "There is no conversation yet" },
  { args: ["chat", "--resume", "none", "x"], code: 1, says: "There is no conversation none" },
  { args: ["chat", "-c", "-r", "a", "x"], code: 2, says: "exclude each other" },
  { args: ["sessions", "show", "none"], code: 1, says: "There is no conversation none" },
  { args: ["sessions", "delete"], code: 2, says: "No conversation is named" },
  {
    args: ["sessions", "delete", "--all", "x"],
    code: 2,
    says: "Name conversations, or give --all",
  },
  { args: ["sessions", "list", "-n", "0"], code: 2, says: "--limit takes a whole number" },
];

for (const { args, code, says } of FAILURES) {
  Deno.test(`${args.join(" ")} ends with ${code}`, async () => {
    const machine = await signedIn();
    const result = await machine.run(args);
    assertEquals(result.code, code, result.stderr);
    assertStringIncludes(result.stderr, says);
  });
}

Deno.test("sessions show prints Markdown, and every turn under --json", async () => {
  const machine = await signedIn();
  machine.workspace.files.set("/project/notes.md", "the notes\n");
  await machine.run(["chat", "--tools", '[tool:read_file {"path":"notes.md"}]']);
  const [{ id }] = await list(machine);
  const { stdout } = await machine.run(["sessions", "show", id.slice(-5)]);
  assertMatch(stdout, /^# \[tool:read_file/);
  assertStringIncludes(stdout, '## user\n\n[tool:read_file {"path":"notes.md"}]\n');
  assertStringIncludes(stdout, '`read_file` {"path":"notes.md"}');
  assertStringIncludes(stdout, "```\nthe notes\n```");
  assertStringIncludes(stdout, "The tool read_file answered");
  const [session] = jsonLines((await machine.run(["sessions", "show", id, "--json"])).stdout);
  assertEquals(
    session.messages.map(({ role }: { role: string }) => role).join(),
    "user,assistant,user,assistant",
  );
});

Deno.test("sessions delete forgets one, or all after a yes", async () => {
  const machine = await signedIn();
  for (const words of ["one", "two", "three"]) {
    machine.clock.mono += 1_000;
    await machine.run(["chat", words]);
  }
  const sessions = await list(machine);
  assertEquals(sessions.map(({ preview }) => preview), ["three", "two", "one"]);
  assertEquals(
    (await machine.run(["sessions", "delete", sessions[1].id])).stdout,
    "Deleted 1 conversation\n",
  );
  const refused = await machine.run("sessions delete --all");
  assertEquals(refused.code, 2);
  assertStringIncludes(refused.stderr, "needs --yes");
  assertEquals((await list(machine)).length, 2);
  await machine.run("sessions delete --all --yes");
  assertEquals((await machine.run("sessions list")).stderr, "No conversations\n");
  assert(
    ![...machine.disk.entries.keys()].some((path) => path.startsWith(`${HOME}/conversations`)),
  );
});

Deno.test("sessions list is bounded, and says that there are more", async () => {
  const machine = await signedIn();
  for (let count = 0; count < 3; count++) await machine.run(["chat", `number ${count}`]);
  const { stdout, stderr } = await machine.run("sessions list -n 2");
  assertEquals(stdout.trim().split("\n").length, 2);
  assertEquals(stderr, "There are more: --all lists them\n");
});

Deno.test("two chats cannot go on with one conversation at once", async () => {
  const machine = await signedIn();
  await machine.run(["chat", "one"]);
  const inside: string[] = [];
  await machine.run(["--continue"], {
    lines: [async () => {
      const second = new TestMachine({ env: { NO_COLOR: "1" } });
      Object.assign(second, { disk: machine.disk, sandbox: machine.sandbox, fetch: machine.fetch });
      inside.push((await second.run(["chat", "--continue", "two"])).stderr);
      return "exit";
    }],
  });
  assertStringIncludes(inside[0]!, "is open elsewhere");
});

Deno.test("a file that cannot be read is said by sessions list, and set aside by doctor --fix", async () => {
  const machine = await signedIn();
  await machine.run(["chat", "Hello"]);
  await machine.write("conversations/20261121-000000-abcde.jsonl", "garbage\n");
  const { stderr } = await machine.run("sessions list");
  assertStringIncludes(stderr, "grantway sessions delete 20261121-000000-abcde");
  assertEquals((await list(machine)).length, 1);

  const seen = await machine.run("doctor");
  assertEquals(seen.code, 0);
  assertMatch(seen.stdout, /conversation 20261121-000000-abcde cannot be read\n.*doctor --fix/);
  assertEquals((await machine.run("doctor --fix --yes")).code, 0);
  assertEquals((await machine.run("sessions list")).stderr, "");
  assertEquals((await machine.run("doctor")).stdout.includes("Conversations"), false);
  assertMatch(machine.snapshot(), /abcde\.jsonl\.broken-.*\ngarbage/);
});
