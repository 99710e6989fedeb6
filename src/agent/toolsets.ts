/**
 * Groups of tools, as people switch them on and off.
 *
 * @module
 */

import { isJsonObject } from "../core/http.ts";

/** A group of tools. */
export interface Toolset {
  /** Its id, as the configuration has it. */
  id: string;
  /** Its name in the picker. */
  name: string;
  /** What the model can do with it, a few words. */
  summary: string;
  /** Whether it is on where nothing is configured. */
  isDefault: boolean;
}

/** Every toolset, in the order of lists. */
export const TOOLSETS = [
  {
    id: "files",
    name: "Files",
    summary: "read, list and search files of the working folder",
    isDefault: true,
  },
  { id: "shell", name: "Shell", summary: "run commands, after asking", isDefault: true },
  {
    id: "delegate",
    name: "Delegation",
    summary: "hand a task to the auxiliary model",
    isDefault: true,
  },
  { id: "vision", name: "Vision", summary: "look at images", isDefault: true },
  { id: "web_search", name: "Web search", summary: "search the web", isDefault: true },
  { id: "x_search", name: "X search", summary: "search posts on X", isDefault: true },
  { id: "tts", name: "Text-to-Speech", summary: "speak a text", isDefault: true },
  {
    id: "transcription",
    name: "Transcription",
    summary: "write down a recording",
    isDefault: true,
  },
  { id: "image_gen", name: "Image Generation", summary: "draw and edit images", isDefault: true },
  // A video costs more than anything else here, and takes minutes.
  { id: "video_gen", name: "Video Generation", summary: "make short videos", isDefault: false },
  { id: "mcp", name: "MCP servers", summary: "tools of mcp.servers", isDefault: true },
] as const satisfies readonly Toolset[];

/** The id of a toolset. */
export type ToolsetId = (typeof TOOLSETS)[number]["id"];

/** The toolset of that id. */
export function findToolset(id: string): (Toolset & { id: ToolsetId }) | undefined {
  return TOOLSETS.find((toolset) => toolset.id === id);
}

/** Whether each toolset is on, as the section `tools` of the configuration says. */
export function readToolsets(section: unknown): Map<ToolsetId, boolean> {
  const configured = isJsonObject(section) ? section : {};
  return new Map(TOOLSETS.map(({ id, isDefault }) => {
    const value = configured[id];
    const isOn = value === true || value === "on"
      ? true
      : value === false || value === "off"
      ? false
      : isDefault;
    return [id, isOn];
  }));
}
