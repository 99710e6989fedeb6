/**
 * Reads what `wrangler tail --format json` prints: an object per event, over many lines each, of which
 * only the gateway's own lines are shown. An event's request has a URL and headers in it, which may be
 * anything.
 *
 * @module
 */

import { isJsonObject, type JsonObject, parseJsonObject } from "../../core/http.ts";
import { displayText } from "../../core/redact.ts";
import type { AccessLog, AccessLogEntry } from "../../gateway/access_log.ts";
import { printable } from "../remote/remote_gateway.ts";

/** Who is told. */
export interface TailListener {
  /** Of each request. */
  onRequest: AccessLog;
  /** Of each warning and failure. */
  onMessage: (text: string) => void;
}

/** An event is not longer than this, characters; the platform's own limit is below it. */
const MAX_EVENT = 1_000_000;

/** Creates the reader; it takes line by line. */
export function createTailReader(listener: TailListener): (line: string) => void {
  let lines: string[] = [];
  let length = 0;
  return (line) => {
    if (line === "{") lines = [];
    length = lines.length === 0 ? 0 : length + line.length;
    if (length > MAX_EVENT) return;
    lines.push(line);
    if (line !== "}") return;
    const event = parseJsonObject(lines.join("\n"));
    lines = [];
    if (event !== undefined) tellEvent(event, listener);
  };
}

function tellEvent(event: JsonObject, { onRequest, onMessage }: TailListener): void {
  for (const log of objects(event["logs"])) {
    const words = Array.isArray(log["message"]) ? log["message"].map(String) : [];
    const entry = printable(parseJsonObject(words.join(" ")));
    if (isJsonObject(entry) && isEntry(entry)) onRequest(entry);
    else if (log["level"] === "warn" || log["level"] === "error") {
      onMessage(displayText(words.join(" "), 400));
    }
  }
  for (const { name, message } of objects(event["exceptions"])) {
    onMessage(displayText(`${name}: ${message}`, 400));
  }
  const { outcome } = event;
  if (outcome !== "ok" && outcome !== "canceled" && outcome !== "exception") {
    onMessage(`The platform ended a request: ${displayText(String(outcome), 60)}`);
  }
}

function objects(value: unknown): JsonObject[] {
  return Array.isArray(value) ? value.filter(isJsonObject) : [];
}

/** Whether it has what a line is printed from; an older version may have written it. */
function isEntry(value: JsonObject): value is JsonObject & AccessLogEntry {
  const { at, method, route, status, durationMs, outcome, usage, key } = value;
  return typeof at === "number" && typeof method === "string" && typeof route === "string" &&
    typeof status === "number" && typeof durationMs === "number" && typeof outcome === "string" &&
    (usage === undefined || isJsonObject(usage)) && (key === undefined || isJsonObject(key));
}
