/**
 * `read_file`: the text of a file, or a range of its lines.
 *
 * @module
 */

import { type AgentTool, errorOutput, readCount, requireText, textOutput } from "../tool.ts";
import { type FileAccess, openPath } from "./access.ts";

const MAX_FILE_BYTES = 16 * 1024 * 1024;
const MAX_LINES = 2_000;
const MAX_LINE_LENGTH = 2_000;

/** Creates the tool. */
export function createReadFileTool(access: FileAccess): AgentTool {
  const { workspace } = access;
  return {
    name: "read_file",
    description: "Reads a text file. Long files come in ranges of lines: say where to go on.",
    parameters: {
      type: "object",
      properties: {
        path: { type: "string", description: "Path, relative to the working folder" },
        first_line: { type: "integer", description: "First line to read, from 1. Default: 1" },
        max_lines: { type: "integer", description: `Lines to read. Default: ${MAX_LINES}` },
      },
      required: ["path"],
    },
    isParallel: true,
    describe: (input) => requireText(input, "path"),
    run: async (input, context) => {
      const name = requireText(input, "path");
      const first = readCount(input, "first_line", { least: 1, most: Infinity, otherwise: 1 });
      const count = readCount(input, "max_lines", {
        least: 1,
        most: MAX_LINES,
        otherwise: MAX_LINES,
      });
      const path = await openPath(access, name, context);
      const info = await workspace.stat(path);
      if (info?.kind === "folder") return errorOutput(`${name} is a folder: use list_files`);
      if (info?.kind !== "file") return errorOutput(`${name} is no regular file`);
      if (info.size > MAX_FILE_BYTES) {
        return errorOutput(`${name} has ${info.size} bytes, which is too large to read`);
      }
      const bytes = await workspace.read(path, { limitBytes: MAX_FILE_BYTES });
      if (isBinary(bytes)) return errorOutput(`${name} is no text file`);
      const lines = new TextDecoder().decode(bytes).split(/\r?\n/);
      // A final line end begins no line.
      if (lines.at(-1) === "") lines.pop();
      const part = lines.slice(first - 1, first - 1 + count);
      if (part.length === 0) {
        return lines.length === 0
          ? textOutput(`(${name} is empty)`, "empty")
          : errorOutput(`${name} has ${lines.length} lines only`);
      }
      const text = part.map((line) =>
        line.length > MAX_LINE_LENGTH ? `${line.slice(0, MAX_LINE_LENGTH)}… (line cut)` : line
      ).join("\n");
      const last = first - 1 + part.length;
      const isWhole = first === 1 && last === lines.length;
      return textOutput(
        isWhole ? text : `${text}\n(lines ${first} to ${last} of ${lines.length})`,
        isWhole ? linesText(part.length) : `lines ${first}–${last} of ${lines.length}`,
      );
    },
  };
}

function linesText(lines: number): string {
  return lines === 1 ? "1 line" : `${lines} lines`;
}

/** Whether bytes are no text: the first ones hold a NUL. */
export function isBinary(bytes: Uint8Array): boolean {
  return bytes.subarray(0, 8_000).includes(0);
}
