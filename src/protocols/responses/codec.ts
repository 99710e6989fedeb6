/**
 * The Responses dialect, as spoken to an upstream.
 *
 * @module
 */

import type { UpstreamCodec } from "../codec.ts";
import { responsesAnswerCodec } from "./answer_codec.ts";
import { responsesRequestCodec } from "./request_codec.ts";

/** The Responses dialect, as spoken to an upstream. API bases of this dialect end with a version. */
export const responsesCodec: UpstreamCodec = { ...responsesRequestCodec, ...responsesAnswerCodec };
