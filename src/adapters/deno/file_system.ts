/**
 * {@linkcode FileSystem} of Deno: files with mode 0600 in folders with mode 0700, both this user's.
 *
 * Everything but fsync is synchronous: these calls take microseconds, and Deno's asynchronous ones
 * several times as long. An fsync may take a disk's time, and leaves the event loop free.
 *
 * @module
 */

import {
  FileRefusedError,
  type FileSystem,
  type ReadFileOptions,
} from "../../credentials/file_system.ts";
import { holds, readUpTo, writeAll } from "./file.ts";
import { checkOwner, createPrivateFile, openPrivateFile, repairMode } from "./private_file.ts";

/** Options of {@linkcode createFileSystem}. */
export interface FileSystemOptions {
  /** Told of loose modes, repaired or not. */
  onWarning?: ((message: string) => void) | undefined;
}

/** Creates the {@linkcode FileSystem} of this process. */
export function createFileSystem(options: FileSystemOptions = {}): FileSystem {
  const onWarning = options.onWarning ?? (() => {});
  const checkedParents = new Set<string>();

  return {
    // deno-lint-ignore require-await -- an error must reject, not throw
    async ensureFolder(path: string): Promise<void> {
      Deno.mkdirSync(path, { recursive: true, mode: 0o700 });
      checkOwner(Deno.lstatSync(path));
      // Not lstat: people keep such folders elsewhere and link to them; the link was theirs, too.
      const info = Deno.statSync(path);
      if (!info.isDirectory) throw new FileRefusedError("it is not a folder");
      checkOwner(info);
      repairMode(path, info, 0o700, onWarning);
      if (checkedParents.has(path)) return;
      checkedParents.add(path);
      warnOfParent(path, onWarning);
    },

    // deno-lint-ignore require-await -- an error must reject, not throw
    async read(
      path: string,
      { limit, known }: ReadFileOptions = {},
    ): Promise<Uint8Array<ArrayBuffer> | null> {
      using file = openPrivateFile(path, { read: true }, onWarning);
      if (file === null) return null;
      if (known !== undefined) {
        if (holds(file, known)) return known;
        file.seekSync(0, Deno.SeekMode.Start);
      }
      return readUpTo(file, limit ?? file.statSync().size);
    },

    // deno-lint-ignore require-await -- an error must reject, not throw
    async write(path: string, bytes: Uint8Array): Promise<void> {
      using file = createPrivateFile(path, onWarning);
      writeAll(file, bytes);
      file.truncateSync(bytes.length);
    },

    async sync(path: string): Promise<void> {
      using file = openPrivateFile(path, { read: true, write: true }, onWarning);
      if (file === null) throw new Deno.errors.NotFound(`${path} is gone`);
      await file.sync();
    },

    // deno-lint-ignore require-await -- an error must reject, not throw
    async rename(from: string, to: string): Promise<void> {
      Deno.renameSync(from, to);
    },

    async syncFolder(path: string): Promise<void> {
      // Windows cannot open a folder, and needs no such call.
      if (Deno.build.os === "windows") return;
      using folder = Deno.openSync(path, { read: true });
      await folder.sync();
    },
  };
}

/** Whoever may rename in the parent can put another folder in this one's place. */
function warnOfParent(path: string, onWarning: (message: string) => void): void {
  if (Deno.build.os === "windows") return;
  let parent: Deno.FileInfo;
  try {
    parent = Deno.statSync(`${path}/..`);
  } catch {
    return; // not ours to look at
  }
  const mode = parent.mode ?? 0;
  if ((mode & 0o022) !== 0 && (mode & 0o1000) === 0) {
    onWarning(`Other users can replace ${path}: the folder it lies in is writable by them`);
  }
}
