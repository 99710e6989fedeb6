/**
 * The body of a streamed answer: bytes as they are asked for, and signs of life while there are none.
 *
 * @module
 */

import type { Runtime } from "../core/runtime.ts";

/** Where the bytes of an answer come from. */
export interface AnswerSource {
  /** The next bytes, the stream's to keep; null at the end. */
  read(): Promise<Uint8Array | null>;
  /** Ends the request upstream. */
  cancel(): Promise<void>;
  /** A sign of life, whole in itself. */
  heartbeat(): Uint8Array;
}

/** How an answer is delivered. */
export interface AnswerStreamOptions {
  /** Clock and timer. */
  runtime: Runtime;
  /** The longest silence, ms. */
  heartbeatMs: number;
  /**
   * Aborted when the client has left. workerd does not always cancel a body whose client left before
   * it began (seen with 1.20260730): then this ends the request upstream.
   */
  left?: AbortSignal | undefined;
  /** Called once, when all is delivered or nobody wants it any more. */
  onEnd: (how: "completed" | "cancelled") => void;
}

/**
 * The body of an answer. It reads when its reader does, so that a slow client slows upstream down;
 * when the client leaves, the request upstream ends.
 */
export function createAnswerStream(
  source: AnswerSource,
  { runtime, heartbeatMs, left, onEnd }: AnswerStreamOptions,
): ReadableStream<Uint8Array> {
  let stopTimer: (() => void) | undefined;
  /** When somebody began to wait for bytes; undefined while nobody does. */
  let waitingSince: number | undefined;
  let ended = false;

  const end = (how: "completed" | "cancelled") => {
    if (ended) return;
    ended = true;
    stopTimer?.();
    left?.removeEventListener("abort", leave);
    onEnd(how);
  };
  let controller: ReadableStreamDefaultController<Uint8Array>;
  const leave = () => {
    if (ended) return;
    end("cancelled");
    // A body that fails, with nobody to read it, is an error in the eyes of the runtime.
    controller.close();
    source.cancel().catch(() => {});
  };
  // One timer for many reads: it looks whether it was silent, and sets itself anew.
  const watch = (ms: number) => {
    stopTimer = runtime.startTimer(ms, () => {
      if (ended) return;
      stopTimer = undefined;
      if (waitingSince === undefined) return;
      const leftMs = heartbeatMs - (runtime.now() - waitingSince);
      if (leftMs > 0) return watch(leftMs);
      controller.enqueue(source.heartbeat());
      waitingSince = runtime.now();
      watch(heartbeatMs);
    });
  };

  return new ReadableStream<Uint8Array>({
    start(own) {
      controller = own;
      if (left?.aborted) leave();
      else left?.addEventListener("abort", leave, { once: true });
    },
    async pull() {
      waitingSince = runtime.now();
      if (stopTimer === undefined) watch(heartbeatMs);
      let bytes: Uint8Array | null;
      try {
        bytes = await source.read();
      } catch (error) {
        end("cancelled");
        throw error;
      }
      if (ended) return;
      waitingSince = undefined;
      if (bytes !== null) return controller.enqueue(bytes);
      controller.close();
      end("completed");
    },
    async cancel() {
      end("cancelled");
      await source.cancel();
    },
  }, { highWaterMark: 0 });
}
