/**
 * What Deno's calls for files leave to their callers.
 *
 * @module
 */

/** Whether something has this name; a link that leads nowhere has it as well. */
export function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    return false;
  }
}

/** Up to `limit` bytes from where the file stands; fewer only where it ends. */
export function readUpTo(file: Deno.FsFile, limit: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(limit);
  let size = 0;
  while (size < limit) {
    const count = file.readSync(bytes.subarray(size));
    if (count === null) break;
    size += count;
  }
  return bytes.subarray(0, size);
}

/** Writes all of `bytes` where the file stands: one call may write a part. */
export function writeAll(file: Deno.FsFile, bytes: Uint8Array): void {
  for (let rest = bytes; rest.length > 0;) rest = rest.subarray(file.writeSync(rest));
}
