/**
 * What the decoders of streamed answers share: server-sent events with one JSON object each.
 *
 * @module
 */

import { type JsonObject, parseJsonObject } from "../core/http.ts";
import { createSseDecoder, type SseFrame } from "../core/sse.ts";
import type { StreamDecoder } from "./codec.ts";
import type { StreamError, StreamEvent } from "./event.ts";

/** The part of a decoder that every dialect shares. After its last event or an error nothing comes. */
export abstract class JsonStreamDecoder implements StreamDecoder {
  /** Whether the answer has begun. */
  protected started = false;
  readonly #sse = createSseDecoder((frame) => this.#onFrame(frame));
  #events: StreamEvent[] = [];
  #ending = false;
  #done = false;

  /** Takes an event; `name` is its `event:` line. */
  protected abstract onEvent(value: JsonObject, name: string | undefined): void;

  /** Takes `[DONE]`: the end in one dialect, and nothing in the others, whose servers send it too. */
  protected onDone(): void {}

  /** The bytes are over, and no event has ended the answer. */
  protected onEnd(): void {
    this.interrupt();
  }

  feed(bytes: Uint8Array): StreamEvent[] {
    if (this.#done) return [];
    this.#sse.feed(bytes);
    return this.#take();
  }

  end(): StreamEvent[] {
    if (this.#done) return [];
    this.#ending = true;
    this.#sse.end();
    if (!this.#done && !this.#sse.tooLarge) this.onEnd();
    return this.#take();
  }

  /** Delivers an event. */
  push(event: StreamEvent): void {
    if (!this.#done) this.#events.push(event);
  }

  /** Delivers the last event. */
  protected finish(event: StreamEvent): void {
    this.push(event);
    this.#done = true;
  }

  /** Ends the answer with an error. */
  protected fail(error: StreamError): void {
    this.finish({ type: "error", error });
  }

  /** Ends the answer because it was cut short. */
  protected interrupt(): void {
    this.fail({
      code: "stream_interrupted",
      message: this.started
        ? "the answer stopped before its end"
        : "the answer ended before it began",
    });
  }

  #take(): StreamEvent[] {
    if (this.#sse.tooLarge) {
      this.fail({ code: "upstream", message: "the answer holds an event that is too large" });
    }
    const events = this.#events;
    this.#events = [];
    return events;
  }

  #onFrame({ data, event }: SseFrame): void {
    if (this.#done) return;
    const value = parseJsonObject(data);
    if (value !== undefined) return this.onEvent(value, event);
    const text = data.trim();
    if (text === "[DONE]") return this.onDone();
    // A last frame that is not whole was cut, which the missing end reports.
    if (text === "" || this.#ending) return;
    this.fail({ code: "upstream", message: "the answer holds an event that is not JSON" });
  }
}
