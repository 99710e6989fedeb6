/**
 * A streamed answer as its reader sees it.
 *
 * @module
 */

import type { StreamDecoder } from "../protocols/codec.ts";
import type { StreamError, StreamEvent } from "../protocols/event.ts";
import { type ChunkReader, drain } from "./chunk_reader.ts";
import type { Exchange } from "../requests/exchange.ts";
import type { EventFilter } from "./caller_tools.ts";

/**
 * The events of one answer, to be read once: by iterating, or chunk by chunk where each turn counts.
 *
 * It ends with `message_end` or `error`. Leaving the loop early, or {@linkcode EventStream.cancel},
 * ends the request upstream. When a signal cancels it, reading throws that signal's reason.
 */
export interface EventStream extends AsyncIterable<StreamEvent> {
  /** The events of the next chunk, at least one; null at the end. */
  read(): Promise<readonly StreamEvent[] | null>;
  /** Ends the request upstream; nothing more will come. */
  cancel(): Promise<void>;
}

/** What a stream is read from. */
export interface EventStreamSource {
  /** Its request. */
  exchange: Exchange;
  /** Its body. */
  reader: ChunkReader;
  /** Its dialect. */
  decoder: StreamDecoder;
  /** What changes its events on the way. */
  filter?: EventFilter | undefined;
  /** Last touch to errors that upstream reports. */
  mendError: (error: StreamError) => StreamError;
}

/** The events of one upstream request. */
export class UpstreamEventStream implements EventStream {
  readonly #source: EventStreamSource;
  #pushedBack: readonly StreamEvent[] | undefined;
  #done = false;

  constructor(source: EventStreamSource) {
    this.#source = source;
    // A `fetch` that does not heed its signal must not hold a reader for ever.
    source.exchange.onAbort(() => void source.reader.cancel().catch(() => {}));
  }

  async read(): Promise<readonly StreamEvent[] | null> {
    if (this.#pushedBack !== undefined) {
      const events = this.#pushedBack;
      this.#pushedBack = undefined;
      return events;
    }
    const { exchange, reader, filter } = this.#source;
    exchange.resume();
    while (!this.#done) {
      let events = await this.#readChunk();
      // Read, though nothing may be left to pass on: a sign of life all the same.
      if (events.some(({ type }) => type !== "ping")) exchange.active();
      const hasEnded = events.at(-1)?.type === "message_end";
      if (filter !== undefined) events = filter(events);
      const last = events.at(-1)?.type;
      if (last === "message_end" || last === "error") {
        this.#done = true;
        // A filter may end an answer that upstream goes on with.
        if (hasEnded) drain(reader, exchange);
        else exchange.close();
      }
      if (events.length > 0) {
        exchange.pause();
        return events;
      }
    }
    return null;
  }

  async #readChunk(): Promise<StreamEvent[]> {
    const { exchange, reader, decoder, mendError } = this.#source;
    try {
      const chunk = await reader.read();
      exchange.signal.throwIfAborted();
      const events = chunk === null ? decoder.end() : decoder.feed(chunk);
      return events.map((event) =>
        event.type === "error" ? { type: "error", error: mendError(event.error) } : event
      );
    } catch (cause) {
      if (this.#done) return []; // cancelled while it waited
      let error: StreamError;
      try {
        const explained = exchange.explain(cause).error;
        error = explained.code === "timeout"
          ? { code: "timeout", message: "the answer stopped coming" }
          : { code: "stream_interrupted", message: "the connection was lost" };
      } catch (reason) {
        this.#done = true;
        exchange.close();
        throw reason;
      }
      return [{ type: "error", error }];
    }
  }

  /** Puts events in front of those still to come. */
  unread(events: readonly StreamEvent[]): void {
    this.#pushedBack = events;
  }

  async cancel(): Promise<void> {
    this.#pushedBack = undefined;
    if (this.#done) return;
    this.#done = true;
    this.#source.exchange.close();
    await this.#source.reader.cancel().catch(() => {});
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<StreamEvent, void, undefined> {
    try {
      for (let events = await this.read(); events !== null; events = await this.read()) {
        yield* events;
      }
    } finally {
      await this.cancel();
    }
  }
}

/** A stream of events that are all there already. */
export class BufferedEventStream implements EventStream {
  #events: readonly StreamEvent[] | null;

  constructor(events: readonly StreamEvent[]) {
    this.#events = events;
  }

  read(): Promise<readonly StreamEvent[] | null> {
    const events = this.#events;
    this.#events = null;
    return Promise.resolve(events);
  }

  cancel(): Promise<void> {
    this.#events = null;
    return Promise.resolve();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<StreamEvent, void, undefined> {
    yield* await this.read() ?? [];
  }
}
