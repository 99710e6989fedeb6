/**
 * A whole answer for a Responses client.
 *
 * @module
 */

import type { JsonObject } from "../../core/http.ts";
import type { AnswerContext } from "../codec.ts";
import type { GenerateResponse } from "../event.ts";
import { answerId } from "../ids.ts";
import { encodeEnding, encodeSkeleton, encodeUsage } from "./encode_answer.ts";
import { isSameMessage, type ItemBlock, ItemEncoder } from "./encode_item.ts";

/** The body of an answer. */
export function encodeResponsesResponse(
  response: GenerateResponse,
  context: AnswerContext,
): JsonObject {
  const id = answerId("resp_", response.id);
  const items = new ItemEncoder(context.request);
  items.begin(id);
  const groups: ItemBlock[][] = [];
  for (const block of response.content) {
    if (!items.isShown(block)) continue;
    const last = groups.at(-1);
    if (last !== undefined && isSameMessage(block, last.at(-1)!)) last.push(block);
    else groups.push([block]);
  }
  const hasRefusal = response.content.some((block) => block.type === "refusal");
  const ending = encodeEnding(response.stopReason, hasRefusal);
  return {
    ...encodeSkeleton(id, context, response.extensions),
    ...ending,
    output: groups.map((blocks, index) => {
      // An answer breaks off in its last item.
      const state = index === groups.length - 1 ? ending.status : "completed";
      return items.encode(blocks, items.idFor(blocks[0]!, index), state);
    }),
    usage: encodeUsage(response.usage),
  };
}
