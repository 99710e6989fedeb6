/**
 * Video of one colour in H.264, constrained baseline: the first block of a key frame holds the colour
 * itself, each other block is predicted from its neighbours, and each further frame from the one
 * before; so a minute of it is a few kilobytes.
 *
 * @see {@link https://www.itu.int/rec/T-REC-H.264 | ITU-T H.264, sections 7.3 and 9}
 * @module
 */

import { type Bytes, concat } from "./bytes.ts";

/** Bits, the first one highest. */
class BitWriter {
  readonly #bytes: number[] = [];
  #filled = 0;

  /** The lowest `count` bits of `value`. */
  bits(value: number, count: number): this {
    for (let bit = count - 1; bit >= 0; bit--) {
      if (this.#filled % 8 === 0) this.#bytes.push(0);
      this.#bytes[this.#bytes.length - 1]! |= (value >>> bit & 1) << (7 - this.#filled % 8);
      this.#filled++;
    }
    return this;
  }

  /** An Exp-Golomb code, section 9.1; of a signed number where it is given its mapping. */
  ue(...values: number[]): this {
    for (const value of values) {
      const length = Math.floor(Math.log2(value + 1));
      this.bits(0, length).bits(value + 1, length + 1);
    }
    return this;
  }

  /** Zeros up to the next byte. */
  align(): this {
    return this.#filled % 8 === 0 ? this : this.bits(0, 8 - this.#filled % 8);
  }

  /** The bytes, after the stop bit. */
  end(): number[] {
    this.bits(1, 1).align();
    return this.#bytes;
  }
}

/** A NAL unit: an escape keeps two zero bytes from meeting what they would mean. */
function nalUnit(header: number, payload: readonly number[]): Bytes {
  const bytes = [header];
  let zeros = 0;
  for (const byte of payload) {
    if (zeros >= 2 && byte <= 3) {
      bytes.push(3);
      zeros = 0;
    }
    bytes.push(byte);
    zeros = byte === 0 ? zeros + 1 : 0;
  }
  return Uint8Array.from(bytes);
}

/** A coded video. */
export interface CodedVideo {
  /** Sequence parameter set. */
  sps: Bytes;
  /** Picture parameter set. */
  pps: Bytes;
  /** Frames; the first is a key frame. Each NAL unit is preceded by its length, 32 bits. */
  frames: Bytes[];
}

const LOG2_MAX_FRAME_NUM = 16;
const BLOCK = 16;

/** Codes `count` frames of one colour (red, green, blue); width and height are even. */
export function encodeVideo(
  colour: readonly [number, number, number],
  width: number,
  height: number,
  count: number,
): CodedVideo {
  const across = Math.ceil(width / BLOCK), down = Math.ceil(height / BLOCK);
  const sps = new BitWriter()
    // Constrained baseline, level 4.0.
    .bits(66, 8).bits(0b11000000, 8).bits(40, 8)
    // Id, log2_max_frame_num - 4, order as decoded, one reference frame.
    .ue(0, LOG2_MAX_FRAME_NUM - 4, 2, 1).bits(0, 1)
    .ue(across - 1, down - 1)
    // Frames only, 8x8 inference, and what is cut off at the right and the bottom, in steps of two.
    .bits(0b111, 3)
    .ue(0, (across * BLOCK - width) / 2, 0, (down * BLOCK - height) / 2)
    .bits(0, 1)
    .end();
  const pps = new BitWriter()
    .ue(0, 0).bits(0, 2).ue(0, 0, 0).bits(0, 3)
    .ue(0, 0, 0).bits(0, 3)
    .end();
  const withLength = (unit: Bytes) => concat(lengthOf(unit), unit);
  return {
    sps: nalUnit(0x67, sps),
    pps: nalUnit(0x68, pps),
    frames: Array.from({ length: count }, (_, index) =>
      withLength(
        index === 0
          ? nalUnit(0x65, keyFrame(colour, across, down))
          : nalUnit(0x41, repeatedFrame(index, across * down)),
      )),
  };
}

function lengthOf({ length }: Bytes): Uint8Array {
  return Uint8Array.from([length >>> 24, length >>> 16, length >>> 8, length]);
}

function keyFrame(
  colour: readonly [number, number, number],
  across: number,
  down: number,
): number[] {
  // A slice of intra blocks, frame 0; picture id 0; no long-term reference; quantizer as it is.
  const slice = new BitWriter().ue(0, 7, 0).bits(0, LOG2_MAX_FRAME_NUM).ue(0).bits(0, 2).ue(0);
  const [y, cb, cr] = toYCbCr(colour);
  for (let block = 0; block < across * down; block++) {
    if (block === 0) {
      // I_PCM: its samples stand here as they are.
      slice.ue(25).align();
      for (let at = 0; at < BLOCK * BLOCK; at++) slice.bits(y, 8);
      for (let at = 0; at < BLOCK * BLOCK / 4; at++) slice.bits(cb, 8);
      for (let at = 0; at < BLOCK * BLOCK / 4; at++) slice.bits(cr, 8);
      continue;
    }
    // Intra 16x16, the mean of the neighbours, nothing added; the same for the colours.
    slice.ue(3, 0, 0);
    // "No coefficients": written at length beside the first block, which counts as full of them.
    if (block === 1 || block === across) slice.bits(0b000011, 6);
    else slice.bits(1, 1);
  }
  return slice.end();
}

/** A frame in which every block is skipped: it is the one before. */
function repeatedFrame(index: number, blocks: number): number[] {
  return new BitWriter()
    .ue(0, 5, 0).bits(index, LOG2_MAX_FRAME_NUM)
    // The usual number of references, in their usual order, kept as usual; quantizer as it is.
    .bits(0, 1).bits(0, 1).bits(0, 1).ue(0)
    .ue(blocks)
    .end();
}

/** ITU-R BT.601, limited range. */
function toYCbCr(
  [red, green, blue]: readonly [number, number, number],
): [number, number, number] {
  return [
    16 + (65.481 * red + 128.553 * green + 24.966 * blue) / 255,
    128 + (-37.797 * red - 74.203 * green + 112 * blue) / 255,
    128 + (112 * red - 93.786 * green - 18.214 * blue) / 255,
  ].map(Math.round) as [number, number, number];
}
