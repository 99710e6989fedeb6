/**
 * A secret that cannot be printed by accident: every way in which a value becomes text shows its
 * fingerprint instead.
 *
 * @module
 */

import { toHex } from "./hex.ts";
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
    return toHex(digest.subarray(0, 4));
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

/**
 * Makes an object print with fingerprints in the place of the named fields, in `console.log` and in
 * `JSON.stringify`. It reads and copies as before; a copy does not conceal anything.
 *
 * @returns The same object.
 */
export function conceal<T extends object>(object: T, ...names: (keyof T & string)[]): T {
  const shown = () =>
    Object.fromEntries(
      Object.entries(object).map(([name, value]) => {
        if (!names.includes(name as typeof names[number]) || value === undefined) {
          return [name, value];
        }
        return [name, typeof value === "string" ? new Secret(value) : "[secret]"];
      }),
    );
  type Inspect = (value: unknown, options: unknown) => string;
  const hooks: [PropertyKey, unknown][] = [
    ["toJSON", shown],
    [
      Symbol.for("Deno.customInspect"),
      (inspect: Inspect, options: unknown) => inspect(shown(), options),
    ],
    [
      Symbol.for("nodejs.util.inspect.custom"),
      (_depth: number, options: unknown, inspect: Inspect) => inspect(shown(), options),
    ],
  ];
  for (const [name, value] of hooks) Object.defineProperty(object, name, { value });
  return object;
}
