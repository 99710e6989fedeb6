/**
 * Server-supplied text on a terminal (X12): what is printed is within the printable allow-list.
 *
 * @module
 */

import fc from "fast-check";
import { assert, assertEquals } from "@std/assert";
import { displayText, maskSecrets } from "../../src/core/redact.ts";
import { hostileText } from "./hostile.ts";
import { fuzz, type FuzzProperty } from "./property.ts";

// Letters, marks, numbers, punctuation, symbols and the plain space; no other separator, no control,
// no format character, no lone surrogate, nothing private or unassigned.
const ALLOWED = /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]*$/u;

/** Fails when a terminal could do anything with `text` but show it. */
export function assertPrintable(text: string): void {
  if (ALLOWED.test(text)) return;
  const odd = [...text].find((character) => !ALLOWED.test(character))!;
  throw new Error(`not printable: U+${odd.codePointAt(0)!.toString(16)}`);
}

const everyUnit = fc.array(fc.integer({ min: 0, max: 0x10ffff }), { maxLength: 40 })
  .map((points) => points.map((point) => String.fromCodePoint(point)).join(""));

const SECRET = "rt-Zk92UHpXdGhLcUJtTnNKd1JjRXlB";

export const TERMINAL: readonly FuzzProperty[] = [
  fuzz(
    "displayText() prints nothing but printable characters (X12)",
    fc.tuple(fc.oneof(hostileText, everyUnit), fc.integer({ min: 1, max: 300 })),
    ([text, maxLength]) => {
      const shown = displayText(text, maxLength);
      assertPrintable(shown);
      assert([...shown].length <= maxLength, `${[...shown].length} > ${maxLength}`);
      assertEquals(displayText(shown, maxLength), shown, "not stable");
    },
  ),
  fuzz(
    "displayText() leaves readable text alone",
    fc.array(fc.constantFrom("a", "Z", "9", "ä", "字", "😀", "é", "-", "."), { maxLength: 50 })
      .map((parts) => parts.join("")),
    (text) => assertEquals(displayText(text), text),
  ),
  fuzz(
    "maskSecrets() leaves no piece of a secret",
    fc.tuple(
      fc.array(
        fc.oneof(
          hostileText,
          fc.tuple(fc.nat(31), fc.nat(31)).map(([a, b]) =>
            SECRET.slice(Math.min(a, b), Math.max(a, b))
          ),
        ),
        { maxLength: 5 },
      ),
      fc.constantFrom([SECRET], [SECRET, "short"], ["", SECRET]),
    ),
    ([parts, secrets]) => {
      const masked = maskSecrets(parts.join(""), secrets);
      for (let at = 0; at + 8 <= SECRET.length; at++) {
        assert(!masked.includes(SECRET.slice(at, at + 8)), masked);
      }
      assertEquals(maskSecrets("nothing of it here", secrets), "nothing of it here");
    },
  ),
];
