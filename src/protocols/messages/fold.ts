/**
 * Folding the deltas of a block that only this dialect knows into the whole block.
 *
 * @module
 */

import type { JsonObject } from "../../core/http.ts";
import type { OpaqueBlock } from "../event.ts";
import { readString } from "./fields.ts";

/** The block after all its deltas: a server tool's input put together, a compaction's content set. */
export function foldMessagesDeltas(block: OpaqueBlock, deltas: readonly JsonObject[]): OpaqueBlock {
  let input = "";
  let value = block.value;
  for (const delta of deltas) {
    if (delta["type"] === "input_json_delta") input += readString(delta["partial_json"]) ?? "";
    else if (delta["type"] === "compaction_delta") value = { ...value, content: delta["content"] };
  }
  if (input === "") return { ...block, value };
  let parsed: unknown = input;
  try {
    parsed = JSON.parse(input);
  } catch { /* cut short: shown as it came */ }
  return { ...block, value: { ...value, input: parsed } };
}
