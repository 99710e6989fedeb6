/**
 * A whole answer for a Chat Completions client.
 *
 * @module
 */

import { isJsonObject, type JsonObject } from "../../core/http.ts";
import type { AnswerContext } from "../codec.ts";
import type { GenerateResponse } from "../event.ts";
import { answerId } from "../ids.ts";
import { encodeToolCall, joinTexts, joinThinking } from "./encode_content.ts";
import { fieldsOf } from "./fields.ts";
import { encodeFinishReason, encodeUsage } from "./usage.ts";
import type { WireAnswer } from "./wire.ts";

/** The body of an answer. */
export function encodeChatResponse(
  response: GenerateResponse,
  { request, createdAt }: AnswerContext,
): JsonObject {
  const { content } = response;
  const { choice, ...fields } = fieldsOf(response.extensions);
  const { message: kept, ...choiceFields } = isJsonObject(choice) ? choice : {};
  const { text, annotations } = joinTexts(content);
  const thinking = joinThinking(content);
  const refusal = content.flatMap((block) => block.type === "refusal" ? [block.text] : []).join("");
  const calls = content.flatMap((block) =>
    block.type === "tool_use"
      ? [encodeToolCall(block)]
      : block.type === "opaque" && block.dialect === "chat"
      ? [block.value]
      : []
  );
  const message: WireAnswer = {
    ...(isJsonObject(kept) ? kept : {}),
    role: "assistant",
    content: text === "" && (calls.length > 0 || refusal !== "") ? null : text,
    refusal: refusal === "" ? null : refusal,
    ...(thinking === "" ? {} : { reasoning_content: thinking }),
    ...(calls.length === 0 ? {} : { tool_calls: calls }),
    ...(annotations.length === 0 ? {} : { annotations }),
  };
  return {
    created: Math.floor(createdAt / 1000),
    ...fields,
    id: answerId("chatcmpl-", response.id),
    object: "chat.completion",
    // Clients look up prices and limits by the name they asked for.
    model: request.model,
    choices: [{
      logprobs: null,
      ...choiceFields,
      index: 0,
      message,
      finish_reason: encodeFinishReason(response.stopReason, refusal !== ""),
    }],
    usage: encodeUsage(response.usage),
  };
}
