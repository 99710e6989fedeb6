/**
 * Transports: one request out, one answer back.
 *
 * @module
 */

export { collectStream, replayResponse } from "./collect.ts";
export type { EventStream } from "./event_stream.ts";
export { createFailoverTransport, type FailoverOptions } from "./failover.ts";
export { streamErrorToTransportError } from "./failure.ts";
export {
  createTransport,
  type Transport,
  type TransportOptions,
  type TransportRequestOptions,
} from "./transport.ts";
