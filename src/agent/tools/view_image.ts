/**
 * `view_image`: an image of the working folder, for a model that sees; for one that does not, what a
 * model that sees says of it.
 *
 * @module
 */

import type { ImageBlock } from "../../protocols/event.ts";
import { imageBlock, imageType, MAX_IMAGE_BYTES } from "../images.ts";
import { seesImages, type Target } from "../target.ts";
import { type AgentTool, errorOutput, readText, requireText } from "../tool.ts";
import { type FileAccess, openPath } from "./access.ts";

/** Who looks at images. */
export interface ViewImageOptions extends FileAccess {
  /** The model that asks. */
  target: () => Target;
  /** The model that looks where that one cannot; undefined where none can. */
  viewer: () => Promise<Target | undefined>;
}

/** Creates the tool. */
export function createViewImageTool(options: ViewImageOptions): AgentTool {
  return {
    name: "view_image",
    description: "Looks at an image file (PNG, JPEG, GIF, WebP).",
    parameters: {
      type: "object",
      properties: {
        path: { type: "string", description: "Path, relative to the working folder" },
        question: { type: "string", description: "What to look for" },
      },
      required: ["path"],
    },
    isParallel: true,
    describe: (input) => requireText(input, "path"),
    run: async (input, context) => {
      const name = requireText(input, "path");
      const question = readText(input, "question");
      const path = await openPath(options, name, context);
      const { workspace } = options;
      const info = await workspace.stat(path);
      if (info?.kind !== "file") return errorOutput(`${name} is no file`);
      if (info.size > MAX_IMAGE_BYTES) return errorOutput(`${name} is larger than 10 MiB`);
      const bytes = await workspace.read(path, { limitBytes: MAX_IMAGE_BYTES });
      const mediaType = imageType(bytes);
      if (mediaType === undefined) return errorOutput(`${name} is no PNG, JPEG, GIF or WebP image`);
      const image = imageBlock(mediaType, bytes);
      const summary = `${mediaType.slice(6)}, ${Math.ceil(info.size / 1024)} KiB`;
      if (seesImages(options.target())) return { content: [image], summary };
      const viewer = await options.viewer();
      if (viewer === undefined) return errorOutput("No model at hand can see images");
      const text = await describeImage(viewer, image, question, context.signal);
      return { content: [{ type: "text", text }], summary: `${summary}, seen by ${viewer.model}` };
    },
  };
}

/** What a model that sees says of an image. */
export async function describeImage(
  { transport, model }: Target,
  image: ImageBlock,
  question: string | undefined,
  signal: AbortSignal,
): Promise<string> {
  const text = question || "Describe this image precisely: what it shows, and every text in it.";
  const { content } = await transport.generate({
    model,
    messages: [{ role: "user", content: [image, { type: "text", text }] }],
    stream: false,
  }, { signal });
  return content.flatMap((block) => block.type === "text" ? [block.text] : []).join("");
}
