/**
 * Folding the deltas of a block that only this dialect knows into the whole block.
 *
 * @module
 */

import { isJsonObject, type JsonObject } from "../../core/http.ts";
import type { OpaqueBlock } from "../event.ts";

/** The block after all its deltas: the item as its last event has it. */
export function foldResponsesDeltas(
  block: OpaqueBlock,
  deltas: readonly JsonObject[],
): OpaqueBlock {
  const done = deltas.findLast((delta) => delta["type"] === "response.output_item.done")?.["item"];
  return isJsonObject(done) ? { ...block, value: done } : block;
}
