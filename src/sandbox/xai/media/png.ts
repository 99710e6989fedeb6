/**
 * Pictures that decode: bands of a colour that the prompt leads to, as PNG.
 *
 * @see {@link https://www.w3.org/TR/png-3/ | Portable Network Graphics}
 * @module
 */

import { stableHash } from "../../../core/hash.ts";
import { type Bytes, concat, u32be } from "./bytes.ts";

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, index) => {
  let value = index;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? value >>> 1 ^ 0xedb88320 : value >>> 1;
  return value;
});

function crc32(bytes: Uint8Array): number {
  let crc = 0xffff_ffff;
  for (const byte of bytes) crc = CRC_TABLE[(crc ^ byte) & 0xff]! ^ crc >>> 8;
  return ~crc >>> 0;
}

function chunk(type: string, data: Uint8Array): Bytes {
  const named = concat(type, data);
  return concat(u32be(data.length), named, u32be(crc32(named)));
}

async function deflate(bytes: Bytes): Promise<Bytes> {
  const stream = new Blob([bytes]).stream().pipeThrough(new CompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** Shades of the palette. */
const SHADES = 16;

/** The colour that `text` leads to: red, green, blue; none of them at an end of its range. */
export function colourOf(text: string): [number, number, number] {
  const hash = parseInt(stableHash(text), 16);
  return [hash >>> 16 & 0xff, hash >>> 8 & 0xff, hash & 0xff]
    .map((value) => 32 + Math.round(value * 0.75)) as [number, number, number];
}

/** A picture of `width` by `height` pixels, of the colour that `text` leads to. */
export async function paint(text: string, width: number, height: number): Promise<Bytes> {
  const colour = colourOf(text);
  const palette = Uint8Array.from(
    { length: SHADES * 3 },
    (_, index) => Math.round(colour[index % 3]! * (0.6 + 0.4 * Math.floor(index / 3) / SHADES)),
  );
  // One byte per pixel, and one before each row that says "not filtered".
  const rows = new Uint8Array((width + 1) * height);
  for (let y = 0; y < height; y++) {
    const at = y * (width + 1);
    rows.fill(Math.floor(y * SHADES / height), at + 1, at + 1 + width);
  }
  return concat(
    new Uint8Array([0x89]),
    "PNG\r\n\x1a\n",
    chunk("IHDR", concat(u32be(width, height), new Uint8Array([8, 3, 0, 0, 0]))),
    chunk("PLTE", palette),
    chunk("IDAT", await deflate(rows)),
    chunk("IEND", new Uint8Array()),
  );
}
