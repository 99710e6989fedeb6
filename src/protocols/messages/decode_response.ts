/**
 * A whole answer of a Messages server.
 *
 * @module
 */

import { isJsonObject, type JsonObject } from "../../core/http.ts";
import type { DecodedBody, UpstreamContext } from "../codec.ts";
import {
  decodeAnswerBlock,
  decodeStopReason,
  decodeUsage,
  MESSAGE_FIELDS,
} from "./decode_content.ts";
import { judgeFailure, readFailure } from "./decode_failure.ts";
import { optional, readString, restOf } from "./fields.ts";

/** Reads the body of an answer whose status says success. It may hold an error all the same. */
export function decodeMessagesBody(body: JsonObject, context: UpstreamContext): DecodedBody {
  const failure = readFailure(body);
  if (failure !== undefined) return { kind: "error", error: judgeFailure(failure, context) };
  if (!Array.isArray(body["content"])) {
    return { kind: "error", error: { code: "upstream", message: "the answer is not a message" } };
  }
  const model = readString(body["model"]) ?? "";
  const provenance = { origin: context.origin, model };
  const content = body["content"].filter(isJsonObject)
    .map((block) => decodeAnswerBlock(block, provenance));
  return {
    kind: "response",
    response: {
      id: readString(body["id"]) ?? "",
      model,
      content,
      stopReason: decodeStopReason(
        body["stop_reason"],
        content.some((block) => block.type === "tool_use"),
      ),
      ...optional("stopSequence", readString(body["stop_sequence"])),
      usage: decodeUsage(isJsonObject(body["usage"]) ? body["usage"] : {}),
      ...optional("extensions", restOf(body, MESSAGE_FIELDS)),
    },
  };
}
