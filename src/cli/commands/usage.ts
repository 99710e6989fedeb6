/**
 * `grantway usage`: what went through the gateway, by model, key, account or day.
 *
 * @module
 */

import type { Command } from "commander";
import type { UsageRow, UsageTotals } from "../../gateway/usage.ts";
import { USAGE_DAYS } from "../../gateway/usage_store.ts";
import { groupRows, sumRows } from "../../gateway/usage_tally.ts";
import type { Invocation } from "../command.ts";
import type { Context } from "../context.ts";
import { UsageError } from "../exit_code.ts";
import { addRemoteOption } from "../remote/remote_gateway.ts";
import { openReports } from "../remote/reports.ts";
import { tableLines } from "../table.ts";
import { dayText, parseDistance } from "../time_words.ts";

interface Options {
  by: string;
  since: string;
  remote?: string;
}

const GROUPINGS = ["model", "key", "account", "day"] as const;
type Grouping = typeof GROUPINGS[number];

/** Arguments and options. */
export function define(command: Command): void {
  addRemoteOption(command)
    .option("--by <what>", `sums by ${GROUPINGS.join(", ")}`, "model")
    .option("--since <time>", "from 12h, 7d or 4w ago, or from a day: 2026-07-01", "30d")
    .addHelpText(
      "after",
      `
Days are UTC days and are kept for ${USAGE_DAYS} days. A running gateway saves every five seconds.

Examples:
  grantway usage
  grantway usage --by key --since 7d
  grantway usage --by day --json | jq .rows`,
    );
}

/** Runs it. */
export async function run(context: Context, command: Invocation): Promise<void> {
  const { output, platform } = context;
  const { by: wanted, since, remote } = command.opts<Options>();
  const by = GROUPINGS.find((name) => name === wanted);
  if (by === undefined) {
    throw new UsageError(`Cannot sum by "${wanted}"`, `--by takes ${GROUPINGS.join(", ")}`);
  }
  const now = platform.now();
  const from = dayText(Math.max(0, now - parseDistance(since, "--since", { now, isPast: true })));
  const { owner, report, labels } = await openReports(context, remote);
  const rows = await report({ from });
  const totals = sumRows(rows);
  const groups = [...groupRows(rows, (row) => idOf(row, by))]
    .map(([id, sums]) => ({ row: rows.find((row) => idOf(row, by) === id)!, sums }));
  if (by !== "day") groups.sort((a, b) => tokensOf(b.sums) - tokensOf(a.sums));
  const names = by === "key"
    ? new Map((await owner.list()).map(({ id, name }) => [id, name]))
    : by === "account"
    ? await labels()
    : new Map<string, string>();
  output.json({
    type: "usage",
    by,
    from,
    rows: groups.map(({ row, sums }) => ({ ...nameJson(row, by, names), ...sums })),
    totals,
  });
  if (rows.length === 0) {
    const nothing = `Nothing went through the gateway since ${from}`;
    const sandbox = context.usesSandbox ? " --sandbox" : "";
    output.note(
      remote === undefined ? `${nothing}. Run: grantway gateway serve${sandbox}` : nothing,
    );
    return;
  }
  const titles = ["REQUESTS", "FAILED", "INPUT", "CACHE READ", "CACHE WRITE", "OUTPUT"];
  const lines = tableLines(
    [{ title: by.toUpperCase() }, ...titles.map((title) => ({ title, isNumber: true }))],
    [
      ...groups.map(({ row, sums }) => [nameText(row, by, names), ...numbers(sums)]),
      ["total", ...numbers(totals)],
    ],
  );
  lines.forEach((line, i) =>
    output.line(i === lines.length - 1 ? output.paint("bold", line) : line)
  );
  output.note(`Since ${from} (UTC); tokens as the providers counted them`);
}

/** Whether it stands for what `grantway run` started, whose keys nobody keeps. */
function isRun(keyId: string): boolean {
  return keyId.startsWith("run-");
}

function idOf({ keyId, provider, account, model, day }: UsageRow, by: Grouping): string {
  switch (by) {
    case "key":
      return keyId;
    case "account":
      return `${provider}/${account}`;
    case "model":
      return `${provider}/${model}`;
    case "day":
      return day;
  }
}

function nameText(row: UsageRow, by: Grouping, names: ReadonlyMap<string, string>): string {
  switch (by) {
    case "key":
      return names.get(row.keyId) ?? (isRun(row.keyId) ? row.keyId : `${row.keyId} (gone)`);
    case "account":
      return `${row.provider} ${names.get(row.account) ?? row.account}`;
    default:
      return idOf(row, by);
  }
}

function nameJson(
  { keyId, provider, account, model, day }: UsageRow,
  by: Grouping,
  names: ReadonlyMap<string, string>,
): Record<string, unknown> {
  switch (by) {
    case "key":
      return { keyId, name: names.get(keyId) ?? (isRun(keyId) ? keyId : null) };
    case "account":
      return { provider, account, label: names.get(account) ?? null };
    case "model":
      return { provider, model };
    case "day":
      return { day };
  }
}

function tokensOf(sums: UsageTotals): number {
  return sums.inputTokens + sums.cacheReadTokens + sums.cacheWriteTokens + sums.outputTokens;
}

function numbers(sums: UsageTotals): string[] {
  const { requests, failures, inputTokens, cacheReadTokens, cacheWriteTokens, outputTokens } = sums;
  return [requests, failures, inputTokens, cacheReadTokens, cacheWriteTokens, outputTokens]
    .map((count) => String(count).replace(/\B(?=(\d{3})+$)/g, ","));
}
