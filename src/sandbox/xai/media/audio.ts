/**
 * Sound that decodes: a tone per word, as WAV, raw samples or G.711; and silence as MP3.
 *
 * A WAV or MP3 carries its words in a comment, as such files may: so what was spoken here can be
 * understood here.
 *
 * @module
 */

import { type Bytes, concat, hasText, u16le, u32be, u32le } from "./bytes.ts";

/** A way to write sound. */
export type Codec = "mp3" | "wav" | "pcm" | "mulaw" | "alaw";

/** What a recording says, and for how long. */
export interface Recording {
  /** Its words; `undefined` for a recording that is not of ours. */
  text: string | undefined;
  /** How long it is, s. */
  duration: number;
}

/** How a speech is written. */
export interface SpeechForm {
  codec: Codec;
  sampleRate: number;
  /** Bits per second, of MP3. */
  bitRate: number;
}

/** Codec -> media type. */
export const MEDIA_TYPES: Readonly<Record<Codec, string>> = {
  mp3: "audio/mpeg",
  wav: "audio/wav",
  pcm: "audio/pcm",
  mulaw: "audio/basic",
  alaw: "audio/alaw",
};

/** The most that is kept of a text, bytes. */
const MOST_COMMENT = 60_000;
const PITCHES = [220, 247, 262, 294, 330, 349, 392];

/** A tone per word, `duration` s in all; each word begins and ends softly. */
function tones(text: string, duration: number, sampleRate: number): Int16Array {
  const words = text.split(/\s+/).filter(Boolean);
  const samples = new Int16Array(Math.round(duration * sampleRate));
  const perWord = Math.max(1, Math.ceil(samples.length / Math.max(1, words.length)));
  for (let at = 0; at < samples.length; at++) {
    const word = words[Math.floor(at / perWord)] ?? "";
    const pitch = PITCHES[word.length % PITCHES.length]!;
    const loudness = Math.sin(Math.PI * (at % perWord) / perWord);
    samples[at] = 8000 * loudness * Math.sin(2 * Math.PI * pitch * at / sampleRate);
  }
  return samples;
}

/** Speaks `text`: bytes that a player of the codec plays for `duration` s. */
export function speak(
  text: string,
  duration: number,
  { codec, sampleRate, bitRate }: SpeechForm,
): Bytes {
  if (codec === "mp3") return encodeMp3(text, duration, sampleRate, bitRate);
  const samples = tones(text, duration, sampleRate);
  if (codec === "mulaw") return Uint8Array.from(samples, encodeMulaw);
  if (codec === "alaw") return Uint8Array.from(samples, encodeAlaw);
  const pcm = new Uint8Array(samples.length * 2);
  const view = new DataView(pcm.buffer);
  samples.forEach((sample, index) => view.setInt16(index * 2, sample, true));
  return codec === "pcm" ? pcm : encodeWav(text, pcm, sampleRate);
}

function cutText(text: string): Bytes {
  return new TextEncoder().encode(text).slice(0, MOST_COMMENT);
}

function riffChunk(id: string, data: Uint8Array): Bytes {
  return concat(id, u32le(data.length), data, new Uint8Array(data.length % 2));
}

function encodeWav(text: string, pcm: Uint8Array, sampleRate: number): Bytes {
  const format = concat(u16le(1, 1), u32le(sampleRate, sampleRate * 2), u16le(2, 16));
  return riffChunk(
    "RIFF",
    concat(
      "WAVE",
      riffChunk("fmt ", format),
      riffChunk("LIST", concat("INFO", riffChunk("ICMT", cutText(text)))),
      riffChunk("data", pcm),
    ),
  );
}

/** ITU-T G.711 µ-law. */
function encodeMulaw(sample: number): number {
  const sign = sample < 0 ? 0x80 : 0;
  const magnitude = Math.min(Math.abs(sample), 32_635) + 132;
  const exponent = Math.max(0, Math.floor(Math.log2(magnitude)) - 7);
  return ~(sign | exponent << 4 | magnitude >> (exponent + 3) & 15) & 0xff;
}

/** ITU-T G.711 A-law. */
function encodeAlaw(sample: number): number {
  const sign = sample >= 0 ? 0x80 : 0;
  const magnitude = Math.min(sample >= 0 ? sample : -sample - 1, 32_635);
  const exponent = magnitude < 256 ? 0 : Math.floor(Math.log2(magnitude)) - 7;
  const mantissa = magnitude >> (exponent === 0 ? 4 : exponent + 3) & 15;
  return (sign | exponent << 4 | mantissa) ^ 0x55;
}

/** Bits per second in thousands, by the index of a frame's header: MPEG-1, and MPEG-2 and 2.5. */
const BIT_RATES = [
  [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
  [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
];
/** Sample rate -> bits of the version and of the rate. */
const RATES: ReadonlyMap<number, { version: number; rate: number }> = new Map([
  [44_100, { version: 3, rate: 0 }],
  [48_000, { version: 3, rate: 1 }],
  [22_050, { version: 2, rate: 0 }],
  [24_000, { version: 2, rate: 1 }],
  [16_000, { version: 2, rate: 2 }],
  [8_000, { version: 0, rate: 2 }],
]);

/** One frame of MPEG layer III: how long it is in bytes and in samples. */
interface Frame {
  bytes: number;
  samples: number;
}

function frameOf(version: number, kbps: number, sampleRate: number, padding: number): Frame {
  const isFirst = version === 3;
  return {
    bytes: Math.floor((isFirst ? 144_000 : 72_000) * kbps / sampleRate) + padding,
    samples: isFirst ? 1152 : 576,
  };
}

/** A frame whose side information is all zero has no coefficients: it is silent. */
function encodeMp3(text: string, duration: number, sampleRate: number, bitRate: number): Bytes {
  const { version, rate } = RATES.get(sampleRate)!;
  const table = BIT_RATES[version === 3 ? 0 : 1]!;
  // The halved rates end at 160 kbit/s.
  const kbps = Math.min(bitRate / 1000, table.at(-1)!);
  const index = table.findIndex((other) => other >= kbps);
  const frame = frameOf(version, table[index]!, sampleRate, 0);
  const count = Math.max(1, Math.round(duration * sampleRate / frame.samples));
  const frames = new Uint8Array(frame.bytes * count);
  // Layer III without a checksum; one channel.
  const header = u32be(
    0xffe0_0000 | version << 19 | 1 << 17 | 1 << 16 | index << 12 | rate << 10 | 3 << 6,
  );
  for (let at = 0; at < frames.length; at += frame.bytes) frames.set(header, at);
  return concat(id3(text), frames);
}

/** An ID3v2.4 tag with the text as its title. */
function id3(text: string): Bytes {
  const title = concat(new Uint8Array([3]), cutText(text));
  const frame = concat("TIT2", synchsafe(title.length), new Uint8Array(2), title);
  return concat("ID3", new Uint8Array([4, 0, 0]), synchsafe(frame.length), frame);
}

function synchsafe(value: number): Bytes {
  return Uint8Array.from([21, 14, 7, 0], (shift) => value >>> shift & 0x7f);
}

/** Listens to a file; `undefined` where it is none that is understood. */
export function listen(bytes: Uint8Array): Recording | undefined {
  if (hasText(bytes, 0, "RIFF") && hasText(bytes, 8, "WAVE")) return listenToWav(bytes);
  if (hasText(bytes, 0, "ID3") || (bytes[0] === 0xff && (bytes[1]! & 0xe0) === 0xe0)) {
    return listenToMp3(bytes);
  }
  const isOther = hasText(bytes, 0, "OggS") || hasText(bytes, 0, "fLaC") ||
    hasText(bytes, 4, "ftyp") || u32be(0x1a45dfa3).every((byte, at) => bytes[at] === byte) ||
    (bytes[0] === 0xff && (bytes[1]! & 0xf6) === 0xf0);
  // Nobody here decodes these; a length is all that there is to go by.
  return isOther ? { text: undefined, duration: bytes.length / 16_000 } : undefined;
}

function listenToWav(bytes: Uint8Array): Recording | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let bytesPerSecond = 0;
  const recording: Recording = { text: undefined, duration: 0 };
  for (let at = 12; at + 8 <= bytes.length;) {
    const size = Math.min(view.getUint32(at + 4, true), bytes.length - at - 8);
    if (hasText(bytes, at, "fmt ") && size >= 16) bytesPerSecond = view.getUint32(at + 16, true);
    if (hasText(bytes, at, "LIST") && hasText(bytes, at + 12, "ICMT")) {
      const length = view.getUint32(at + 16, true);
      recording.text = new TextDecoder().decode(bytes.subarray(at + 20, at + 20 + length));
    }
    if (hasText(bytes, at, "data")) recording.duration = size / bytesPerSecond;
    at += 8 + size + size % 2;
  }
  return bytesPerSecond === 0 ? undefined : recording;
}

function listenToMp3(bytes: Uint8Array): Recording {
  let at = 0;
  let text: string | undefined;
  if (hasText(bytes, 0, "ID3")) {
    const length = (offset: number) =>
      bytes.subarray(offset, offset + 4).reduce((value, byte) => value << 7 | byte, 0);
    at = 10 + length(6);
    if (hasText(bytes, 10, "TIT2")) {
      text = new TextDecoder().decode(bytes.subarray(21, 20 + length(14)));
    }
  }
  let duration = 0;
  while (at + 4 <= bytes.length) {
    const [, version = 0, byte = 0] = bytes.subarray(at, at + 3);
    const versionBits = version >> 3 & 3;
    const rate = [...RATES].find(([, rate]) =>
      rate.version === versionBits && rate.rate === (byte >> 2 & 3)
    );
    const kbps = BIT_RATES[versionBits === 3 ? 0 : 1]![byte >> 4];
    if (bytes[at] !== 0xff || rate === undefined || !kbps) break;
    const frame = frameOf(versionBits, kbps, rate[0], byte >> 1 & 1);
    duration += frame.samples / rate[0];
    at += frame.bytes;
  }
  return { text, duration };
}
