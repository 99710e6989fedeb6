/**
 * The Messages dialect, as spoken by a client.
 *
 * @module
 */

import type { ClientCodec } from "../codec.ts";
import { checkMessagesTranslation } from "./check_translation.ts";
import { decodeMessagesRequest, hasMessagesSeals } from "./decode_request.ts";
import { encodeMessagesError } from "./encode_error.ts";
import { encodeMessagesResponse } from "./encode_response.ts";
import { createMessagesStreamEncoder } from "./encode_stream.ts";

/** The Messages dialect, as spoken by a client. */
export const messagesClientCodec: ClientCodec = {
  dialect: "messages",
  decodeRequest: decodeMessagesRequest,
  hasSeals: hasMessagesSeals,
  checkTranslation: checkMessagesTranslation,
  encodeResponse: encodeMessagesResponse,
  createStreamEncoder: createMessagesStreamEncoder,
  encodeError: encodeMessagesError,
};
