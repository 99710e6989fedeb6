/**
 * Server-sent events as pushed bytes in and frames out, and frames as text to write.
 *
 * No web stream is involved: a stream costs its reads and writes, and a layer of streams per event
 * costs more than the parsing.
 *
 * @see {@link https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream | WHATWG HTML, event streams}
 * @module
 */

import { createParser } from "eventsource-parser";

/** One dispatched event. */
export interface SseFrame {
  /** Its `event:` line, where it had one. */
  event?: string | undefined;
  /** Its `data:` lines, joined by LF. */
  data: string;
}

/** Takes bytes as they come. */
export interface SseDecoder {
  /** Takes the next bytes, cut anywhere; they are free for reuse afterwards. */
  feed(bytes: Uint8Array): void;
  /**
   * The bytes are over. A last frame without its blank line is delivered all the same, though the
   * standard drops it: many servers forget that line. Whether it is whole is for its reader to see.
   */
  end(): void;
  /** A frame was larger than the limit: nothing more will come. */
  readonly tooLarge: boolean;
}

/** The longest frame, UTF-16 code units. Final frames repeat whole answers, and images are inline. */
export const MAX_SSE_FRAME_LENGTH: number = 32 * 1024 * 1024;

const STREAMING = { stream: true };

/** Creates a decoder that hands each frame to `onFrame`. */
export function createSseDecoder(
  onFrame: (frame: SseFrame) => void,
  maxFrameLength: number = MAX_SSE_FRAME_LENGTH,
): SseDecoder {
  let tooLarge = false;
  const deliver = (frame: SseFrame) => {
    // The parser bounds what waits for more bytes; a frame that came whole has not waited.
    if (frame.data.length > maxFrameLength) tooLarge = true;
    if (!tooLarge) onFrame(frame);
  };
  const parser = createParser({
    maxBufferSize: maxFrameLength,
    onEvent: deliver,
    onError: (error) => {
      if (error.type === "max-buffer-size-exceeded") tooLarge = true;
    },
  });
  // The parser drops a byte order mark itself. Were both to do it, two would be dropped.
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  const wholeDecoder = new TextDecoder("utf-8", { ignoreBOM: true });
  /** Nothing of a frame has begun. */
  let isBetweenFrames = true;
  let hasBegun = false;
  const feedText = (text: string) => {
    if (text === "" || tooLarge) return;
    const frame = isBetweenFrames ? readWholeFrame(text) : undefined;
    if (frame !== undefined) {
      // Only at the very start is a byte order mark one: the parser must know that this has passed.
      if (!hasBegun) parser.feed("\n");
      hasBegun = true;
      return deliver(frame);
    }
    hasBegun = true;
    parser.feed(text);
    isBetweenFrames = text.endsWith("\n\n");
  };
  /** No character has begun: a decoder that keeps nothing will do, and is quicker. */
  let isBetweenCharacters = true;
  return {
    feed: (bytes) => {
      const endsWithAscii = (bytes.at(-1) ?? 0x80) < 0x80;
      const text = isBetweenCharacters && endsWithAscii
        ? wholeDecoder.decode(bytes)
        : decoder.decode(bytes, STREAMING);
      if (bytes.length > 0) isBetweenCharacters = endsWithAscii;
      feedText(text);
    },
    end: () => {
      // Two line ends: one closes an open line (or completes a CR LF), one is the blank line.
      feedText(decoder.decode() + "\n\n");
    },
    get tooLarge() {
      return tooLarge;
    },
  };
}

/** The one frame that `text` is, in the form that nearly all have in nearly every stream. */
function readWholeFrame(text: string): SseFrame | undefined {
  let start = 0;
  let event: string | undefined;
  if (text.startsWith("event: ")) {
    start = text.indexOf("\n") + 1;
    event = text.slice("event: ".length, start - 1);
  }
  if (event === "" || !text.startsWith("data: ", start)) return undefined;
  const end = text.indexOf("\n", start);
  if (end !== text.length - 2 || !text.endsWith("\n") || text.includes("\r")) return undefined;
  return { event, data: text.slice(start + "data: ".length, end) };
}

/** One frame as text. A name cannot break out of its line; line ends within `data` become LF. */
export function encodeSseFrame(frame: SseFrame): string {
  const event = frame.event === undefined ? "" : `event: ${frame.event.replace(/[\r\n]+/g, " ")}\n`;
  const data = /[\r\n]/.test(frame.data)
    ? frame.data.split(/\r\n|\r|\n/).join("\ndata: ")
    : frame.data;
  return `${event}data: ${data}\n\n`;
}

/** A comment as text: keeps a connection alive, and no parser sees it. */
export function encodeSseComment(text: string): string {
  return `: ${text.replace(/[\r\n]+/g, " ")}\n\n`;
}
