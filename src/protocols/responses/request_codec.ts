/**
 * The half of the Responses dialect that asks an upstream.
 *
 * @module
 */

import type { RequestCodec } from "../codec.ts";
import { encodeResponsesRequest } from "./encode_request.ts";

/** Asks in the Responses dialect. API bases of this dialect end with a version. */
export const responsesRequestCodec: RequestCodec = {
  dialect: "responses",
  path: "/responses",
  headers: {},
  encodeRequest: encodeResponsesRequest,
};
