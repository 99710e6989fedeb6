/**
 * Text to speech: a tone per word.
 *
 * @module
 */

import { isJsonObject, type JsonObject } from "../../../core/http.ts";
import { failureResponse } from "../../faults.ts";
import type { World } from "../../world.ts";
import { check, InvalidArgument, requestHeaders } from "../errors.ts";
import { type Codec, MEDIA_TYPES, speak, type SpeechForm } from "./audio.ts";
import { toBase64 } from "./bytes.ts";
import { answerJson, checkFields, oneOf, readJson, throwAsked } from "./caller.ts";
import { fileResponse } from "./files.ts";

const MOST_CHARACTERS = 15_000;
const CODECS = ["mp3", "wav", "pcm", "mulaw", "alaw"] as const satisfies Codec[];
const SAMPLE_RATES = [8_000, 16_000, 22_050, 24_000, 44_100, 48_000];
const BIT_RATES = [32_000, 64_000, 96_000, 128_000, 192_000];
const FIELDS = [
  "text",
  "language",
  "voice_id",
  "output_format",
  "speed",
  "optimize_streaming_latency",
  "text_normalization",
  "with_timestamps",
  "replace",
];
/** What is heard, not said. */
const TAGS = /\[[a-z-]+\]|<\/?[a-z-]+>/g;
const SECONDS_PER_WORD = 0.3;
/** A longer text is spoken faster: nobody listens. */
const MOST_SECONDS = 60;

/** The voices that everyone may use. */
export const VOICES = ["ara", "eve", "leo", "rex", "sal"].map((id) => ({
  voice_id: id,
  name: id.charAt(0).toUpperCase() + id.slice(1),
  language: "multilingual",
}));

/** An `output_format`. */
function readForm(value: unknown): SpeechForm {
  check(value === undefined || isJsonObject(value), "output_format must be an object");
  const format: JsonObject = value ?? {};
  const codec: Codec = oneOf(format, "codec", CODECS, "mp3");
  check(
    codec === "mp3" || format["bit_rate"] === undefined,
    "bit_rate is for the codec mp3 only",
  );
  return {
    codec,
    sampleRate: oneOf(format, "sample_rate", SAMPLE_RATES, 24_000),
    bitRate: oneOf(format, "bit_rate", BIT_RATES, 128_000),
  };
}

/** Answers a request to speak. */
export async function answerSpeech(world: World, request: Request): Promise<Response> {
  const body = await readJson(request);
  checkFields(world, body, FIELDS);
  const { text, language, voice_id: voice = "eve", speed = 1 } = body;
  check(typeof text === "string" && text.trim() !== "", "text is required");
  check([...text].length <= MOST_CHARACTERS, "text must be at most 15000 characters");
  check(
    typeof language === "string" && /^(auto|[a-z]{2,3}(-[A-Za-z0-9]{2,8})*)$/.test(language),
    "language is required: a BCP-47 code or auto",
  );
  check(typeof voice === "string", "voice_id must be a string");
  const isCustom = /^voice_\w{4,}$/.test(voice);
  if (!isCustom && !VOICES.some(({ voice_id }) => voice_id === voice.toLowerCase())) {
    throw new InvalidArgument(`Voice ${voice} was not found`, { status: 404, code: "not-found" });
  }
  check(
    typeof speed === "number" && speed >= 0.7 && speed <= 1.5,
    "speed must be between 0.7 and 1.5",
  );
  oneOf(body, "optimize_streaming_latency", [0, 1, 2], 0);
  throwAsked(text);
  const form = readForm(body["output_format"]);

  const said = text.replace(TAGS, " ").replace(/\s+/g, " ").trim();
  const seconds = Math.max(1, said.split(" ").length) * SECONDS_PER_WORD / speed;
  const duration = Math.min(seconds, MOST_SECONDS);
  const audio = speak(said, duration, form);
  const type = MEDIA_TYPES[form.codec];
  if (world.quirks.speechFile === "html") return await failureResponse("html", request);
  if (body["with_timestamps"] === true) {
    const characters = [...said];
    return answerJson({
      audio: toBase64(audio),
      content_type: type,
      duration,
      audio_timestamps: {
        graph_chars: characters,
        graph_times: characters.map((_, index) =>
          [index, index + 1].map((at) => at * duration / characters.length)
        ),
      },
    });
  }
  return fileResponse(audio, type, world.quirks.speechFile, {
    ...requestHeaders(),
    "x-trace-id": crypto.randomUUID(),
  });
}
