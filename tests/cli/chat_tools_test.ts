// A chat with tools: what is asked, what runs, what is shown.

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { recordBodies } from "../support/chat_bodies.ts";
import { jsonLines, TestMachine } from "../support/platform.ts";

async function signedIn(): Promise<TestMachine> {
  const machine = new TestMachine({ env: { NO_COLOR: "1" } });
  await machine.signIn();
  machine.workspace.files.set("/project/notes.md", "one\ntwo\n");
  machine.workspace.commands.set("make", ({ onOutput }) => {
    onOutput("built\n");
    return 0;
  });
  return machine;
}

const READ = '[tool:read_file {"path":"notes.md"}]';
const MAKE = '[tool:shell {"command":"make"}]';

Deno.test("a plain prompt offers no tools, --tools does, with a system prompt of its own", async () => {
  const machine = await signedIn();
  const bodies = recordBodies(machine);
  await machine.run(["chat", "Hello"]);
  await machine.run(["chat", "--tools", "Hello"]);
  await machine.run(["chat", "--tools", "--system", "Be brief", "Hello"]);
  assertEquals(bodies[0].tools, undefined);
  assertEquals(bodies[0].system, undefined);
  const names = bodies[1].tools.map(({ name }: { name: string }) => name);
  assertEquals(names.slice(0, 4), ["read_file", "list_files", "search_files", "shell"]);
  assertStringIncludes(JSON.stringify(bodies[1].system), "Working folder: /project");
  assertEquals(JSON.stringify(bodies[2].system).includes("Working folder"), false);
});

Deno.test("chat --tools reads a file and says so on stderr, the answers stand on stdout", async () => {
  const machine = await signedIn();
  const { code, stdout, stderr } = await machine.run(["chat", "--tools", READ]);
  assertEquals(code, 0);
  assertEquals(stdout, "The tool read_file answered: “one two”\n");
  assertEquals(stderr, "✓ read_file notes.md  2 lines\n");
});

const APPROVALS = [
  { name: "nobody to ask", args: ["--tools"], ran: 0, says: "✗ shell make  not run" },
  { name: "--yes", args: ["--tools", "--yes"], ran: 1, says: "✓ shell make  1 line" },
];

for (const { name, args, ran, says } of APPROVALS) {
  Deno.test(`a command of the model's with ${name}`, async () => {
    const machine = await signedIn();
    const { code, stdout, stderr } = await machine.run(["chat", ...args, MAKE]);
    assertEquals(code, 0);
    assertEquals(machine.workspace.ran.length, ran);
    assertStringIncludes(stderr, says);
    assertStringIncludes(stdout, ran === 0 ? "--yes would allow it" : "built [exit code 0]");
    // Commands get the environment without what is secret here.
    for (const { env } of machine.workspace.ran) assertEquals(env, { PATH: "/bin" });
  });
}

const ANSWERS = [
  { answers: ["y"], ran: 1, told: "built" },
  { answers: ["n"], ran: 0, told: "the user declined" },
  { answers: [""], ran: 0, told: "the user declined" },
  { answers: [null], ran: 0, told: "the user declined" },
  { answers: ["use ninja"], ran: 0, told: "the user declined and says: use ninja" },
];

for (const { answers, ran, told } of ANSWERS) {
  Deno.test(`a person who is asked for a command says ${JSON.stringify(answers[0])}`, async () => {
    const machine = await signedIn();
    const { code, stdout, stderr } = await machine.run("", { lines: [MAKE, ...answers, "/exit"] });
    assertEquals(code, 0);
    assertStringIncludes(stderr, "shell: make\n");
    assertEquals(machine.workspace.ran.length, ran);
    assertStringIncludes(stdout, told);
  });
}

Deno.test("always means: not asked again in this chat", async () => {
  const machine = await signedIn();
  await machine.run("", { lines: [MAKE, "a", MAKE, MAKE, "exit"] });
  assertEquals(machine.workspace.ran.length, 3);
});

Deno.test("Ctrl-C while a command runs cancels the answer; the conversation goes on with pairs", async () => {
  const machine = await signedIn();
  const bodies = recordBodies(machine);
  machine.workspace.commands.set("make", () => {
    machine.interrupt();
    return new Promise(() => {});
  });
  const { code, stderr } = await machine.run("", { lines: [MAKE, "y", "Go on", null] });
  assertEquals(code, 0);
  assertMatch(stderr, /✗ shell make {2}cancelled\n[^]*Cancelled\n/);
  const sent = bodies.at(-1).messages;
  assertEquals(sent.map(({ role }: { role: string }) => role), ["user", "assistant", "user"]);
  assertStringIncludes(JSON.stringify(sent[2]), "Cancelled by the user before it was done");
  assertStringIncludes(JSON.stringify(sent[2]), "Go on");
});

Deno.test("what a command or a path is called cannot steer the terminal", async () => {
  const machine = await signedIn();
  const { stderr } = await machine.run("", {
    lines: ['[tool:shell {"command":"x\\u001b[2J\\ny"}]', "n", "/exit"],
  });
  const own = ["\r\x1b[K", "\x1b[?7l", "\x1b[?7h"];
  const rest = own.reduce((text, sequence) => text.replaceAll(sequence, ""), stderr);
  assert(!rest.includes("\x1b"), stderr);
  assertStringIncludes(stderr, "shell: x[2J\ny\n");
});

Deno.test("chat --tools --json tells of each call", async () => {
  const machine = await signedIn();
  const { stdout } = await machine.run(["chat", "--tools", "--json", READ]);
  const lines = jsonLines(stdout).filter(({ type }) => type !== "text" && type !== "thinking");
  assertEquals(lines.map(({ type }) => type), ["start", "tool_start", "tool_end", "end"]);
  const [, start, end] = lines;
  assertEquals([start.name, start.title], ["read_file", "notes.md"]);
  assertEquals([end.id, end.isError, end.summary], [start.id, false, "2 lines"]);
  assert(lines[3].usage.inputTokens > 0);
});

const MEDIA = [
  { tool: 'text_to_speech {"text":"Good morning"}', file: "good-morning.mp3" },
  { tool: 'image_generate {"prompt":"A cat"}', file: /^a-cat\.(?:jpg|png)$/ },
  { tool: 'video_generate {"prompt":"Waves"}', file: "waves.mp4" },
];

for (const { tool, file } of MEDIA) {
  Deno.test(`the model makes media after a yes: ${tool}`, async () => {
    const machine = await signedIn();
    await machine.signIn("auth add xai-oauth");
    await machine.write("sandbox/x", "");
    const config = `${machine.file("config.yaml")}tools:\n  video_gen: on\n`;
    await machine.write("config.yaml", config);
    const { stdout, stderr } = await machine.run(["chat", "--tools", "--yes", `[tool:${tool}]`]);
    const made = [...machine.workspace.files.keys()].map((path) => path.slice("/project/".length))
      .filter((name) => name !== "notes.md");
    assertEquals(made.length, 1, stderr);
    assertMatch(made[0]!, typeof file === "string" ? new RegExp(`^${file}$`) : file);
    assertStringIncludes(stdout, `Made ${made[0]}`);
    const declined = await machine.run(["chat", "--tools", `[tool:${tool}]`]);
    assertStringIncludes(declined.stderr, "not made");
  });
}

Deno.test("video_generate is not there before it is switched on; without a login no media are", async () => {
  const machine = await signedIn();
  const bodies = recordBodies(machine);
  const names = () => bodies.at(-1).tools.map(({ name }: { name: string }) => name);
  await machine.run(["chat", "--tools", "Hello"]);
  assert(!names().some((name: string) => /speech|image_generate|video|transcribe/.test(name)));
  await machine.signIn("auth add xai-oauth");
  await machine.run(["chat", "--tools", "Hello"]);
  assert(names().includes("image_generate") && !names().includes("video_generate"));
});
