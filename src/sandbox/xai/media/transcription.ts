/**
 * Speech to text: what was spoken here is understood; of anything else the length is told.
 *
 * @module
 */

import { readBoundedBytes } from "../../../core/http.ts";
import type { World } from "../../world.ts";
import { check, InvalidArgument } from "../errors.ts";
import { listen, type Recording } from "./audio.ts";
import { answerJson, throwAsked } from "./caller.ts";

const MOST_BYTES = 500 * 1024 * 1024;
const LANGUAGES = "ar cs da nl en fil fr de hi id it ja ko mk ms fa pl pt ro ru es sv th tr vi"
  .split(" ");
/** Raw formats -> bytes per sample. */
const RAW: ReadonlyMap<string, number> = new Map([["pcm", 2], ["mulaw", 1], ["alaw", 1]]);
/** How long what lies elsewhere is said to be, s. */
const SECONDS_ELSEWHERE = 3;

/** Reads the parts in their order; the file has to be the last one. */
async function readForm(request: Request): Promise<FormData> {
  const bytes = await readBoundedBytes(request.body, MOST_BYTES);
  const type = request.headers.get("content-type") ?? "";
  check(
    type.startsWith("multipart/form-data"),
    "Expected request with `Content-Type: multipart/form-data`",
  );
  try {
    return await new Response(bytes, { headers: { "content-type": type } }).formData();
  } catch {
    throw new InvalidArgument("Failed to parse the multipart body");
  }
}

function text(form: FormData, name: string): string | undefined {
  const value = form.get(name);
  check(value === null || typeof value === "string", `${name} must be text`);
  return value ?? undefined;
}

function bool(form: FormData, name: string): boolean {
  const value = text(form, name);
  check(value === undefined || /^(true|false)$/.test(value), `${name} must be true or false`);
  return value === "true";
}

async function hear(form: FormData): Promise<Recording> {
  const file = form.get("file");
  const url = text(form, "url");
  check((file === null) !== (url === undefined), "Exactly one of file and url is required");
  if (url !== undefined) {
    check(URL.canParse(url) && new URL(url).protocol === "https:", "url must be an https URL");
    const { hostname } = new URL(url);
    return { text: `This is what ${hostname} has to say.`, duration: SECONDS_ELSEWHERE };
  }
  check(file instanceof File, "file must be a file");
  check([...form.keys()].at(-1) === "file", "file must be the last part");
  const bytes = new Uint8Array(await file.arrayBuffer());
  const raw = text(form, "audio_format");
  if (raw !== undefined) {
    const width = RAW.get(raw);
    const rate = Number(text(form, "sample_rate"));
    check(width !== undefined, `audio_format must be one of ${[...RAW.keys()].join(", ")}`);
    check(rate > 0, "sample_rate is required with audio_format");
    return { text: undefined, duration: bytes.length / (rate * width) };
  }
  const recording = listen(bytes);
  check(recording !== undefined, "The audio could not be decoded");
  return recording;
}

/** Answers a request to transcribe. */
export async function answerTranscription(world: World, request: Request): Promise<Response> {
  const form = await readForm(request);
  const language = text(form, "language");
  check(
    language === undefined || LANGUAGES.includes(language),
    `language must be one of ${LANGUAGES.join(", ")}`,
  );
  check(!bool(form, "format") || language !== undefined, "format requires language");
  const isMultichannel = bool(form, "multichannel");
  const channels = Number(text(form, "channels") ?? 2);
  check(channels >= 2 && channels <= 8, "channels must be between 2 and 8");
  bool(form, "filler_words");
  const speaker = bool(form, "diarize") ? { speaker: 0 } : {};
  const terms = form.getAll("keyterm");
  check(
    terms.length <= 100 && terms.every((term) => typeof term === "string" && term.length <= 50),
    "keyterm takes at most 100 terms of at most 50 characters",
  );

  const heard = await hear(form);
  const said = heard.text ?? `This recording is ${heard.duration.toFixed(1)} seconds long.`;
  throwAsked(said);
  const words = said.split(/\s+/).filter(Boolean);
  const step = heard.duration / Math.max(1, words.length);
  const round = (seconds: number) => Math.round(seconds * 100) / 100;
  const timed = words.map((word, index) => ({
    text: word,
    start: round(index * step),
    end: round((index + 1) * step),
    ...speaker,
    confidence: 0.98,
  }));
  return answerJson({
    text: said,
    language: language ?? "",
    duration: round(heard.duration),
    ...(world.quirks.transcriptWords === "sent" ? { words: timed } : {}),
    ...(isMultichannel
      ? {
        channels: Array.from(
          { length: channels },
          (_, index) => ({ index, text: said, words: timed }),
        ),
      }
      : {}),
  });
}
