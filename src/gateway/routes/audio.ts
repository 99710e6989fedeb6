/**
 * `/v1/audio/…` in OpenAI's shape: text to speech, and speech to text.
 *
 * @module
 */

import {
  formatSrt,
  formatVtt,
  requestSpeech,
  requestTranscription,
  type SpeechCodec,
  type Transcription,
} from "../../media/mod.ts";
import type { Visit } from "../visit.ts";
import {
  badRequest,
  callMedia,
  type MediaRoutes,
  passOn,
  readFields,
  readJson,
  readNumber,
  readText,
  resolveMedia,
} from "./media_request.ts";

/** `response_format` -> codec. */
const CODECS: Readonly<Record<string, SpeechCodec>> = { mp3: "mp3", wav: "wav", pcm: "pcm" };
/** Voices of the other vendor's, which nobody here has: they stand for the default one. */
const FOREIGN_VOICES = "alloy ash ballad cedar coral echo fable marin nova onyx sage shimmer verse"
  .split(" ");

/** `POST /v1/audio/speech`. */
export async function speech(
  request: Request,
  visit: Visit,
  routes: MediaRoutes,
): Promise<Response> {
  const body = await readJson(request, visit, routes);
  const input = readText(body, "input") ?? badRequest('"input" is required');
  const format = readText(body, "response_format") ?? "mp3";
  const codec = Object.hasOwn(CODECS, format)
    ? CODECS[format]!
    : badRequest(`"response_format" takes ${Object.keys(CODECS).join(", ")}`);
  if (body["stream_format"] === "sse") badRequest('"stream_format" takes audio');
  const voice = readText(body, "voice")?.toLowerCase();
  const speed = readNumber(body, "speed");
  const call = resolveMedia(visit, readText(body, "model"), () => ["tts"]);
  const { body: audio, mediaType } = await callMedia(
    request,
    visit,
    routes,
    call,
    (options) =>
      requestSpeech({
        text: input,
        codec,
        voice: voice === undefined || FOREIGN_VOICES.includes(voice) ? undefined : voice,
        language: readText(body, "language"),
        // What is out of reach comes as close as it can.
        speed: speed === undefined ? undefined : Math.min(1.5, Math.max(0.7, speed)),
      }, options),
  );
  return passOn(request, visit, audio, { "content-type": mediaType });
}

const TEXT = { "content-type": "text/plain; charset=utf-8" };

/** `response_format` -> the answer. */
const ANSWERS: Readonly<Record<string, (transcription: Transcription) => Response>> = {
  json: ({ text }) => Response.json({ text }),
  text: ({ text }) => new Response(`${text}\n`, { headers: TEXT }),
  srt: (transcription) => new Response(formatSrt(transcription), { headers: TEXT }),
  vtt: (transcription) =>
    new Response(formatVtt(transcription), { headers: { "content-type": "text/vtt" } }),
  verbose_json: ({ text, language, durationMs, words }) =>
    Response.json({
      task: "transcribe",
      language: language ?? "",
      duration: durationMs / 1000,
      text,
      words: words.map(({ text, startMs, endMs }) => ({
        word: text,
        start: startMs / 1000,
        end: endMs / 1000,
      })),
    }),
  diarized_json: ({ text, durationMs, words }) =>
    Response.json({
      task: "transcribe",
      duration: durationMs / 1000,
      text,
      segments: words.map((word, index) => ({
        type: "transcript.text.segment",
        id: String(index),
        start: word.startMs / 1000,
        end: word.endMs / 1000,
        text: word.text,
        speaker: String(word.speaker ?? 0),
      })),
    }),
};

/** `POST /v1/audio/transcriptions`. */
export async function transcription(
  request: Request,
  visit: Visit,
  routes: MediaRoutes,
): Promise<Response> {
  const { values, files } = await readFields(request, visit, routes);
  const file = files("file")[0] ?? badRequest('"file" is required, in a multipart form');
  const format = readText(values, "response_format") ?? "json";
  if (!Object.hasOwn(ANSWERS, format)) {
    badRequest(`"response_format" takes ${Object.keys(ANSWERS).join(", ")}`);
  }
  if (values["stream"] === "true") badRequest("A transcription is not streamed");
  const call = resolveMedia(visit, readText(values, "model"), () => ["stt"]);
  const { name, size, type } = file;
  const recording = {
    name: name || "recording",
    size,
    mediaType: type || undefined,
    open: () => file.stream(),
  };
  const result = await callMedia(
    request,
    visit,
    routes,
    call,
    (options) =>
      requestTranscription({
        recording,
        language: readText(values, "language"),
        diarize: format === "diarized_json",
      }, options),
  );
  return ANSWERS[format]!(result);
}
