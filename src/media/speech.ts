/**
 * Text to speech.
 *
 * @see {@link https://docs.x.ai/docs | xAI, POST /v1/tts}
 * @module
 */

import { isJsonObject } from "../core/http.ts";
import { MediaApi, type MediaOptions, readText, refuse } from "./api.ts";
import { watchBody } from "./body.ts";

/** How speech is written. */
export type SpeechCodec = "mp3" | "wav" | "pcm" | "mulaw" | "alaw";

/** The ways to write speech, the default first. `pcm` is 16 bits, the low byte first, one channel. */
export const SPEECH_CODECS: readonly SpeechCodec[] = ["mp3", "wav", "pcm", "mulaw", "alaw"];

/** The longest text, characters. */
export const MAX_SPEECH_CHARACTERS = 15_000;

/** What is to be said, and how. */
export interface SpeechRequest {
  /** The text; marks like `[laugh]` and `<whisper>…</whisper>` are acted, not said. */
  text: string;
  /** Id of the voice. Default: the provider's first. */
  voice?: string | undefined;
  /** BCP-47 language, or `auto`. Default: `auto`. */
  language?: string | undefined;
  /** How it is written. Default: `mp3`. */
  codec?: SpeechCodec | undefined;
  /** Samples per second. Default: 24,000. */
  sampleRate?: number | undefined;
  /** Bits per second, of MP3. Default: 128,000. */
  bitRate?: number | undefined;
  /** 0.7 to 1.5. Default: 1. */
  speed?: number | undefined;
}

/** Speech on its way. */
export interface Speech {
  /** Its bytes, as they are spoken. An error of it is a `TransportError`. */
  body: ReadableStream<Uint8Array<ArrayBuffer>>;
  /** Its media type: `audio/mpeg`. */
  mediaType: string;
}

/** A voice. */
export interface Voice {
  /** Its id. */
  id: string;
  /** Its name. */
  name: string;
  /** What it speaks. */
  language?: string | undefined;
}

/** Hours of the largest format. */
const MAX_SPEECH_BYTES = 1024 * 1024 * 1024;
const MAX_LIST_BYTES = 4 * 1024 * 1024;

/**
 * Speaks a text.
 *
 * @example Usage
 * ```ts ignore
 * const { body } = await requestSpeech({ text: "Good morning" }, { provider, endpoints, source });
 * ```
 * @returns The speech; its bytes come as the server speaks.
 * @throws {TransportError} `invalid_request`, `not_entitled` where the plan has no speech,
 * `quota_exhausted`, `rate_limited`, `content_filter`, `unauthorized`, `network`.
 */
export async function requestSpeech(
  request: SpeechRequest,
  options: MediaOptions,
): Promise<Speech> {
  const { text, voice, language = "auto", codec = "mp3", sampleRate, bitRate, speed } = request;
  const length = [...text].length;
  if (text.trim() === "") refuse("speak", "the text is empty");
  if (length > MAX_SPEECH_CHARACTERS) {
    refuse("speak", `the text has ${length} characters, and ${MAX_SPEECH_CHARACTERS} is the most`);
  }
  if (speed !== undefined && !(speed >= 0.7 && speed <= 1.5)) {
    refuse("speak", "the speed must be from 0.7 to 1.5");
  }
  const api = await MediaApi.open(options);
  return await api.call({
    path: "/tts",
    accept: "audio/*",
    json: {
      text,
      language,
      voice_id: voice ?? api.settings.voices[0],
      output_format: {
        codec,
        ...(sampleRate === undefined ? {} : { sample_rate: sampleRate }),
        ...(bitRate === undefined ? {} : { bit_rate: bitRate }),
      },
      ...(speed === undefined ? {} : { speed }),
    },
  }, async (answer) => {
    const { response, mediaType, exchange } = answer;
    if (/^audio\/|^application\/octet-stream$/.test(mediaType)) {
      const body = watchBody(response, {
        what: "speech",
        exchange,
        limitBytes: MAX_SPEECH_BYTES,
      });
      return { kind: "answered", value: { body, mediaType } };
    }
    // It may be a failure under a success status, which says why.
    const told = mediaType === "application/json"
      ? await api.readJson(answer, MAX_LIST_BYTES)
      : undefined;
    return told?.kind === "failed" ? told : api.unexpected(answer);
  });
}

/** Lists the voices. Throws like {@linkcode requestSpeech}. */
export async function requestVoices(options: MediaOptions): Promise<Voice[]> {
  const api = await MediaApi.open(options);
  const body = await api.call(
    { method: "GET", path: "/tts/voices", accept: "application/json", isRepeatable: true },
    (answer) => api.readJson(answer, MAX_LIST_BYTES),
  );
  const rows: unknown[] = Array.isArray(body["voices"]) ? body["voices"] : [];
  return rows.flatMap((row) => {
    const id = isJsonObject(row) ? readText(row["voice_id"]) : undefined;
    if (id === undefined || !isJsonObject(row)) return [];
    return [{ id, name: readText(row["name"]) ?? id, language: readText(row["language"]) }];
  });
}
