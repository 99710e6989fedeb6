// formatSrt() and formatVtt(): cues that fit a screen, at the right times.

import { assert, assertEquals } from "@std/assert";
import { formatSrt, formatVtt, type Transcription } from "../../src/media/mod.ts";

/** Words of `ms` each, one after the other; a number is a pause. */
function said(ms: number, ...items: (string | number)[]): Transcription {
  let at = 0;
  const words = items.flatMap((item) => {
    if (typeof item === "number") {
      at += item;
      return [];
    }
    return [{ text: item, startMs: at, endMs: at += ms }];
  });
  return { text: words.map(({ text }) => text).join(" "), durationMs: at, words };
}

const CASES: { name: string; transcription: Transcription; srt: string }[] = [
  {
    name: "ends a cue with its sentence",
    transcription: said(500, "Good", "morning.", "How", "are", "you?"),
    srt: "1\n00:00:00,000 --> 00:00:01,000\nGood morning.\n\n" +
      "2\n00:00:01,000 --> 00:00:02,500\nHow are you?\n",
  },
  {
    name: "ends a cue at a pause",
    transcription: said(500, "Well", 800, "then"),
    srt: "1\n00:00:00,000 --> 00:00:00,500\nWell\n\n2\n00:00:01,300 --> 00:00:01,800\nthen\n",
  },
  {
    name: "ends a cue after seven seconds",
    transcription: said(4_000, "one", "two"),
    srt: "1\n00:00:00,000 --> 00:00:04,000\none\n\n2\n00:00:04,000 --> 00:00:08,000\ntwo\n",
  },
  {
    name: "shows a text without times from the first moment to the last",
    transcription: { text: "Hello there", durationMs: 3_723_004, words: [] },
    srt: "1\n00:00:00,000 --> 01:02:03,004\nHello there\n",
  },
  { name: "is empty where nothing was said", transcription: said(1), srt: "" },
  {
    name: "keeps an arrow from looking like a time",
    transcription: said(100, "a", "-->", "b"),
    srt: "1\n00:00:00,000 --> 00:00:00,300\na → b\n",
  },
];
for (const { name, transcription, srt } of CASES) {
  Deno.test(`formatSrt() ${name}`, () => assertEquals(formatSrt(transcription), srt));
}

Deno.test("formatVtt() escapes what it would take for markup", () => {
  assertEquals(
    formatVtt(said(100, "a<b>", "&", "c")),
    "WEBVTT\n\n00:00:00.000 --> 00:00:00.300\na&lt;b&gt; &amp; c\n",
  );
  assertEquals(formatVtt(said(1)), "WEBVTT\n");
});

Deno.test("formatSrt() keeps cues to two lines of about the same length, and speakers apart", () => {
  const words = Array.from({ length: 60 }, (_, index) => `word${index}`);
  const lines = formatSrt(said(50, ...words)).split("\n").filter((line) => line.startsWith("word"));
  assert(lines.length > 6);
  for (const line of lines) assert(line.length <= 46, line);
  assertEquals(lines.join(" "), words.join(" "));
  const two = said(100, "Hi", "Hello");
  const apart = {
    ...two,
    words: two.words.map((word, speaker) => ({ ...word, speaker })),
  };
  assertEquals(formatSrt(apart).split("-->").length, 3);
});
