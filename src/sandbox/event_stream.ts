/**
 * Server-sent events as the bytes of a response, with the line ends, cuts and waits of the quirks.
 *
 * @module
 */

import { SLOW_FRAME_MS } from "./prose.ts";
import type { SandboxQuirks } from "./quirks.ts";
import type { World } from "./world.ts";

/** A frame: an `event:` line where it has a name, and one `data:` line. */
export interface EventFrame {
  event?: string | undefined;
  data: string;
}

function frameText({ event, data }: EventFrame, quirks: SandboxQuirks): string {
  const end = { lf: "\n", crlf: "\r\n", cr: "\r" }[quirks.lineEnd];
  const padding = " ".repeat(quirks.dataPadding);
  const name = event === undefined ? "" : `event: ${event}${end}`;
  return `${name}data: ${data}${padding}${end}${end}`;
}

function* chunks(
  frames: Iterable<EventFrame>,
  quirks: SandboxQuirks,
): Generator<{ bytes: Uint8Array; startsFrame: boolean }> {
  const encoder = new TextEncoder();
  for (const frame of frames) {
    const bytes = encoder.encode(frameText(frame, quirks));
    const size = quirks.chunkBytes || bytes.byteLength;
    for (let at = 0; at < bytes.byteLength; at += size) {
      yield { bytes: bytes.subarray(at, at + size), startsFrame: at === 0 };
    }
  }
}

/** The frames as a response, one chunk per read. A hanging answer never ends by itself. */
export function streamResponse(
  world: World,
  frames: Iterable<EventFrame>,
  options: { slow: boolean; hangs: boolean; headers: Record<string, string> },
): Response {
  const { quirks } = world;
  const source = chunks(frames, { ...quirks });
  const delayMs = options.slow ? Math.max(SLOW_FRAME_MS, quirks.chunkDelayMs) : quirks.chunkDelayMs;
  const closed = new AbortController();
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const next = source.next();
      if (next.done) {
        if (options.hangs) await new Promise<never>(() => {});
        return controller.close();
      }
      if (delayMs > 0 && next.value.startsFrame) {
        try {
          await world.sleep(delayMs, closed.signal);
        } catch (error) {
          if (closed.signal.aborted) return;
          throw error;
        }
      }
      controller.enqueue(next.value.bytes);
    },
    cancel() {
      world.counters.cancelledStreams++;
      closed.abort();
    },
  }, { highWaterMark: 0 });
  return new Response(body, {
    headers: {
      "content-type": "text/event-stream; charset=utf-8",
      "cache-control": "no-cache",
      ...options.headers,
    },
  });
}
