/**
 * The Messages dialect, as spoken to an upstream.
 *
 * @module
 */

import type { UpstreamCodec } from "../codec.ts";
import { decodeMessagesFailure } from "./decode_failure.ts";
import { decodeMessagesBody } from "./decode_response.ts";
import { createMessagesStreamDecoder } from "./decode_stream.ts";
import { encodeMessagesCountTokens, encodeMessagesRequest } from "./encode_request.ts";
import { ANTHROPIC_VERSION } from "./wire.ts";

/** The Messages dialect, as spoken to an upstream. */
export const messagesCodec: UpstreamCodec = {
  dialect: "messages",
  path: "/v1/messages",
  countTokensPath: "/v1/messages/count_tokens",
  headers: { "anthropic-version": ANTHROPIC_VERSION },
  encodeRequest: encodeMessagesRequest,
  encodeCountTokens: encodeMessagesCountTokens,
  createStreamDecoder: createMessagesStreamDecoder,
  decodeBody: decodeMessagesBody,
  decodeFailure: decodeMessagesFailure,
};
