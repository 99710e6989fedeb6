/**
 * A whole answer for a Messages client.
 *
 * @module
 */

import type { JsonObject } from "../../core/http.ts";
import type { AnswerContext } from "../codec.ts";
import type { GenerateResponse } from "../event.ts";
import { answerId } from "../ids.ts";
import { encodeAnswerBlock, encodeStopReason, encodeUsage } from "./encode_answer.ts";
import { fieldsOf } from "./fields.ts";

/** The body of an answer. */
export function encodeMessagesResponse(
  response: GenerateResponse,
  { request }: AnswerContext,
): JsonObject {
  return {
    ...fieldsOf(response.extensions),
    id: answerId("msg_", response.id),
    type: "message",
    role: "assistant",
    // Clients look up prices and limits by the name they asked for.
    model: request.model,
    content: response.content.map(encodeAnswerBlock).filter((block) => block !== undefined),
    stop_reason: encodeStopReason(response.stopReason),
    stop_sequence: response.stopSequence ?? null,
    usage: encodeUsage(response.usage),
  };
}
