/**
 * The files below a folder, without those that nobody means: version control, installed packages.
 *
 * @module
 */

import type { Workspace } from "../workspace.ts";

const SKIPPED: readonly string[] = [
  ".git",
  ".hg",
  ".svn",
  ".cache",
  ".venv",
  "__pycache__",
  "node_modules",
];

/** The most files that a walk visits. */
const MAX_VISITED = 50_000;

/**
 * Visits files below `root`, in order of their names; links are not followed, and `hidden` folders
 * are left out.
 */
export async function* walk(
  workspace: Workspace,
  root: string,
  { hidden, signal }: { hidden: readonly string[]; signal: AbortSignal },
): AsyncGenerator<string, void, undefined> {
  let visited = 0;
  const folders = [root];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    signal.throwIfAborted();
    if (hidden.includes(folder)) continue;
    const entries = await workspace.list(folder).catch(() => []);
    entries.sort((a, b) => a.name < b.name ? -1 : 1);
    const below: string[] = [];
    for (const { name, kind } of entries) {
      const path = folder === "/" ? `/${name}` : `${folder}/${name}`;
      if (kind === "folder" && !SKIPPED.includes(name)) below.push(path);
      if (kind !== "file") continue;
      if (++visited > MAX_VISITED) return;
      yield path;
    }
    folders.push(...below.reverse());
  }
}

/**
 * Matches paths against a glob: `*` and `?` within a part, `**` across parts, `{a,b}`. A glob without
 * a slash is about the file's name alone.
 */
export function compileGlob(glob: string): (path: string) => boolean {
  const pattern = new RegExp(`^${translate(glob)}$`);
  if (glob.includes("/")) return (path) => pattern.test(path);
  return (path) => pattern.test(path.slice(path.lastIndexOf("/") + 1));
}

function translate(glob: string): string {
  return glob.replace(/^\.\//, "").replace(
    /\*\*\/|\*\*|\*|\?|\{[^{}]*\}|[.+^$()|[\]\\{}]/g,
    (mark) => {
      switch (mark) {
        case "**/":
          return "(?:[^/]+/)*";
        case "**":
          return ".*";
        case "*":
          return "[^/]*";
        case "?":
          return "[^/]";
      }
      return mark.length > 1
        ? `(?:${mark.slice(1, -1).split(",").map(translate).join("|")})`
        : `\\${mark}`;
    },
  );
}
