/**
 * Files that a command makes for its user, with the modes that the user's umask asks for: written
 * beside their place, and moved there when they are whole.
 *
 * @module
 */

import { exists, writeAll } from "./file.ts";

/** What the shape of {@linkcode openOutputFile}'s result is called for its callers. */
export interface MadeFile {
  /** Writes the next bytes. */
  write: (bytes: Uint8Array) => void;
  /** Gives it its name; false where another file has it and may not be replaced. */
  commit: (path?: string) => Promise<boolean>;
  /** Drops it. */
  discard: () => void;
}

/** Begins the file that is to be `path`. */
export function openOutputFile(path: string, { replaces }: { replaces: boolean }): MadeFile {
  const spare = `${path}.${crypto.randomUUID().slice(0, 8)}.part`;
  const file = Deno.openSync(spare, { write: true, createNew: true });
  let isOpen = true;
  const discard = () => {
    if (!isOpen) return;
    isOpen = false;
    file.close();
    Deno.removeSync(spare);
  };
  return {
    write: (bytes) => writeAll(file, bytes),
    commit: async (name = path) => {
      // What took minutes and money to make shall outlive a power cut.
      await file.sync();
      if (!replaces && !claim(spare, name)) return false;
      isOpen = false;
      file.close();
      if (replaces) Deno.renameSync(spare, name);
      else Deno.removeSync(spare);
      return true;
    },
    discard,
  };
}

/** Gives a file a second name, unless something has it: looking first would leave a gap. */
function claim(spare: string, path: string): boolean {
  try {
    Deno.linkSync(spare, path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) return false;
    // A file system without hard links: here the gap has to do.
    if (exists(path)) return false;
    Deno.copyFileSync(spare, path);
    return true;
  }
}
