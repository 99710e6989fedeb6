/**
 * Speech to text.
 *
 * @see {@link https://docs.x.ai/docs | xAI, POST /v1/stt}
 * @module
 */

import { isJsonObject, type JsonObject } from "../core/http.ts";
import { MediaApi, type MediaOptions, readNumber, readText, refuse } from "./api.ts";
import { createMultipart, type FileSource } from "./multipart.ts";

/** The largest recording, bytes. */
export const MAX_RECORDING_BYTES = 500 * 1024 * 1024;

/** What is to be written down. */
export interface TranscriptionRequest {
  /** The recording: a file, or an https URL that the provider fetches. */
  recording: FileSource | { url: string };
  /** Language of the numbers, ISO 639-1. */
  language?: string | undefined;
  /** Whether numbers and the like are written in figures; needs `language`. */
  figures?: boolean | undefined;
  /** Whether speakers are told apart. */
  diarize?: boolean | undefined;
  /** Whether "uh" and "um" stay. */
  fillerWords?: boolean | undefined;
  /** Words that may occur, up to 100 of 50 characters. */
  keyterms?: readonly string[] | undefined;
  /** How many channels to write down apart, 2 to 8. */
  channels?: number | undefined;
  /** What a recording without a header is. */
  raw?: { format: "pcm" | "mulaw" | "alaw"; sampleRate: number } | undefined;
}

/** A word. */
export interface TranscribedWord {
  /** The word, with its punctuation. */
  text: string;
  /** When it begins, ms from the start. */
  startMs: number;
  /** When it ends, ms. */
  endMs: number;
  /** Number of its speaker, from 0. */
  speaker?: number | undefined;
}

/** What was said. */
export interface Transcription {
  /** All of it. */
  text: string;
  /** Language, where the provider names one. */
  language?: string | undefined;
  /** Length of the recording, ms. */
  durationMs: number;
  /** Its words; empty where the provider tells no times. */
  words: TranscribedWord[];
  /** The channels apart, where that was asked for. */
  channels?: { index: number; text: string; words: TranscribedWord[] }[] | undefined;
}

/** Every word with its times: hours of speech. */
const MAX_ANSWER_BYTES = 64 * 1024 * 1024;
const MAX_KEYTERMS = 100;

/**
 * Writes a recording down.
 *
 * @returns The text, and the times of its words.
 * @throws {TransportError} Like `requestSpeech`.
 */
export async function requestTranscription(
  request: TranscriptionRequest,
  options: MediaOptions,
): Promise<Transcription> {
  const { recording, keyterms = [], language, raw, channels } = request;
  const file = "url" in recording ? undefined : recording;
  if (file?.size !== undefined && file.size > MAX_RECORDING_BYTES) {
    refuse("transcribe", `${file.name} is larger than ${MAX_RECORDING_BYTES / 2 ** 20} MiB`);
  }
  if (file?.size === 0) refuse("transcribe", `${file.name} is empty`);
  if (request.figures && language === undefined) refuse("transcribe", "figures need a language");
  if (keyterms.length > MAX_KEYTERMS || keyterms.some((term) => [...term].length > 50)) {
    refuse("transcribe", `at most ${MAX_KEYTERMS} terms of 50 characters are taken`);
  }
  const fields: [string, string][] = [
    ...(raw === undefined
      ? []
      : [["audio_format", raw.format], ["sample_rate", String(raw.sampleRate)]]),
    ...(language === undefined ? [] : [["language", language]]),
    ...(request.figures ? [["format", "true"]] : []),
    ...(channels === undefined ? [] : [["multichannel", "true"], ["channels", String(channels)]]),
    ...(request.diarize ? [["diarize", "true"]] : []),
    ...(request.fillerWords ? [["filler_words", "true"]] : []),
    ...keyterms.map((term) => ["keyterm", term]),
    ...("url" in recording ? [["url", recording.url]] : []),
  ] as [string, string][];
  const form = createMultipart(fields, file);
  const api = await MediaApi.open(options);
  const body = await api.call({
    path: "/stt",
    accept: "application/json",
    headers: { "content-type": form.contentType },
    body: (exchange) => form.open(() => exchange.active()),
  }, (answer) => api.readJson(answer, MAX_ANSWER_BYTES));
  return {
    text: readText(body["text"]) ?? "",
    language: readText(body["language"]),
    durationMs: toMs(body["duration"]),
    words: readWords(body["words"]),
    channels: Array.isArray(body["channels"])
      ? body["channels"].filter(isJsonObject).map((channel, index) => ({
        index: readNumber(channel["index"]) ?? index,
        text: readText(channel["text"]) ?? "",
        words: readWords(channel["words"]),
      }))
      : undefined,
  };
}

function toMs(seconds: unknown): number {
  return Math.max(0, Math.round((readNumber(seconds) ?? 0) * 1000));
}

function readWords(value: unknown): TranscribedWord[] {
  const rows: unknown[] = Array.isArray(value) ? value : [];
  return rows.filter((row): row is JsonObject => isJsonObject(row) && row["text"] !== undefined)
    .map((row) => ({
      text: String(row["text"]),
      startMs: toMs(row["start"]),
      endMs: Math.max(toMs(row["start"]), toMs(row["end"])),
      speaker: readNumber(row["speaker"]),
    }));
}
