// A person at a terminal: the conversation, the pickers, and the screen of a sign-in.

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { COMMAND, TestCli } from "../support/cli.ts";
import { testIf } from "../support/requires.ts";
import { Terminal } from "../support/terminal.ts";

/** Presses that come sooner than this count as one. */
const BETWEEN_PRESSES_MS = 350;

function start(tmux: string, cli: TestCli, ...args: string[]): Promise<Terminal> {
  return Terminal.start(tmux, [...COMMAND, ...args], cli.env());
}

async function pressAgain(terminal: Terminal): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, BETWEEN_PRESSES_MS));
  await terminal.press("C-c");
}

testIf("tmux", "grantway talks: turns, thinking, /help, Ctrl-C for an answer", async (tmux) => {
  await using cli = await TestCli.create();
  await cli.signIn();
  await using terminal = await start(tmux, cli);
  await terminal.shows(/^>$/m);
  await terminal.type("first");
  await terminal.press("Enter");
  await terminal.shows(/You wrote: “first”[^]*tokens in[^]*\n>$/m);
  const styled = (await terminal.screen({ styles: true })).replaceAll("\x1b[", "«");
  assertMatch(styled, /«2mThe user wrote to the sandbox\./);
  assertMatch(styled, /«1mMiniMax-M2\.7/);
  assert(!/«2m[^«]*You wrote/.test(styled), "the answer is dim");

  await terminal.type("[hang] second");
  await terminal.press("Enter");
  await terminal.shows("You wrote: “second”");
  await terminal.press("C-c");
  await terminal.shows(/\nCancelled\n>$/m);

  await terminal.type("/help");
  await terminal.press("Enter");
  await terminal.shows("/new ");
  // The line before comes back.
  await terminal.press("Up", "Up", "Up", "Enter");
  await terminal.shows(/\/help[^]*You wrote: “first”/);

  await pressAgain(terminal);
  await terminal.shows("Press Ctrl-C again to leave");
  await pressAgain(terminal);
  assertMatch(await terminal.shows("[exit "), /\[exit 0\]/);
});

testIf("tmux", "grantway: Ctrl-D leaves, and the shell goes on below", async (tmux) => {
  await using cli = await TestCli.create();
  await cli.signIn();
  await using terminal = await start(tmux, cli);
  await terminal.shows(/^>$/m);
  await terminal.press("C-d");
  assertMatch(await terminal.shows("[exit "), /^\[exit 0\]$/m);
});

testIf("tmux", "grantway without a login offers to sign in, and talks then", async (tmux) => {
  await using cli = await TestCli.create();
  await using terminal = await start(tmux, cli);
  const first = await terminal.shows("Enter: confirm");
  assertMatch(first, /Nobody is signed in yet[^]*● MiniMax \(OAuth\) \(not signed in\)/);
  await terminal.press("Enter");
  await terminal.shows("Region of your account");
  await terminal.press("Enter");
  await terminal.shows(/◆ {2}Model/);
  await terminal.press("Enter");
  await terminal.shows(/Using minimax-oauth\/MiniMax-M2\.7\n[^]*\n>/);
  await terminal.type("Hello");
  await terminal.press("Enter");
  await terminal.shows("You wrote: “Hello”");
  await terminal.press("C-d");
  assertStringIncludes(await terminal.shows("[exit "), "[exit 0]");
});

testIf(
  "tmux",
  "grantway for a provider without a login says so, with the command",
  async (tmux) => {
    await using cli = await TestCli.create();
    await using terminal = await start(tmux, cli, "--provider", "xai-oauth");
    const screen = await terminal.shows("[exit ");
    assertStringIncludes(screen, "grantway auth add xai-oauth");
    assertStringIncludes(screen, "[exit 4]");
  },
);

testIf("tmux", "grantway model signs in where needed, then picks a model", async (tmux) => {
  await using cli = await TestCli.create();
  await using terminal = await start(tmux, cli, "model");
  const providers = await terminal.shows("Enter: confirm");
  assertMatch(providers, /● MiniMax \(OAuth\) \(not signed in\)/);
  await terminal.press("Enter");
  await terminal.shows("Region of your account");
  await terminal.press("Down", "Enter");
  assertStringIncludes(await terminal.shows(/Code: \S+/), "/platform.minimaxi.com/");
  const models = await terminal.shows(/◆ {2}Model/);
  assertMatch(models, /Signed in to MiniMax OAuth as minimax-oauth-1, region cn/);
  assertMatch(models, /● MiniMax-M2\.7 .*\n.*○ MiniMax-M2\.7-highspeed/);
  await terminal.press("Down", "Enter");
  const end = await terminal.shows("[exit ");
  assertMatch(end, /Using minimax-oauth\/MiniMax-M2\.7-highspeed\n+\[exit 0\]/);
  const { stdout } = await cli.run("config list");
  assertEquals(
    stdout,
    "model.default = MiniMax-M2.7-highspeed\nmodel.provider = minimax-oauth\n" +
      "model.base_url = https://api.minimaxi.com/anthropic\n",
  );
});

testIf(
  "tmux",
  "grantway model: Ctrl-C in the picker leaves with 130 and changes nothing",
  async (tmux) => {
    await using cli = await TestCli.create();
    // The list of models, which the picker refreshes meanwhile, is only kept.
    await cli.run("models --refresh");
    const before = await cli.tree();
    await using terminal = await start(tmux, cli, "model");
    await terminal.shows("Enter: confirm");
    await terminal.press("C-c");
    assertMatch(await terminal.shows("[exit "), /\[exit 130\]/);
    assertEquals(await cli.tree(), before);
  },
);

testIf("tmux", "auth add shows the code, a QR code of the URL and a countdown", async (tmux) => {
  await using cli = await TestCli.create({ autoApprove: false });
  await using terminal = await start(tmux, cli, "auth", "add", "minimax-oauth", "--no-browser");
  const first = await terminal.shows(/Waiting for your approval, (10m|9m \d+s) left/);
  assertMatch(first, /█▀▀▀▀▀▀▀█/);
  // It counts down; not every second has to be seen.
  await terminal.shows(/, (9m ([1-4]?\d|5[0-8])s|[1-8]m( \d+s)?) left/);
  const [, code] = /Code: (\S+)/.exec(first)!;
  assert(cli.sandbox.approve(code!));
  const screen = await terminal.shows("[exit ");
  assertStringIncludes(screen, "Signed in to MiniMax OAuth as minimax-oauth-1, region global");
  assert(!screen.includes("left. Ctrl-C"), "the countdown stays");
  assertStringIncludes(screen, "[exit 0]");
});

testIf("tmux", "auth add counts down on one line of a narrow terminal", async (tmux) => {
  await using cli = await TestCli.create({ autoApprove: false });
  const command = [...COMMAND, "auth", "add", "minimax-oauth", "--no-browser"];
  const size = { columns: 40, rows: 60 };
  await using terminal = await Terminal.start(tmux, command, cli.env(), size);
  const first = /approval, \S+( \d+s)? left/.exec(await terminal.shows(/approval, .* left/))![0];
  let screen = await terminal.screen();
  while (screen.includes(first)) screen = await terminal.screen();
  assertEquals(screen.match(/Waiting for your approval/g)?.length, 1);
});

testIf("tmux", "auth logout asks before it takes several, and not for one", async (tmux) => {
  await using cli = await TestCli.create();
  await cli.signIn();
  await cli.run("auth add minimax-oauth --label work");
  {
    await using terminal = await start(tmux, cli, "auth", "logout", "minimax-oauth");
    await terminal.shows("Sign out of 2: minimax-oauth-1, work?");
    await terminal.press("n");
    assertMatch(await terminal.shows("[exit "), /\[exit 0\]/);
    assertEquals((await cli.stored()).length, 2);
  }
  await cli.run("auth remove minimax-oauth work");
  await using terminal = await start(tmux, cli, "auth", "logout", "minimax-oauth");
  await terminal.shows("Removed minimax-oauth minimax-oauth-1");
  await terminal.shows("[exit 0]");
});

testIf("tmux", "auth add --type api-key asks for the key and does not show it", async (tmux) => {
  await using cli = await TestCli.create();
  await using terminal = await start(tmux, cli, "auth", "add", "minimax", "--type", "api-key");
  await terminal.shows("API key of MiniMax");
  await terminal.type("sandbox-secret-key");
  await terminal.press("Enter");
  const screen = await terminal.shows("[exit ");
  assertStringIncludes(screen, "Stored the API key of MiniMax");
  assert(!screen.includes("secret"), screen);
  assertEquals((await cli.run("chat --provider minimax Hello")).code, 0);
});
