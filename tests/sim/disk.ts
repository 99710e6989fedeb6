/**
 * One machine's disk and locks. Everything here happens at once; what may come in between is the
 * scheduler's part.
 *
 * A power cut keeps of a file what was fsynced, and of what was not: the old content, the new one, a
 * mixture, or zeros. Of the folder it keeps a prefix of the changes since its last fsync, as journals
 * do. An fsync that fails leaves its pages clean: the next one succeeds and makes nothing durable.
 *
 * @module
 */

import type { Random } from "./random.ts";

export type Bytes = Uint8Array<ArrayBuffer>;

/** A file's content: what readers see, and what a power cut certainly leaves. */
export interface Inode {
  bytes: Bytes;
  durable: Bytes;
  /** Room that a full disk still grants. */
  allocated: number;
  /** Whether the next fsync has something to write. */
  dirty: boolean;
}

interface FolderChange {
  path: string;
  inode: Inode;
  /** The name that it had before. */
  from?: string;
}

const NOTHING: Bytes = new Uint8Array();

/** An error of the operating system. */
export function osError(code: string): Error {
  return Object.assign(new Error(`os error ${code}`), { code });
}

export class Disk {
  readonly entries = new Map<string, Inode>();
  /** The folder as a power cut leaves it at worst. */
  readonly durableEntries = new Map<string, Inode>();
  #changes: FolderChange[] = [];
  /** No new blocks. */
  isFull = false;

  read(path: string): Bytes | null {
    return this.entries.get(path)?.bytes ?? null;
  }

  /** Overwrites from the start and cuts; after `stopAt` bytes it is interrupted. */
  write(path: string, bytes: Bytes, stopAt = bytes.length): void {
    let inode = this.entries.get(path);
    if (inode === undefined) {
      inode = { bytes: NOTHING, durable: NOTHING, allocated: 0, dirty: false };
      this.entries.set(path, inode);
      this.#changes.push({ path, inode });
    }
    const end = this.isFull ? Math.min(stopAt, inode.allocated) : stopAt;
    inode.dirty = true;
    if (end === bytes.length) {
      inode.bytes = bytes;
      inode.allocated = bytes.length;
      return;
    }
    inode.bytes = mixed(bytes, inode.bytes, end);
    inode.allocated = Math.max(inode.allocated, end);
    if (end < stopAt) throw osError("ENOSPC");
  }

  /** Empties a file in place. */
  truncate(path: string): void {
    const inode = this.entries.get(path);
    if (inode === undefined) return;
    inode.bytes = NOTHING;
    inode.dirty = true;
  }

  sync(path: string): void {
    const inode = this.#inode(path);
    if (inode.dirty) inode.durable = inode.bytes;
    inode.dirty = false;
    // A new file's fsync makes its name durable, and every change before it.
    const created = this.#changes.findIndex((change) =>
      change.inode === inode && change.from === undefined
    );
    if (created >= 0) this.#commit(created + 1);
  }

  /** An fsync that reports an error, and drops what it could not write. */
  failSync(path: string): void {
    this.#inode(path).dirty = false;
  }

  rename(from: string, to: string): void {
    const inode = this.#inode(from);
    this.entries.set(to, inode);
    this.entries.delete(from);
    this.#changes.push({ path: to, inode, from });
  }

  syncFolder(): void {
    this.#commit(this.#changes.length);
  }

  losePower(random: Random): void {
    this.#commit(random.int(this.#changes.length + 1));
    this.#changes = [];
    this.entries.clear();
    for (const [path, inode] of this.durableEntries) {
      const bytes = inode.bytes === inode.durable ? inode.bytes : survivor(inode, random);
      // Another inode: what processes of the past hold on is gone.
      const fresh = { bytes, durable: bytes, allocated: bytes.length, dirty: false };
      this.entries.set(path, fresh);
      this.durableEntries.set(path, fresh);
    }
    this.isFull = false;
  }

  #inode(path: string): Inode {
    const inode = this.entries.get(path);
    if (inode === undefined) throw osError("ENOENT");
    return inode;
  }

  #commit(count: number): void {
    for (const { path, inode, from } of this.#changes.splice(0, count)) {
      this.durableEntries.set(path, inode);
      if (from !== undefined && this.durableEntries.get(from) === inode) {
        this.durableEntries.delete(from);
      }
    }
  }
}

function mixed(head: Bytes, tail: Bytes, at: number): Bytes {
  const bytes = new Uint8Array(Math.max(at, tail.length));
  bytes.set(tail);
  bytes.set(head.subarray(0, at));
  // What is written over itself is still the same.
  return [head, tail].find((whole) => isEqual(whole, bytes)) ?? bytes;
}

function isEqual(a: Bytes, b: Bytes): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

function survivor({ bytes, durable }: Inode, random: Random): Bytes {
  switch (random.int(4)) {
    case 0:
      return durable;
    case 1:
      return bytes;
    case 2:
      return mixed(bytes, durable, random.int(bytes.length + 1));
    default: {
      // Zeros only where there was nothing: of what is overwritten, one or the other survives.
      const length = Math.max(bytes.length, durable.length);
      const zeros = mixed(durable, new Uint8Array(length), durable.length);
      return mixed(bytes, zeros, random.int(bytes.length + 1));
    }
  }
}

/** One lock file. */
export interface LockInode {
  holder: string;
  lockedBy: LockHandle | undefined;
  /** Waiters that the scheduler lets oversleep; called when it is free again. */
  onFree: Set<() => void>;
}

/** One open lock file of one process. */
export interface LockHandle {
  owner: object;
  inode: LockInode;
}

export class Locks {
  readonly files = new Map<string, LockInode>();

  open(path: string, owner: object): LockHandle {
    let inode = this.files.get(path);
    if (inode === undefined) {
      inode = { holder: "", lockedBy: undefined, onFree: new Set() };
      this.files.set(path, inode);
    }
    return { owner, inode };
  }

  tryLock(handle: LockHandle): boolean {
    handle.inode.lockedBy ??= handle;
    return handle.inode.lockedBy === handle;
  }

  close(handle: LockHandle): void {
    const { inode } = handle;
    if (inode.lockedBy !== handle) return;
    inode.lockedBy = undefined;
    for (const wake of inode.onFree) wake();
    inode.onFree.clear();
  }

  /** The kernel's part when a process ends. */
  closeAll(isGone: (owner: object) => boolean): void {
    for (const { lockedBy } of this.files.values()) {
      if (lockedBy !== undefined && isGone(lockedBy.owner)) this.close(lockedBy);
    }
  }
}
