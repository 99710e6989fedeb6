/**
 * Runs one command line: global flags, which command, its module, and what a failure prints.
 *
 * @module
 */

import { GrantwayError } from "../core/errors.ts";
import type { CommandEntry, CommandModule, Invocation } from "./command.ts";
import {
  COMMANDS,
  groupHelp,
  GROUPS,
  passedFrom,
  programHelp,
  wordsAfter,
} from "./command_table.ts";
import type { Context } from "./context.ts";
import { createContext } from "./create_context.ts";
import { EXIT, exitCodeOf, UsageError } from "./exit_code.ts";
import { GLOBAL_FLAGS, type Globals } from "./global_flags.ts";
import { createInterrupts, Interrupted } from "./interrupts.ts";
import { nearest } from "./nearest.ts";
import { createOutput, type Output, OutputClosedError, tell, writeTo } from "./output.ts";
import type { Platform } from "./platform.ts";

/**
 * Takes the global flags out of the arguments, wherever they stand before `--` and before the arguments
 * of another program.
 */
export function splitGlobals(args: readonly string[]): { globals: Globals; words: string[] } {
  const globals = new Set<string>();
  const words: string[] = [];
  const command = args.findIndex((arg) => !arg.startsWith("-"));
  const passing = COMMANDS.find(({ path, passesThrough }) =>
    passesThrough !== undefined && path[0] === args[command]
  );
  const dashes = args.indexOf("--");
  const end = passing !== undefined && (dashes === -1 || dashes > command)
    ? command + 1 + passedFrom(passing, args.slice(command + 1))
    : dashes;
  args.forEach((arg, index) => {
    const flag = end === -1 || index < end
      ? GLOBAL_FLAGS.find(({ flags }) => flags.includes(arg))
      : undefined;
    if (flag === undefined) words.push(arg);
    else globals.add(flag.flags[0]!);
  });
  return { globals, words };
}

/** What the words name. */
export type Route =
  | { kind: "command"; entry: CommandEntry; rest: string[] }
  | { kind: "help"; text: string };

/**
 * Finds what `words` name; without a command word, chat.
 *
 * @throws {UsageError} For an unknown command, with the nearest one.
 */
export function route(words: readonly string[]): Route {
  const [first] = words;
  if (first === "help") {
    return words.length === 1
      ? { kind: "help", text: programHelp() }
      : route([...words.slice(1), "--help"]);
  }
  if (first === "--help" || first === "-h") return { kind: "help", text: programHelp() };
  if (first === undefined || first.startsWith("-")) {
    return { kind: "command", entry: COMMANDS[0]!, rest: [...words] };
  }
  const startsWith = (path: readonly string[]) => path.every((word, i) => word === words[i]);
  const entry = COMMANDS.find(({ path }) => startsWith(path));
  if (entry) return { kind: "command", entry, rest: words.slice(entry.path.length) };
  // The deepest group: `gateway keys` lies below `gateway`.
  const group = GROUPS.map(({ name }) => name.split(" ")).filter(startsWith)
    .toSorted((a, b) => b.length - a.length)[0] ?? [];
  const word = words[group.length];
  if (word === undefined || word === "--help" || word === "-h") {
    return { kind: "help", text: groupHelp(group.join(" ")) };
  }
  const program = ["grantway", ...group].join(" ");
  const near = nearest(word, wordsAfter(group));
  throw new UsageError(
    `Unknown command "${[...group, word].join(" ")}"`,
    near === undefined ? `See: ${program} --help` : `Did you mean: ${program} ${near}`,
  );
}

/** Parses `rest`; undefined when it asked for help, which was printed. */
async function parse(
  entry: CommandEntry,
  module: CommandModule,
  rest: readonly string[],
  platform: Platform,
): Promise<Invocation | undefined> {
  if (entry.takesAnyArguments && rest.every((word) => !word.startsWith("-"))) {
    return { args: rest, opts: <T extends object>() => ({} as T) };
  }
  const { parseCommand } = await import("./parse_command.ts");
  return await parseCommand(entry, module, rest, platform);
}

/** Runs the command line of `platform` and returns the exit code. */
export async function run(platform: Platform): Promise<number> {
  const { globals, words } = splitGlobals(platform.args);
  const output = createOutput(platform, {
    json: globals.has("--json"),
    quiet: globals.has("--quiet"),
    verbose: globals.has("--verbose") || globals.has("--debug"),
    color: !globals.has("--no-color"),
    sandbox: globals.has("--sandbox"),
  });
  const interrupts = createInterrupts(platform, output);
  let context: Context | undefined;
  try {
    try {
      const target = route(words);
      if (target.kind === "help") {
        writeTo(platform.stdout, target.text);
        return EXIT.ok;
      }
      const module = await target.entry.load();
      const invocation = await parse(target.entry, module, target.rest, platform);
      if (invocation === undefined) return EXIT.ok;
      context = createContext(platform, output, globals, interrupts);
      return await module.run(context, invocation) ?? EXIT.ok;
    } finally {
      // A refresh that was sent is finished and saved before the process may end.
      await context?.close();
    }
  } catch (error) {
    return report(explain(error, context), output, globals, platform);
  } finally {
    interrupts.dispose();
  }
}

/** A request that did not reach a running sandbox is no fault of a provider's. */
function explain(error: unknown, context: Context | undefined): unknown {
  const origin = context?.platform.env("GRANTWAY_SANDBOX");
  if (origin === undefined || !(error instanceof GrantwayError) || error.code !== "network") {
    return error;
  }
  return new GrantwayError("network", error.message, {
    cause: error,
    hint: `GRANTWAY_SANDBOX is ${origin}: is it running? Start it with: grantway sandbox`,
  });
}

function report(error: unknown, output: Output, globals: Globals, platform: Platform): number {
  if (error instanceof Interrupted) {
    output.progress("");
    output.note("Interrupted");
    return EXIT.interrupted;
  }
  if (error instanceof OutputClosedError) {
    tell(platform.stderr, `error: ${error.message}\n`);
    return EXIT.failure;
  }
  try {
    output.error(error);
  } catch (failure) {
    // Told on stderr by then; only the object on stdout is missing.
    if (!(failure instanceof OutputClosedError)) throw failure;
  }
  if (globals.has("--debug") && error instanceof Error) {
    tell(platform.stderr, `${error.stack ?? ""}\n`);
  }
  return exitCodeOf(error);
}
