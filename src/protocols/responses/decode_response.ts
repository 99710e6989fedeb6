/**
 * A whole answer of a Responses server.
 *
 * @module
 */

import { isJsonObject, type JsonObject } from "../../core/http.ts";
import type { DecodedBody, UpstreamContext } from "../codec.ts";
import { decodeItem, decodeStopReason, decodeUsage, RESPONSE_FIELDS } from "./decode_content.ts";
import { judgeFailure, readFailure } from "./decode_failure.ts";
import { optional, readString, restOf } from "./fields.ts";

/** Reads the body of an answer whose status says success. It may hold an error all the same. */
export function decodeResponsesBody(body: JsonObject, context: UpstreamContext): DecodedBody {
  const failure = readFailure(body);
  if (failure !== undefined) return { kind: "error", error: judgeFailure(failure, context) };
  const { status } = body;
  if (status === "failed" || status === "cancelled") {
    return { kind: "error", error: { code: "upstream", message: `the answer has ${status}` } };
  }
  if (!Array.isArray(body["output"])) {
    return { kind: "error", error: { code: "upstream", message: "the answer is not a response" } };
  }
  const model = readString(body["model"]) ?? "";
  const content = body["output"].filter(isJsonObject).flatMap((item) =>
    decodeItem(item, {
      provenance: { origin: context.origin, model },
      customTools: context.customTools,
    })
  );
  return {
    kind: "response",
    response: {
      id: readString(body["id"]) ?? "",
      model,
      content,
      stopReason: decodeStopReason(body, {
        call: content.some((block) => block.type === "tool_use"),
        refusal: content.some((block) => block.type === "refusal"),
      }),
      usage: decodeUsage(body["usage"]),
      ...optional("extensions", restOf(body, RESPONSE_FIELDS)),
    },
  };
}
