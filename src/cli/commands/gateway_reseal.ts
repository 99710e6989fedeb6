/**
 * `grantway gateway reseal`: the second half of changing the sealing keys of a Worker.
 *
 * @module
 */

import type { Command } from "commander";
import { GrantwayError } from "../../core/errors.ts";
import type { Invocation } from "../command.ts";
import type { Context } from "../context.ts";
import { EXIT, UsageError } from "../exit_code.ts";
import { addRemoteOption, openRemote } from "../remote/remote_gateway.ts";
import { isDone, recordsText, sumPages } from "../remote/seals.ts";

/** Arguments and options. */
export function define(command: Command): void {
  addRemoteOption(command)
    .option("--dry-run", "only count what each key has sealed")
    .addHelpText(
      "after",
      `
GRANTWAY_KEYS of a Worker may hold two keys, "new:...,old:...": the first one
seals, both open. What the old one has sealed is sealed anew when it is written,
and by this command: logins, client keys, settings and all else. Nothing stops
meanwhile, and a run that was interrupted is simply started again. For a gateway
that was deployed from here "gateway deploy --rotate-keys" does it all.

It says from when on the old key can be left out of GRANTWAY_KEYS. Cloudflare
may show old records for some minutes; a key that is left out too early loses
nothing, and is put back.

Exit code 0 when nothing needs the old key any more, 1 while something does.

Examples:
  grantway gateway reseal --remote https://grantway.you.workers.dev
  grantway gateway reseal --remote https://grantway.you.workers.dev --dry-run
  grantway gateway reseal --remote https://grantway.you.workers.dev --json`,
    );
}

/** Runs it. */
export async function run(context: Context, command: Invocation): Promise<number> {
  const { output } = context;
  const { remote, dryRun = false } = command.opts<{ remote?: string; dryRun?: boolean }>();
  if (remote === undefined) {
    throw new UsageError(
      "gateway reseal needs --remote <url>, the gateway whose records it is about",
      "What this machine keeps is sealed anew by: grantway doctor --fix",
    );
  }
  const gateway = await openRemote(context, remote);
  output.progress(dryRun ? "Counting…" : "Sealing anew…");
  const seals = await sumPages(gateway.sweep(!dryRun)).catch((error) => {
    if (!(error instanceof GrantwayError) || error.code !== "not_found") throw error;
    throw new GrantwayError("not_found", `${gateway.origin} is no Worker of this version`, {
      hint: "Bring a Worker up to date with: grantway gateway deploy. What a machine keeps is " +
        "sealed anew there, by: grantway doctor --fix",
    });
  });
  output.progress("");
  const { keyId, otherKeyIds, counts, changed, problems, droppableAt } = seals;
  const droppable = droppableAt === undefined ? null : new Date(droppableAt).toISOString();
  output.json({
    type: "gateway_reseal",
    gateway: gateway.origin,
    dryRun,
    keyId,
    otherKeyIds,
    counts,
    changed,
    problems,
    droppableAt: droppable,
  });
  const row = (id: string, text: string) => output.line(`  ${id.padEnd(12)} ${text}`);
  output.line(`Sealing keys of ${gateway.origin}`);
  row(keyId, `${recordsText(counts[keyId] ?? 0)}${changed > 0 ? `, ${changed} sealed anew` : ""}`);
  for (const id of otherKeyIds) {
    const needed = counts[id] ?? 0;
    if (needed > 0) row(id, `${recordsText(needed)} still`);
    else if (droppable === null) row(id, "no record");
    else row(id, `no record; can be left out of GRANTWAY_KEYS from ${droppable} on`);
  }
  for (const [id, records] of Object.entries(counts)) {
    if (id === keyId || otherKeyIds.includes(id)) continue;
    row(id, `${recordsText(records)} that cannot be opened: GRANTWAY_KEYS lacks the key`);
  }
  for (const problem of problems) output.warn(problem);
  if (isDone(seals)) return EXIT.ok;
  output.note(dryRun ? "To seal them anew, run it without --dry-run" : "Run it again");
  return EXIT.failure;
}
