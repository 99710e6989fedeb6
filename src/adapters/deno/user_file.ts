/**
 * Files of the user's that belong to other programs: replaced whole or not at all, with the mode they
 * had, through the links that people keep their configuration behind.
 *
 * @module
 */

import { checkOwner, isNotFound } from "./private_file.ts";
import { FileRefusedError } from "../../credentials/file_system.ts";

/** A file as it was read. */
export interface UserFile {
  /** Its content. */
  bytes: Uint8Array<ArrayBuffer>;
  /** Permission bits. */
  mode: number;
}

/** What a configuration file is never larger than, bytes. */
const MAX_BYTES = 8 * 1024 * 1024;

/** The file that `path` leads to; undefined when there is none. */
function resolve(path: string): string | undefined {
  try {
    return Deno.realPathSync(path);
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
  try {
    Deno.lstatSync(path);
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
  throw new FileRefusedError("it is a link that leads nowhere");
}

function read(target: string): UserFile {
  const info = Deno.statSync(target);
  if (!info.isFile) throw new FileRefusedError("it is not a regular file");
  if (info.size > MAX_BYTES) throw new FileRefusedError("it is too large for a configuration");
  return { bytes: Deno.readFileSync(target), mode: (info.mode ?? 0o600) & 0o777 };
}

/** A rename gives the name another file: what hangs on the old one must not matter. */
function checkReplaceable(target: string): void {
  const info = Deno.statSync(target);
  checkOwner(info);
  if (Deno.build.os !== "windows" && ((info.mode ?? 0o600) & 0o200) === 0) {
    throw new FileRefusedError("it is read-only");
  }
  if ((info.nlink ?? 1) > 1) {
    throw new FileRefusedError(`it has ${info.nlink} names (hard links)`, "Remove the other names");
  }
}

function checkUnchanged(target: string | undefined, before: UserFile | null): void {
  const now = target === undefined ? null : read(target).bytes;
  const isSame = now === null || before === null
    ? now === before
    : now.length === before.bytes.length && now.every((byte, at) => byte === before.bytes[at]);
  if (!isSame) throw new FileRefusedError("it was changed meanwhile", "Run the command again");
}

/** The file, or null when there is none. */
export function readUserFile(path: string): UserFile | null {
  const target = resolve(path);
  return target === undefined ? null : read(target);
}

/**
 * Replaces it, or makes it with mode 0600; durable when it resolves.
 *
 * @throws {FileRefusedError} When it is not `before` any more, or cannot be replaced without a loss.
 */
export async function replaceUserFile(
  path: string,
  bytes: Uint8Array,
  before: UserFile | null,
): Promise<void> {
  const target = resolve(path);
  if (target !== undefined) checkReplaceable(target);
  const place = target ?? path;
  const folder = place.slice(0, Math.max(place.lastIndexOf("/"), place.lastIndexOf("\\"))) || "/";
  Deno.mkdirSync(folder, { recursive: true, mode: 0o700 });
  const spare = `${place}.${crypto.randomUUID().slice(0, 8)}.grantway`;
  const file = Deno.openSync(spare, { write: true, createNew: true, mode: 0o600 });
  try {
    try {
      for (let at = 0; at < bytes.length;) at += file.writeSync(bytes.subarray(at));
      // Not with the open: the umask would take bits away.
      if (before !== null && Deno.build.os !== "windows") Deno.chmodSync(spare, before.mode);
      await file.sync();
    } finally {
      file.close();
    }
    checkUnchanged(target, before);
    Deno.renameSync(spare, place);
  } catch (error) {
    Deno.removeSync(spare);
    throw error;
  }
}

/**
 * Removes it.
 *
 * @throws {FileRefusedError} When it is not `before` any more.
 */
export function removeUserFile(path: string, before: UserFile): void {
  checkUnchanged(resolve(path), before);
  Deno.removeSync(path);
}
