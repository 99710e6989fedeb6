/**
 * Failures of a Chat Completions server, read from every shape they are seen in, and judged.
 *
 * OpenAI's two dialects fail alike. Here MiniMax's envelope comes on top: `base_resp` with a status
 * code other than 0, under a status that says success.
 *
 * @module
 */

import { isJsonObject, type JsonObject } from "../../core/http.ts";
import type { FailureFacts } from "../codec.ts";
import { readCode, readWords } from "../failure.ts";
import { readFailure as readOpenAiFailure } from "../responses/decode_failure.ts";
import { optional } from "./fields.ts";

export {
  decodeResponsesFailure as decodeChatFailure,
  judgeFailure,
} from "../responses/decode_failure.ts";

/** What `body` says of a failure; `undefined` when it reports none. */
export function readFailure(body: JsonObject): FailureFacts | undefined {
  const envelope = body["base_resp"];
  const code = isJsonObject(envelope) ? readCode(envelope["status_code"]) : undefined;
  if (isJsonObject(envelope) && code !== undefined && code !== "0") {
    return { code, ...optional("message", readWords(envelope["status_msg"])) };
  }
  return readOpenAiFailure(body);
}
