/**
 * `grantway transcribe`: speech to text.
 *
 * @module
 */

import type { Command } from "commander";
import { formatSrt, formatVtt, requestTranscription, type Transcription } from "../../media/mod.ts";
import type { Invocation } from "../command.ts";
import type { Context } from "../context.ts";
import { UsageError } from "../exit_code.ts";
import { withMediaAccount } from "../media/accounts.ts";
import { collect, openRecording } from "../media/inputs.ts";
import { chooseOutput, type OutputFlags } from "../media/output_files.ts";

interface Options extends OutputFlags {
  format?: string;
  language?: string;
  figures?: boolean;
  diarize?: boolean;
  keyterm?: string[];
  provider?: string;
}

/** What a transcription can be written as. */
const FORMATS: Readonly<Record<string, (transcription: Transcription) => string>> = {
  text: ({ text }) => text === "" ? "" : `${text}\n`,
  json: (transcription) => `${JSON.stringify(describe(transcription), null, 2)}\n`,
  srt: formatSrt,
  vtt: formatVtt,
};

/** Arguments and options. */
export function define(command: Command): void {
  command
    .argument("<file>", 'recording: a file, an https address, or "-" for what is piped in')
    .option("--format <format>", `${Object.keys(FORMATS).join(", ")} (default: by -o, or text)`)
    .option("-o, --output <file>", "file to write it to")
    .option("--language <language>", "language, like en or de")
    .option("--figures", "write numbers in figures; needs --language")
    .option("--diarize", "tell speakers apart")
    .option("--keyterm <term>", "a word that may occur; several times for several", collect)
    .option("--force", "replace a file that is there")
    .option("--provider <provider>", "provider of this run")
    .addHelpText(
      "after",
      `
Takes wav, mp3, ogg, opus, flac, aac, mp4, m4a and mkv up to 500 MiB.

Examples:
  grantway transcribe meeting.m4a
  grantway transcribe talk.mp4 --format srt -o talk.srt
  grantway transcribe --json meeting.m4a | jq -r '.words[].text'
  arecord -d 5 | grantway transcribe -`,
    );
}

/** In seconds, as others who write such files have it. */
function describe({ text, language, durationMs, words }: Transcription): Record<string, unknown> {
  return {
    text,
    language,
    duration: durationMs / 1000,
    words: words.map(({ text, startMs, endMs, speaker }) => ({
      text,
      start: startMs / 1000,
      end: endMs / 1000,
      speaker,
    })),
  };
}

function formatOf({ format, output }: Options): keyof typeof FORMATS {
  const ending = /\.(\w+)$/.exec(output ?? "")?.[1]?.toLowerCase() ?? "";
  const name = format?.toLowerCase() ?? (Object.hasOwn(FORMATS, ending) ? ending : "text");
  if (Object.hasOwn(FORMATS, name)) return name;
  throw new UsageError(`Unknown format "${format}"`, `Formats: ${Object.keys(FORMATS).join(", ")}`);
}

/** Runs it. */
export async function run(context: Context, command: Invocation): Promise<void> {
  const { output } = context;
  const options = command.opts<Options>();
  const { language, figures, diarize, keyterm } = options;
  const format = formatOf(options);
  if (figures && language === undefined) {
    throw new UsageError("--figures needs a language", "Add --language, like --language en");
  }
  const source = command.args[0]!;
  const extension = format === "text" ? "txt" : format;
  const isStdout = options.output === undefined || options.output === "-";
  const target = isStdout ? undefined : await chooseOutput(context, options, {
    text: source.split(/[\\/]/).at(-1)!,
    fallback: "transcription",
    extensions: [extension],
  });
  const recording = await openRecording(context, source);
  output.progress("Transcribing…");
  const request = { recording, language, figures, diarize, keyterms: keyterm };
  const transcription = await withMediaAccount(
    context,
    options.provider,
    (media) => requestTranscription(request, media),
  );
  output.progress("");
  const text = FORMATS[format]!(transcription);
  const saved = await target?.save(new Blob([text]).stream(), { extension });
  output.json({ type: "transcription", ...describe(transcription), file: saved?.file ?? null });
  if (output.options.json) return;
  if (saved === undefined) output.text(text);
  else if (saved.file !== null) output.line(saved.file);
  if (transcription.text === "") output.note("Nothing was said");
}
