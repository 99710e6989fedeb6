/**
 * Videos: a job is submitted, asked after until it is over, and downloaded. Whoever has the job can go
 * on with it at any time, with the credential that made it.
 *
 * @see {@link https://docs.x.ai/docs | xAI, POST /v1/videos/generations and GET /v1/videos/…}
 * @module
 */

import { TransportError } from "../core/errors.ts";
import { isJsonObject } from "../core/http.ts";
import { displayText } from "../core/redact.ts";
import { MediaApi, type MediaOptions, readNumber, readText, refuse } from "./api.ts";
import { type Download, openResult } from "./download.ts";
import { encodePicture, type PictureSource } from "./picture.ts";

/** What is to be filmed. */
export interface VideoRequest {
  /** What it shows. Reference pictures are `<IMAGE_0>`, `<IMAGE_1>` and so on in it. */
  prompt: string;
  /** Model id. Default: the provider's first. */
  model?: string | undefined;
  /** Length, whole seconds, 1 to 15. Default: the provider's. */
  seconds?: number | undefined;
  /** Width to height, like `16:9`. */
  aspectRatio?: string | undefined;
  /** `480p`, `720p` or `1080p`. */
  resolution?: string | undefined;
  /** The first frame; not together with references. */
  image?: PictureSource | undefined;
  /** Pictures of what it shows, up to 7. */
  references?: readonly PictureSource[] | undefined;
  /** A video to change as the prompt says, or to go on from; nothing else above applies then. */
  source?: { edit: VideoSource } | { extend: VideoSource; seconds?: number } | undefined;
  /** Where the provider puts the video, for teams that let it keep none. */
  uploadUrl?: string | undefined;
  /** Tells one job from another, so that a lost answer does not cost a second video. Default: random. */
  idempotencyKey?: string | undefined;
}

/** A video: an https URL that the provider fetches, or a file stored with the provider. */
export type VideoSource = { url: string } | { fileId: string };

/** A job. */
export interface VideoJob {
  /** The provider's id of it. */
  id: string;
  /** Id of the credential that made it: no other can ask for it. */
  credential: string;
}

/** What became of a job so far. */
export type VideoStatus =
  | {
    /** It is being made. */
    state: "pending";
    /** How far it is, percent, where the provider says so. */
    progress?: number | undefined;
  }
  | {
    /** It is there. */
    state: "done";
    /** Where, for a while; `undefined` where it was uploaded elsewhere. */
    url: string | undefined;
    /** Its length, s. */
    seconds?: number | undefined;
    /** The model that made it. */
    model?: string | undefined;
  }
  | {
    /** It will not be: failed, expired at the provider, or held back by moderation. */
    state: "failed" | "expired" | "refused";
    /** Why. */
    error: TransportError;
  };

/** How {@linkcode awaitVideo} waits. */
export interface AwaitVideoOptions extends MediaOptions {
  /** Between two questions, ms. Default: 5,000. */
  intervalMs?: number | undefined;
  /** The longest wait, ms. Default: 600,000. */
  timeoutMs?: number | undefined;
  /** Told how it stands, after each question that found it pending. */
  onProgress?: ((progress: number | undefined) => void) | undefined;
}

/** The most reference pictures of a video. */
export const MAX_REFERENCES = 7;
/** The longest video, s. */
export const MAX_VIDEO_SECONDS = 15;
const POLL_INTERVAL_MS = 5_000;
const WAIT_MS = 600_000;
/** Questions in a row that may fail for the moment: the job goes on all the same. */
const MAX_LOST_POLLS = 5;
const MAX_VIDEO_BYTES = 1024 * 1024 * 1024;
const MAX_ANSWER_BYTES = 1024 * 1024;

/**
 * Submits a video. It is paid for from here on: keep the job.
 *
 * @throws {TransportError} Like `requestSpeech`.
 */
export async function submitVideo(
  request: VideoRequest,
  options: MediaOptions,
): Promise<VideoJob> {
  const { prompt, seconds, image, references = [], source } = request;
  if (prompt.trim() === "") refuse("film", "the prompt is empty");
  if (image !== undefined && references.length > 0) {
    refuse("film", "a first frame and reference pictures exclude each other");
  }
  if (references.length > MAX_REFERENCES) {
    refuse("film", `${references.length} references are too many, ${MAX_REFERENCES} is the most`);
  }
  if (
    seconds !== undefined &&
    !(Number.isInteger(seconds) && seconds >= 1 && seconds <= MAX_VIDEO_SECONDS)
  ) {
    refuse("film", `the length must be from 1 to ${MAX_VIDEO_SECONDS} whole seconds`);
  }
  const kind = source === undefined ? "generations" : "edit" in source ? "edits" : "extensions";
  const shape = source !== undefined ? encodeSource(source) : {
    ...(seconds === undefined ? {} : { duration: seconds }),
    ...(request.aspectRatio === undefined ? {} : { aspect_ratio: request.aspectRatio }),
    ...(request.resolution === undefined ? {} : { resolution: request.resolution }),
    ...(image === undefined ? {} : { image: encodePicture(image) }),
    ...(references.length === 0 ? {} : { reference_images: references.map(encodePicture) }),
  };
  const api = await MediaApi.open(options);
  return await api.call({
    path: `/videos/${kind}`,
    accept: "application/json",
    headers: { "x-idempotency-key": request.idempotencyKey ?? crypto.randomUUID() },
    // The key makes sure that it is one video, however often it is asked for.
    isRepeatable: true,
    json: {
      model: request.model ?? api.settings.videoModels[0],
      prompt,
      ...shape,
      ...(request.uploadUrl === undefined ? {} : { output: { upload_url: request.uploadUrl } }),
    },
  }, async (answer) => {
    const read = await api.readJson(answer, MAX_ANSWER_BYTES);
    if (read.kind === "failed") return read;
    const id = readText(read.value["request_id"]);
    if (id === undefined || !/^[\w.:-]{1,200}$/.test(id)) {
      return api.failed(answer, { code: "upstream", message: "it named no job" });
    }
    return { kind: "answered", value: { id, credential: answer.token.credential.id } };
  });
}

function encodeSource(source: NonNullable<VideoRequest["source"]>): Record<string, unknown> {
  const video = "edit" in source ? source.edit : source.extend;
  return {
    video: "url" in video ? { url: video.url } : { file_id: video.fileId },
    ...("extend" in source && source.seconds !== undefined ? { duration: source.seconds } : {}),
  };
}

/**
 * Asks after a job once.
 *
 * @throws {TransportError} `not_found` for an unknown job, `invalid_request` where the source is another
 * credential's; else like `requestSpeech`.
 */
export async function requestVideo(job: VideoJob, options: MediaOptions): Promise<VideoStatus> {
  const api = await MediaApi.open(options);
  return await askAfter(api, job);
}

async function askAfter(api: MediaApi, { id, credential }: VideoJob): Promise<VideoStatus> {
  return await api.call({
    method: "GET",
    path: `/videos/${encodeURIComponent(id)}`,
    accept: "application/json",
    isRepeatable: true,
    credential,
  }, async (answer) => {
    const { response } = answer;
    // "Not yet" may have a body, an empty one, or none.
    if (response.status === 202 && answer.mediaType !== "application/json") {
      response.body?.cancel().catch(() => {});
      answer.exchange.close();
      return { kind: "answered", value: { state: "pending" } };
    }
    const read = await api.readJson(answer, MAX_ANSWER_BYTES);
    if (read.kind === "failed" && response.status !== 202) return read;
    const body = read.kind === "failed" ? {} : read.value;
    return { kind: "answered", value: readStatus(api, body) };
  });
}

function readStatus(api: MediaApi, body: Record<string, unknown>): VideoStatus {
  const { status, video, error } = body;
  switch (status) {
    case "done": {
      const { url, duration, respect_moderation: respects } = isJsonObject(video) ? video : {};
      if (respects === false) {
        return {
          state: "refused",
          error: new TransportError(
            "content_filter",
            `Cannot film with ${api.who}: its moderation held the video back`,
            { hint: "Write the prompt in other words" },
          ),
        };
      }
      return {
        state: "done",
        url: readText(url),
        seconds: readNumber(duration),
        model: readText(body["model"]),
      };
    }
    case "failed": {
      const { code, message } = api.judge(error);
      return {
        state: code === "content_filter" ? "refused" : "failed",
        error: new TransportError(code, `Cannot film with ${api.who}: ${message}`),
      };
    }
    case "expired":
      return {
        state: "expired",
        error: new TransportError("not_found", `Cannot film with ${api.who}: the job has expired`, {
          hint: "Ask for the video again",
        }),
      };
    default:
      // Whatever else it says, it is not over.
      return { state: "pending", progress: readNumber(body["progress"]) };
  }
}

/**
 * Waits for a job to be done.
 *
 * @throws {TransportError} Why it never will be, or `timeout`; the job goes on then.
 * @throws The signal's reason, unchanged, when the caller cancels; the job goes on then.
 */
export async function awaitVideo(
  job: VideoJob,
  options: AwaitVideoOptions,
): Promise<Extract<VideoStatus, { state: "done" }>> {
  const { intervalMs = POLL_INTERVAL_MS, timeoutMs = WAIT_MS, onProgress = () => {} } = options;
  const api = await MediaApi.open(options);
  const { now, sleep, signal } = api.runtime;
  const end = now() + timeoutMs;
  for (let lost = 0;;) {
    let delayMs = intervalMs;
    let status: VideoStatus | undefined;
    try {
      status = await askAfter(api, job);
      lost = 0;
    } catch (error) {
      const isPassing = error instanceof TransportError && error.retryable &&
        ++lost <= MAX_LOST_POLLS;
      if (!isPassing) throw error;
      delayMs = Math.max(intervalMs, error.retryAfterMs ?? 0);
    }
    if (status?.state === "done") return status;
    if (status?.state === "pending") onProgress(status.progress);
    else if (status !== undefined) throw status.error;
    if (now() + delayMs > end) {
      throw new TransportError(
        "timeout",
        `Cannot wait for the video any longer: it is not done after ${
          Math.round(timeoutMs / 60_000)
        } min`,
        { retryable: true },
      );
    }
    await sleep(delayMs, signal);
  }
}

/**
 * Downloads a video that is done.
 *
 * @throws {TransportError} `not_found` where its address has run out (ask after the job again),
 * `upstream` where that is not the provider's.
 */
export async function openVideo(
  status: Extract<VideoStatus, { state: "done" }>,
  options: MediaOptions,
): Promise<Download> {
  const api = await MediaApi.open(options);
  if (status.url === undefined) {
    throw new TransportError(
      "upstream",
      `Cannot download the video: ${displayText(api.who, 80)} named no address for it`,
    );
  }
  return await openResult(api, status.url, { what: "video", limitBytes: MAX_VIDEO_BYTES });
}
