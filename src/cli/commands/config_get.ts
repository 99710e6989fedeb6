/**
 * `grantway config get`: one setting.
 *
 * @module
 */

import type { Command } from "commander";
import { resolveKey } from "../config.ts";
import type { Invocation } from "../command.ts";
import type { Context } from "../context.ts";
import { EXIT } from "../exit_code.ts";

/** Arguments and options. */
export function define(command: Command): void {
  command.argument("<key>", "such as model.default; exit code 1 when it is not set");
}

/** Runs it. */
export async function run(context: Context, command: Invocation): Promise<number> {
  const key = resolveKey(command.args[0]!);
  const value = (await context.config()).get(key);
  context.output.json({ type: "config_get", key, value: value ?? null });
  if (value !== undefined) context.output.line(value);
  else context.output.note(`${key} is not set`);
  return value === undefined ? EXIT.failure : EXIT.ok;
}
