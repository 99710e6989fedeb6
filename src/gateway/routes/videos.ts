/**
 * `/v1/videos…` in OpenAI's shape: a video is asked for, looked after, and fetched.
 *
 * The gateway keeps no record of them. Everything that it takes to go on with one is in its id, the
 * account that made it too.
 *
 * @module
 */

import { decodeBase64Url, encodeBase64Url } from "../../core/base64url.ts";
import { type ErrorCode, TransportError } from "../../core/errors.ts";
import {
  type MediaOptions,
  openVideo,
  requestVideo,
  submitVideo,
  type VideoStatus,
} from "../../media/mod.ts";
import { findProvider } from "../../providers/catalog.ts";
import { Refusal } from "../error_response.ts";
import { mediaOptions } from "../media_accounts.ts";
import { requireScope } from "../model_names.ts";
import type { Visit } from "../visit.ts";
import { ratioOf, readAddress, readPicture } from "./images.ts";
import {
  badRequest,
  callMedia,
  type MediaRoutes,
  passOn,
  readFields,
  readNumber,
  readText,
  resolveMedia,
} from "./media_request.ts";

const RATIOS = "16:9 9:16 1:1 4:3 3:4 3:2 2:3".split(" ");
const DEFAULT_SECONDS = 8;
const DEFAULT_SIZE = "848x480";
const ID = /^video_([\w-]{20,1000})$/;

/** What an id says. */
interface Ticket {
  /** Id of the provider. */
  provider: string;
  /** Id of the credential. */
  credential: string;
  /** The provider's id of the job. */
  id: string;
  model: string;
  seconds: number;
  size: string;
  /** Unix time, s. */
  createdAt: number;
}

function encodeTicket(ticket: Ticket): string {
  const { provider, credential, id, model, seconds, size, createdAt } = ticket;
  const text = JSON.stringify([provider, credential, id, model, seconds, size, createdAt]);
  return `video_${encodeBase64Url(new TextEncoder().encode(text))}`;
}

/** @throws {Refusal} For an id that is none of ours. */
function decodeTicket(id: string): Ticket {
  try {
    const bytes = decodeBase64Url(ID.exec(id)![1]!);
    const values: unknown = JSON.parse(new TextDecoder().decode(bytes));
    const [provider, credential, job, model, seconds, size, createdAt] = values as unknown[];
    const texts = [provider, credential, job, model, size];
    if (texts.every((text) => typeof text === "string" && /^[\w.:@+ /-]{1,200}$/.test(text))) {
      return {
        provider,
        credential,
        id: job,
        model,
        size,
        seconds: Number(seconds),
        createdAt: Number(createdAt),
      } as Ticket;
    }
  } catch {
    // Told below.
  }
  throw new Refusal(404, "not_found", "There is no video of that id");
}

/** `POST /v1/videos`. */
export async function createVideo(
  request: Request,
  visit: Visit,
  routes: MediaRoutes,
): Promise<Response> {
  const { values, files } = await readFields(request, visit, routes);
  const prompt = readText(values, "prompt") ?? badRequest('"prompt" is required');
  const size = readText(values, "size");
  const seconds = readNumber(values, "seconds");
  const [file] = files("input_reference");
  const reference = values["input_reference"];
  const image = file !== undefined
    ? await readPicture(file)
    : reference == null
    ? undefined
    : readAddress(reference);
  const call = resolveMedia(visit, readText(values, "model"), ({ videoModels }) => videoModels);
  const ticket = await callMedia(request, visit, routes, call, async (options) => {
    const job = await submitVideo({
      prompt,
      model: call.model,
      seconds,
      aspectRatio: ratioOf(size, RATIOS),
      resolution: resolutionOf(size),
      image,
    }, options);
    const { provider } = options;
    return {
      ...job,
      provider: provider.id,
      model: call.model ?? provider.media!.videoModels[0]!,
      seconds: seconds ?? DEFAULT_SECONDS,
      size: size ?? DEFAULT_SIZE,
      createdAt: Math.floor(routes.runtime.now() / 1000),
    };
  });
  return Response.json(describe(encodeTicket(ticket), ticket, { state: "pending" }));
}

function resolutionOf(size: string | undefined): string | undefined {
  if (size === undefined || size === "auto") return undefined;
  return Math.min(...size.split("x").map(Number)) < 720 ? "480p" : "720p";
}

/** The way to the account that made a video. */
async function open(
  request: Request,
  visit: Visit,
  { upstreams }: MediaRoutes,
  { provider: id, credential, model }: Ticket,
): Promise<MediaOptions> {
  const provider = findProvider(id);
  if (provider?.media === undefined) throw new Refusal(404, "not_found", "There is no such video");
  requireScope(visit.key!, { provider, model });
  visit.provider = provider.id;
  visit.model = model;
  const account = await upstreams.account(provider, credential);
  visit.accounts.push(account.id);
  return mediaOptions(account, { ...upstreams.runtime, signal: request.signal });
}

/** The id in the path of a request for one video. */
function idIn({ path }: Visit): string {
  return path.split("/")[3] ?? "";
}

/** `GET /v1/videos/{id}`. */
export async function video(
  request: Request,
  visit: Visit,
  routes: MediaRoutes,
): Promise<Response> {
  const id = idIn(visit);
  const ticket = decodeTicket(id);
  const options = await open(request, visit, routes, ticket);
  return Response.json(describe(id, ticket, await requestVideo(ticket, options)));
}

/** `GET /v1/videos/{id}/content`: the file, as it comes from the provider. */
export async function videoContent(
  request: Request,
  visit: Visit,
  routes: MediaRoutes,
): Promise<Response> {
  const ticket = decodeTicket(idIn(visit));
  const options = await open(request, visit, routes, ticket);
  const status = await requestVideo(ticket, options);
  if (status.state === "pending") {
    throw new Refusal(404, "not_found", "The video is not done yet", { retryable: true });
  }
  if (status.state !== "done") throw status.error;
  const { body, mediaType, size } = await openVideo(status, options);
  return passOn(request, visit, body, {
    "content-type": mediaType || "video/mp4",
    ...(size === undefined ? {} : { "content-length": String(size) }),
  });
}

/** Code of a failure -> what that API calls it. */
const CODES: Partial<Record<ErrorCode, string>> = {
  content_filter: "moderation_blocked",
  not_found: "expired",
};

function describe(id: string, ticket: Ticket, status: VideoStatus): Record<string, unknown> {
  const { model, seconds, size, createdAt } = ticket;
  const error = "error" in status ? status.error : undefined;
  const states = { pending: "in_progress", done: "completed" } as const;
  return {
    id,
    object: "video",
    model,
    status: status.state === "pending" || status.state === "done" ? states[status.state] : "failed",
    progress: status.state === "pending" ? status.progress ?? 0 : status.state === "done" ? 100 : 0,
    created_at: createdAt,
    completed_at: null,
    expires_at: null,
    seconds: String(status.state === "done" ? status.seconds ?? seconds : seconds),
    size,
    prompt: null,
    remixed_from_video_id: null,
    error: error instanceof TransportError
      ? { code: CODES[error.code] ?? error.code, message: error.message }
      : null,
  };
}
