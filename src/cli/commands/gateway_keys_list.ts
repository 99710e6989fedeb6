/**
 * `grantway gateway keys list`: every client key, and when it was last used.
 *
 * @module
 */

import type { Command } from "commander";
import { clientKeyJson, expiryText, limitsText, scopeText } from "../client_key_view.ts";
import type { Invocation } from "../command.ts";
import type { Context } from "../context.ts";
import { openReports } from "../remote/reports.ts";
import { addRemoteOption } from "../remote/remote_gateway.ts";
import { tableLines } from "../table.ts";

/** Arguments and options. */
export function define(command: Command): void {
  addRemoteOption(command);
}

/** Runs it. */
export async function run(context: Context, command: Invocation): Promise<void> {
  const { output, platform } = context;
  const { remote } = command.opts<{ remote?: string }>();
  const { owner, report } = await openReports(context, remote);
  const now = platform.now();
  const keys = await owner.list();
  // By day: the last row of a key is its latest.
  const lastUsed = new Map((await report()).map(({ keyId, day }) => [keyId, day]));
  output.json({
    type: "gateway_keys_list",
    keys: keys.map((key) => ({
      ...clientKeyJson(key, now),
      lastUsed: lastUsed.get(key.id) ?? null,
    })),
  });
  if (keys.length === 0) {
    const sandbox = context.usesSandbox ? " --sandbox" : "";
    const behind = remote === undefined ? sandbox : ` --remote ${remote}`;
    output.note(`No client keys. Run: grantway gateway keys create <name>${behind}`);
    return;
  }
  const titles = ["NAME", "ID", "GOOD FOR", "LIMITS", "EXPIRES", "LAST USED (UTC)"];
  const rows = keys.map((key) => [
    key.name,
    key.id,
    scopeText(key),
    limitsText(key),
    expiryText(key, now),
    lastUsed.get(key.id) ?? "not yet",
  ]);
  for (const line of tableLines(titles.map((title) => ({ title })), rows)) output.line(line);
}
