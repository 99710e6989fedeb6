/**
 * The media models, with what a request to them is checked against.
 *
 * @module
 */

import { InvalidArgument } from "../errors.ts";

/** A model that draws. */
export interface ImageModel {
  id: string;
  aliases: readonly string[];
  /** Price of an image, US cents. */
  cents: number;
}

/** A model that films. */
export interface VideoModel {
  id: string;
  aliases: readonly string[];
  /** Price of a second, US cents. */
  cents: number;
  /** Whether a text alone will do. */
  takesTextAlone: boolean;
  resolutions: readonly string[];
}

/** Images; the default first. */
export const IMAGE_MODELS: readonly ImageModel[] = [
  { id: "grok-imagine-image", aliases: ["grok-imagine-image-2.0"], cents: 2 },
  // The alias is the name of one that was retired.
  {
    id: "grok-imagine-image-quality",
    aliases: ["grok-imagine-image-pro", "grok-imagine-image-quality-2.0"],
    cents: 7,
  },
];

/** Videos; the default first. */
export const VIDEO_MODELS: readonly VideoModel[] = [
  {
    id: "grok-imagine-video",
    aliases: [],
    cents: 5,
    takesTextAlone: true,
    resolutions: ["480p", "720p"],
  },
  {
    id: "grok-imagine-video-1.5",
    aliases: [],
    cents: 8,
    takesTextAlone: false,
    resolutions: ["480p", "720p", "1080p"],
  },
];

function find<T extends { id: string; aliases: readonly string[] }>(
  models: readonly T[],
  id: unknown,
): T {
  const model = models.find((model) =>
    model.id === id || model.aliases.some((name) => name === id)
  );
  if (model !== undefined) return model;
  throw new InvalidArgument(`The model ${String(id)} does not exist`, {
    status: 404,
    code: "Some requested entity was not found",
  });
}

/** The image model of that id, or a refusal. */
export function findImageModel(id: unknown): ImageModel {
  return find(IMAGE_MODELS, id);
}

/** The video model of that id, or a refusal. */
export function findVideoModel(id: unknown): VideoModel {
  return find(VIDEO_MODELS, id);
}
