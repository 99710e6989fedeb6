/**
 * Ids in the forms that dialects ask for.
 *
 * All are made from the id at hand alone: a call and its result are changed alike, and no state has to
 * be kept between requests.
 *
 * @module
 */

import { stableHash } from "../core/hash.ts";

/** The longest `call_id` of OpenAI's dialects. */
const MAX_CALL_ID_LENGTH = 64;

/** A tool call's id within 64 characters: a longer one is cut, and a hash of it appended. */
export function limitCallId(id: string): string {
  if (id.length <= MAX_CALL_ID_LENGTH) return id;
  const hash = stableHash(id);
  return `${id.slice(0, MAX_CALL_ID_LENGTH - hash.length - 1)}_${hash}`;
}

/** A tool call's id in `[A-Za-z0-9_-]`: other characters are replaced, and a hash of it appended. */
export function plainCallId(id: string): string {
  if (/^[A-Za-z0-9_-]+$/.test(id)) return id;
  return `${id.replace(/[^A-Za-z0-9_-]/g, "_")}_${stableHash(id)}`;
}

/**
 * An answer's id with the prefix of its dialect, in place of another dialect's; a fresh one where
 * upstream gave none.
 */
export function answerId(prefix: "msg_" | "chatcmpl-" | "resp_", id: string): string {
  if (id.startsWith(prefix)) return id;
  const bare = id.replace(/^(msg_|chatcmpl-|resp_)/, "");
  return prefix + (bare === "" ? crypto.randomUUID().replaceAll("-", "") : bare);
}
