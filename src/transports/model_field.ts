/**
 * The name of the model in the bytes of a request, which stay as they are but for that.
 *
 * @module
 */

const QUOTE = 34;
const BACKSLASH = 92;
const COMMA = 44;
const COLON = 58;
const OPEN_BRACE = 123;
const OPEN_BRACKET = 91;
/** So far the field is looked for: nearly every client writes it first. */
const MOST_BYTES = 4 * 1024;

/** Where the name of the model stands, quotes included. */
export interface ModelField {
  /** The name. */
  name: string;
  /** Its first byte. */
  start: number;
  /** The first byte behind it. */
  end: number;
}

/**
 * The first field `model` of a JSON object; `undefined` where that does not stand near the beginning,
 * before anything that has parts of its own.
 */
export function findModelField(bytes: Uint8Array): ModelField | undefined {
  let at = skipSpace(bytes, 0);
  if (bytes[at] !== OPEN_BRACE) return undefined;
  do {
    const name = readString(bytes, skipSpace(bytes, at + 1));
    if (name === undefined) return undefined;
    at = skipSpace(bytes, name.end);
    if (bytes[at] !== COLON) return undefined;
    const start = skipSpace(bytes, at + 1);
    const value = readString(bytes, start);
    if (name.text === "model") {
      return value === undefined ? undefined : { name: value.text, start, end: value.end };
    }
    at = skipSpace(bytes, value?.end ?? skipPlain(bytes, start));
  } while (bytes[at] === COMMA && at < MOST_BYTES);
  return undefined;
}

/** `bytes` with another name in that field. */
export function replaceModel(
  bytes: Uint8Array,
  { start, end }: ModelField,
  name: string,
): Uint8Array<ArrayBuffer> {
  const value = new TextEncoder().encode(JSON.stringify(name));
  const out = new Uint8Array(bytes.length - (end - start) + value.length);
  out.set(bytes.subarray(0, start));
  out.set(value, start);
  out.set(bytes.subarray(end), start + value.length);
  return out;
}

/** A string without escapes, which is not longer than what is looked at. */
function readString(
  bytes: Uint8Array,
  start: number,
): { text: string; end: number } | undefined {
  if (bytes[start] !== QUOTE) return undefined;
  const end = bytes.indexOf(QUOTE, start + 1);
  if (end < 0 || end > MOST_BYTES) return undefined;
  const inside = bytes.subarray(start + 1, end);
  if (inside.includes(BACKSLASH)) return undefined;
  return { text: new TextDecoder().decode(inside), end: end + 1 };
}

/** The end of a number, `true`, `false` or `null`; of anything else its beginning, where all ends. */
function skipPlain(bytes: Uint8Array, start: number): number {
  let at = start;
  if (bytes[at] === OPEN_BRACE || bytes[at] === OPEN_BRACKET) return at;
  while (at < MOST_BYTES && /[-+.\w]/.test(String.fromCharCode(bytes[at] ?? 0))) at++;
  return at;
}

function skipSpace(bytes: Uint8Array, start: number): number {
  let at = start;
  while (bytes[at] === 32 || (bytes[at]! >= 9 && bytes[at]! <= 13)) at++;
  return at;
}
