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
  /** What runs it, where that is another server than the chat's, and what its provider must have. */
  backend?: { name: string; needs: "media" | "web_search" | "x_search" } | undefined;
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
  {
    id: "web_search",
    name: "Web search",
    summary: "search the web",
    isDefault: true,
    backend: { name: "xAI web search", needs: "web_search" },
  },
  {
    id: "x_search",
    name: "X search",
    summary: "search posts on X",
    isDefault: true,
    backend: { name: "xAI X search", needs: "x_search" },
  },
  {
    id: "tts",
    name: "Text-to-Speech",
    summary: "speak a text",
    isDefault: true,
    backend: { name: "xAI TTS", needs: "media" },
  },
  {
    id: "transcription",
    name: "Transcription",
    summary: "write down a recording",
    isDefault: true,
    backend: { name: "xAI speech to text", needs: "media" },
  },
  {
    id: "image_gen",
    name: "Image Generation",
    summary: "draw and edit images",
    isDefault: true,
    backend: { name: "xAI Grok Imagine (image)", needs: "media" },
  },
  // A video costs more than anything else here, and takes minutes.
  {
    id: "video_gen",
    name: "Video Generation",
    summary: "make short videos",
    isDefault: false,
    backend: { name: "xAI Grok Imagine", needs: "media" },
  },
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
    return [id, readSwitch(configured[id]) ?? isDefault];
  }));
}

/** `true`, `on`, `false`, `off`; undefined for anything else. */
export function readSwitch(value: unknown): boolean | undefined {
  if (value === true || value === "on" || value === "true") return true;
  return value === false || value === "off" || value === "false" ? false : undefined;
}
