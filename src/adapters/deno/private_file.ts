/**
 * Opens files that must be this user's alone.
 *
 * `O_NOFOLLOW` does not help: under scoped permissions Deno resolves a link before it opens. So the
 * path is looked at before, the open file after, and both must be the same file.
 *
 * @module
 */

import { FileRefusedError } from "../../credentials/file_system.ts";

const IS_WINDOWS = Deno.build.os === "windows";
/** How often a file may be replaced by a writer between our look and our open. */
const MAX_REPLACED = 100;

/** Whether `error` says that there is no such file. */
export function isNotFound(error: unknown): boolean {
  return error instanceof Deno.errors.NotFound;
}

/**
 * Refuses what belongs to another user: a store read as root, or left by a container, would change
 * hands with the next write.
 */
export function checkOwner(info: Deno.FileInfo): void {
  if (IS_WINDOWS || info.uid === Deno.uid()) return;
  throw new FileRefusedError(
    `it belongs to another user (uid ${info.uid})`,
    `Run grantway as that user, or set GRANTWAY_HOME to a folder of your own`,
  );
}

/**
 * Opens `path`, which must be a regular file of this user with one name; null when there is none.
 *
 * @throws {FileRefusedError} When it is anything else.
 */
export function openPrivateFile(
  path: string,
  options: Deno.OpenOptions,
  onWarning: (message: string) => void,
): Deno.FsFile | null {
  for (let attempt = 0; attempt < MAX_REPLACED; attempt++) {
    let file: Deno.FsFile | undefined;
    try {
      const before = Deno.lstatSync(path);
      checkFile(before);
      file = Deno.openSync(path, options);
      if (isSameFile(before, file.statSync())) {
        repairMode(path, before, 0o600, onWarning);
        return file;
      }
      file.close();
    } catch (error) {
      file?.close();
      if (isNotFound(error)) return null;
      throw error;
    }
  }
  throw new FileRefusedError("it is replaced again and again");
}

/** Opens `path` as {@linkcode openPrivateFile} does, creating it where there is none. */
export function createPrivateFile(
  path: string,
  onWarning: (message: string) => void,
): Deno.FsFile {
  for (;;) {
    const file = openPrivateFile(path, { read: true, write: true }, onWarning);
    if (file !== null) return file;
    try {
      // createNew follows no link and takes no file that appeared meanwhile.
      return Deno.openSync(path, { read: true, write: true, createNew: true, mode: 0o600 });
    } catch (error) {
      if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
    }
  }
}

/** Takes away what a mode allows beyond `allowed`, and says so. */
export function repairMode(
  path: string,
  info: Deno.FileInfo,
  allowed: number,
  onWarning: (message: string) => void,
): void {
  if (IS_WINDOWS || info.mode === null || (info.mode & 0o777 & ~allowed) === 0) return;
  Deno.chmodSync(path, allowed);
  const octal = (mode: number) => `0${(mode & 0o777).toString(8)}`;
  onWarning(
    `Other users could read ${path} (mode ${octal(info.mode)}); it is ${octal(allowed)} now`,
  );
}

/** Whether two looks saw one file. */
export function isSameFile(a: Deno.FileInfo, b: Deno.FileInfo): boolean {
  return a.dev === b.dev && a.ino === b.ino;
}

function checkFile(info: Deno.FileInfo): void {
  if (info.isSymlink) throw new FileRefusedError("it is a symbolic link");
  if (info.isDirectory) throw new FileRefusedError("it is a folder");
  if (!info.isFile) throw new FileRefusedError("it is not a regular file");
  checkOwner(info);
  if ((info.nlink ?? 1) > 1) {
    throw new FileRefusedError(`it has ${info.nlink} names (hard links)`, "Remove the other names");
  }
}
