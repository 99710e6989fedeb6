/**
 * The half of the Messages dialect that reads an upstream's answers.
 *
 * @module
 */

import type { AnswerCodec } from "../codec.ts";
import { decodeMessagesFailure } from "./decode_failure.ts";
import { decodeMessagesBody } from "./decode_response.ts";
import { createMessagesStreamDecoder } from "./decode_stream.ts";

/** Reads answers of the Messages dialect. */
export const messagesAnswerCodec: AnswerCodec = {
  createStreamDecoder: createMessagesStreamDecoder,
  decodeBody: decodeMessagesBody,
  decodeFailure: decodeMessagesFailure,
};
