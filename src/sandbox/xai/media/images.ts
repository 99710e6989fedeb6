/**
 * Images: bands of a colour that the prompt leads to.
 *
 * @module
 */

import { stableHash } from "../../../core/hash.ts";
import { isJsonObject, type JsonObject } from "../../../core/http.ts";
import type { World } from "../../world.ts";
import { check, InvalidArgument } from "../errors.ts";
import { toBase64 } from "./bytes.ts";
import { answerJson, checkFields, oneOf, readJson, throwAsked } from "./caller.ts";
import { type Drawing, resultUrl } from "./files.ts";
import { findImageModel } from "./models.ts";
import { paint } from "./png.ts";

const RATIOS = [
  "1:1",
  "16:9",
  "9:16",
  "4:3",
  "3:4",
  "3:2",
  "2:3",
  "2:1",
  "1:2",
  "19.5:9",
  "9:19.5",
  "20:9",
  "9:20",
  "auto",
];
const FIELDS = [
  "model",
  "prompt",
  "n",
  "aspect_ratio",
  "resolution",
  "quality",
  "response_format",
  "user",
  "storage_options",
];
const MOST_SOURCES = 3;
const MOST_SOURCE_BYTES = 10 * 1024 * 1024;
/** How the files begin, base64. */
const MAGIC = /^data:image\/(?:png|jpe?g|webp);base64,(?:iVBORw0KGgo|\/9j\/|UklGR)/;
/** 1 US cent, in the unit of the bill. */
const CENT_TICKS = 100_000_000;

/** A picture that a request brings along: an address, a data URL, or the id of a file. */
export function checkSource(value: unknown, name: string): void {
  check(isJsonObject(value), `${name} must be an object with url or file_id`);
  const { url, file_id: file } = value;
  check((url === undefined) !== (file === undefined), `${name} takes either url or file_id`);
  if (url === undefined) return check(typeof file === "string", `${name}.file_id must be a string`);
  check(typeof url === "string", `${name}.url must be a string`);
  if (url.startsWith("https://") && URL.canParse(url)) return;
  if (!MAGIC.test(url.slice(0, 64))) {
    throw new InvalidArgument(
      `${name} must be an https URL, or a PNG, JPEG or WebP image as a data URL`,
      { code: "invalid_image" },
    );
  }
  check(url.length * 3 / 4 <= MOST_SOURCE_BYTES + 64, `${name} is larger than 10 MiB`);
}

/** Width and height, multiples of 16. */
function sizeOf(ratio: string, resolution: string): Pick<Drawing, "width" | "height"> {
  const [across = 1, down = 1] = ratio === "auto" ? [] : ratio.split(":").map(Number);
  const side = resolution === "2k" ? 2048 : 1024;
  const round = (pixels: number) => Math.round(pixels / 16) * 16;
  const stretch = Math.sqrt(across / down);
  return { width: round(side * stretch), height: round(side / stretch) };
}

/** Answers a request for new images, or for edited ones. */
export async function answerImages(
  world: World,
  request: Request,
  kind: "generations" | "edits",
): Promise<Response> {
  const body = await readJson(request);
  const isEdit = kind === "edits";
  checkFields(world, body, isEdit ? [...FIELDS, "image", "images"] : FIELDS);
  const model = findImageModel(body["model"]);
  const prompt = body["prompt"];
  check(typeof prompt === "string" && prompt.trim() !== "", "prompt is required");
  const count = oneOf(body, "n", Array.from({ length: 10 }, (_, index) => index + 1), 1);
  const ratio = oneOf(body, "aspect_ratio", RATIOS, "1:1");
  const resolution = oneOf(body, "resolution", ["1k", "2k"], "1k");
  oneOf(body, "quality", ["low", "medium", "high"], "medium");
  const asked = oneOf(body, "response_format", ["url", "b64_json"], "url");
  const sources = isEdit ? readSources(body) : [];
  throwAsked(prompt);

  const { imageOutcome, imageForm } = world.quirks;
  const isModerated = imageOutcome === "moderated" || prompt.includes("[moderated]");
  const form = imageForm === "asked" ? asked : imageForm;
  const drawings = Array.from({ length: imageOutcome === "none" ? 0 : count }, (_, index) => ({
    seed: isModerated
      ? "0"
      : stableHash(JSON.stringify([prompt, index, sources.map((url) => stableHash(url))])),
    ...sizeOf(ratio, resolution),
  }));
  const data = await Promise.all(drawings.map(async (drawing) => ({
    ...(form === "url"
      ? { url: resultUrl(world, request, drawing) }
      : { b64_json: toBase64(await paint(drawing.seed, drawing.width, drawing.height)) }),
    revised_prompt: "",
    respect_moderation: !isModerated,
    mime_type: "image/png",
  })));
  return answerJson({
    data,
    model: model.id,
    usage: { cost_in_usd_ticks: count * model.cents * CENT_TICKS },
  });
}

/** The pictures to edit. */
function readSources(body: JsonObject): string[] {
  const { image, images } = body;
  check((image === undefined) !== (images === undefined), "Either image or images is required");
  const sources = images ?? [image];
  check(Array.isArray(sources) && sources.length > 0, "images must be a list");
  check(sources.length <= MOST_SOURCES, `At most ${MOST_SOURCES} images can be edited at once`);
  return sources.map((source, index) => {
    checkSource(source, images === undefined ? "image" : `images[${index}]`);
    check(
      source.type === undefined || source.type === "image_url",
      "type of an image must be image_url",
    );
    return source.url ?? source.file_id;
  });
}
