/**
 * Which part of a prompt a server has seen before: what its accounting says was read from a cache.
 *
 * A prompt is known as far as it begins like an earlier one under the same key, part by part:
 * instructions, tools, turns. One changed part, and everything after it is new.
 *
 * @module
 */

import { stableHash } from "../core/hash.ts";

/** The most beginnings that are remembered; the oldest are forgotten first. */
const MOST_BEGINNINGS = 20_000;
/** Prompts are cached by blocks of so many tokens. */
const BLOCK_TOKENS = 64;
/** About four bytes of JSON to a token, as all estimates here have it. */
const BYTES_PER_TOKEN = 4;

/** What was seen. */
export class PromptCache {
  /** Hash of a beginning -> its length in bytes. */
  readonly #seen = new Map<string, number>();

  /**
   * How many tokens at the beginning of a prompt are known; remembers the prompt.
   *
   * @param key What keeps prompts apart: the account, the model, the caller's own key.
   */
  read(key: string, parts: readonly unknown[]): number {
    const encoder = new TextEncoder();
    let hash = stableHash(key);
    let bytes = 0;
    let known = 0;
    let isKnown = true;
    for (const part of parts) {
      const text = JSON.stringify(part ?? null);
      hash = stableHash(`${hash} ${text}`);
      bytes += encoder.encode(text).byteLength;
      isKnown &&= this.#seen.delete(hash);
      if (isKnown) known = bytes;
      // The last to be used is the last to go.
      this.#seen.set(hash, bytes);
    }
    for (const oldest of this.#seen.keys()) {
      if (this.#seen.size <= MOST_BEGINNINGS) break;
      this.#seen.delete(oldest);
    }
    return Math.floor(known / BYTES_PER_TOKEN / BLOCK_TOKENS) * BLOCK_TOKENS;
  }
}
