/**
 * `grantway sessions delete`: forgets conversations.
 *
 * @module
 */

import type { Command } from "commander";
import { openHistory } from "../chat/history.ts";
import type { Invocation } from "../command.ts";
import type { Context } from "../context.ts";
import { UsageError } from "../exit_code.ts";

/** Arguments and options. */
export function define(command: Command): void {
  command
    .argument("[id...]", "conversations, or the ends of their ids")
    .option("-a, --all", "every conversation; asks first, or see --yes")
    .addHelpText("after", "\nExample:\n  grantway sessions delete x7k2m");
}

/** Runs it. */
export async function run(context: Context, command: Invocation): Promise<void> {
  const { output, globals, interactive } = context;
  const { all } = command.opts<{ all?: boolean }>();
  const store = await openHistory(context);
  if (all && command.args.length > 0) throw new UsageError("Name conversations, or give --all");
  if (!all && command.args.length === 0) {
    throw new UsageError("No conversation is named", "Run: grantway sessions list");
  }
  const ids = all
    ? (await Array.fromAsync(store.list())).map(({ id }) => id)
    : await Promise.all(command.args.map(store.find));
  if (all && ids.length > 0 && !globals.has("--yes")) {
    if (!interactive) throw new UsageError("Deleting them all needs --yes");
    const { confirm } = await import("../prompts.ts");
    if (!await confirm(`Delete ${ids.length} conversations?`)) return;
  }
  for (const id of new Set(ids)) await store.remove(id);
  output.json({ type: "sessions_deleted", ids: [...new Set(ids)] });
  output.line(`Deleted ${ids.length === 1 ? "1 conversation" : `${ids.length} conversations`}`);
}
