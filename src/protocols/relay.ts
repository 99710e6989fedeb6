/**
 * Answers on their way to a client that speaks the upstream's own dialect: the bytes stay as they are,
 * but for the few frames that have to be seen or changed.
 *
 * Most of a stream is deltas, and those are told by their first line alone. Whatever the bytes look
 * like, frames leave whole: a sign of life may stand between any two of them.
 *
 * @module
 */

import { isJsonObject, type JsonObject, parseJsonObject } from "../core/http.ts";
import {
  createSseDecoder,
  encodeSseFrame,
  MAX_SSE_FRAME_LENGTH,
  type SseFrame,
} from "../core/sse.ts";
import type { UpstreamContext } from "./codec.ts";
import type { GenerateRequest, StreamError, Usage } from "./event.ts";

/** What a relayed answer depends on besides what upstream says. */
export interface RelayContext extends UpstreamContext {
  /** The model, as the client names it. */
  model: string;
  /** The client's request, which an answer repeats parts of. */
  request?: GenerateRequest | undefined;
  /** When the answer began, ms since the epoch, for where upstream does not say. */
  createdAt?: number | undefined;
  /** Last touch to errors that upstream reports. */
  mendError?: ((error: StreamError) => StreamError) | undefined;
}

/** What has been seen of a relayed stream. */
export interface RelaySummary {
  /** Frames of the answer so far; pings do not count. */
  readonly frames: number;
  /** Nothing will follow. */
  readonly done: boolean;
  /** Why the answer failed; it ends with that. */
  readonly error: StreamError | undefined;
  /** Token counts, as far as they are known. */
  readonly usage: Usage | undefined;
}

/** Bytes of one streamed answer in, the bytes for the client out. */
export interface StreamRelay extends RelaySummary {
  /** What may go on; null for nothing. It may share memory with `bytes`. */
  feed(bytes: Uint8Array): Uint8Array | null;
  /** The bytes are over: what is still due, an error if the answer was cut short. */
  end(): Uint8Array | null;
  /** Ends the answer with a failure that upstream has not reported. */
  fail(error: StreamError): Uint8Array;
  /** A sign of life. */
  heartbeat(): Uint8Array;
}

/** A whole answer for a client, and what it cost. */
export interface RelayedBody {
  /** JSON body. */
  body: JsonObject;
  /** Token counts. */
  usage: Usage;
}

/** One dialect that client and upstream share. */
export interface RelayCodec {
  /** A relay for one streamed answer. */
  createStreamRelay(context: RelayContext): StreamRelay;
  /** The body of a whole answer that succeeded, for the client. */
  relayBody(body: JsonObject, context: RelayContext): RelayedBody;
}

/** What becomes of a frame: goes on as it came, goes on with this payload, or goes nowhere. */
export type FrameVerdict = "keep" | "drop" | { event: string; value: JsonObject };

const LF = 10;
const CR = 13;
const encoder = new TextEncoder();

/** The part of a relay that every dialect shares. */
export abstract class FrameRelay implements StreamRelay {
  frames = 0;
  done = false;
  error: StreamError | undefined;
  usage: Usage | undefined;
  protected readonly context: RelayContext;
  /** The bytes are over: a last frame may be half of one. */
  protected ending = false;
  /** Whether frames with this first line need not be looked at. */
  readonly #isHot: (bytes: Uint8Array, start: number, lineEnd: number) => boolean;
  /** Reads frames that need to be looked at. */
  readonly #reader = createSseDecoder((frame) => void (this.#frame = frame));
  #frame: SseFrame | undefined;
  /** Reads everything, once the stream has shown lines that do not end with LF alone. */
  #slow: ReturnType<typeof createSseDecoder> | undefined;
  #slowOut: Uint8Array[] = [];
  /** A frame that has begun in earlier bytes. */
  #parts: Uint8Array[] = [];
  #partsLength = 0;

  constructor(
    context: RelayContext,
    isHot: (bytes: Uint8Array, start: number, lineEnd: number) => boolean,
  ) {
    this.context = context;
    this.#isHot = isHot;
  }

  /** Whether a frame goes on as it came, which its text alone tells: large ones are worth the look. */
  protected isPlain(_frame: SseFrame): boolean {
    return false;
  }
  /** Judges a frame; `value` is its JSON. */
  protected abstract onFrame(event: string | undefined, value: JsonObject): FrameVerdict;
  /** The frames that end an answer with a failure. */
  protected abstract encodeError(error: StreamError): string;
  /** See {@linkcode StreamRelay.heartbeat}. */
  abstract heartbeat(): Uint8Array;

  feed(bytes: Uint8Array): Uint8Array | null {
    if (this.done) return null;
    if (this.#slow !== undefined) return this.#feedSlowly(bytes);
    // A byte order mark, or line ends of another kind: rare enough to be read in full.
    if (this.frames === 0 && (bytes[0] === 0xef || bytes.indexOf(CR) >= 0)) {
      return this.#turnSlow(bytes);
    }
    if (this.#parts.length > 0) {
      const end = this.#endOfPart(bytes);
      if (end < 0) {
        return bytes.indexOf(CR) >= 0 ? this.#turnSlow(bytes) : this.#keepPart(bytes, 0);
      }
      this.#keepPart(bytes.subarray(0, end), 0);
      const out = this.#relay(this.#takeParts()!);
      if (end === bytes.length || this.done) return out;
      const rest = this.#relay(bytes.subarray(end));
      return out === null ? rest : rest === null ? out : join([out, rest]);
    }
    return this.#relay(bytes);
  }

  end(): Uint8Array | null {
    if (this.done) return null;
    this.ending = true;
    const before = this.#takeParts();
    const slow = this.#slow ?? this.#startSlow();
    if (before !== undefined) slow.feed(before);
    slow.end();
    const out = this.#takeSlow();
    if (this.done) return out;
    const failure = this.fail({
      code: "stream_interrupted",
      message: this.frames > 0
        ? "the answer stopped before its end"
        : "the answer ended before it began",
    });
    return out === null ? failure : join([out, failure]);
  }

  fail(error: StreamError): Uint8Array {
    this.done = true;
    this.error = this.context.mendError?.(error) ?? error;
    return encoder.encode(this.encodeError(this.error));
  }

  /** Relays bytes that begin with a frame; a frame that they do not end is kept. */
  #relay(bytes: Uint8Array): Uint8Array | null {
    let outs: Uint8Array[] | undefined;
    /** From here on nothing has gone out. */
    let from = 0;
    let start = 0;
    while (start < bytes.length && !this.done) {
      const lineEnd = bytes.indexOf(LF, start);
      let end = lineEnd;
      while (end >= 0 && end > start && bytes[end + 1] !== LF) end = bytes.indexOf(LF, end + 1);
      if (end < 0) break;
      // A blank line by itself ends a frame of nothing.
      end = end === start ? end + 1 : end + 2;
      if (end - start > 2 && this.#isHot(bytes, start, lineEnd)) {
        this.frames++;
        start = end;
        continue;
      }
      const frame = bytes.subarray(start, end);
      const out = this.#onRawFrame(frame);
      if (out !== frame) {
        outs ??= [];
        if (start > from) outs.push(bytes.subarray(from, start));
        if (out !== null) outs.push(out);
        from = end;
      }
      start = end;
    }
    if (start < bytes.length && !this.done) {
      if (start > from) (outs ??= []).push(bytes.subarray(from, start));
      const rest = bytes.subarray(start);
      // Servers that change from one kind of line end to another have not been seen; this is where it
      // would show.
      const out = rest.indexOf(CR) >= 0 ? this.#turnSlow(rest) : this.#keepPart(rest, 0);
      if (out !== null) (outs ??= []).push(out);
      return outs === undefined ? null : join(outs);
    }
    if (outs === undefined) {
      return start === bytes.length ? bytes : start > from ? bytes.subarray(from, start) : null;
    }
    if (start > from) outs.push(bytes.subarray(from, start));
    return outs.length === 0 ? null : join(outs);
  }

  #onRawFrame(bytes: Uint8Array): Uint8Array | null {
    this.#frame = undefined;
    this.#reader.feed(bytes);
    const frame = this.#frame as SseFrame | undefined;
    // A comment: a sign of life, which goes on.
    return frame === undefined ? bytes : this.#onFrame(frame, bytes);
  }

  #onFrame(frame: SseFrame, bytes?: Uint8Array): Uint8Array | null {
    if (bytes !== undefined && this.isPlain(frame)) {
      this.frames++;
      return bytes;
    }
    const value = parseJsonObject(frame.data);
    if (value === undefined) {
      const data = frame.data.trim();
      if (data === "" || data === "[DONE]" || this.ending) return null;
      return this.fail({ code: "upstream", message: "the answer holds an event that is not JSON" });
    }
    const verdict = this.onFrame(frame.event, value);
    if (this.error !== undefined) return encoder.encode(this.encodeError(this.error));
    if (verdict === "drop") return null;
    if (verdict !== "keep") {
      return encoder.encode(
        encodeSseFrame({ event: verdict.event, data: JSON.stringify(verdict.value) }),
      );
    }
    // Clients of these dialects go by the `event:` line, which some servers leave out.
    if (bytes !== undefined && frame.event !== undefined) return bytes;
    const event = frame.event ?? (typeof value["type"] === "string" ? value["type"] : undefined);
    return encoder.encode(encodeSseFrame({ event, data: frame.data }));
  }

  /** Ends the answer; the frame at hand becomes the error. */
  protected failWith(error: StreamError): "drop" {
    this.done = true;
    this.error = this.context.mendError?.(error) ?? error;
    return "drop";
  }

  /** Where the frame that has begun earlier ends in `bytes`; -1 where it does not. */
  #endOfPart(bytes: Uint8Array): number {
    const last = this.#parts.at(-1)!;
    if (last[last.length - 1] === LF && bytes[0] === LF) return 1;
    let end = bytes.indexOf(LF);
    while (end >= 0 && bytes[end + 1] !== LF) end = bytes.indexOf(LF, end + 1);
    return end < 0 ? -1 : end + 2;
  }

  /** Keeps a copy: the bytes are not ours. */
  #keepPart(bytes: Uint8Array, start: number): Uint8Array | null {
    if (start >= bytes.length) return null;
    const part = bytes.slice(start);
    this.#parts.push(part);
    this.#partsLength += part.length;
    return this.#partsLength > MAX_SSE_FRAME_LENGTH ? this.#failTooLarge() : null;
  }

  #failTooLarge(): Uint8Array {
    this.#parts = [];
    return this.fail({
      code: "upstream",
      message: "the answer holds an event that is too large",
    });
  }

  #takeParts(): Uint8Array | undefined {
    if (this.#parts.length === 0) return undefined;
    const bytes = join(this.#parts);
    this.#parts = [];
    this.#partsLength = 0;
    return bytes;
  }

  #startSlow(): ReturnType<typeof createSseDecoder> {
    return this.#slow = createSseDecoder((frame) => {
      if (this.done) return;
      const out = this.#onFrame(frame);
      if (out !== null) this.#slowOut.push(out);
    });
  }

  #turnSlow(bytes: Uint8Array): Uint8Array | null {
    const before = this.#takeParts();
    const slow = this.#startSlow();
    if (before !== undefined) slow.feed(before);
    return this.#feedSlowly(bytes);
  }

  #feedSlowly(bytes: Uint8Array): Uint8Array | null {
    this.#slow!.feed(bytes);
    if (this.#slow!.tooLarge && !this.done) this.#slowOut.push(this.#failTooLarge());
    return this.#takeSlow();
  }

  #takeSlow(): Uint8Array | null {
    const outs = this.#slowOut;
    this.#slowOut = [];
    return outs.length === 0 ? null : join(outs);
  }
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  if (parts.length === 1) return parts[0]!;
  const bytes = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    bytes.set(part, offset);
    offset += part.length;
  }
  return bytes;
}

/** The field `name` of `value` as an object; an empty one where it is none. */
export function objectField(value: JsonObject, name: string): JsonObject {
  const field = value[name];
  return isJsonObject(field) ? field : {};
}
