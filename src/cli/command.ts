/**
 * What a command is: its entry in the table, and its module.
 *
 * @module
 */

import type { Command } from "commander";
import type { Context } from "./context.ts";

/** A parsed command line; commander's `Command` is one. */
export interface Invocation {
  /** Arguments that are no options. */
  args: readonly string[];
  /** Options by camel-case name. */
  opts<T extends object>(): T;
}

/** What a command's module exports. */
export interface CommandModule {
  /** Adds arguments, options and examples. */
  define(command: Command): void;
  /** Runs it; the exit code, 0 where it returns none. */
  run(context: Context, invocation: Invocation): Promise<number | void>;
}

/** One command. */
export interface CommandEntry {
  /** Its words. */
  path: readonly string[];
  /** What it does, one line. */
  summary: string;
  /**
   * Whether it takes any number of arguments, so that a line without options needs no parser:
   * loading one takes longer than everything else before the first request.
   */
  takesAnyArguments?: true;
  /**
   * Whether it runs another program: everything from its first argument on, and from a `--`, is that
   * program's and comes as it is. Its own options with a value are these.
   */
  passesThrough?: readonly string[];
  /** Loads its module. */
  load: () => Promise<CommandModule>;
}

/** A word that has commands below it. */
export interface CommandGroup {
  /** The word, behind those of the groups above it. */
  name: string;
  /** What it is about, one line. */
  summary: string;
}
