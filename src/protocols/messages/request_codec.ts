/**
 * The half of the Messages dialect that asks an upstream.
 *
 * @module
 */

import type { RequestCodec } from "../codec.ts";
import { encodeMessagesCountTokens, encodeMessagesRequest } from "./encode_request.ts";
import { ANTHROPIC_VERSION } from "./wire.ts";

/** Asks in the Messages dialect. */
export const messagesRequestCodec: RequestCodec = {
  dialect: "messages",
  path: "/v1/messages",
  countTokensPath: "/v1/messages/count_tokens",
  headers: { "anthropic-version": ANTHROPIC_VERSION },
  encodeRequest: encodeMessagesRequest,
  encodeCountTokens: encodeMessagesCountTokens,
};
