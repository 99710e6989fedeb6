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

const BLOCK_BYTES = 64 * 1024;

/** Whether from where the file stands on it holds `known`: a block at a time, as a file may have megabytes. */
export function holds(file: Deno.FsFile, known: Uint8Array): boolean {
  if (file.statSync().size !== known.length) return false;
  const block = new Uint8Array(Math.min(BLOCK_BYTES, known.length));
  for (let at = 0; at < known.length;) {
    const count = file.readSync(block);
    if (count === null) return false;
    if (!isEqual(block.subarray(0, count), known.subarray(at, at + count))) return false;
    at += count;
  }
  return true;
}

function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  // Four at a time takes a fourth of the time.
  const words = a.byteOffset % 4 + b.byteOffset % 4 === 0 ? a.length >> 2 : 0;
  const wordsOfA = new Int32Array(a.buffer, words && a.byteOffset, words);
  const wordsOfB = new Int32Array(b.buffer, words && b.byteOffset, words);
  for (let i = 0; i < words; i++) if (wordsOfA[i] !== wordsOfB[i]) return false;
  for (let i = 4 * words; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** Writes all of `bytes` where the file stands: one call may write a part. */
export function writeAll(file: Deno.FsFile, bytes: Uint8Array): void {
  for (let rest = bytes; rest.length > 0;) rest = rest.subarray(file.writeSync(rest));
}
