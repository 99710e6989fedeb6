// A whole session at a terminal: sign in, pick a model, talk, let it read a file and run a command, cancel an
// answer, leave, and go on the next day.

import { assert, assertMatch, assertStringIncludes } from "@std/assert";
import { COMMAND, TestCli } from "../support/cli.ts";
import { testIf } from "../support/requires.ts";
import { Terminal } from "../support/terminal.ts";

testIf("tmux", "a session: model, tools, a cancelled answer, and the next day", async (tmux) => {
  await using cli = await TestCli.create();
  const folder = await Deno.makeTempDir();
  const home = { ...cli.env(), TERM: "xterm-256color" };
  const inFolder = (...args: string[]) =>
    Terminal.start(tmux, ["env", "-C", folder, ...COMMAND, ...args], home);
  try {
    await Deno.writeTextFile(`${folder}/notes.md`, "Buy milk\nand bread\n");
    {
      await using terminal = await inFolder("model");
      await terminal.shows("Enter: confirm");
      await terminal.press("Enter");
      await terminal.shows("Region of your account");
      await terminal.press("Enter");
      await terminal.shows(/◆ {2}Model/);
      await terminal.press("Down", "Enter");
      await terminal.shows("Using minimax-oauth/MiniMax-M2.7-highspeed");
    }
    {
      await using terminal = await inFolder();
      assertStringIncludes(await terminal.shows(/^>$/m), "MiniMax-M2.7-highspeed  MiniMax OAuth");

      await terminal.type('[tool:read_file {"path":"notes.md"}]');
      await terminal.press("Enter");
      await terminal.shows(/✓ read_file notes\.md {2}2 lines[^]*answered: “Buy milk and bread”/);

      await terminal.type('[tool:shell {"command":"echo bread > list; cat list"}]');
      await terminal.press("Enter");
      await terminal.shows(/shell: echo bread > list; cat list\nAllow it\? y yes/);
      await terminal.press("y", "Enter");
      await terminal.shows(/✓ shell echo bread[^\n]* {2}1 line[^]*“bread \[exit code 0\]”/);
      assert(await Deno.readTextFile(`${folder}/list`) === "bread\n");

      await terminal.type("[hang] **Milk** and `bread`");
      await terminal.press("Enter");
      await terminal.shows("You wrote: “Milk and bread”");
      const styled = (await terminal.screen({ styles: true })).replaceAll("\x1b[", "«");
      assertMatch(styled, /«1mMilk«[^ ]* and «36mbread/);
      await new Promise((resolve) => setTimeout(resolve, 350));
      await terminal.press("C-c");
      await terminal.shows(/“Milk and bread”[^]*Cancelled\n+>$/m);

      await terminal.type('[tool:shell {"command":"sleep 60"}]');
      await terminal.press("Enter");
      await terminal.shows("shell: sleep 60\nAllow it?");
      await terminal.press("y", "Enter");
      await terminal.shows("  shell sleep 60 … running");
      await new Promise((resolve) => setTimeout(resolve, 350));
      await terminal.press("C-c");
      await terminal.shows(/✗ shell sleep 60 {2}cancelled\n+Cancelled\n+>$/m);

      await terminal.type("And now?");
      await terminal.press("Enter");
      await terminal.shows(/The tool shell failed and said: “Cancelled by the user[^]*tokens in/);
      await terminal.type("exit");
      await terminal.press("Enter");
      await terminal.shows("[exit 0]");
    }
    {
      await using terminal = await inFolder("--continue");
      const screen = await terminal.shows(/^>$/m);
      assertStringIncludes(screen, "Resumed: ");
      assertMatch(screen, /> And now\?\nThe tool shell failed and said/);
      await terminal.type("/usage");
      await terminal.press("Enter");
      await terminal.shows("0 tokens in; 0 out");
      await terminal.type("More");
      await terminal.press("Enter");
      await terminal.shows(/You wrote: “More”[^]*cached\), \d+ out/);
      await terminal.press("C-d");
      await terminal.shows("[exit 0]");
    }
    const { stdout } = await cli.run("sessions list --json");
    const { sessions } = JSON.parse(stdout);
    assert(sessions.length === 1 && sessions[0].folder === folder, stdout);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

testIf("tmux", "the prompt stands while tools and MCP servers are made ready", async (tmux) => {
  await using cli = await TestCli.create();
  await cli.signIn();
  await Deno.writeTextFile(
    `${cli.home}/config.yaml`,
    `mcp:\n  servers:\n    slow: { command: "${Deno.execPath()}", args: [eval, "setInterval(() => {}, 99)"] }\n`,
  );
  // Not --quiet, as people run it: then Deno draws on the terminal when it loads a package.
  const command = COMMAND.filter((word) => word !== "--quiet");
  await using terminal = await Terminal.start(tmux, command, cli.env());
  await terminal.shows(/^>$/m);
  await new Promise((resolve) => setTimeout(resolve, 700));
  assertMatch(await terminal.screen(), /\/help lists the commands\n>/);
  await terminal.type("Hello");
  await terminal.press("Enter");
  await terminal.shows("Getting the tools ready …");
  await terminal.press("C-c");
  await terminal.shows(/Cancelled\n+>$/m);
  await terminal.press("C-d");
  await terminal.shows("[exit 0]");
});
