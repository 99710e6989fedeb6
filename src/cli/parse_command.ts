/**
 * What follows the words of a command: its arguments, options and help, by commander.
 *
 * @module
 */

import { Command } from "commander";
import type { CommandEntry, CommandModule, Invocation } from "./command.ts";
import { globalFlagsHelp, passedFrom } from "./command_table.ts";
import { UsageError } from "./exit_code.ts";
import { writeTo } from "./output.ts";
import type { Platform } from "./platform.ts";

/** Creates the commander command of one entry, with its arguments and options. */
export function createCommand(
  entry: CommandEntry,
  module: CommandModule,
): Command {
  const command = new Command(entry.path.join(" "));
  command.description(entry.summary);
  module.define(command);
  command.exitOverride();
  command.addHelpText("after", `\nGlobal options:\n${globalFlagsHelp()}`);
  command.configureHelp({ commandUsage: () => `grantway ${command.name()} ${command.usage()}` });
  command.action(() => {});
  return command;
}

/** Parses `rest`; undefined when it asked for help, which was printed. */
export function parseCommand(
  entry: CommandEntry,
  module: CommandModule,
  rest: readonly string[],
  platform: Platform,
): Invocation | undefined {
  const passed = entry.passesThrough === undefined ? rest.length : passedFrom(entry, rest);
  const command = createCommand(entry, module);
  command.configureOutput({
    writeOut: (text) => writeTo(platform.stdout, text),
    writeErr: () => {},
  });
  try {
    const parsed = command.parse(rest.slice(0, passed), { from: "user" });
    return entry.passesThrough === undefined
      ? parsed
      : { args: rest.slice(passed), opts: () => parsed.opts() };
  } catch (error) {
    const code = (error as { code?: unknown }).code;
    if (typeof code !== "string" || !code.startsWith("commander.")) throw error;
    if (code === "commander.helpDisplayed") return undefined;
    const [message, ...more] = (error as Error).message.replace(/^error: /, "").split("\n");
    const suggestion = more.join(" ").replace(/^\(|\)$/g, "").trim();
    throw new UsageError(
      message!.charAt(0).toUpperCase() + message!.slice(1),
      suggestion || `See: grantway ${command.name()} --help`,
    );
  }
}
