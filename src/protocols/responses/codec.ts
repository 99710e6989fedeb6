/**
 * The Responses dialect, as spoken to an upstream.
 *
 * @module
 */

import type { UpstreamCodec } from "../codec.ts";
import { decodeResponsesFailure } from "./decode_failure.ts";
import { decodeResponsesBody } from "./decode_response.ts";
import { createResponsesStreamDecoder } from "./decode_stream.ts";
import { encodeResponsesRequest } from "./encode_request.ts";

/** The Responses dialect, as spoken to an upstream. API bases of this dialect end with a version. */
export const responsesCodec: UpstreamCodec = {
  dialect: "responses",
  path: "/responses",
  headers: {},
  encodeRequest: encodeResponsesRequest,
  createStreamDecoder: createResponsesStreamDecoder,
  decodeBody: decodeResponsesBody,
  decodeFailure: decodeResponsesFailure,
};
