/**
 * The body of an answer on its way to somebody: watched, counted, and an error where it is cut short.
 *
 * @module
 */

import { TransportError } from "../core/errors.ts";
import type { Exchange } from "../requests/exchange.ts";

/** How a body is watched. */
export interface WatchedBodyOptions {
  /** For messages: what it is. */
  what: string;
  /** Of the request. It is closed when the body ends. */
  exchange: Exchange;
  /** The most that is read of it, bytes. */
  limitBytes: number;
}

/** The body of `response`, as its reader asks for it. To cancel it ends the request. */
export function watchBody(
  response: Response,
  { what, exchange, limitBytes }: WatchedBodyOptions,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  const declared = response.headers.has("content-encoding")
    ? NaN
    : Number(response.headers.get("content-length") ?? NaN);
  const reader = response.body?.getReader();
  let size = 0;
  const fail = (problem: string, cause?: unknown) =>
    new TransportError("stream_interrupted", `Cannot get the whole ${what}: ${problem}`, {
      retryable: true,
      cause,
    });
  const close = () => {
    exchange.close();
    reader?.cancel().catch(() => {});
  };
  // Whoever reads takes his time: that is not upstream's silence.
  exchange.pause();
  return new ReadableStream({
    pull: async (controller) => {
      exchange.resume();
      try {
        const { done = true, value } = await reader?.read() ?? {};
        if (done) {
          exchange.close();
          if (size < declared) throw fail(`it ended after ${size} of ${declared} bytes`);
          return controller.close();
        }
        size += value!.byteLength;
        if (size > limitBytes) {
          close();
          throw new TransportError(
            "upstream",
            `Cannot get the ${what}: it is larger than ${Math.floor(limitBytes / 2 ** 20)} MiB`,
          );
        }
        exchange.active();
        exchange.pause();
        controller.enqueue(value as Uint8Array<ArrayBuffer>);
      } catch (cause) {
        if (cause instanceof TransportError) throw cause;
        const { error } = exchange.explain(cause);
        exchange.close();
        throw error.code === "timeout" ? error : fail("the connection was lost", cause);
      }
    },
    cancel: close,
  }, { highWaterMark: 0 });
}
