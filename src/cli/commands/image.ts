/**
 * `grantway image`: draws and edits images.
 *
 * @module
 */

import type { Command } from "commander";
import { type GeneratedImage, MAX_IMAGES, requestImages } from "../../media/mod.ts";
import type { Invocation } from "../command.ts";
import type { Context } from "../context.ts";
import { withMediaAccount } from "../media/accounts.ts";
import { collect, readNumber, readPicture, readWords } from "../media/inputs.ts";
import { chooseOutput, type OutputFlags } from "../media/output_files.ts";

interface Options extends OutputFlags {
  model?: string;
  edit?: string[];
  n?: string;
  aspectRatio?: string;
  resolution?: string;
  quality?: string;
  provider?: string;
}

const EXAMPLE = 'grantway image "A cat in the rain"';
const MAX_PROMPT_BYTES = 256 * 1024;

/** Arguments and options. */
export function define(command: Command): void {
  command
    .argument("[prompt...]", 'what it shows, or what changes; "-" is what is piped in')
    .option("-o, --output <file>", 'file or folder; "-" is standard output')
    .option("-m, --model <model>", "grok-imagine-image or grok-imagine-image-quality")
    .option("--edit <file>", "picture to edit, a file or an https address; up to 3 times", collect)
    .option("--n <count>", `how many, 1 to ${MAX_IMAGES}`)
    .option("--aspect-ratio <ratio>", "width to height, like 16:9, or auto")
    .option("--resolution <resolution>", "1k or 2k")
    .option("--quality <quality>", "low, medium or high, where the model has the choice")
    .option("--force", "replace a file that is there")
    .option("--provider <provider>", "provider of this run")
    .addHelpText(
      "after",
      `
Without -o the file is named after the prompt; where standard output is piped
on, a single image goes there.

Examples:
  ${EXAMPLE}
  grantway image "A harbour at night" --n 4 --aspect-ratio 16:9 -o pictures/
  grantway image "Make it winter" --edit harbour.png -o winter.png`,
    );
}

/** `jpg` for `image/jpeg`. */
function extensionOf({ mediaType }: GeneratedImage): string {
  return mediaType === "image/jpeg" ? "jpg" : mediaType.slice("image/".length);
}

/** Runs it. */
export async function run(context: Context, command: Invocation): Promise<void> {
  const { output } = context;
  const options = command.opts<Options>();
  const { model, aspectRatio, resolution, quality } = options;
  const count = readNumber(options.n, "--n", { least: 1, most: MAX_IMAGES, isWhole: true }) ?? 1;
  const prompt = await readWords(context, command.args, {
    what: "prompt",
    example: EXAMPLE,
    limitBytes: MAX_PROMPT_BYTES,
  });
  const target = await chooseOutput(context, options, {
    text: prompt,
    fallback: "image",
    count,
    extensions: ["png", "jpg", "webp"],
  });
  const sources = await Promise.all((options.edit ?? []).map((name) => readPicture(context, name)));
  output.progress(sources.length === 0 ? "Drawing…" : "Editing…");
  const request = { prompt, model, count, aspectRatio, resolution, quality, sources };
  const result = await withMediaAccount(
    context,
    options.provider,
    (media) => requestImages(request, media),
  );
  output.progress("");
  for (const [index, image] of result.images.entries()) {
    const { mediaType, revisedPrompt } = image;
    const extension = extensionOf(image);
    const saved = await target.save(new Blob([image.bytes]).stream(), { extension, index });
    output.json({ type: "image", ...saved, mediaType, model: result.model, revisedPrompt });
    if (saved.file === null) continue;
    output.line(saved.file);
    const ending = /\.(\w+)$/.exec(saved.file)?.[1]?.toLowerCase().replace("jpeg", "jpg");
    if (ending !== extension) output.warn(`${saved.file} holds ${mediaType}`);
  }
  if (result.refused > 0) {
    output.warn(`Moderation held back ${result.refused} of ${count} images`);
  }
}
