/**
 * Images: new ones, and edited ones.
 *
 * @see {@link https://docs.x.ai/docs | xAI, POST /v1/images/generations and /v1/images/edits}
 * @module
 */

import { TransportError } from "../core/errors.ts";
import { isJsonObject, type JsonObject, readBoundedBytes } from "../core/http.ts";
import { displayText } from "../core/redact.ts";
import { MediaApi, type MediaOptions, readText, refuse } from "./api.ts";
import { openResult } from "./download.ts";
import { encodePicture, fromBase64, type PictureSource, pictureTypeOf } from "./picture.ts";

/** What is to be drawn. */
export interface ImageRequest {
  /** What it shows; for an edit, what changes. */
  prompt: string;
  /** Model id. Default: the provider's first. */
  model?: string | undefined;
  /** How many, 1 to 10. Default: 1. */
  count?: number | undefined;
  /** Width to height, like `16:9`, or `auto`. Default: `1:1`. */
  aspectRatio?: string | undefined;
  /** `1k` or `2k`. Default: `1k`. */
  resolution?: string | undefined;
  /** `low`, `medium` or `high`, where the model has the choice. */
  quality?: string | undefined;
  /** Pictures to edit, up to 3; none: a new picture. */
  sources?: readonly PictureSource[] | undefined;
}

/** An image. */
export interface GeneratedImage {
  /** The file. */
  bytes: Uint8Array<ArrayBuffer>;
  /** Its media type. */
  mediaType: string;
  /** The prompt as the provider has rewritten it. */
  revisedPrompt?: string | undefined;
}

/** Images. */
export interface ImageResult {
  /** Those that moderation let pass. */
  images: GeneratedImage[];
  /** How many it held back. */
  refused: number;
  /** The model that drew them. */
  model: string;
}

/** The most images of one request. */
export const MAX_IMAGES = 10;
/** The most pictures of one edit. */
export const MAX_EDIT_SOURCES = 3;
const MAX_IMAGE_BYTES = 32 * 1024 * 1024;

/**
 * Draws images.
 *
 * @returns At least one image.
 * @throws {TransportError} `content_filter` where moderation held all of them back; else like
 * `requestSpeech`.
 */
export async function requestImages(
  request: ImageRequest,
  options: MediaOptions,
): Promise<ImageResult> {
  const { prompt, count = 1, sources = [], aspectRatio, resolution, quality } = request;
  if (prompt.trim() === "") refuse("draw", "the prompt is empty");
  if (!Number.isInteger(count) || count < 1 || count > MAX_IMAGES) {
    refuse("draw", `the number of images must be from 1 to ${MAX_IMAGES}`);
  }
  if (sources.length > MAX_EDIT_SOURCES) {
    refuse("edit", `${sources.length} pictures are too many, ${MAX_EDIT_SOURCES} is the most`);
  }
  const pictures = sources.map((source) => ({ ...encodePicture(source), type: "image_url" }));
  const api = await MediaApi.open(options);
  const model = request.model ?? api.settings.imageModels[0]!;
  const body = await api.call({
    path: pictures.length === 0 ? "/images/generations" : "/images/edits",
    accept: "application/json",
    json: {
      model,
      prompt,
      n: count,
      // An address of theirs runs out, and lies on another host.
      response_format: "b64_json",
      ...(aspectRatio === undefined ? {} : { aspect_ratio: aspectRatio }),
      ...(resolution === undefined ? {} : { resolution }),
      ...(quality === undefined ? {} : { quality }),
      ...(pictures.length === 0
        ? {}
        : pictures.length === 1
        ? { image: pictures[0] }
        : { images: pictures }),
    },
  }, (answer) => api.readJson(answer, count * MAX_IMAGE_BYTES));
  const rows: unknown[] = Array.isArray(body["data"]) ? body["data"] : [];
  const data = rows.filter(isJsonObject);
  const refused = data.filter((row) => row["respect_moderation"] === false).length;
  const images: GeneratedImage[] = [];
  for (const row of data) {
    if (row["respect_moderation"] !== false) images.push(await readImage(api, row));
  }
  if (images.length === 0) {
    throw refused > 0
      ? new TransportError(
        "content_filter",
        `Cannot draw with ${api.who}: its moderation held the image back`,
        { hint: "Write the prompt in other words" },
      )
      : new TransportError("upstream", `Cannot draw with ${api.who}: it sent no image`);
  }
  return { images, refused, model: displayText(readText(body["model"]) ?? model, 80) };
}

async function readImage(api: MediaApi, row: JsonObject): Promise<GeneratedImage> {
  const revisedPrompt = readText(row["revised_prompt"]);
  const text = readText(row["b64_json"]);
  const url = readText(row["url"]);
  let bytes: Uint8Array<ArrayBuffer> | undefined;
  if (text !== undefined) {
    bytes = fromBase64(text.replace(/^data:[^,]{0,80},/, ""));
  } else if (url !== undefined) {
    const { body } = await openResult(api, url, { what: "image", limitBytes: MAX_IMAGE_BYTES });
    bytes = await readBoundedBytes(body, MAX_IMAGE_BYTES);
  }
  const mediaType = bytes && pictureTypeOf(bytes);
  if (bytes === undefined || mediaType === undefined) {
    throw new TransportError("upstream", `Cannot draw with ${api.who}: it sent what is no image`);
  }
  return { bytes, mediaType, revisedPrompt };
}
