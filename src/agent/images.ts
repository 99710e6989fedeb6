/**
 * Images as blocks of a message: what they are shows in their first bytes, not in a file's name.
 *
 * @module
 */

import type { ImageBlock } from "../protocols/event.ts";

/** The most bytes of one image; the smallest limit that a provider is known to have. */
export const MAX_IMAGE_BYTES = 10 * 1024 * 1024;

const SIGNATURES: readonly { mediaType: string; offset: number; bytes: readonly number[] }[] = [
  { mediaType: "image/png", offset: 0, bytes: [0x89, 0x50, 0x4e, 0x47] },
  { mediaType: "image/jpeg", offset: 0, bytes: [0xff, 0xd8, 0xff] },
  { mediaType: "image/gif", offset: 0, bytes: [0x47, 0x49, 0x46, 0x38] },
  // RIFF, its length, WEBP.
  { mediaType: "image/webp", offset: 8, bytes: [0x57, 0x45, 0x42, 0x50] },
];

/** The media type of an image by its bytes; `undefined` for what is none. */
export function imageType(bytes: Uint8Array): string | undefined {
  return SIGNATURES.find(({ offset, bytes: mark }) =>
    mark.every((byte, index) => bytes[offset + index] === byte)
  )?.mediaType;
}

/** The block of an image. */
export function imageBlock(mediaType: string, bytes: Uint8Array): ImageBlock {
  const pieces: string[] = [];
  // A call takes so many arguments and no more.
  const step = 0x8000;
  for (let at = 0; at < bytes.length; at += step) {
    pieces.push(String.fromCharCode(...bytes.subarray(at, at + step)));
  }
  return {
    type: "image",
    source: { kind: "base64", mediaType, data: btoa(pieces.join("")) },
  };
}
