/**
 * Videos that decode: one colour for some seconds, as MP4.
 *
 * @see {@link https://www.iso.org/standard/83102.html | ISO/IEC 14496-12, the boxes}
 * @module
 */

import { type Bytes, concat, u16be, u32be } from "./bytes.ts";
import { encodeVideo } from "./h264.ts";
import { colourOf } from "./png.ts";

const FRAMES_PER_SECOND = 24;
/** Units of time per second, and so per frame. */
const TIMESCALE = 24_000;
const FRAME_TIME = TIMESCALE / FRAMES_PER_SECOND;

function box(type: string, ...content: (Uint8Array | string)[]): Bytes {
  const body = concat(...content);
  return concat(u32be(body.length + 8), type, body);
}

/** A box with a version (0) and flags. */
function fullBox(type: string, flags: number, ...content: (Uint8Array | string)[]): Bytes {
  return box(type, u32be(flags), ...content);
}

const MATRIX = u32be(0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000);

/** Films `seconds` of the colour that `text` leads to. */
export function film(text: string, width: number, height: number, seconds: number): Bytes {
  const count = seconds * FRAMES_PER_SECOND;
  const { sps, pps, frames } = encodeVideo(colourOf(text), width, height, count);
  const duration = count * FRAME_TIME;

  const avcC = box(
    "avcC",
    new Uint8Array([1, sps[1]!, sps[2]!, sps[3]!, 0xff, 0xe1]),
    u16be(sps.length),
    sps,
    new Uint8Array([1]),
    u16be(pps.length),
    pps,
  );
  const avc1 = box(
    "avc1",
    new Uint8Array(6),
    u16be(1),
    new Uint8Array(16),
    u16be(width, height),
    u32be(0x480000, 0x480000, 0),
    u16be(1),
    new Uint8Array(32),
    u16be(24, 0xffff),
    avcC,
  );
  const head = box("ftyp", "isom", u32be(512), "isomavc1mp42");
  const moovFor = (firstFrameAt: number) =>
    box(
      "moov",
      fullBox(
        "mvhd",
        0,
        u32be(0, 0, TIMESCALE, duration, 0x10000, 0x1000000, 0, 0),
        MATRIX,
        new Uint8Array(24),
        u32be(2),
      ),
      box(
        "trak",
        fullBox(
          "tkhd",
          3,
          u32be(0, 0, 1, 0, duration, 0, 0, 0, 0),
          MATRIX,
          u32be(width << 16, height << 16),
        ),
        box(
          "mdia",
          // 0x55c4: no language.
          fullBox("mdhd", 0, u32be(0, 0, TIMESCALE, duration), u16be(0x55c4, 0)),
          fullBox("hdlr", 0, u32be(0), "vide", new Uint8Array(12), "video\0"),
          box(
            "minf",
            fullBox("vmhd", 1, new Uint8Array(8)),
            box("dinf", fullBox("dref", 0, u32be(1), fullBox("url ", 1))),
            box(
              "stbl",
              fullBox("stsd", 0, u32be(1), avc1),
              fullBox("stts", 0, u32be(1, count, FRAME_TIME)),
              fullBox("stss", 0, u32be(1, 1)),
              fullBox("stsc", 0, u32be(1, 1, count, 1)),
              fullBox("stsz", 0, u32be(0, count, ...frames.map(({ length }) => length))),
              fullBox("stco", 0, u32be(1, firstFrameAt)),
            ),
          ),
        ),
      ),
    );
  // Its length does not depend on what it says.
  const firstFrameAt = head.length + moovFor(0).length + 8;
  return concat(head, moovFor(firstFrameAt), box("mdat", ...frames));
}
