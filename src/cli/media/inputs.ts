/**
 * What users bring along: pictures and recordings, as files or at https addresses.
 *
 * @module
 */

import { resolvePath, type Workspace } from "../../agent/workspace.ts";
import { MAX_PICTURE_BYTES, MAX_RECORDING_BYTES } from "../../media/mod.ts";
import type { FileSource, PictureSource } from "../../media/mod.ts";
import type { Context } from "../context.ts";
import { UsageError } from "../exit_code.ts";

const CHUNK_BYTES = 256 * 1024;

/** An https address; undefined for a path. */
function readAddress(text: string): string | undefined {
  if (!/^[a-z][a-z0-9+.-]+:\/\//i.test(text)) return undefined;
  if (URL.canParse(text) && new URL(text).protocol === "https:") return text;
  throw new UsageError(`Cannot use ${text}: an address must be https`);
}

/** A file that is there: its absolute path and its size. */
async function findFile(
  workspace: Workspace,
  name: string,
): Promise<{ path: string; size: number }> {
  const path = resolvePath(workspace.cwd, name);
  const info = await workspace.stat(path);
  if (info === null) throw new UsageError(`There is no file ${name}`);
  if (info.kind === "folder") throw new UsageError(`${name} is a folder`);
  return { path, size: info.size };
}

/** A picture of the user's. */
export async function readPicture({ platform }: Context, text: string): Promise<PictureSource> {
  const url = readAddress(text);
  if (url !== undefined) return { url };
  const workspace = await platform.openWorkspace();
  const { path, size } = await findFile(workspace, text);
  if (size > MAX_PICTURE_BYTES) {
    throw new UsageError(`${text} is larger than ${MAX_PICTURE_BYTES / 2 ** 20} MiB`);
  }
  return { bytes: await workspace.read(path, { limitBytes: MAX_PICTURE_BYTES }) };
}

/** A recording of the user's; `-` is standard input. */
export async function openRecording(
  { platform }: Context,
  text: string,
): Promise<FileSource | { url: string }> {
  const url = readAddress(text);
  if (url !== undefined) return { url };
  if (text === "-") {
    const bytes = await readInput(platform);
    return { name: "recording", size: bytes.length, open: () => new Blob([bytes]).stream() };
  }
  const workspace = await platform.openWorkspace();
  const { path, size } = await findFile(workspace, text);
  return {
    name: path.split("/").at(-1)!,
    size,
    open: () => {
      let offset = 0;
      return new ReadableStream({
        pull: async (controller) => {
          const bytes = await workspace.read(path, { offset, limitBytes: CHUNK_BYTES });
          offset += bytes.length;
          if (bytes.length === 0) controller.close();
          else controller.enqueue(bytes);
        },
      }, { highWaterMark: 0 });
    },
  };
}

async function readInput({ stdin }: Context["platform"]): Promise<Uint8Array<ArrayBuffer>> {
  if (stdin.isTerminal) throw new UsageError("Nothing is piped in", "Name a file, or pipe one in");
  try {
    return await stdin.readBytes(MAX_RECORDING_BYTES);
  } catch (error) {
    throw error instanceof RangeError ? new UsageError(error.message) : error;
  }
}

/** The words of a command as one text, with what is piped in for `-` or in the place of all of them. */
export async function readWords(
  { platform, readInput }: Context,
  args: readonly string[],
  { what, example, limitBytes }: { what: string; example: string; limitBytes: number },
): Promise<string> {
  const wantsInput = args.includes("-") || (args.length === 0 && !platform.stdin.isTerminal);
  if (wantsInput && platform.stdin.isTerminal) {
    throw new UsageError("Nothing is piped in", `Run: ${example}`);
  }
  const input = wantsInput ? await readInput(limitBytes) : "";
  const words = args.length === 0 ? input : args.map((arg) => arg === "-" ? input : arg).join(" ");
  if (words.trim() === "") throw new UsageError(`There is no ${what}`, `Run: ${example}`);
  return words.trim();
}

/** A number within a range, or undefined without a text. */
export function readNumber(
  text: string | undefined,
  flag: string,
  range: { least: number; most: number; isWhole?: boolean },
): number | undefined {
  if (text === undefined) return undefined;
  const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : NaN;
  const isIn = value >= range.least && value <= range.most;
  if (isIn && (!range.isWhole || Number.isInteger(value))) return value;
  throw new UsageError(
    `${flag} takes a ${
      range.isWhole ? "whole number" : "number"
    } from ${range.least} to ${range.most}, not "${text}"`,
  );
}

/** For an option that may be given several times. */
export function collect(value: string, values: string[] = []): string[] {
  return [...values, value];
}
