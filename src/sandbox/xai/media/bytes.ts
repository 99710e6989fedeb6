/**
 * Bytes put together: numbers of either order, texts, and pieces one after the other.
 *
 * @module
 */

/** The bytes of an encoder's answer. */
export type Bytes = Uint8Array<ArrayBuffer>;

const encoder = new TextEncoder();

/** Texts and bytes, one after the other. */
export function concat(...parts: (Uint8Array | string)[]): Bytes {
  const pieces = parts.map((part) => typeof part === "string" ? encoder.encode(part) : part);
  const bytes = new Uint8Array(pieces.reduce((size, piece) => size + piece.length, 0));
  let offset = 0;
  for (const piece of pieces) {
    bytes.set(piece, offset);
    offset += piece.length;
  }
  return bytes;
}

/** Unsigned 16-bit numbers, the high byte first. */
export function u16be(...values: number[]): Bytes {
  return Uint8Array.from(values.flatMap((value) => [value >>> 8, value]));
}

/** Unsigned 32-bit numbers, the high byte first. */
export function u32be(...values: number[]): Bytes {
  return Uint8Array.from(
    values.flatMap((value) => [value >>> 24, value >>> 16, value >>> 8, value]),
  );
}

/** Unsigned 16-bit numbers, the low byte first. */
export function u16le(...values: number[]): Bytes {
  return Uint8Array.from(values.flatMap((value) => [value, value >>> 8]));
}

/** Unsigned 32-bit numbers, the low byte first. */
export function u32le(...values: number[]): Bytes {
  return Uint8Array.from(
    values.flatMap((value) => [value, value >>> 8, value >>> 16, value >>> 24]),
  );
}

/** Whether `bytes` has the ASCII text at `offset`. */
export function hasText(bytes: Uint8Array, offset: number, text: string): boolean {
  return [...text].every((char, index) => bytes[offset + index] === char.charCodeAt(0));
}

/** Standard base64. */
export function toBase64(bytes: Uint8Array): string {
  let binary = "";
  for (let at = 0; at < bytes.length; at += 0x8000) {
    binary += String.fromCharCode(...bytes.subarray(at, at + 0x8000));
  }
  return btoa(binary);
}
