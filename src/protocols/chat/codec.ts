/**
 * The Chat Completions dialect, as spoken to an upstream and by a client.
 *
 * @module
 */

import { encodeOpenAiError } from "../answer_error.ts";
import type { ClientCodec, UpstreamCodec } from "../codec.ts";
import { checkChatTranslation } from "./check_translation.ts";
import { decodeChatFailure } from "./decode_failure.ts";
import { decodeChatRequest } from "./decode_request.ts";
import { decodeChatBody } from "./decode_response.ts";
import { createChatStreamDecoder } from "./decode_stream.ts";
import { encodeChatRequest } from "./encode_request.ts";
import { encodeChatResponse } from "./encode_response.ts";
import { createChatStreamEncoder } from "./encode_stream.ts";

/** The Chat Completions dialect, as spoken to an upstream. API bases of it end with a version. */
export const chatCodec: UpstreamCodec = {
  dialect: "chat",
  path: "/chat/completions",
  headers: {},
  encodeRequest: encodeChatRequest,
  createStreamDecoder: createChatStreamDecoder,
  decodeBody: decodeChatBody,
  decodeFailure: decodeChatFailure,
};

/** The Chat Completions dialect, as spoken by a client. */
export const chatClientCodec: ClientCodec = {
  dialect: "chat",
  decodeRequest: decodeChatRequest,
  checkTranslation: checkChatTranslation,
  encodeResponse: encodeChatResponse,
  createStreamEncoder: createChatStreamEncoder,
  encodeError: encodeOpenAiError,
};
