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
  /** Called once, when all is delivered or nobody wants it any more. */
  onEnd: (how: "completed" | "cancelled") => void;
}

/**
 * The body of an answer. It reads when its reader does, so that a slow client slows upstream down;
 * when the client leaves, the request upstream ends.
 */
export function createAnswerStream(
  source: AnswerSource,
  { runtime, heartbeatMs, onEnd }: AnswerStreamOptions,
): ReadableStream<Uint8Array> {
  let stopTimer: (() => void) | undefined;
  /** When somebody began to wait for bytes; undefined while nobody does. */
  let waitingSince: number | undefined;
  let ended = false;

  const end = (how: "completed" | "cancelled") => {
    if (ended) return;
    ended = true;
    stopTimer?.();
    onEnd(how);
  };
  // One timer for many reads: it looks whether it was silent, and sets itself anew.
  const watch = (controller: ReadableStreamDefaultController<Uint8Array>, ms: number) => {
    stopTimer = runtime.startTimer(ms, () => {
      if (ended) return;
      stopTimer = undefined;
      if (waitingSince === undefined) return;
      const leftMs = heartbeatMs - (runtime.now() - waitingSince);
      if (leftMs > 0) return watch(controller, leftMs);
      controller.enqueue(source.heartbeat());
      waitingSince = runtime.now();
      watch(controller, heartbeatMs);
    });
  };

  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      waitingSince = runtime.now();
      if (stopTimer === undefined) watch(controller, heartbeatMs);
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
