/**
 * `grantway speak`: text to speech.
 *
 * @module
 */

import type { Command } from "commander";
import {
  MAX_SPEECH_CHARACTERS,
  requestSpeech,
  requestVoices,
  SPEECH_CODECS,
  type SpeechCodec,
} from "../../media/mod.ts";
import type { Invocation } from "../command.ts";
import type { Context } from "../context.ts";
import { UsageError } from "../exit_code.ts";
import { withMediaAccount } from "../media/accounts.ts";
import { readNumber, readWords } from "../media/inputs.ts";
import { chooseOutput, type OutputFlags } from "../media/output_files.ts";
import { withNameHint } from "../refused_name.ts";

interface Options extends OutputFlags {
  voice?: string;
  format?: string;
  language?: string;
  speed?: string;
  sampleRate?: string;
  listVoices?: boolean;
  provider?: string;
}

const EXAMPLE = 'grantway speak "Good morning"';
const VOICES_HINT = "Which voices there are: grantway speak --list-voices";
/** The longest text, in the longest characters. */
const MAX_INPUT_BYTES = MAX_SPEECH_CHARACTERS * 4;
/** Codec -> what such files are called. */
const EXTENSIONS: Readonly<Record<SpeechCodec, string>> = {
  mp3: "mp3",
  wav: "wav",
  pcm: "pcm",
  mulaw: "ulaw",
  alaw: "alaw",
};

/** Arguments and options. */
export function define(command: Command): void {
  command
    .argument("[text...]", 'what to say; "-" is what is piped in')
    .option("-o, --output <file>", 'file or folder; "-" is standard output')
    .option("--voice <voice>", "voice (see --list-voices)")
    .option(
      "--format <format>",
      `${SPEECH_CODECS.join(", ")} (default: by the file's name, or mp3)`,
    )
    .option("--language <language>", "language of the text, like en or pt-BR (default: auto)")
    .option("--speed <factor>", "0.7 to 1.5")
    .option("--sample-rate <hertz>", "8000 to 48000 (default: 24000)")
    .option("--list-voices", "list the voices")
    .option("--force", "replace a file that is there")
    .option("--provider <provider>", "provider of this run")
    .addHelpText(
      "after",
      `
Without -o the file is named after the text; where standard output is piped on,
the speech goes there. Marks like [laugh], [pause] and <whisper>…</whisper> are
acted, not said.

Examples:
  ${EXAMPLE}
  grantway speak --voice leo -o notes.wav - < notes.txt
  grantway speak "It is done" | mpv -`,
    );
}

/** The codec of a flag, else of a file's name, else MP3. */
function codecOf({ format, output }: Options): SpeechCodec {
  if (format !== undefined) {
    const codec = SPEECH_CODECS.find((codec) => codec === format.toLowerCase());
    if (codec !== undefined) return codec;
    throw new UsageError(`Unknown format "${format}"`, `Formats: ${SPEECH_CODECS.join(", ")}`);
  }
  const ending = /\.([a-z0-9]+)$/i.exec(output ?? "")?.[1]?.toLowerCase();
  return SPEECH_CODECS.find((codec) => EXTENSIONS[codec] === ending || codec === ending) ?? "mp3";
}

/** Runs it. */
export async function run(context: Context, command: Invocation): Promise<void> {
  const { output } = context;
  const options = command.opts<Options>();
  if (options.listVoices) return await listVoices(context, options.provider);
  const codec = codecOf(options);
  const extension = EXTENSIONS[codec];
  const speed = readNumber(options.speed, "--speed", { least: 0.7, most: 1.5 });
  const sampleRate = readNumber(options.sampleRate, "--sample-rate", {
    least: 8_000,
    most: 48_000,
    isWhole: true,
  });
  const text = await readWords(context, command.args, {
    what: "text",
    example: EXAMPLE,
    limitBytes: MAX_INPUT_BYTES,
  });
  const target = await chooseOutput(context, options, {
    text,
    fallback: "speech",
    extensions: [extension],
  });
  output.progress("Speaking…");
  const { voice, language } = options;
  const request = { text, voice, language, speed, sampleRate, codec };
  const saved = await withMediaAccount(context, options.provider, async (media, account) => {
    const { body, mediaType } = await requestSpeech(request, media).catch((error) => {
      throw voice === undefined ? error : withNameHint(error, VOICES_HINT);
    });
    return { ...await target.save(body, { extension }), mediaType, provider: account.provider.id };
  });
  output.progress("");
  output.json({ type: "speech", ...saved });
  if (saved.file !== null) output.line(saved.file);
}

async function listVoices(context: Context, provider: string | undefined): Promise<void> {
  const voices = await withMediaAccount(context, provider, (media) => requestVoices(media));
  context.output.json({ type: "voices", voices });
  const width = Math.max(0, ...voices.map(({ id }) => id.length));
  for (const { id, name, language } of voices) {
    context.output.line(`${id.padEnd(width)}  ${name}${language ? `, ${language}` : ""}`);
  }
}
