/**
 * Groups of tools, as people switch them on and off.
 *
 * @module
 */

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
] as const satisfies readonly Toolset[];

/** The id of a toolset. */
export type ToolsetId = (typeof TOOLSETS)[number]["id"];
