/**
 * The media of a chat: the account that makes them, and files in the working folder, which never take
 * the place of others.
 *
 * @module
 */

import type { MediaStudio, StudioContext } from "../../agent/tools/media.ts";
import {
  awaitVideo,
  type MediaOptions,
  openVideo,
  requestImages,
  requestSpeech,
  requestTranscription,
  submitVideo,
} from "../../media/mod.ts";
import type { Context } from "../context.ts";
import { withMediaAccount } from "../media/accounts.ts";
import { openRecording, readPicture } from "../media/inputs.ts";
import { chooseOutput, nameOf, type SavedFile } from "../media/output_files.ts";
import { describeJob, openVideoJobs } from "../media/video_jobs.ts";

/** A name of its own in the working folder. */
const HERE = "./";

/** Opens the studio. Nothing is asked for before it is used. */
export function openStudio(context: Context): MediaStudio {
  const withAccount = <T>(
    { signal }: StudioContext,
    run: (media: MediaOptions, provider: string) => Promise<T>,
  ) =>
    withMediaAccount(
      context,
      undefined,
      (media, account) => run({ ...media, signal }, account.provider.id),
    );
  const target = (text: string, fallback: string, count: number, extension: string) =>
    chooseOutput(context, { output: HERE }, { text, fallback, count, extensions: [extension] });
  const paths = (saved: readonly SavedFile[]) => saved.flatMap(({ file }) => file ?? []);
  return {
    speak: async (request, studio) => {
      const output = await target(request.text, "speech", 1, "mp3");
      return paths([
        await withAccount(studio, async (media) => {
          const { body } = await requestSpeech({ ...request, codec: "mp3" }, media);
          return await output.save(body, { extension: "mp3" });
        }),
      ]);
    },
    draw: async ({ prompt, count, aspectRatio, edit }, studio) => {
      const sources = await Promise.all(edit.map((path) => readPicture(context, path)));
      const { images } = await withAccount(
        studio,
        (media) => requestImages({ prompt, count, aspectRatio, sources }, media),
      );
      const output = await target(prompt, "image", images.length, "png");
      const saved: SavedFile[] = [];
      for (const [index, { bytes, mediaType }] of images.entries()) {
        const extension = mediaType === "image/jpeg" ? "jpg" : mediaType.slice("image/".length);
        saved.push(await output.save(new Blob([bytes]).stream(), { extension, index }));
      }
      return paths(saved);
    },
    film: async ({ prompt, seconds, image, references }, studio) => {
      const output = await target(prompt, "video", 1, "mp4");
      const request = {
        prompt,
        seconds,
        image: image === undefined ? undefined : await readPicture(context, image),
        references: await Promise.all(references.map((path) => readPicture(context, path))),
        idempotencyKey: crypto.randomUUID(),
      };
      const jobs = openVideoJobs(context);
      const { job, media } = await withAccount(studio, async (media, provider) => {
        const job = await submitVideo(request, media);
        const name = nameOf(prompt, "video");
        // Whoever cancels can go on with it: grantway video --resume.
        await jobs.add(await describeJob(context, job, { provider, prompt, name }));
        return { job, media };
      });
      const onProgress = (percent: number | undefined) =>
        studio.onProgress(percent === undefined ? "waiting" : `${percent} %`);
      const status = await awaitVideo(job, { ...media, onProgress });
      const { body } = await openVideo(status, media);
      const saved = await output.save(body, { extension: "mp4" });
      await jobs.remove(job.id);
      return paths([saved]);
    },
    transcribe: async (file, studio) => {
      const recording = await openRecording(context, file);
      const { text } = await withAccount(
        studio,
        (media) => requestTranscription({ recording }, media),
      );
      return text;
    },
  };
}
