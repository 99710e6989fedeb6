/**
 * Short texts as bytes, and short bytes to be kept, many of them in a row.
 *
 * A buffer of its own for every piece of a stream costs more than its encoding. Here pieces share
 * larger ones, each piece with bytes that nobody else has.
 *
 * @module
 */

const BUFFER_BYTES = 16 * 1024;
/** UTF-8 takes at most so many bytes for one UTF-16 code unit. */
const MAX_BYTES_PER_UNIT = 3;

/** Creates a writer: text in, its UTF-8 bytes out, the caller's to keep. */
export function createTextWriter(): (text: string) => Uint8Array<ArrayBuffer> {
  const encoder = new TextEncoder();
  let free = new Uint8Array();
  return (text) => {
    const mostBytes = text.length * MAX_BYTES_PER_UNIT;
    if (mostBytes > BUFFER_BYTES / 2) return encoder.encode(text);
    // Also where a reader has taken the buffer away: it is empty then.
    if (free.length < mostBytes) free = new Uint8Array(BUFFER_BYTES);
    const { written } = encoder.encodeInto(text, free);
    const bytes = free.subarray(0, written);
    free = free.subarray(written);
    return bytes;
  };
}

/** Creates a copier: bytes in, the same bytes out, the caller's to keep. */
export function createByteCopier(): (bytes: Uint8Array) => Uint8Array<ArrayBuffer> {
  let free = new Uint8Array();
  return (bytes) => {
    if (bytes.length > BUFFER_BYTES / 2) return new Uint8Array(bytes);
    if (free.length < bytes.length) free = new Uint8Array(BUFFER_BYTES);
    free.set(bytes);
    const copy = free.subarray(0, bytes.length);
    free = free.subarray(bytes.length);
    return copy;
  };
}
