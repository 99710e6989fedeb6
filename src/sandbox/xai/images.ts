/**
 * Which images xAI takes.
 *
 * @module
 */

import type { JsonObject } from "../../core/http.ts";
import { check, InvalidArgument } from "./errors.ts";
import type { XaiModel } from "./models.ts";

const MOST_BYTES = 20 * 1024 * 1024;
const DETAILS = [undefined, null, "low", "high", "auto"];
const DATA_URL = /^data:(image\/[a-z+]+);base64,([A-Za-z0-9+/]+={0,2})$/;

/** Media type -> how its bytes begin, base64. */
const MAGIC: ReadonlyMap<string, RegExp> = new Map([
  ["image/png", /^iVBORw0KGgo/],
  ["image/jpeg", /^\/9j\//],
  ["image/jpg", /^\/9j\//],
  ["image/webp", /^UklGR/],
]);

function refuse(message: string): never {
  throw new InvalidArgument(message, { code: "invalid_image" });
}

/** Checks an `input_image` part. Its bytes are judged by how they begin and by their number. */
export function checkImage(part: JsonObject, model: XaiModel): void {
  check(DETAILS.some((detail) => detail === part["detail"]), "detail must be low, high or auto");
  if (typeof part["file_id"] === "string" && part["image_url"] === undefined) return;
  const url = part["image_url"];
  check(typeof url === "string", "image_url must be a string");
  if (url.startsWith("https://") && URL.canParse(url)) return;
  // A pattern over megabytes is slow: the head is enough for all but the alphabet.
  const comma = url.indexOf(",");
  const [, type = "", start = ""] = DATA_URL.exec(url.slice(0, comma + 33).replace(/=+$/, "")) ??
    [];
  const magic = MAGIC.get(type);
  if (magic === undefined) refuse("The image must be an https URL, or a JPEG or PNG as a data URL");
  if (type === "image/webp" && !model.isNewest) {
    refuse(`WebP images are not supported on this model: ${model.id}`);
  }
  if (!magic.test(start)) refuse("The image could not be read");
  if ((url.length - comma - 1) * 3 / 4 > MOST_BYTES) refuse("The image is larger than 20 MiB");
}
