/**
 * {@linkcode FileLock} of Deno: `flock(2)` by `tryLock`. The kernel frees it when its holder dies.
 *
 * @module
 */

import {
  type FileLock,
  type LockFile,
  LockUnsupportedError,
} from "../../credentials/file_system.ts";
import { createPrivateFile, isNotFound, isSameFile } from "./private_file.ts";

const UNSUPPORTED = new Set(["ENOLCK", "ENOSYS", "ENOTSUP", "EOPNOTSUPP"]);
const MAX_HOLDER_BYTES = 64;

/** Options of {@linkcode createFileLock}. */
export interface FileLockOptions {
  /** Told of loose modes, which are repaired. */
  onWarning?: ((message: string) => void) | undefined;
}

/** Creates the {@linkcode FileLock} of this process. */
export function createFileLock({ onWarning = () => {} }: FileLockOptions = {}): FileLock {
  return {
    // deno-lint-ignore require-await -- an error must reject, not throw
    async open(path: string): Promise<LockFile> {
      return createLockFile(path, createPrivateFile(path, onWarning));
    },
  };
}

function createLockFile(path: string, file: Deno.FsFile): LockFile {
  return {
    // deno-lint-ignore require-await -- an error must reject, not throw
    async tryLock(): Promise<boolean> {
      try {
        return file.tryLockSync(true);
      } catch (error) {
        const { code } = error as { code?: string };
        if (error instanceof Deno.errors.NotSupported || UNSUPPORTED.has(code ?? "")) {
          throw new LockUnsupportedError("no file locks here", { cause: error });
        }
        throw error;
      }
    },

    // deno-lint-ignore require-await -- an error must reject, not throw
    async isCurrent(): Promise<boolean> {
      try {
        return isSameFile(Deno.lstatSync(path), file.statSync());
      } catch (error) {
        if (isNotFound(error)) return false;
        throw error;
      }
    },

    // deno-lint-ignore require-await -- an error must reject, not throw
    async readHolder(): Promise<string> {
      const bytes = new Uint8Array(MAX_HOLDER_BYTES);
      file.seekSync(0, Deno.SeekMode.Start);
      const size = file.readSync(bytes) ?? 0;
      const text = new TextDecoder().decode(bytes.subarray(0, size)).trim();
      return /^[\w .-]*$/.test(text) ? text : "another process";
    },

    // deno-lint-ignore require-await -- an error must reject, not throw
    async writeHolder(holder: string): Promise<void> {
      const bytes = new TextEncoder().encode(`${holder}\n`.slice(0, MAX_HOLDER_BYTES));
      file.seekSync(0, Deno.SeekMode.Start);
      file.writeSync(bytes);
      file.truncateSync(bytes.length);
    },

    // deno-lint-ignore require-await -- an error must reject, not throw
    async close(): Promise<void> {
      file.close();
    },
  };
}
