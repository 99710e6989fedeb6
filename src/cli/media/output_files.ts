/**
 * Where what was made goes: a file that is named after what it is, one that the user names, or standard
 * output.
 *
 * @module
 */

import { resolvePath } from "../../agent/workspace.ts";
import { GrantwayError } from "../../core/errors.ts";
import type { Context } from "../context.ts";
import { UsageError } from "../exit_code.ts";
import { writeTo } from "../output.ts";

/** What the user said about it. */
export interface OutputFlags {
  /** `-o`: a file, a folder, or `-`. */
  output?: string | undefined;
  /** `--force`. */
  force?: boolean | undefined;
}

/** What is made. */
export interface OutputSubject {
  /** What it is about: its default name is made of this. */
  text: string;
  /** The name where nothing can be made of the text. */
  fallback: string;
  /** How many files there will be. Default: 1. */
  count?: number | undefined;
  /** Extensions that it may have. */
  extensions: readonly [string, ...string[]];
}

/** A file that was made. */
export interface SavedFile {
  /** Its path as the user would write it; null for standard output. */
  file: string | null;
  /** How long it is, bytes. */
  bytes: number;
}

/** Where things go. */
export interface OutputTarget {
  /** Whether that is standard output. */
  isStdout: boolean;
  /** Writes one of them, whole or not at all. */
  save(
    body: ReadableStream<Uint8Array>,
    options: { extension: string; index?: number },
  ): Promise<SavedFile>;
}

const MAX_NAME_CHARACTERS = 48;

/** A text as the name of a file: its first words, in letters and digits. */
export function nameOf(text: string, fallback: string): string {
  const words = text.normalize("NFKC").toLowerCase().match(/[\p{L}\p{M}\p{N}]+/gu) ?? [];
  let name = "";
  for (const word of words) {
    const longer = name === "" ? word : `${name}-${word}`;
    if ([...longer].length > MAX_NAME_CHARACTERS) break;
    name = longer;
  }
  return name || fallback;
}

/**
 * Decides where things go, before anything is paid for.
 *
 * @throws {UsageError} Where they cannot go there.
 */
export async function chooseOutput(
  context: Context,
  { output: flag, force = false }: OutputFlags,
  { text, fallback, count = 1, extensions }: OutputSubject,
): Promise<OutputTarget> {
  const { platform, output } = context;
  const isPiped = !platform.stdout.isTerminal && !output.options.json;
  if (flag === "-" || (flag === undefined && isPiped && count === 1)) {
    return standardOutput(context, count);
  }
  const workspace = await platform.openWorkspace();
  const stat = (path: string) => storing(path, () => workspace.stat(path));
  const exists = async (path: string) => await stat(path) !== null;
  const asked = flag === undefined ? undefined : resolvePath(workspace.cwd, flag);
  const isFolder = asked !== undefined &&
    (/[\\/]$/.test(flag!) || (await stat(asked))?.kind === "folder");
  const isNamed = asked !== undefined && !isFolder;
  const folder = isNamed ? asked.slice(0, asked.lastIndexOf("/")) || "/" : asked ?? workspace.cwd;
  if ((await stat(folder))?.kind !== "folder") {
    throw new UsageError(`There is no folder ${folder}`);
  }
  const [, stem = "", ending] = isNamed
    ? /^(.*?)(\.[^./\\]{1,8})?$/s.exec(asked.slice(asked.lastIndexOf("/") + 1))!
    : ["", nameOf(text, fallback)];
  const inFolder = (name: string) => `${folder === "/" ? "" : folder}/${name}`;
  const pathOf = (extension: string, index: number, place = 1) =>
    inFolder(
      `${stem}${count === 1 ? "" : `-${index + 1}`}${place === 1 ? "" : `-${place}`}${
        ending ?? `.${extension}`
      }`,
    );
  if (isNamed && !force) {
    for (let index = 0; index < count; index++) {
      const path = pathOf(extensions[0], index);
      if (!await exists(path)) continue;
      throw new UsageError(
        `${shown(workspace.cwd, path)} is there already`,
        "Add --force to replace it, or give another name with -o",
      );
    }
  }
  return {
    isStdout: false,
    save: async (body, { extension, index = 0 }) => {
      let place = 1;
      while (!force && await exists(pathOf(extension, index, place))) place++;
      const first = pathOf(extension, index, place);
      const file = await storing(
        first,
        () => platform.openOutput(first, { replaces: force }),
      );
      try {
        let bytes = 0;
        for await (const chunk of body) {
          bytes += chunk.length;
          await storing(first, () => file.write(chunk));
        }
        // Somebody may have taken the name meanwhile: what was made is not lost for that.
        let path = first;
        while (!await storing(path, () => file.commit(path))) {
          path = pathOf(extension, index, ++place);
        }
        if (isNamed && path !== pathOf(extension, index)) {
          output.warn(`${shown(workspace.cwd, pathOf(extension, index))} was there already`);
        }
        return { file: shown(workspace.cwd, path), bytes };
      } finally {
        file.discard();
      }
    },
  };
}

function standardOutput({ platform, output }: Context, count: number): OutputTarget {
  if (output.options.json) {
    throw new UsageError("--json and -o - both want standard output", "Name a file with -o");
  }
  if (platform.stdout.isTerminal) {
    throw new UsageError("A terminal cannot show this", "Name a file with -o, or pipe it on");
  }
  if (count > 1) {
    throw new UsageError("Standard output takes one file", "Name a folder with -o");
  }
  return {
    isStdout: true,
    save: async (body) => {
      let bytes = 0;
      for await (const chunk of body) {
        bytes += chunk.length;
        writeTo(platform.stdout, chunk);
      }
      return { file: null, bytes };
    },
  };
}

/** A path as seen from the working folder. */
function shown(cwd: string, path: string): string {
  const prefix = cwd.endsWith("/") ? cwd : `${cwd}/`;
  return path.startsWith(prefix) ? path.slice(prefix.length) : path;
}

async function storing<T>(path: string, run: () => T | Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (cause) {
    const problem = cause instanceof Error ? cause.message : String(cause);
    throw new GrantwayError("storage_write", `Cannot write ${path}: ${problem}`, { cause });
  }
}
