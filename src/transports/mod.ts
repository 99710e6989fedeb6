/**
 * Transports: one request out, one answer back.
 *
 * @module
 */

export { collectStream, replayResponse } from "./collect.ts";
export type { EventStream } from "./event_stream.ts";
export { createFailoverTransport, type FailoverOptions } from "./failover.ts";
export { streamErrorToTransportError } from "../requests/failure.ts";
export { encodeErrorResponse } from "./client_error.ts";
export { type ClientBody, readClientBody } from "./client_body.ts";
export type { FieldSpan } from "../core/json_outline.ts";
export { type ClientCall, type ClientRequest, readClientRequest } from "./client_request.ts";
export type { ForwardedAnswer, ForwardRequest, RelayedStream } from "./relayed_answer.ts";
export {
  createRouter,
  type Router,
  type RouterOptions,
  type Target,
  type UsageReport,
} from "./router.ts";
export {
  createTransport,
  type Transport,
  type TransportOptions,
  type TransportRequestOptions,
} from "./transport.ts";
