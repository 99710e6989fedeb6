// What the model may use, and who runs it: listed, switched, and picked on a terminal.

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { COMMAND, TestCli } from "../support/cli.ts";
import { recordBodies } from "../support/chat_bodies.ts";
import { jsonLines, TestMachine } from "../support/platform.ts";
import { testIf } from "../support/requires.ts";
import { Terminal } from "../support/terminal.ts";

const MCP = "mcp:\n  servers:\n    files:\n      command: npx\n";

async function machine(config = ""): Promise<TestMachine> {
  const machine = new TestMachine({ env: { NO_COLOR: "1" } });
  await machine.signIn();
  if (config !== "") await machine.write("config.yaml", machine.file("config.yaml") + config);
  return machine;
}

// deno-lint-ignore no-explicit-any -- a JSON document whose shape the test states
async function list(machine: TestMachine): Promise<any> {
  return jsonLines((await machine.run("tools list --json")).stdout)[0];
}

Deno.test("tools list says what is on, who runs it, and what that takes", async () => {
  const one = await machine(MCP);
  const before = await list(one);
  const videos = () => before.tools.find(({ id }: { id: string }) => id === "video_gen");
  assertEquals(videos(), {
    id: "video_gen",
    name: "Video Generation",
    enabled: false,
    backend: "xAI Grok Imagine",
    access: null,
    provider: null,
  });
  assertEquals(before.mcp, [{ name: "files", enabled: true, kind: "program" }]);
  const { stdout } = await one.run("tools list");
  assertMatch(stdout, /^off {2}video_gen +make short videos, xAI Grok Imagine \(no login\)$/m);
  assertMatch(stdout, /^on {3}mcp:files +npx$/m);
  await one.signIn("auth add xai-oauth");
  assertMatch(
    (await one.run("tools list")).stdout,
    /^on {3}tts +speak a text, xAI TTS \(xAI OAuth login \S+\)$/m,
  );
  const key = await machine();
  key.env["XAI_API_KEY"] = "xai-sandbox-1";
  assertMatch((await key.run("tools list")).stdout, /^on {3}tts .*\(API key XAI_API_KEY\)$/m);
});

Deno.test("tools enable and disable hold for the next chat, MCP servers too", async () => {
  const one = await machine(MCP);
  const bodies = recordBodies(one);
  const enabled = await one.run("tools enable video_gen");
  assertEquals(enabled.stdout, "Enabled video_gen\n");
  assertStringIncludes(
    enabled.stderr,
    "Video Generation needs a login: grantway auth add xai-oauth",
  );
  assertMatch(
    (await one.run("tools enable video_gen --sandbox")).stderr,
    /grantway auth add xai-oauth --sandbox\n$/,
  );
  assertEquals((await one.run("tools disable shell mcp:files")).code, 0);
  const { tools, mcp } = await list(one);
  const on = Object.fromEntries(
    tools.map(({ id, enabled }: { id: string; enabled: boolean }) => [id, enabled]),
  );
  assertEquals([on.video_gen, on.shell, on.files], [true, false, true]);
  assertEquals(mcp[0].enabled, false);
  const { stderr } = await one.run(["chat", "--tools", "Hello"]);
  assertEquals(stderr, "");
  const names = bodies[0].tools.map(({ name }: { name: string }) => name);
  assert(!names.includes("shell") && names.includes("read_file"));
});

const WRONG = [
  { args: "tools", says: "The picker needs a terminal" },
  { args: "tools enable", says: "Name what to enable" },
  { args: "tools enable vidoe_gen", says: "Did you mean: video_gen" },
  { args: "tools enable mcp:none", says: 'Unknown tool "mcp:none"' },
  { args: "tools lits", says: "Did you mean: grantway tools list" },
  { args: "tools list files", says: "tools list takes no names" },
];

for (const { args, says } of WRONG) {
  Deno.test(`${args} is wrong usage`, async () => {
    const { code, stderr } = await (await machine()).run(args);
    assertEquals(code, 2);
    assertStringIncludes(stderr, says);
  });
}

testIf(
  "tmux",
  "tools: the space bar switches, and signing in is offered where nobody runs a tool",
  async (tmux) => {
    await using cli = await TestCli.create();
    await cli.signIn();
    {
      await using terminal = await Terminal.start(tmux, [...COMMAND, "tools"], cli.env());
      const screen = await terminal.shows("Video Generation");
      assertMatch(screen, /◼ Text-to-Speech/);
      assertMatch(screen, /◻ Video Generation/);
      // From the first row up to the last but one.
      await terminal.press("Up", "Up");
      await terminal.shows(/Video Generation \(make short videos, xAI Grok Imagine\)/);
      await terminal.press("Space");
      await terminal.shows(/◼ Video Generation/);
      await terminal.press("Enter");
      const offer = await terminal.shows("Skip");
      assertMatch(offer, /Sign in: xAI Grok OAuth[^]*Paste an API key of xAI[^]*Skip/);
      await terminal.press("Enter");
      const end = await terminal.shows("[exit 0]");
      assertMatch(end, /Signed in to xAI OAuth/);
      assertMatch(end, /Video Generation → xAI Grok Imagine \(xAI OAuth login /);
      assertMatch(end, /Text-to-Speech → xAI TTS \(xAI OAuth login /);
    }
    // Where a login is stored it is confirmed, and nothing is asked.
    await using again = await Terminal.start(tmux, [...COMMAND, "tools"], cli.env());
    await again.shows(/◼ Video Generation/);
    await again.press("Enter");
    const end = await again.shows("[exit 0]");
    assertMatch(end, /Image Generation → xAI Grok Imagine \(image\) \(xAI OAuth login /);
    assert(!end.includes("Skip"));
  },
);
