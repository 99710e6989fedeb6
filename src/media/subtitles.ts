/**
 * A transcription as subtitles: cues that a person can read in time.
 *
 * @see {@link https://www.w3.org/TR/webvtt1/ | WebVTT}
 * @module
 */

import type { TranscribedWord, Transcription } from "./transcription.ts";

/** What is shown at once. */
interface Cue {
  startMs: number;
  endMs: number;
  text: string;
}

/** Two lines of 42 characters are what readers are used to. */
const MAX_CUE_CHARACTERS = 84;
const MAX_LINE_CHARACTERS = 42;
const MAX_CUE_MS = 7_000;
/** A silence this long ends a cue. */
const PAUSE_MS = 800;

function cuesOf({ text, words, durationMs }: Transcription): Cue[] {
  const timed = words.length === 0 && text !== ""
    ? [{ text, startMs: 0, endMs: durationMs }]
    : words;
  const cues: Cue[] = [];
  let open: TranscribedWord[] = [];
  const close = () => {
    if (open.length === 0) return;
    const text = open.map((word) => word.text.replace(/\s+/g, " ").trim()).join(" ");
    cues.push({ startMs: open[0]!.startMs, endMs: open.at(-1)!.endMs, text: fold(text) });
    open = [];
  };
  let length = 0;
  for (const word of timed) {
    const first = open[0], last = open.at(-1);
    const isOver = last !== undefined && (
      word.startMs - last.endMs >= PAUSE_MS || word.speaker !== last.speaker ||
      word.endMs - first!.startMs > MAX_CUE_MS || /[.!?。！？…]$/.test(last.text) ||
      length + 1 + word.text.length > MAX_CUE_CHARACTERS
    );
    if (isOver) close();
    length = open.length === 0 ? word.text.length : length + 1 + word.text.length;
    open.push(word);
  }
  close();
  return cues;
}

/** Two lines of about the same length, where one would be too long. */
function fold(text: string): string {
  if (text.length <= MAX_LINE_CHARACTERS || text.length > MAX_CUE_CHARACTERS) return text;
  const middle = text.length / 2;
  const spaces = [...text.matchAll(/ /g)].map(({ index }) => index);
  const best = spaces.sort((a, b) => Math.abs(a - middle) - Math.abs(b - middle))[0];
  return best === undefined ? text : `${text.slice(0, best)}\n${text.slice(best + 1)}`;
}

function clock(ms: number, point: "," | "."): string {
  const pad = (value: number, length = 2) => String(Math.floor(value)).padStart(length, "0");
  const seconds = ms / 1000;
  return `${pad(seconds / 3600)}:${pad(seconds / 60 % 60)}:${pad(seconds % 60)}${point}${
    pad(ms % 1000, 3)
  }`;
}

/** A transcription as SubRip (`.srt`). */
export function formatSrt(transcription: Transcription): string {
  return cuesOf(transcription).map(({ startMs, endMs, text }, index) =>
    `${index + 1}\n${clock(startMs, ",")} --> ${clock(endMs, ",")}\n${
      text.replaceAll("-->", "→")
    }\n`
  ).join("\n");
}

/** A transcription as WebVTT (`.vtt`). */
export function formatVtt(transcription: Transcription): string {
  const cues = cuesOf(transcription).map(({ startMs, endMs, text }) =>
    `\n${clock(startMs, ".")} --> ${clock(endMs, ".")}\n${
      text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;")
    }\n`
  );
  return `WEBVTT\n${cues.join("")}`;
}
