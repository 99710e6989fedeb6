/**
 * The gateway's log lines on standard error: short ones for people, JSON for programs; written in
 * batches, off the way of the requests.
 *
 * @module
 */

import type { AccessLog, AccessLogEntry } from "../gateway/access_log.ts";
import type { Output } from "./output.ts";
import { tell } from "./output.ts";
import type { OutputStream } from "./platform.ts";
import { UsageError } from "./exit_code.ts";

/** How much is logged. */
export type LogLevel = "debug" | "info" | "warn" | "error" | "off";

/** The levels, from the most to the least. */
const LEVELS: readonly LogLevel[] = ["debug", "info", "warn", "error", "off"];

/** Reads `GRANTWAY_LOG`. */
export function parseLogLevel(text: string | undefined, otherwise: LogLevel): LogLevel {
  if (text === undefined) return otherwise;
  const level = LEVELS.find((known) => known === text.toLowerCase());
  if (level !== undefined) return level;
  throw new UsageError(`GRANTWAY_LOG takes ${LEVELS.join(", ")}, not "${text}"`);
}

/** The level of one line: health checks are noise, and a client's own failure is no alarm. */
function levelOf({ route, status }: AccessLogEntry): LogLevel {
  if (status >= 500) return route === "/readyz" ? "debug" : "error";
  if (status >= 400 && status !== 499) return "warn";
  return route === "/healthz" || route === "/readyz" ? "debug" : "info";
}

/** Where and how lines are written. */
export interface AccessLinesOptions {
  /** Standard error. */
  stream: OutputStream;
  /** Paints for it. */
  paint: Output["paintError"];
  /** What is left out is below this. */
  level: LogLevel;
  /** JSON lines instead of text. */
  json: boolean;
  /** Waits. */
  sleep: (ms: number) => Promise<void>;
}

/** Lines on their way to standard error. */
export interface AccessLines {
  /** Takes one. */
  log: AccessLog;
  /** Writes what is not yet written. */
  flush(): void;
}

const BATCH_MS = 50;
/** A reader that is slower than this loses lines; the requests do not wait for it. */
const MAX_BATCH = 10_000;

/** Creates them. */
export function createAccessLines(options: AccessLinesOptions): AccessLines {
  const { stream, level, sleep } = options;
  const write = options.json ? toJson : (entry: AccessLogEntry) => toText(entry, options.paint);
  const least = LEVELS.indexOf(level);
  let batch: AccessLogEntry[] = [];
  let lost = 0;

  function flush(): void {
    const lines = batch.map(write);
    if (lost > 0) lines.push(`(${lost} lines left out)`);
    batch = [];
    lost = 0;
    if (lines.length > 0) tell(stream, `${lines.join("\n")}\n`);
  }

  return {
    log: (entry) => {
      if (LEVELS.indexOf(levelOf(entry)) < least) return;
      if (batch.length >= MAX_BATCH) {
        lost++;
        return;
      }
      if (batch.push(entry) === 1) sleep(BATCH_MS).then(flush, flush);
    },
    flush,
  };
}

function toJson(entry: AccessLogEntry): string {
  const { at, ...rest } = entry;
  return JSON.stringify({
    type: "request",
    time: new Date(at).toISOString(),
    level: levelOf(entry),
    ...rest,
  });
}

function toText(entry: AccessLogEntry, paint: Output["paintError"]): string {
  const { at, method, route, status, outcome, durationMs, key, provider, model, usage } = entry;
  const style = status >= 500 ? "red" : status >= 400 ? "yellow" : "green";
  const input = usage && usage.inputTokens + usage.cacheReadTokens + usage.cacheWriteTokens;
  return [
    paint("dim", new Date(at).toTimeString().slice(0, 8)),
    paint(style, `${status}`),
    method,
    route,
    durationMs < 1_000 ? `${Math.round(durationMs)} ms` : `${(durationMs / 1_000).toFixed(1)} s`,
    ...key === undefined ? [] : [key.name],
    ...provider === undefined ? [] : [`${provider}/${model}`],
    ...entry.attempts === undefined ? [] : [`${entry.attempts} accounts tried`],
    ...usage === undefined ? [] : [`${input} in, ${usage.outputTokens} out`],
    ...outcome === "completed" ? [] : [paint(style, entry.error ?? outcome)],
  ].join("  ");
}
