/**
 * A disk in memory that can fail, be full, lose power or stop at any call, and locks that free
 * themselves when their holder dies.
 *
 * @module
 */

import {
  type FileLock,
  type FileSystem,
  type LockFile,
  LockUnsupportedError,
} from "../../src/credentials/file_system.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** A file's content as written, and as far as it is durable. */
interface Inode {
  bytes: Bytes;
  durable: Bytes;
  /** Blocks are kept until the file is cut, as disks do. */
  allocated: number;
}

/** An error of the operating system. */
export function osError(code: string): Error {
  return Object.assign(new Error(`os error ${code}`), { code });
}

/** One disk, and what processes hold on it. */
export class MemoryDisk {
  entries = new Map<string, Inode>();
  durableEntries = new Map<string, Inode>();
  /** Lock files are never renamed here; a test may replace one. */
  lockFiles = new Map<string, { holder: string; lockedBy: object | undefined }>();
  /** Bytes that new blocks may still take. */
  free = Infinity;

  /** One process's files: `onCall` sees each call, and may throw or hang instead of it. */
  files(onCall: (call: string) => void | Promise<void> = () => {}): FileSystem {
    const name = (path: string) => path.split("/").at(-1)!;
    const inode = (path: string) => {
      const found = this.entries.get(path);
      if (found === undefined) throw osError("ENOENT");
      return found;
    };
    return {
      ensureFolder: async (path) => await onCall(`ensureFolder ${name(path)}`),
      read: async (path, { limit } = {}) => {
        await onCall(`read ${name(path)}`);
        return this.entries.get(path)?.bytes.slice(0, limit) ?? null;
      },
      write: async (path, bytes) => {
        await onCall(`write ${name(path)}`);
        const file: Inode = this.entries.get(path) ??
          { bytes: new Uint8Array(), durable: new Uint8Array(), allocated: 0 };
        this.entries.set(path, file);
        const needed = Math.max(0, bytes.length - file.allocated);
        if (needed > this.free) {
          file.bytes = bytes.slice(0, file.allocated + this.free);
          throw osError("ENOSPC");
        }
        this.free -= needed;
        file.allocated = bytes.length;
        file.bytes = bytes.slice() as Bytes;
      },
      sync: async (path) => {
        await onCall(`sync ${name(path)}`);
        const file = inode(path);
        file.durable = file.bytes.slice();
        // As ext4 does: syncing a new file makes its name durable.
        if (!this.durableEntries.has(path)) this.durableEntries.set(path, file);
      },
      rename: async (from, to) => {
        await onCall(`rename ${name(from)} ${name(to)}`);
        this.entries.set(to, inode(from));
        this.entries.delete(from);
      },
      syncFolder: async (path) => {
        await onCall(`syncFolder ${name(path)}`);
        this.durableEntries = new Map(this.entries);
      },
    };
  }

  /** One process's locks; `die` frees them. */
  locks(): FileLock & { die: () => void } {
    const process = {};
    return {
      open: (path) => {
        const file = this.lockFiles.get(path) ?? { holder: "", lockedBy: undefined };
        this.lockFiles.set(path, file);
        const handle = { process };
        const lock: LockFile = {
          tryLock: () => Promise.resolve((file.lockedBy ??= handle) === handle),
          isCurrent: () => Promise.resolve(this.lockFiles.get(path) === file),
          readHolder: () => Promise.resolve(file.holder),
          writeHolder: (holder) => Promise.resolve(void (file.holder = holder)),
          close: () => {
            if (file.lockedBy === handle) file.lockedBy = undefined;
            return Promise.resolve();
          },
        };
        return Promise.resolve(lock);
      },
      die: () => {
        for (const file of this.lockFiles.values()) {
          if ((file.lockedBy as { process?: object } | undefined)?.process === process) {
            file.lockedBy = undefined;
          }
        }
      },
    };
  }

  /** Power fails: what was not made durable is gone, or torn where `tear` says so. */
  losePower(tear: boolean): void {
    this.entries = new Map(this.durableEntries);
    for (const file of new Set(this.entries.values())) {
      const isTorn = tear && file.bytes !== file.durable;
      file.bytes = isTorn
        ? new Uint8Array([
          ...file.bytes.slice(0, file.bytes.length >> 1),
          ...file.durable.slice(file.bytes.length >> 1),
        ])
        : file.durable.slice();
      file.allocated = file.bytes.length;
    }
    for (const file of this.lockFiles.values()) file.lockedBy = undefined;
  }
}

/** Locks of a file system that has none. */
export const noLocks: FileLock = {
  open: () =>
    Promise.resolve({
      tryLock: () => Promise.reject(new LockUnsupportedError("ENOLCK")),
      isCurrent: () => Promise.resolve(true),
      readHolder: () => Promise.resolve(""),
      writeHolder: () => Promise.resolve(),
      close: () => Promise.resolve(),
    }),
};
