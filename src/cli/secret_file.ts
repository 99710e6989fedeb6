/**
 * A new file for a secret that is shown once: mode 0600, and never in the place of another file.
 *
 * @module
 */

import { GrantwayError } from "../core/errors.ts";
import { storageError } from "../credentials/storage_error.ts";
import type { Context } from "./context.ts";

/** Refuses a path where something is; asked before the secret is made. */
export async function refuseExisting({ platform }: Context, path: string): Promise<void> {
  if (await platform.stat(path) === null) return;
  throw new GrantwayError("invalid_request", `Cannot write the key to ${path}: it exists`);
}

/** Writes the file; durable when it resolves. */
export async function writeNew(
  { platform }: Context,
  path: string,
  text: string,
): Promise<void> {
  try {
    await platform.fileSystem.write(path, new TextEncoder().encode(text));
    await platform.fileSystem.sync(path);
  } catch (error) {
    throw storageError("storage_write", `write ${path}`, error);
  }
}
