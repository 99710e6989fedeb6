/**
 * `grantway video`: films, and goes on with a video that is being made.
 *
 * @module
 */

import type { Command } from "commander";
import { GrantwayError } from "../../core/errors.ts";
import {
  awaitVideo,
  MAX_REFERENCES,
  MAX_VIDEO_SECONDS,
  type MediaOptions,
  openVideo,
  submitVideo,
} from "../../media/mod.ts";
import type { Invocation } from "../command.ts";
import type { Context } from "../context.ts";
import { UsageError } from "../exit_code.ts";
import { Interrupted } from "../interrupts.ts";
import { mediaAccount, withMediaAccount } from "../media/accounts.ts";
import { collect, readNumber, readPicture, readWords } from "../media/inputs.ts";
import {
  chooseOutput,
  nameOf,
  type OutputFlags,
  type OutputTarget,
  type SavedFile,
} from "../media/output_files.ts";
import { describeJob, openVideoJobs, type StoredJob, type VideoJobs } from "../media/video_jobs.ts";

interface Options extends OutputFlags {
  model?: string;
  image?: string;
  reference?: string[];
  seconds?: string;
  aspectRatio?: string;
  resolution?: string;
  timeout?: string;
  resume?: string;
  provider?: string;
}

const EXAMPLE = 'grantway video "Waves on a beach"';
const MAX_PROMPT_BYTES = 256 * 1024;
/** A download that breaks off is begun again this often. */
const MAX_DOWNLOADS = 3;
const DEFAULT_TIMEOUT_S = 600;

/** Arguments and options. */
export function define(command: Command): void {
  command
    .argument("[prompt...]", 'what it shows; "-" is what is piped in')
    .option("-o, --output <file>", 'file or folder; "-" is standard output')
    .option("-m, --model <model>", "grok-imagine-video or grok-imagine-video-1.5")
    .option("--image <file>", "first frame: a file or an https address")
    .option(
      "--reference <file>",
      `picture of what it shows, up to ${MAX_REFERENCES} times; <IMAGE_0> in the prompt`,
      collect,
    )
    .option("--seconds <count>", `length, 1 to ${MAX_VIDEO_SECONDS}`)
    .option("--aspect-ratio <ratio>", "width to height, like 16:9")
    .option("--resolution <resolution>", "480p, 720p or 1080p")
    .option("--resume <id>", "go on with a video that is being made")
    .option("--timeout <seconds>", `how long to wait (default: ${DEFAULT_TIMEOUT_S})`)
    .option("--force", "replace a file that is there")
    .option("--provider <provider>", "provider of this run")
    .addHelpText(
      "after",
      `
A video takes a minute or two. It goes on being made when this command ends, and
the account that asked for it can fetch it: --resume.

Examples:
  ${EXAMPLE}
  grantway video "<IMAGE_0> walks along <IMAGE_1>" --reference cat.png --reference beach.jpg
  grantway video "The camera moves closer" --image beach.png --seconds 6 -o closer.mp4
  grantway video --resume 5f0c2a9e-8d41-4c6c-9d5e-0d6c3b1f7a11`,
    );
}

/** Runs it. */
export async function run(context: Context, command: Invocation): Promise<void> {
  const options = command.opts<Options>();
  const timeoutMs = 1000 * (readNumber(options.timeout, "--timeout", {
    least: 1,
    most: 86_400,
    isWhole: true,
  }) ?? DEFAULT_TIMEOUT_S);
  const jobs = openVideoJobs(context);
  if (options.resume !== undefined) {
    if (command.args.length > 0) {
      throw new UsageError(
        "--resume takes no prompt",
        `Run: grantway video --resume ${options.resume}`,
      );
    }
    const job = await jobs.find(options.resume);
    const target = await targetOf(context, options, job.name);
    const media = await mediaAccount(context, job.provider, job.credential);
    return await finish(context, { job, media, jobs, target, timeoutMs });
  }
  const prompt = await readWords(context, command.args, {
    what: "prompt",
    example: EXAMPLE,
    limitBytes: MAX_PROMPT_BYTES,
  });
  const seconds = readNumber(options.seconds, "--seconds", {
    least: 1,
    most: MAX_VIDEO_SECONDS,
    isWhole: true,
  });
  const { model, aspectRatio, resolution, reference = [] } = options;
  if (options.image !== undefined && reference.length > 0) {
    throw new UsageError("--image and --reference exclude each other");
  }
  if (reference.length > MAX_REFERENCES) {
    throw new UsageError(`--reference can be given ${MAX_REFERENCES} times`);
  }
  const name = nameOf(prompt, "video");
  const target = await targetOf(context, options, name);
  const image = options.image && await readPicture(context, options.image);
  const references = await Promise.all(reference.map((file) => readPicture(context, file)));
  const request = {
    prompt,
    model,
    seconds,
    aspectRatio,
    resolution,
    image: image || undefined,
    references,
    // The same video, whichever account makes it in the end.
    idempotencyKey: crypto.randomUUID(),
  };
  const { job, media } = await withMediaAccount(
    context,
    options.provider,
    async (media, account) => {
      const job = await submitVideo(request, media);
      const provider = account.provider.id;
      const stored = await describeJob(context, job, { provider, prompt, name });
      await jobs.add(stored);
      return { job: stored, media };
    },
  );
  context.output.json({ type: "video_job", id: job.id, provider: job.provider });
  const resume = context.output.paintError("dim", resumeCommand(context, job));
  context.output.note(`If this ends early, go on with: ${resume}`);
  await finish(context, { job, media, jobs, target, timeoutMs });
}

function targetOf(context: Context, options: Options, name: string): Promise<OutputTarget> {
  return chooseOutput(context, options, {
    text: name,
    fallback: "video",
    extensions: ["mp4"],
  });
}

/** What it takes to go on with a video. */
interface Work {
  job: StoredJob;
  media: MediaOptions;
  jobs: VideoJobs;
  target: OutputTarget;
  timeoutMs: number;
}

function resumeCommand({ approvesItself }: Context, { id }: StoredJob): string {
  return `grantway video --resume ${id}${approvesItself ? " --sandbox" : ""}`;
}

/** Waits for a video and saves it; says how to go on where that does not come to an end. */
async function finish(context: Context, work: Work): Promise<void> {
  const { output } = context;
  const { job, jobs } = work;
  const resume = resumeCommand(context, job);
  try {
    const saved = await fetchVideo(context, work);
    output.progress("");
    output.json({ type: "video", id: job.id, ...saved });
    if (saved.file !== null) output.line(saved.file);
    await jobs.remove(job.id);
  } catch (error) {
    if (error instanceof Interrupted) {
      output.progress("");
      output.note(`The video is being made all the same. Go on with: ${resume}`);
      throw error;
    }
    if (!(error instanceof GrantwayError)) throw error;
    if (!error.retryable && error.code !== "storage_write") throw error;
    const { code, message, retryable, status } = error;
    const hint = `Go on with: ${resume}`;
    throw new GrantwayError(code, message, { cause: error, retryable, status, hint });
  }
}

async function fetchVideo(
  context: Context,
  { job, media, target, timeoutMs }: Work,
): Promise<SavedFile & { seconds: number | undefined; model: string | undefined }> {
  const { output, platform } = context;
  const begin = platform.now();
  output.progress("Filming…");
  const onProgress = (progress: number | undefined) => {
    output.json({ type: "video_progress", id: job.id, progress });
    const seconds = Math.round((platform.now() - begin) / 1000);
    output.progress(`Filming… ${progress === undefined ? "" : `${progress} %, `}${seconds} s`);
  };
  for (let downloads = 1;; downloads++) {
    const status = await awaitVideo(job, { ...media, timeoutMs, onProgress });
    output.progress("Downloading…");
    try {
      const { body } = await openVideo(status, media);
      const saved = await target.save(body, { extension: "mp4" });
      return { ...saved, seconds: status.seconds, model: status.model };
    } catch (error) {
      // Half of it is on its way to somebody already.
      const isOver = target.isStdout || downloads === MAX_DOWNLOADS ||
        !(error instanceof GrantwayError && error.code === "stream_interrupted");
      if (isOver) throw error;
      output.detail(`${error.message}; once more`);
    }
  }
}
