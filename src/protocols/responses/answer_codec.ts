/**
 * The half of the Responses dialect that reads an upstream's answers.
 *
 * @module
 */

import type { AnswerCodec } from "../codec.ts";
import { decodeResponsesFailure } from "./decode_failure.ts";
import { decodeResponsesBody } from "./decode_response.ts";
import { createResponsesStreamDecoder } from "./decode_stream.ts";

/** Reads answers of the Responses dialect. */
export const responsesAnswerCodec: AnswerCodec = {
  createStreamDecoder: createResponsesStreamDecoder,
  decodeBody: decodeResponsesBody,
  decodeFailure: decodeResponsesFailure,
};
