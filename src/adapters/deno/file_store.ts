/**
 * The file store on Deno: `auth.json` in the home folder, with this process's files, locks and clocks.
 *
 * @module
 */

import { sleep } from "../../core/runtime.ts";
import { createFileStore, type FileStore } from "../../credentials/file_store.ts";
import { createFileLock } from "./file_lock.ts";
import { createFileSystem } from "./file_system.ts";

/** Options of {@linkcode openFileStore}. */
export interface OpenFileStoreOptions {
  /** Another document of the folder. Default: `auth.json`. */
  document?: string | undefined;
  /** Told what does not fail an operation, but should be known. */
  onWarning?: ((message: string) => void) | undefined;
  /** Wall clock, ms since the epoch. Default: `Date.now`. */
  now?: (() => number) | undefined;
}

/** The file store in `folder`; nothing is read or written before it is used. */
export function openFileStore(folder: string, options: OpenFileStoreOptions = {}): FileStore {
  const { document, onWarning, now = () => Date.now() } = options;
  return createFileStore({
    folder,
    document,
    files: createFileSystem({ onWarning }),
    locks: createFileLock({ onWarning }),
    holder: `process ${Deno.pid}`,
    now,
    monotonicNow: () => performance.now(),
    sleep,
    random: Math.random,
    digest: async (bytes) => new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)),
    onWarning,
  });
}
