/**
 * Videos: a job that takes its time, and then is done, failed or expired.
 *
 * @module
 */

import { stableHash } from "../../../core/hash.ts";
import { isJsonObject, type JsonObject } from "../../../core/http.ts";
import type { StoredVideo } from "../../state.ts";
import type { World } from "../../world.ts";
import { check, InvalidArgument } from "../errors.ts";
import { answerJson, checkFields, oneOf, readJson, throwAsked } from "./caller.ts";
import { resultUrl } from "./files.ts";
import { checkSource } from "./images.ts";
import { findVideoModel } from "./models.ts";
import { VOICES } from "./speech.ts";

/** What a video is made from. */
export type VideoKind = "generations" | "edits" | "extensions";

const RATIOS = ["16:9", "9:16", "1:1", "4:3", "3:4", "3:2", "2:3"];
const HEIGHTS: Readonly<Record<string, number>> = { "480p": 480, "720p": 720, "1080p": 1080 };
const COMMON = ["model", "prompt", "user", "storage_options", "output"];
const FIELDS: Readonly<Record<VideoKind, readonly string[]>> = {
  generations: [
    ...COMMON,
    "duration",
    "aspect_ratio",
    "resolution",
    "image",
    "reference_images",
    "reference_audios",
  ],
  edits: [...COMMON, "video"],
  extensions: [...COMMON, "video", "duration"],
};
const MOST_REFERENCES = 7;
const MOST_VOICES = 3;
/** Jobs that are remembered. */
const MOST_JOBS = 100;
const CENT_TICKS = 100_000_000;
const OUTCOMES = ["failed", "expired", "moderated"] as const;

/** Starts a video. */
export async function startVideo(
  world: World,
  request: Request,
  owner: string,
  kind: VideoKind,
): Promise<Response> {
  const body = await readJson(request);
  const shape = readShape(world, body, kind);
  const ownerHash = stableHash(owner);
  const key = request.headers.get("x-idempotency-key");
  const keyHash = key === null ? null : stableHash(`${owner} ${key}`);
  const videos = world.state.videos ??= [];
  // The same key is the same job: a client that has lost the answer asks once more.
  const earlier = videos.find((video) => keyHash !== null && video.keyHash === keyHash);
  if (earlier !== undefined) return answerJson({ request_id: earlier.id });

  const prompt = String(body["prompt"]);
  const asked = OUTCOMES.find((outcome) => prompt.includes(`[${outcome}]`));
  const video: StoredVideo = {
    id: crypto.randomUUID(),
    owner: ownerHash,
    keyHash,
    createdAt: world.now(),
    outcome: asked ?? world.quirks.videoOutcome,
    seed: stableHash(JSON.stringify([kind, prompt])),
    ...shape,
  };
  videos.push(video);
  videos.splice(0, videos.length - MOST_JOBS);
  world.counters.videos++;
  world.changed();
  return answerJson({ request_id: video.id });
}

function readShape(
  world: World,
  body: JsonObject,
  kind: VideoKind,
): Pick<StoredVideo, "model" | "width" | "height" | "seconds"> {
  checkFields(world, body, FIELDS[kind]);
  const model = findVideoModel(body["model"]);
  const prompt = body["prompt"];
  check(typeof prompt === "string" && prompt.trim() !== "", "prompt is required");
  const { output } = body;
  const uploadUrl = isJsonObject(output) ? output["upload_url"] : undefined;
  check(
    !world.quirks.uploadUrlRequired || typeof uploadUrl === "string",
    "Teams with zero data retention must set output.upload_url",
  );
  throwAsked(prompt);
  if (kind !== "generations") {
    const { video } = body;
    if (!isJsonObject(video) || typeof (video["url"] ?? video["file_id"]) !== "string") {
      throw new InvalidArgument("video must be an object with url or file_id", { status: 422 });
    }
    const seconds = kind === "edits" ? 5 : readDuration(body, 2, 10, 6);
    return { model: model.id, width: 848, height: 480, seconds };
  }
  const { image, reference_images: references, reference_audios: voices } = body;
  check(image === undefined || references === undefined, "image excludes reference_images");
  if (image !== undefined) checkSource(image, "image");
  if (references !== undefined) {
    check(Array.isArray(references) && references.length > 0, "reference_images must be a list");
    check(
      references.length <= MOST_REFERENCES,
      `reference_images takes at most ${MOST_REFERENCES} images`,
    );
    references.forEach((source, index) => checkSource(source, `reference_images[${index}]`));
  }
  if (voices !== undefined) checkVoices(voices);
  const isTextAlone = image === undefined && references === undefined;
  check(!isTextAlone || model.takesTextAlone, `${model.id} needs an image`);
  const resolution = oneOf(body, "resolution", Object.keys(HEIGHTS), "480p");
  check(
    model.resolutions.includes(resolution) &&
      !(resolution === "1080p" && references !== undefined),
    `resolution ${resolution} is not available for this request`,
  );
  const [across = 16, down = 9] = oneOf(body, "aspect_ratio", RATIOS, "16:9").split(":").map(
    Number,
  );
  const short = HEIGHTS[resolution]!;
  const long = Math.round(short * Math.max(across, down) / Math.min(across, down) / 8) * 8;
  return {
    model: model.id,
    width: across >= down ? long : short,
    height: across >= down ? short : long,
    seconds: readDuration(body, 1, references === undefined ? 15 : 10, 8),
  };
}

function readDuration(body: JsonObject, least: number, most: number, initial: number): number {
  const { duration = initial } = body;
  check(
    Number.isInteger(duration) && (duration as number) >= least && (duration as number) <= most,
    `duration must be a whole number from ${least} to ${most}`,
  );
  return duration as number;
}

function checkVoices(voices: unknown): void {
  check(Array.isArray(voices) && voices.length <= MOST_VOICES, "reference_audios takes 3 at most");
  const roster = VOICES.map(({ voice_id }) => voice_id);
  for (const voice of voices) {
    check(
      isJsonObject(voice) && roster.some((id) => id === voice["voice_id"]),
      `Unknown voice; the voices are ${roster.join(", ")}`,
    );
  }
}

/** Answers a poll. */
export function pollVideo(
  world: World,
  request: Request,
  owner: string,
  id: string,
): Promise<Response> {
  const video = world.state.videos?.find((video) => video.id === id);
  // Another account's job is none.
  if (video === undefined || video.owner !== stableHash(owner)) {
    throw new InvalidArgument("The request id does not exist", { status: 404, code: "not-found" });
  }
  return Promise.resolve(describe(world, request, video));
}

function describe(world: World, request: Request, video: StoredVideo): Response {
  const { videoRenderMs, videoPending } = world.quirks;
  const { outcome, model, seed, width, height, seconds } = video;
  const passed = (world.now() - video.createdAt) / Math.max(1, videoRenderMs);
  if (passed < 1) {
    if (outcome === "odd") return answerJson({ status: "warming_up" });
    if (videoPending === "202_empty") return new Response(null, { status: 202 });
    const progress = Math.min(99, Math.floor(passed * 100));
    return answerJson({ status: "pending", progress }, videoPending === "200" ? 200 : 202);
  }
  switch (outcome) {
    case "failed":
      return answerJson({
        status: "failed",
        error: { code: "internal_error", message: "The video could not be generated" },
      });
    case "expired":
      return answerJson({ status: "expired" });
    default: {
      const isModerated = outcome === "moderated";
      return answerJson({
        status: "done",
        progress: 100,
        video: {
          url: isModerated ? "" : resultUrl(world, request, { seed, width, height, seconds }),
          duration: seconds,
          respect_moderation: !isModerated,
        },
        model,
        usage: { cost_in_usd_ticks: seconds * 5 * CENT_TICKS },
      });
    }
  }
}
