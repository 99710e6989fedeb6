/**
 * Requests and answers of a client that speaks the upstream's own dialect.
 *
 * @module
 */

import type { JsonObject } from "../core/http.ts";
import { createByteCopier } from "../core/text_writer.ts";
import type { GenerateRequest, StreamError, Usage } from "../protocols/event.ts";
import type { StreamRelay } from "../protocols/relay.ts";
import { type ChunkReader, drain } from "./chunk_reader.ts";
import type { EventStream } from "./event_stream.ts";
import type { ClientBody } from "./client_body.ts";
import type { Exchange } from "../requests/exchange.ts";

/** A request in the dialect of the provider's API. */
export interface ForwardRequest {
  /** What it says, with the provider's own name of the model. */
  request: GenerateRequest;
  /** The model as the client named it: so it is told in the answer. */
  clientModel: string;
  /** The body as it came, and its JSON. Sent untouched where nothing in it has to change. */
  body?: ClientBody | undefined;
}

/** The answer to a {@linkcode ForwardRequest}. */
export type ForwardedAnswer =
  | { kind: "stream"; stream: RelayedStream }
  | { kind: "body"; body: JsonObject; usage: Usage }
  /** Upstream answered in the other form: whole instead of streamed, or the reverse. */
  | { kind: "events"; events: EventStream };

/** The bytes of one answer, to be read once. They end with the dialect's last event, or an error. */
export interface RelayedStream {
  /** The next bytes, whole frames, the reader's to keep; null at the end. */
  read(): Promise<Uint8Array | null>;
  /** Ends the request upstream; nothing more will come. */
  cancel(): Promise<void>;
  /** A sign of life, in the dialect's form. */
  heartbeat(): Uint8Array;
  /** Token counts, as far as they are known. */
  readonly usage: Usage | undefined;
  /** Why the answer failed, if it did. */
  readonly error: StreamError | undefined;
  /** Whether its last event is there. */
  readonly ended: boolean;
}

/** The bytes of one upstream request. */
export class UpstreamRelayedStream implements RelayedStream {
  readonly #exchange: Exchange;
  readonly #reader: ChunkReader;
  readonly #relay: StreamRelay;
  readonly #copy = createByteCopier();
  #pushedBack: Uint8Array | null = null;
  #done = false;

  constructor(source: { exchange: Exchange; reader: ChunkReader; relay: StreamRelay }) {
    this.#exchange = source.exchange;
    this.#reader = source.reader;
    this.#relay = source.relay;
    // A `fetch` that does not heed its signal must not hold a reader for ever.
    source.exchange.onAbort(() => void source.reader.cancel().catch(() => {}));
  }

  get usage(): Usage | undefined {
    return this.#relay.usage;
  }

  get error(): StreamError | undefined {
    return this.#relay.error;
  }

  get ended(): boolean {
    return this.#relay.done;
  }

  /** Reads up to the first frame of the answer, or its failure. */
  async open(): Promise<StreamError | undefined> {
    const parts: Uint8Array[] = [];
    while (this.#relay.frames === 0 && !this.#done) {
      const bytes = await this.read();
      if (bytes !== null) parts.push(bytes);
    }
    if (this.#relay.frames === 0) return this.#relay.error;
    this.#pushedBack = new Uint8Array(
      await new Blob(parts as Uint8Array<ArrayBuffer>[]).arrayBuffer(),
    );
    return undefined;
  }

  async read(): Promise<Uint8Array | null> {
    if (this.#pushedBack !== null) {
      const bytes = this.#pushedBack;
      this.#pushedBack = null;
      return bytes;
    }
    this.#exchange.resume();
    while (!this.#done) {
      const { frames } = this.#relay;
      const bytes = await this.#readChunk();
      if (this.#relay.frames > frames) this.#exchange.active();
      // What was read is the reader's, which fills it anew.
      const copy = bytes === null ? null : this.#copy(bytes);
      if (this.#relay.done) {
        this.#done = true;
        if (this.#relay.error === undefined) drain(this.#reader, this.#exchange);
        else this.#exchange.close();
      }
      if (copy !== null) {
        this.#exchange.pause();
        return copy;
      }
    }
    return null;
  }

  async #readChunk(): Promise<Uint8Array | null> {
    try {
      const chunk = await this.#reader.read();
      this.#exchange.signal.throwIfAborted();
      return chunk === null ? this.#relay.end() : this.#relay.feed(chunk);
    } catch (cause) {
      if (this.#done) return null; // cancelled while it waited
      try {
        const { code } = this.#exchange.explain(cause).error;
        return this.#relay.fail(
          code === "timeout"
            ? { code, message: "the answer stopped coming" }
            : { code: "stream_interrupted", message: "the connection was lost" },
        );
      } catch (reason) {
        this.#done = true;
        this.#exchange.close();
        throw reason;
      }
    }
  }

  heartbeat(): Uint8Array {
    return this.#relay.heartbeat();
  }

  async cancel(): Promise<void> {
    this.#pushedBack = null;
    if (this.#done) return;
    this.#done = true;
    this.#exchange.close();
    await this.#reader.cancel().catch(() => {});
  }
}
