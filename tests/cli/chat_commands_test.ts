// What a person says to the chat itself, the files they add, and how an answer looks.

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { recordBodies } from "../support/chat_bodies.ts";
import { TestMachine } from "../support/platform.ts";

const PNG = new Uint8Array([0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10, 0, 1]);

async function signedIn(env: Record<string, string> = { NO_COLOR: "1" }): Promise<TestMachine> {
  const machine = new TestMachine({ env });
  await machine.signIn();
  return machine;
}

const COMMANDS: { lines: string[]; says: (string | RegExp)[] }[] = [
  { lines: ["/help"], says: [/\/compact +put a summary/, "@path attaches"] },
  { lines: ["/usage"], says: ["0 tokens in; 0 out", "Context: 0 of 200k tokens (0 %)"] },
  {
    lines: ["one", "/usage"],
    says: [
      /[\d.]+k? tokens in, \d+ % cached; \d+ out/,
      /Context: [\d.]+k? of 200k tokens \(\d %\)/,
    ],
  },
  {
    lines: ["/tools"],
    says: [/on +shell/, "read_file, list_files, search_files, shell, delegate"],
  },
  {
    lines: ["/tools shell off"],
    says: [/off +shell/, "read_file, list_files, search_files, delegate"],
  },
  { lines: ["/tools nonsense on"], says: ['error: Cannot switch "nonsense on"'] },
  { lines: ["/compact"], says: ["There is nothing to summarize yet"] },
  { lines: ["/moddel"], says: ["Unknown command /moddel; did you mean /model?"] },
  {
    lines: ["/model MiniMax-M2.7-highspeed"],
    says: ["MiniMax-M2.7-highspeed  MiniMax OAuth, login"],
  },
  { lines: ["/model strange-1"], says: ["lists no such model; it is used as written"] },
  { lines: ["/provider xai-oauth"], says: ["error: No xAI credentials found"] },
  { lines: ["/provider nobody"], says: ['error: Unknown provider "nobody"'] },
];

for (const { lines, says } of COMMANDS) {
  Deno.test(`in a chat: ${lines.join(", ")}`, async () => {
    const machine = await signedIn();
    const { code, stderr } = await machine.run(["--no-save"], { lines: [...lines, "/exit"] });
    assertEquals(code, 0);
    for (const text of says) {
      if (typeof text === "string") assertStringIncludes(stderr, text);
      else assertMatch(stderr, text);
    }
  });
}

Deno.test("another model or provider goes on with the same conversation", async () => {
  const machine = await signedIn();
  await machine.signIn("auth add xai-oauth");
  const bodies = recordBodies(machine);
  const { stdout } = await machine.run(["--no-save"], {
    lines: ["one", "/model MiniMax-M2.5", "two", "/provider xai-oauth", "three", "quit"],
  });
  assertEquals(bodies.map(({ model }) => model), ["MiniMax-M2.7", "MiniMax-M2.5", "grok-4.3"]);
  assertStringIncludes(JSON.stringify(bodies[2].input), "one");
  // Searches are the server's own there.
  const types = bodies[2].tools.map(({ type }: { type: string }) => type);
  assert(types.includes("web_search") && types.includes("x_search"));
  assertStringIncludes(stdout, "You wrote: “three”");
});

Deno.test("a model without a search of its own asks one that the user has signed in to", async () => {
  const machine = await signedIn();
  await machine.signIn("auth add xai-oauth");
  const { stdout, stderr } = await machine.run([
    "chat",
    "--provider",
    "minimax-oauth",
    "--tools",
    '[tool:web_search {"query":"[search] news"}]',
  ]);
  assertMatch(stderr, /✓ web_search \[search\] news {2}\d sources?/);
  assertStringIncludes(stdout, "The tool web_search answered");
});

Deno.test("/compact puts a summary in the place of older turns", async () => {
  const machine = await signedIn();
  const bodies = recordBodies(machine);
  const { stderr } = await machine.run(["--no-save"], {
    lines: [`[long:4000] ${"much ".repeat(900)}`, "/compact", "two", "exit"],
  });
  assertMatch(stderr, /Summarized the conversation: [\d.]+k tokens became [\d.]+k/);
  assertStringIncludes(
    JSON.stringify(bodies.at(-1).messages[0]),
    "The conversation up to here, in short",
  );
});

Deno.test("a line that ends with a backslash goes on", async () => {
  const machine = await signedIn();
  const bodies = recordBodies(machine);
  await machine.run(["--no-save"], { lines: ["one \\", "two\\", "three", "exit"] });
  assertEquals(bodies[0].messages[0].content, "one \ntwo\nthree");
});

const MENTIONS: { text: string; sent: (string | RegExp)[]; not?: string[] }[] = [
  {
    text: "Look at @notes.md, please",
    sent: ['<file path=\\"notes.md\\">\\nthe notes', "Look at @notes.md, please"],
  },
  { text: '@"my notes.md" and @src/a.ts.', sent: ["spaced", "const a"] },
  { text: "@~/.bashrc is mine", sent: ["alias"] },
  { text: "Ask @somebody or me@notes.md", sent: ["Ask @somebody"], not: ["the notes"] },
];

for (const { text, sent, not = [] } of MENTIONS) {
  Deno.test(`attached in ${JSON.stringify(text)}`, async () => {
    const machine = await signedIn();
    machine.workspace.files.set("/project/notes.md", "the notes\n");
    machine.workspace.files.set("/project/my notes.md", "spaced\n");
    machine.workspace.files.set("/project/src/a.ts", "const a = 1;\n");
    machine.workspace.files.set("/home/user/.bashrc", "alias x=y\n");
    const bodies = recordBodies(machine);
    await machine.run(["--no-save"], { lines: [text, "exit"] });
    const body = JSON.stringify(bodies[0].messages[0].content);
    for (const part of sent) assertStringIncludes(body, String(part));
    for (const part of not) assert(!body.includes(part), body);
  });
}

const ATTACHMENTS = [
  { path: "none.txt", code: 1, says: "Cannot attach none.txt: there is no such file" },
  { path: "blob.bin", code: 1, says: "it is neither text nor" },
  { path: "src", code: 1, says: "it is no file" },
  { path: "/home/user/.grantway/auth.json", code: 1, says: "it holds credentials" },
  { path: "a.txt", code: 0, says: "Attached a.txt (2 lines)" },
];

for (const { path, code, says } of ATTACHMENTS) {
  Deno.test(`chat --attach ${path} ends with ${code}`, async () => {
    const machine = await signedIn();
    const { files } = machine.workspace;
    files.set("/project/a.txt", "text\n");
    files.set("/project/a.png", PNG);
    files.set("/project/blob.bin", new Uint8Array([1, 0, 2]));
    files.set("/project/src/x", "");
    files.set("/home/user/.grantway/auth.json", "{}");
    const bodies = recordBodies(machine);
    const result = await machine.run(["chat", "--attach", path, "What is this?"]);
    assertEquals(result.code, code, result.stderr);
    assertStringIncludes(result.stderr, says);
    // Nothing is asked without it, and nothing is offered besides.
    assertEquals(bodies.length, code === 0 ? 1 : 0);
    for (const body of bodies) assertEquals([body.tools, body.system], [undefined, undefined]);
  });
}

Deno.test("an image goes to another model that sees, and what that says to the one that does not", async () => {
  const machine = await signedIn();
  machine.workspace.files.set("/project/a.png", PNG);
  const bodies = recordBodies(machine);
  const { code, stderr } = await machine.run(["chat", "-a", "a.png", "What is this?"]);
  assertEquals(code, 0, stderr);
  assertStringIncludes(stderr, "MiniMax-M2.7 cannot see images: MiniMax-M3 describes a.png");
  const [{ type, text }] = bodies[0].messages[0].content;
  assertEquals([bodies.length, type], [1, "text"]);
  assertMatch(text, /^<image path="a.png" described-by="MiniMax-M3">[^]*With it came 1 image/);
});

Deno.test("where none of the subscription's models sees, those that do are named", async () => {
  const machine = await signedIn();
  machine.workspace.files.set("/project/a.png", PNG);
  const blind = { limit: { context: 1_000, output: 100 } };
  await machine.write(
    "models.json",
    JSON.stringify({
      version: 1,
      url: "https://models.dev/api.json",
      checkedAt: machine.clock.now(),
      vendors: { minimax: { models: { "MiniMax-M4": blind } } },
    }),
  );
  const sent = machine.requests.length;
  const { code, stderr } = await machine.run(["chat", "-a", "a.png", "What is this?"]);
  assertEquals([code, machine.requests.length], [1, sent]);
  assertStringIncludes(stderr, "Cannot attach a.png: MiniMax-M2.7 cannot see images\n");
  assertStringIncludes(stderr, "minimax-cn/MiniMax-M3 or xai-oauth/grok-4.3: grantway model");
});

Deno.test("an image goes to a model that sees as it is", async () => {
  const machine = await signedIn();
  await machine.signIn("auth add xai-oauth");
  machine.workspace.files.set("/project/a.png", PNG);
  const { stdout, stderr } = await machine.run(
    ["chat", "--provider", "xai-oauth", "-a", "a.png", "-a", "a.png", "What is this?"],
  );
  assertStringIncludes(stderr, "Attached a.png (image)");
  assertStringIncludes(stdout, "With it came 2 images");
});

Deno.test("what is piped in is never looked through for @", async () => {
  const machine = await signedIn();
  machine.workspace.files.set("/project/notes.md", "the notes\n");
  const bodies = recordBodies(machine);
  await machine.run(["chat", "--tools", "-"], { stdin: "see @notes.md" });
  assertEquals(bodies[0].messages[0].content, "see @notes.md");
});

Deno.test("Markdown is shown with styles on a terminal with colours, and plain in a pipe", async () => {
  const machine = await signedIn({});
  const prompt = "say **bold** and `code`";
  const { stdout } = await machine.run(["chat", prompt], { lines: [] });
  assertStringIncludes(stdout, "say \x1b[1mbold\x1b[22m and \x1b[36mcode\x1b[39m”");
  assertStringIncludes((await machine.run(["chat", prompt])).stdout, "say **bold** and `code`”");
});
