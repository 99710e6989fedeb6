/**
 * `/v1/images/…` in OpenAI's shape: new images, and edited ones.
 *
 * @module
 */

import { isJsonObject, type JsonObject } from "../../core/http.ts";
import { type GeneratedImage, MAX_PICTURE_BYTES, requestImages } from "../../media/mod.ts";
import type { PictureSource } from "../../media/mod.ts";
import type { Visit } from "../visit.ts";
import {
  badRequest,
  callMedia,
  type MediaFields,
  type MediaRoutes,
  readFields,
  readNumber,
  readText,
  resolveMedia,
} from "./media_request.ts";

const RATIOS = "1:1 16:9 9:16 4:3 3:4 3:2 2:3 2:1 1:2 19.5:9 9:19.5 20:9 9:20".split(" ");
/** Names of quality that mean one of the provider's. */
const QUALITIES: Readonly<Record<string, string | undefined>> = {
  standard: "medium",
  hd: "high",
  auto: undefined,
};

/** The nearest of some ratios to a size like `1536x1024`; `undefined` for `auto` and for none. */
export function ratioOf(size: string | undefined, ratios: readonly string[]): string | undefined {
  const match = /^(\d{1,5})x(\d{1,5})$/.exec(size ?? "");
  if (match === null) {
    return size === undefined || size === "auto"
      ? undefined
      : badRequest('"size" must be like 1024x1024');
  }
  const wanted = Math.log(Number(match[1]) / Number(match[2]));
  const distance = (ratio: string) => {
    const [across = 1, down = 1] = ratio.split(":").map(Number);
    return Math.abs(Math.log(across / down) - wanted);
  };
  return ratios.reduce((best, ratio) => distance(ratio) < distance(best) ? ratio : best);
}

/** `POST /v1/images/generations` and `POST /v1/images/edits`. */
export async function images(
  request: Request,
  visit: Visit,
  routes: MediaRoutes,
  kind: "generations" | "edits",
): Promise<Response> {
  const fields = await readFields(request, visit, routes);
  const { values, files } = fields;
  const prompt = readText(values, "prompt") ?? badRequest('"prompt" is required');
  if (values["mask"] != null || files("mask").length > 0) {
    badRequest('"mask" is not supported: say in the prompt what shall change');
  }
  if (values["stream"] === true || values["stream"] === "true") {
    badRequest("An image is not streamed");
  }
  const quality = readText(values, "quality");
  const sources = kind === "edits" ? await readSources(fields) : [];
  const call = resolveMedia(visit, readText(values, "model"), ({ imageModels }) => imageModels);
  const { images } = await callMedia(
    request,
    visit,
    routes,
    call,
    (options) =>
      requestImages({
        prompt,
        model: call.model,
        count: readNumber(values, "n"),
        aspectRatio: readText(values, "aspect_ratio") ?? ratioOf(readText(values, "size"), RATIOS),
        resolution: readText(values, "resolution"),
        quality: quality !== undefined && Object.hasOwn(QUALITIES, quality)
          ? QUALITIES[quality]
          : quality,
        sources,
      }, options),
  );
  const asUrl = values["response_format"] === "url";
  return Response.json({
    created: Math.floor(routes.runtime.now() / 1000),
    data: images.map((image) => describe(image, asUrl)),
  });
}

/** The provider's own addresses run out, and lie where clients need not go: a data URL lasts. */
function describe({ bytes, mediaType, revisedPrompt }: GeneratedImage, asUrl: boolean): JsonObject {
  const pieces: string[] = [];
  for (let at = 0; at < bytes.length; at += 0x8000) {
    pieces.push(String.fromCharCode(...bytes.subarray(at, at + 0x8000)));
  }
  const base64 = btoa(pieces.join(""));
  return {
    ...(asUrl ? { url: `data:${mediaType};base64,${base64}` } : { b64_json: base64 }),
    ...(revisedPrompt === undefined ? {} : { revised_prompt: revisedPrompt }),
  };
}

/** The pictures to edit: files of a form, or addresses in JSON. */
async function readSources({ values, files }: MediaFields): Promise<PictureSource[]> {
  const uploaded = await Promise.all(files("image").map(readPicture));
  const listed = [values["image"] ?? values["images"] ?? []].flat().map(readAddress);
  const sources = [...uploaded, ...listed];
  return sources.length > 0 ? sources : badRequest('"image" is required');
}

/** A picture of a form. */
export async function readPicture(file: File): Promise<PictureSource> {
  if (file.size > MAX_PICTURE_BYTES) {
    badRequest(`A picture is larger than ${MAX_PICTURE_BYTES / 2 ** 20} MiB`);
  }
  return { bytes: new Uint8Array(await file.arrayBuffer()) };
}

/** A picture of JSON: an address, bare or as `url` or `image_url`. */
export function readAddress(value: unknown): PictureSource {
  const url = isJsonObject(value) ? value["image_url"] ?? value["url"] : value;
  return typeof url === "string"
    ? { url }
    : badRequest("A picture is a file of a form, or an address");
}
