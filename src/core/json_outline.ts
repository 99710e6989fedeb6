/**
 * The outline of JSON: where the fields of an object stand in its text, and whether it is fit to be
 * parsed and walked. A look at the text, before anything is made of it.
 *
 * It is no validator. It counts what makes parsing or walking costly, and finds a name that stands
 * twice in the outermost object: of those two parsers take different ones, so that what was checked
 * here might not be what upstream reads.
 *
 * @module
 */

/** Where a field stands: from the quote of its name up to the comma or brace behind its value. */
export interface FieldSpan {
  /** Its first character. */
  start: number;
  /** The first character behind it. */
  end: number;
}

/** The outline of a text. */
export interface JsonOutline {
  /** The fields of the outermost object, in their order; empty where it is none. */
  fields: ReadonlyMap<string, FieldSpan>;
  /** What is wrong with it, in words. */
  problem?: string | undefined;
}

/** Deeper than any tool's schema; functions that walk it call themselves once per level. */
const MAX_DEPTH = 128;
/** Names and values in all: more than a conversation of thousands of turns has. */
const MAX_MEMBERS = 250_000;

const QUOTE = 0x22, BACKSLASH = 0x5c, COMMA = 0x2c, COLON = 0x3a;
const OPEN_BRACE = 0x7b, CLOSE_BRACE = 0x7d, OPEN_BRACKET = 0x5b, CLOSE_BRACKET = 0x5d;

/** Looks at a text. Whoever parses it all the same, although it has a problem, may be sorry. */
export function outlineJson(text: string): JsonOutline {
  const fields = new Map<string, FieldSpan>();
  const { length } = text;
  let depth = 0, members = 0;
  /** Where the last string of the outermost object stands, while it may be a name. */
  let nameStart = -1, nameEnd = -1;
  /** The field whose value is not over. */
  let field: FieldSpan | undefined;
  const fail = (problem: string): JsonOutline => ({ fields, problem });
  for (let at = 0; at < length; at++) {
    switch (text.charCodeAt(at)) {
      case QUOTE: {
        const end = endOfString(text, at + 1);
        if (end === -1) return fail("a string in it has no end");
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
          if (name === undefined || fields.has(name)) return fail("a name stands twice in it");
          field = { start: nameStart, end: length };
          fields.set(name, field);
          nameStart = -1;
        }
        if (++members > MAX_MEMBERS) return fail("it has too many members");
        break;
      case COMMA:
        if (depth === 1 && field !== undefined) field.end = at;
        if (++members > MAX_MEMBERS) return fail("it has too many members");
        break;
      case OPEN_BRACE:
      case OPEN_BRACKET:
        if (++depth > MAX_DEPTH) return fail("it is nested too deeply");
        break;
      case CLOSE_BRACE:
      case CLOSE_BRACKET:
        if (--depth === 0 && field !== undefined) field.end = at;
        break;
    }
  }
  return { fields };
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
