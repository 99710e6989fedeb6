/**
 * The files of conversations, as Deno has them.
 *
 * @module
 */

import type { ConversationFile, ConversationFiles } from "../../agent/conversation_files.ts";
import { createFileSystem } from "./file_system.ts";
import { readUpTo, writeAll } from "./file.ts";
import { createPrivateFile, isNotFound, openPrivateFile } from "./private_file.ts";

/** Whether this process has the file alone now; where there are no locks, it is taken to. */
function lock(file: Deno.FsFile): boolean {
  try {
    return file.tryLockSync(true);
  } catch {
    return true;
  }
}

/** Creates the {@linkcode ConversationFiles} of this process. */
export function createConversationFiles(
  onWarning: (message: string) => void,
): ConversationFiles {
  const system = createFileSystem({ onWarning });
  return {
    open: async (path): Promise<ConversationFile | null> => {
      await system.ensureFolder(path.slice(0, path.lastIndexOf("/")));
      const file = createPrivateFile(path, onWarning);
      if (!lock(file)) {
        file.close();
        return null;
      }
      return {
        // deno-lint-ignore require-await -- an error must reject, not throw
        read: async () => {
          file.seekSync(0, Deno.SeekMode.Start);
          return readUpTo(file, file.statSync().size);
        },
        // deno-lint-ignore require-await -- as above
        append: async (bytes) => {
          file.seekSync(0, Deno.SeekMode.End);
          writeAll(file, bytes);
        },
        // deno-lint-ignore require-await -- as above
        cut: async (size) => file.truncateSync(size),
        close: () => file.close(),
      };
    },
    // deno-lint-ignore require-await -- as above
    readHead: async (path, limitBytes) => {
      using file = openPrivateFile(path, { read: true }, onWarning);
      return file === null ? null : readUpTo(file, Math.min(limitBytes, file.statSync().size));
    },
    // deno-lint-ignore require-await -- as above
    list: async (folder) => {
      /** What is removed meanwhile, or was never made, is not there. */
      const unlessGone = <T>(look: () => T): T | undefined => {
        try {
          return look();
        } catch (error) {
          if (isNotFound(error)) return undefined;
          throw error;
        }
      };
      const entries = unlessGone(() => [...Deno.readDirSync(folder)]) ?? [];
      return entries.flatMap(({ name, isFile }) => {
        const info = isFile ? unlessGone(() => Deno.statSync(`${folder}/${name}`)) : undefined;
        return info === undefined ? [] : [{ name, changedAt: info.mtime?.getTime() ?? 0 }];
      });
    },
    // deno-lint-ignore require-await -- as above
    remove: async (path) => Deno.removeSync(path),
  };
}
