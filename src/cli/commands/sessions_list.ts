/**
 * `grantway sessions list`: the conversations that can be gone on with.
 *
 * @module
 */

import type { Command } from "commander";
import { nameOf, openHistory } from "../chat/history.ts";
import { printable } from "../chat_session.ts";
import type { Invocation } from "../command.ts";
import type { Context } from "../context.ts";
import { durationText } from "../credential_view.ts";
import { readCount } from "../read_count.ts";

const DEFAULT_COUNT = 20;

/** Arguments and options. */
export function define(command: Command): void {
  command
    .option("-n, --limit <count>", `how many, the last first (default: ${DEFAULT_COUNT})`)
    .option("-a, --all", "all of them")
    .option("--here", "only those of the working folder")
    .addHelpText(
      "after",
      `
Examples:
  grantway sessions list --here
  grantway chat --resume "$(grantway sessions list --json -n 1 | jq -r .sessions[0].id)"`,
    );
}

/** Runs it. */
export async function run(context: Context, command: Invocation): Promise<void> {
  const { output, platform } = context;
  const options = command.opts<{ limit?: string; all?: boolean; here?: boolean }>();
  const limit = options.all
    ? Infinity
    : options.limit === undefined
    ? DEFAULT_COUNT
    : readCount(options.limit, "--limit");
  const here = options.here ? (await platform.openWorkspace()).cwd : undefined;
  const now = platform.now();
  const sessions: Record<string, unknown>[] = [];
  let hasMore = false;
  for await (const summary of (await openHistory(context)).list()) {
    if (here !== undefined && summary.folder !== here) continue;
    if (sessions.length >= limit) {
      hasMore = true;
      break;
    }
    const { id, title, preview, provider, model, folder, createdAt, changedAt } = summary;
    sessions.push({
      id,
      title: title ?? null,
      preview,
      provider,
      model,
      folder,
      createdAt: new Date(createdAt).toISOString(),
      changedAt: new Date(changedAt).toISOString(),
    });
    const age = `${durationText(Math.max(0, now - changedAt))} ago`;
    output.line(
      `${output.paint("bold", id)}  ${age.padStart(11)}  ${printable(nameOf(summary))}  ${
        output.paint("dim", `${model}, ${printable(folder)}`)
      }`,
    );
  }
  output.json({ type: "sessions_list", sessions, hasMore });
  if (sessions.length === 0) output.note("No conversations");
  else if (hasMore) output.note("There are more: --all lists them");
}
