/**
 * Files of conversations on a {@linkcode MemoryDisk}.
 *
 * @module
 */

import type { ConversationFiles } from "../../src/agent/conversation_files.ts";
import type { MemoryDisk } from "./memory_files.ts";

const changes = new WeakMap<MemoryDisk, Map<string, number>>();
const opened = new WeakMap<MemoryDisk, Set<string>>();

function of<T>(map: WeakMap<MemoryDisk, T>, disk: MemoryDisk, make: () => T): T {
  const found = map.get(disk) ?? make();
  map.set(disk, found);
  return found;
}

/** Creates them; a file is open once at a time, whoever opens it. */
export function createMemoryConversations(disk: MemoryDisk, now: () => number): ConversationFiles {
  const changedAt = of(changes, disk, () => new Map<string, number>());
  const open = of(opened, disk, () => new Set<string>());
  const bytesOf = (path: string) => disk.entries.get(path)?.bytes;
  const write = async (path: string, bytes: Uint8Array) => {
    changedAt.set(path, now());
    await disk.files().write(path, bytes);
  };
  return {
    open: async (path) => {
      if (open.has(path)) return null;
      open.add(path);
      if (bytesOf(path) === undefined) await write(path, new Uint8Array());
      return {
        read: () => Promise.resolve(bytesOf(path)!.slice()),
        append: async (bytes) => {
          const before = bytesOf(path) ?? new Uint8Array();
          await write(path, new Uint8Array([...before, ...bytes]));
        },
        cut: async (size) => {
          const bytes = bytesOf(path)!;
          if (size < bytes.length) await write(path, bytes.slice(0, size));
        },
        close: () => void open.delete(path),
      };
    },
    readHead: (path, limitBytes) => Promise.resolve(bytesOf(path)?.slice(0, limitBytes) ?? null),
    list: (folder) =>
      Promise.resolve(
        [...disk.entries.keys()].filter((path) => path.startsWith(`${folder}/`)).map((path) => ({
          name: path.slice(folder.length + 1),
          changedAt: changedAt.get(path) ?? 0,
        })),
      ),
    remove: (path) => {
      if (!disk.entries.delete(path)) return Promise.reject(new Error(`${path} is gone`));
      return Promise.resolve();
    },
  };
}
