/**
 * A whole answer of a Chat Completions server.
 *
 * @module
 */

import { isJsonObject, type JsonObject } from "../../core/http.ts";
import type { DecodedBody, UpstreamContext } from "../codec.ts";
import type { ContentBlock } from "../event.ts";
import { settleStopReason } from "../stop_reason.ts";
import { ANSWER_FIELDS, decodeAnswer } from "./decode_content.ts";
import { judgeFailure, readFailure } from "./decode_failure.ts";
import { optional, readString, restOf, restOfNested } from "./fields.ts";
import { decodeFinishReason, decodeUsage } from "./usage.ts";

/** The fields of an answer, or of a chunk of one, that the model names. */
export const RESPONSE_FIELDS: readonly string[] = [
  "id",
  "object",
  "model",
  "choices",
  "usage",
  "base_resp",
];

/** Reads the body of an answer whose status says success. It may hold an error all the same. */
export function decodeChatBody(body: JsonObject, context: UpstreamContext): DecodedBody {
  const failure = readFailure(body);
  if (failure !== undefined) return { kind: "error", error: judgeFailure(failure, context) };
  const choice: unknown = Array.isArray(body["choices"]) ? body["choices"][0] : undefined;
  const message = isJsonObject(choice) ? choice["message"] : undefined;
  if (!isJsonObject(choice) || !isJsonObject(message)) {
    return { kind: "error", error: { code: "upstream", message: "the answer has no message" } };
  }
  const id = readString(body["id"]) ?? "";
  const model = readString(body["model"]) ?? "";
  const provenance = { origin: context.origin, model };
  const content = decodeAnswer(message, id).map((block): ContentBlock =>
    block.type === "thinking" ? { ...block, provenance } : block
  );
  const { logprobs, ...choiceFields } = choice;
  const rest = restOfNested(
    { ...choiceFields, ...(logprobs == null ? {} : { logprobs }) },
    ["index", "finish_reason"],
    "message",
    ANSWER_FIELDS,
  );
  return {
    kind: "response",
    response: {
      id,
      model,
      content,
      stopReason: settleStopReason(decodeFinishReason(choice["finish_reason"]), {
        call: content.some((block) => block.type === "tool_use"),
        refusal: content.some((block) => block.type === "refusal"),
      }),
      usage: decodeUsage(body["usage"]),
      ...optional(
        "extensions",
        restOf({
          ...restOf(body, RESPONSE_FIELDS)?.fields,
          // There is but one choice: what is known of it besides its message.
          ...optional("choice", rest?.fields),
        }, []),
      ),
    },
  };
}
