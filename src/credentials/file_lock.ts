/**
 * Waiting for a lock file: `tryLock` is polled with jitter, so that a wait can be given up, and a
 * lock on a file that somebody has removed or replaced meanwhile is not taken for one.
 *
 * A lock file is never renamed or removed here: its path must keep naming the one file that all
 * lock.
 *
 * @module
 */

import { CredentialError, GrantwayError } from "../core/errors.ts";
import { type FileLock, type LockFile, LockUnsupportedError } from "./file_system.ts";
import { storageError } from "./storage_error.ts";

const FIRST_POLL_MS = 2;
const LAST_POLL_MS = 100;

/** What a wait for a lock takes of the outside world. */
export interface LockRuntime {
  /** Lock files. */
  locks: FileLock;
  /** Monotonic clock, ms. */
  monotonicNow: () => number;
  /** Waits; rejects with the signal's reason when aborted. */
  sleep: (ms: number, signal?: AbortSignal) => Promise<void>;
  /** Uniform in [0, 1). */
  random: () => number;
}

/**
 * Waits for the exclusive lock on `path`. Closing the returned file unlocks it.
 *
 * @throws {CredentialError} `lease_timeout` after `timeoutMs`, naming the holder;
 * `no_mutual_exclusion` where there are no locks; `storage_write` when the file cannot be opened.
 */
export async function acquireLock(
  path: string,
  purpose: string,
  { timeoutMs, signal }: { timeoutMs: number; signal?: AbortSignal | undefined },
  { locks, monotonicNow, sleep, random }: LockRuntime,
): Promise<LockFile> {
  const deadline = monotonicNow() + timeoutMs;
  let file: LockFile | undefined;
  try {
    for (let pollMs = FIRST_POLL_MS;; pollMs = Math.min(LAST_POLL_MS, pollMs * 1.5)) {
      signal?.throwIfAborted();
      file ??= await locks.open(path);
      const locked = await file.tryLock();
      if (!(await file.isCurrent())) {
        await file.close();
        file = undefined;
      } else if (locked) {
        return file;
      }
      if (monotonicNow() >= deadline) {
        const holder = await file?.readHolder().catch(() => "") || "another process";
        throw new CredentialError("lease_timeout", `Cannot ${purpose}: ${holder} holds the lock`, {
          retryable: true,
        });
      }
      await sleep(pollMs * (0.5 + random()), signal);
    }
  } catch (error) {
    await file?.close();
    if (error instanceof LockUnsupportedError) {
      throw new CredentialError(
        "no_mutual_exclusion",
        `Cannot ${purpose}: this file system has no file locks`,
        { cause: error, hint: "Set GRANTWAY_HOME to a folder on a local disk" },
      );
    }
    if (error instanceof GrantwayError || error === signal?.reason) throw error;
    throw storageError("storage_write", `lock ${path}`, error);
  }
}
