/**
 * Stop sequences for upstreams that ignore them: the answer's text is scanned, cut at the first
 * match, and ended there.
 *
 * @module
 */

import { type StreamEvent, type Usage, ZERO_USAGE } from "../protocols/event.ts";

/** Scans the events of one answer. */
export interface StopScanner {
  /** The events to pass on. After a match the last one is `message_end`, and upstream can be left. */
  scan(events: readonly StreamEvent[]): StreamEvent[];
}

/** Creates the scanner of one answer; `undefined` when there is nothing to look for. */
export function createStopScanner(stops: readonly string[] | undefined): StopScanner | undefined {
  const wanted = stops?.filter((stop) => stop.trim() !== "") ?? [];
  return wanted.length === 0 ? undefined : new TextScanner(wanted);
}

class TextScanner implements StopScanner {
  readonly #stops: readonly string[];
  readonly #longest: number;
  /** By block: the end of its text that may be the beginning of a match. */
  readonly #held = new Map<number, string>();
  readonly #open = new Set<number>();
  #usage: Usage = ZERO_USAGE;
  #done = false;

  constructor(stops: readonly string[]) {
    this.#stops = stops;
    this.#longest = Math.max(...stops.map((stop) => stop.length));
  }

  scan(events: readonly StreamEvent[]): StreamEvent[] {
    const out: StreamEvent[] = [];
    for (const event of events) {
      if (this.#done) break;
      this.#onEvent(event, out);
    }
    return out;
  }

  #onEvent(event: StreamEvent, out: StreamEvent[]): void {
    switch (event.type) {
      case "message_start":
        this.#usage = event.usage;
        break;
      case "block_start":
        this.#open.add(event.index);
        break;
      case "block_delta":
        if (event.delta.type === "text") return this.#onText(event.index, event.delta.text, out);
        break;
      case "block_end":
        this.#release(event.index, out);
        this.#open.delete(event.index);
        break;
      case "error":
        for (const index of [...this.#held.keys()]) this.#release(index, out);
    }
    out.push(event);
  }

  #onText(index: number, piece: string, out: StreamEvent[]): void {
    const text = (this.#held.get(index) ?? "") + piece;
    this.#held.delete(index);
    const match = this.#find(text);
    if (match !== undefined) {
      pushText(out, index, text.slice(0, match.at));
      for (const open of this.#open) {
        if (open !== index) this.#release(open, out);
        out.push({ type: "block_end", index: open });
      }
      out.push({
        type: "message_end",
        stopReason: "stop_sequence",
        stopSequence: match.stop,
        // Upstream's own count comes with the end that is not waited for.
        usage: this.#usage,
      });
      this.#done = true;
      return;
    }
    const cut = this.#holdFrom(text);
    if (cut < text.length) this.#held.set(index, text.slice(cut));
    pushText(out, index, text.slice(0, cut));
  }

  #release(index: number, out: StreamEvent[]): void {
    pushText(out, index, this.#held.get(index) ?? "");
    this.#held.delete(index);
  }

  /** The first match; of several at one place the longest. */
  #find(text: string): { at: number; stop: string } | undefined {
    let best: { at: number; stop: string } | undefined;
    for (const stop of this.#stops) {
      const at = text.indexOf(stop);
      if (at === -1) continue;
      if (
        best === undefined || at < best.at || (at === best.at && stop.length > best.stop.length)
      ) best = { at, stop };
    }
    return best;
  }

  /** Where the part begins that the next piece may complete to a match. Never between surrogates. */
  #holdFrom(text: string): number {
    for (let at = Math.max(0, text.length - this.#longest + 1); at < text.length; at++) {
      const tail = text.slice(at);
      if (this.#stops.some((stop) => stop.startsWith(tail))) return at;
    }
    // A pair may come in two pieces.
    return isHighSurrogate(text, text.length - 1) ? text.length - 1 : text.length;
  }
}

function pushText(out: StreamEvent[], index: number, text: string): void {
  if (text !== "") out.push({ type: "block_delta", index, delta: { type: "text", text } });
}

function isHighSurrogate(text: string, at: number): boolean {
  return (text.charCodeAt(at) & 0xfc00) === 0xd800;
}
