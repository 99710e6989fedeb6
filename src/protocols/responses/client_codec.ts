/**
 * The Responses dialect, as spoken by a client.
 *
 * @module
 */

import { encodeOpenAiError } from "../answer_error.ts";
import type { ClientCodec } from "../codec.ts";
import { checkResponsesTranslation } from "./check_translation.ts";
import { decodeResponsesRequest, hasResponsesSeals } from "./decode_request.ts";
import { encodeResponsesResponse } from "./encode_response.ts";
import { createResponsesStreamEncoder } from "./encode_stream.ts";

/** The Responses dialect, as spoken by a client. */
export const responsesClientCodec: ClientCodec = {
  dialect: "responses",
  decodeRequest: decodeResponsesRequest,
  hasSeals: hasResponsesSeals,
  checkTranslation: checkResponsesTranslation,
  encodeResponse: encodeResponsesResponse,
  createStreamEncoder: createResponsesStreamEncoder,
  encodeError: encodeOpenAiError,
};
