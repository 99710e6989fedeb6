/**
 * What an answer delivered, against what its server said of the end.
 *
 * @module
 */

import type { StopReason } from "./event.ts";

/**
 * The stop reason that fits what was delivered.
 *
 * Calls mean `tool_use`, whatever a server says of a normal end; `tool_use` without a call would leave
 * an agent waiting for a call that never comes. A refusal in words is a refusal.
 */
export function settleStopReason(
  said: StopReason | null,
  delivered: { call: boolean; refusal?: boolean },
): StopReason | null {
  if (delivered.call) return said === "end_turn" || said === null ? "tool_use" : said;
  const reason = said === "tool_use" ? "end_turn" : said;
  return delivered.refusal && (reason === "end_turn" || reason === null) ? "refusal" : reason;
}
