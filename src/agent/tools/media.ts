/**
 * `text_to_speech`, `transcribe`, `image_generate` and `video_generate`: what the subscription makes
 * besides text. Who makes it and where it is kept is the caller's.
 *
 * @module
 */

import { type AgentTool, readCount, readText, requireText, ToolInputError } from "../tool.ts";
import type { JsonObject } from "../../core/http.ts";
import { type FileAccess, openPath } from "./access.ts";

/** What a call runs with. */
export interface StudioContext {
  /** Cancels it. */
  signal: AbortSignal;
  /** Tells how far it is, a few words. */
  onProgress: (text: string) => void;
}

/** Makes media; each resolves to the paths of the files that were made. Files are absolute paths. */
export interface MediaStudio {
  /** Speaks. */
  speak(request: { text: string; voice?: string }, context: StudioContext): Promise<string[]>;
  /** Draws, or edits pictures. */
  draw(
    request: { prompt: string; count: number; aspectRatio?: string; edit: string[] },
    context: StudioContext,
  ): Promise<string[]>;
  /** Films. */
  film(
    request: { prompt: string; seconds?: number; image?: string; references: string[] },
    context: StudioContext,
  ): Promise<string[]>;
  /** Writes down a recording; resolves to its text. */
  transcribe(file: string, context: StudioContext): Promise<string>;
}

const text = (description: string) => ({ type: "string", description });
const texts = (description: string) => ({ type: "array", items: { type: "string" }, description });

/** The tools over a studio, by the toolset that they belong to. */
export function createMediaTools(
  studio: MediaStudio,
  access: FileAccess,
): Record<"tts" | "transcription" | "image_gen" | "video_gen", AgentTool> {
  const files = async (
    input: JsonObject,
    name: string,
    context: Parameters<AgentTool["run"]>[1],
  ): Promise<string[]> => {
    const value = input[name] ?? [];
    if (!Array.isArray(value) || value.some((item) => typeof item !== "string")) {
      throw new ToolInputError(`${name} must be a list of paths`);
    }
    return await Promise.all(value.map((path: string) => openPath(access, path, context)));
  };
  /** A tool that spends and makes a file: it asks first. */
  const making = (
    tool: Pick<AgentTool, "name" | "description" | "parameters">,
    subject: string,
    make: (input: JsonObject, context: Parameters<AgentTool["run"]>[1]) => Promise<string[]>,
  ): AgentTool => ({
    ...tool,
    isParallel: false,
    describe: (input) => requireText(input, subject),
    run: async (input, context) => {
      const approval = await context.approve(requireText(input, subject));
      if (!approval.isApproved) {
        return {
          content: [{ type: "text", text: `Not made: ${approval.reason}` }],
          isError: true,
          summary: "not made",
        };
      }
      context.onProgress("waiting");
      const made = await make(input, context);
      return {
        content: [{ type: "text", text: `Made ${made.join(", ")}` }],
        summary: made.join(", "),
      };
    },
  });
  return {
    tts: making(
      {
        name: "text_to_speech",
        description: "Speaks a text and saves it as an MP3 file in the working folder.",
        parameters: {
          type: "object",
          properties: { text: text("What to say"), voice: text("Voice. Default: the first") },
          required: ["text"],
        },
      },
      "text",
      (input, context) => {
        const voice = readText(input, "voice");
        return studio.speak({
          text: requireText(input, "text"),
          ...(voice === undefined ? {} : { voice }),
        }, context);
      },
    ),
    transcription: {
      name: "transcribe",
      description: "Writes down a recording: an audio or video file of the working folder.",
      parameters: {
        type: "object",
        properties: { path: text("Path, relative to the working folder") },
        required: ["path"],
      },
      isParallel: true,
      describe: (input) => requireText(input, "path"),
      run: async (input, context) => {
        const path = await openPath(access, requireText(input, "path"), context);
        const said = await studio.transcribe(path, context);
        const words = said.split(/\s+/).filter((word) => word !== "").length;
        return {
          content: [{ type: "text", text: said || "(nothing was said)" }],
          summary: words === 1 ? "1 word" : `${words} words`,
        };
      },
    },
    image_gen: making(
      {
        name: "image_generate",
        description: "Draws an image, or edits images, and saves it in the working folder.",
        parameters: {
          type: "object",
          properties: {
            prompt: text("What it shows, or what changes"),
            count: { type: "integer", description: "How many, 1 to 4. Default: 1" },
            aspect_ratio: text("Width to height, such as 16:9"),
            edit: texts("Pictures to edit, up to 3"),
          },
          required: ["prompt"],
        },
      },
      "prompt",
      async (input, context) => {
        const aspectRatio = readText(input, "aspect_ratio");
        return await studio.draw({
          prompt: requireText(input, "prompt"),
          count: readCount(input, "count", { least: 1, most: 4, otherwise: 1 }),
          ...(aspectRatio === undefined ? {} : { aspectRatio }),
          edit: await files(input, "edit", context),
        }, context);
      },
    ),
    video_gen: making(
      {
        name: "video_generate",
        description:
          "Makes a short video and saves it in the working folder. It takes a minute or two.",
        parameters: {
          type: "object",
          properties: {
            prompt: text("What it shows; reference pictures are <IMAGE_0>, <IMAGE_1> in it"),
            seconds: { type: "integer", description: "Length, 1 to 15" },
            image: text("First frame"),
            references: texts("Pictures of what it shows, up to 7"),
          },
          required: ["prompt"],
        },
      },
      "prompt",
      async (input, context) => {
        const image = readText(input, "image");
        const seconds = readCount(input, "seconds", { least: 1, most: 15, otherwise: 0 });
        return await studio.film({
          prompt: requireText(input, "prompt"),
          ...(seconds === 0 ? {} : { seconds }),
          ...(image === undefined ? {} : { image: await openPath(access, image, context) }),
          references: await files(input, "references", context),
        }, context);
      },
    ),
  };
}
