/**
 * A failed file operation in words: the action, then the state that the operating system named.
 *
 * @module
 */

import { CredentialError } from "../core/errors.ts";
import { FileRefusedError } from "./file_system.ts";

const STATES: { readonly [errno: string]: string } = {
  EACCES: "permission denied",
  EPERM: "permission denied",
  EROFS: "the file system is read-only",
  ENOSPC: "no space left on the disk",
  EDQUOT: "the disk quota is used up",
  EMFILE: "too many open files",
  ENFILE: "too many open files",
  EIO: "input/output error",
  ESTALE: "the network file system lost the file",
  ENOENT: "no such file or folder",
  EISDIR: "it is a folder",
};

/** A {@linkcode CredentialError} for what `cause` says; errors of that class pass unchanged. */
export function storageError(
  code: "storage_read" | "storage_write",
  action: string,
  cause: unknown,
): CredentialError {
  if (cause instanceof CredentialError) return cause;
  const errno = (cause as { code?: unknown } | undefined)?.code;
  const state = cause instanceof FileRefusedError
    ? cause.message
    : typeof errno === "string"
    ? STATES[errno] ?? errno
    : cause instanceof Error
    ? cause.name
    : "unknown error";
  return new CredentialError(code, `Cannot ${action}: ${state}`, {
    cause,
    hint: cause instanceof FileRefusedError ? cause.hint : undefined,
  });
}
