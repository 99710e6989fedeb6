/**
 * `list_files` and `search_files`: what is in the working folder, by name and by content.
 *
 * @module
 */

import {
  type AgentTool,
  readCount,
  readText,
  requireText,
  textOutput,
  ToolInputError,
} from "../tool.ts";
import { shownPath } from "../workspace.ts";
import { type FileAccess, openPath, realPaths } from "./access.ts";
import { isBinary } from "./read_file.ts";
import { compileGlob, walk } from "./walk.ts";

const MAX_FILES = 500;
const MAX_MATCHES = 200;
const MAX_SEARCHED_BYTES = 2 * 1024 * 1024;
const MAX_LINE_LENGTH = 400;

/** Creates `list_files`. */
export function createListFilesTool(access: FileAccess): AgentTool {
  const { workspace } = access;
  return {
    name: "list_files",
    description:
      "Lists files below a folder, with their paths; .git and installed packages are left out.",
    parameters: {
      type: "object",
      properties: {
        path: { type: "string", description: "Folder. Default: the working folder" },
        glob: { type: "string", description: "Only these, such as *.ts or src/**/*_test.ts" },
      },
    },
    isParallel: true,
    describe: (input) =>
      [readText(input, "path"), readText(input, "glob")].filter(Boolean).join(" "),
    run: async (input, context) => {
      const { root, matches, hidden } = await openFolder(access, input, context);
      const files: string[] = [];
      let more = false;
      for await (const path of walk(workspace, root, { hidden, signal: context.signal })) {
        if (!matches(path)) continue;
        if (files.length === MAX_FILES) {
          more = true;
          break;
        }
        files.push(shownPath(root, path));
      }
      if (files.length === 0) return textOutput("(no files)", "none");
      const end = more ? `\n(there are more; give a narrower folder or glob)` : "";
      return textOutput(files.join("\n") + end, `${files.length}${more ? "+" : ""} files`);
    },
  };
}

/** Creates `search_files`. */
export function createSearchFilesTool(access: FileAccess): AgentTool {
  const { workspace } = access;
  return {
    name: "search_files",
    description: "Searches the text of files below a folder, line by line. Gives path:line: text.",
    parameters: {
      type: "object",
      properties: {
        pattern: {
          type: "string",
          description: "Regular expression (JavaScript), without slashes",
        },
        path: { type: "string", description: "Folder or file. Default: the working folder" },
        glob: { type: "string", description: "Only in these files, such as *.ts" },
        max_matches: { type: "integer", description: `Default: ${MAX_MATCHES}` },
      },
      required: ["pattern"],
    },
    isParallel: true,
    describe: (input) =>
      [requireText(input, "pattern"), readText(input, "path"), readText(input, "glob")]
        .filter(Boolean).join(" in "),
    run: async (input, context) => {
      const pattern = compilePattern(requireText(input, "pattern"));
      const most = readCount(input, "max_matches", {
        least: 1,
        most: MAX_MATCHES,
        otherwise: MAX_MATCHES,
      });
      const { root, matches, hidden, isFile } = await openFolder(access, input, context);
      const found: string[] = [];
      let files = 0;
      const paths = isFile ? [root] : walk(workspace, root, { hidden, signal: context.signal });
      for await (const path of paths) {
        context.signal.throwIfAborted();
        if (found.length >= most) break;
        if (!matches(path)) continue;
        const bytes = await workspace.read(path, { limitBytes: MAX_SEARCHED_BYTES })
          .catch(() => new Uint8Array());
        if (isBinary(bytes)) continue;
        files++;
        const shown = isFile ? shownPath(workspace.cwd, path) : shownPath(root, path);
        const lines = new TextDecoder().decode(bytes).split("\n");
        for (let at = 0; at < lines.length && found.length < most; at++) {
          const line = lines[at]!.slice(0, MAX_LINE_LENGTH).trimEnd();
          if (pattern.test(line)) found.push(`${shown}:${at + 1}: ${line}`);
        }
      }
      if (found.length === 0) return textOutput(`(no match in ${files} files)`, "no match");
      const end = found.length >= most ? "\n(there may be more matches)" : "";
      return textOutput(found.join("\n") + end, `${found.length} matches`);
    },
  };
}

/** A repeated group with a repetition inside can take for ever on a line that does not match. */
const RUNAWAY = /\([^()]*[+*}][^()]*\)[+*{]/;

function compilePattern(text: string): RegExp {
  if (RUNAWAY.test(text)) {
    throw new ToolInputError("the pattern repeats a group that repeats; write it more simply");
  }
  try {
    return new RegExp(text, "u");
  } catch {
    try {
      return new RegExp(text);
    } catch (error) {
      throw new ToolInputError(error instanceof Error ? error.message : String(error));
    }
  }
}

async function openFolder(
  access: FileAccess,
  input: Record<string, unknown>,
  context: Parameters<AgentTool["run"]>[1],
): Promise<
  { root: string; matches: (path: string) => boolean; hidden: string[]; isFile: boolean }
> {
  const { workspace } = access;
  const name = readText(input, "path") || ".";
  const root = await openPath(access, name, context);
  const kind = (await workspace.stat(root))?.kind;
  if (kind !== "folder" && kind !== "file") throw new ToolInputError(`${name} is no folder`);
  const glob = readText(input, "glob");
  const test = glob === undefined || glob === "" ? undefined : compileGlob(glob);
  return {
    root,
    matches: (path) => test === undefined || kind === "file" || test(shownPath(root, path)),
    hidden: await realPaths(workspace, access.hidden),
    isFile: kind === "file",
  };
}
