/**
 * `GET /v1/usage`: what a client key has used, day by day.
 *
 * @module
 */

import { Refusal } from "../error_response.ts";
import { rawQuery } from "../middleware/path.ts";
import type { UsageLedger, UsageQuery, UsageRow, UsageTotals } from "../usage.ts";
import type { Visit } from "../visit.ts";

const DAY = /^\d{4}-\d{2}-\d{2}$/;

/**
 * Answers `{ "object": "usage", "key": …, "data": [rows], "totals": … }`; `?from=2026-07-01&to=…` names
 * UTC days. A key learns of itself alone.
 */
export async function usage(
  request: Request,
  { key }: Visit,
  ledger: UsageLedger | undefined,
): Promise<Response> {
  const { from, to } = readDays(new URLSearchParams(rawQuery(request.url)));
  const rows = await ledger?.report({ from, to, keyId: key!.id }) ?? [];
  return Response.json({
    object: "usage",
    key: { id: key!.id, name: key!.name },
    data: rows.map(encodeRow),
    totals: encodeTotals(rows),
  });
}

/** The days that a query names. */
export function readDays(query: URLSearchParams): Pick<UsageQuery, "from" | "to"> {
  return { from: readDay(query, "from"), to: readDay(query, "to") };
}

function readDay(query: URLSearchParams, name: string): string | undefined {
  const day = query.get(name);
  if (day === null) return undefined;
  if (DAY.test(day)) return day;
  throw new Refusal(400, "invalid_request", `Cannot use "${name}": it is no day like 2026-07-01`);
}

function encodeRow(row: UsageRow): Record<string, unknown> {
  const { day, provider, account, model } = row;
  return { day, provider, account, model, ...encodeTotals([row]) };
}

function encodeTotals(rows: readonly UsageTotals[]): Record<string, number> {
  const sum = (name: keyof UsageTotals) => rows.reduce((total, row) => total + row[name], 0);
  return {
    requests: sum("requests"),
    failures: sum("failures"),
    input_tokens: sum("inputTokens"),
    cache_read_tokens: sum("cacheReadTokens"),
    cache_write_tokens: sum("cacheWriteTokens"),
    output_tokens: sum("outputTokens"),
  };
}
