/**
 * A secret that cannot be printed by accident: every way in which a value becomes text shows its
 * fingerprint instead.
 *
 * @module
 */

import { sha256 } from "./sha256.ts";

/** A text that only {@linkcode Secret.expose} tells. */
export class Secret {
  readonly #text: string;

  /** Wraps `text`. */
  constructor(text: string) {
    this.#text = text;
  }

  /** The text itself. Where this is called, a secret leaves its wrapping. */
  expose(): string {
    return this.#text;
  }

  /** The first 8 hex digits of its SHA-256: enough to compare, useless to an attacker. */
  get fingerprint(): string {
    const digest = sha256(new TextEncoder().encode(this.#text));
    return Array.from(digest.subarray(0, 4), (byte) => byte.toString(16).padStart(2, "0")).join("");
  }

  /** `[secret 1a2b3c4d]`: what templates, `String()` and error messages get. */
  toString(): string {
    return `[secret ${this.fingerprint}]`;
  }

  /** The same for `JSON.stringify`. */
  toJSON(): string {
    return this.toString();
  }

  static {
    // What `console.log` asks, in Deno and in Node. Elsewhere it sees no field at all.
    for (const name of ["Deno.customInspect", "nodejs.util.inspect.custom"]) {
      Object.defineProperty(this.prototype, Symbol.for(name), {
        value(this: Secret): string {
          return this.toString();
        },
      });
    }
  }
}
