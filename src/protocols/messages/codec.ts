/**
 * The Messages dialect, as spoken to an upstream.
 *
 * @module
 */

import type { UpstreamCodec } from "../codec.ts";
import { messagesAnswerCodec } from "./answer_codec.ts";
import { messagesRequestCodec } from "./request_codec.ts";

/** The Messages dialect, as spoken to an upstream. */
export const messagesCodec: UpstreamCodec = { ...messagesRequestCodec, ...messagesAnswerCodec };
