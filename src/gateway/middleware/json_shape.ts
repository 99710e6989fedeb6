/**
 * Whether JSON is fit to be parsed and walked: a look at its text, before anything is made of it.
 *
 * It is no validator. It counts what makes parsing or walking costly, and finds a name that stands
 * twice in the outermost object: of those two parsers take different ones, so that what was checked
 * here might not be what upstream reads.
 *
 * @module
 */

/** What was found wrong, in words; `undefined` for nothing. */
export type ShapeProblem = string | undefined;

/** Deeper than any tool's schema; functions that walk it call themselves once per level. */
const MAX_DEPTH = 128;
/** Names and values in all: more than a conversation of thousands of turns has. */
const MAX_MEMBERS = 250_000;

const QUOTE = 0x22, BACKSLASH = 0x5c, COMMA = 0x2c, COLON = 0x3a;
const OPEN_BRACE = 0x7b, CLOSE_BRACE = 0x7d, OPEN_BRACKET = 0x5b, CLOSE_BRACKET = 0x5d;

/** Looks at the text of a body. */
export function checkJsonShape(text: string): ShapeProblem {
  const names = new Set<string>();
  const { length } = text;
  let depth = 0, members = 0;
  /** Where the last string of the outermost object stands, while it may be a name. */
  let nameStart = -1, nameEnd = -1;
  for (let at = 0; at < length; at++) {
    switch (text.charCodeAt(at)) {
      case QUOTE: {
        const end = endOfString(text, at + 1);
        if (end === -1) return "a string in it has no end";
        if (depth === 1) {
          nameStart = at;
          nameEnd = end + 1;
        }
        at = end;
        break;
      }
      case COLON:
        if (depth === 1 && nameStart !== -1) {
          const name = readName(text.slice(nameStart, nameEnd));
          if (name === undefined || names.has(name)) return "a name stands twice in it";
          names.add(name);
          nameStart = -1;
        }
        if (++members > MAX_MEMBERS) return "it has too many members";
        break;
      case COMMA:
        if (++members > MAX_MEMBERS) return "it has too many members";
        break;
      case OPEN_BRACE:
      case OPEN_BRACKET:
        if (++depth > MAX_DEPTH) return "it is nested too deeply";
        break;
      case CLOSE_BRACE:
      case CLOSE_BRACKET:
        depth--;
        break;
    }
  }
  return undefined;
}

/** The index of the quote that ends a string; -1 where none does. */
function endOfString(text: string, start: number): number {
  for (let at = start;;) {
    const quote = text.indexOf('"', at);
    if (quote === -1) return -1;
    let before = quote - 1;
    while (before >= at && text.charCodeAt(before) === BACKSLASH) before--;
    // An even number of backslashes leaves the quote what it is.
    if ((quote - before) % 2 === 1) return quote;
    at = quote + 1;
  }
}

/** A name without its quotes, and with its escapes read: `"mod\u0065l"` is `model`. */
function readName(json: string): string | undefined {
  if (!json.includes("\\")) return json.slice(1, -1);
  try {
    return JSON.parse(json) as string;
  } catch {
    return undefined;
  }
}
