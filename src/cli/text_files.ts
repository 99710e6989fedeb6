/**
 * Small text files of the home folder, with the care that secrets need: mode 0600, whole or not at all.
 *
 * @module
 */

import { CredentialError } from "../core/errors.ts";
import { FileRefusedError, type FileSystem } from "../credentials/file_system.ts";

/** Small text files. */
export interface TextFiles {
  /** The text, or null when there is no such file. */
  read(path: string): Promise<string | null>;
  /** Replaces the file whole; durable when it resolves. */
  write(path: string, text: string): Promise<void>;
  /** Renames. */
  rename(from: string, to: string): Promise<void>;
}

/** Text files over private files. */
export function createTextFiles(files: FileSystem): TextFiles {
  const guarded = async <T>(
    code: "storage_read" | "storage_write",
    action: string,
    run: () => Promise<T>,
  ): Promise<T> => {
    try {
      return await run();
    } catch (error) {
      const problem = error instanceof Error ? error.message : String(error);
      const hint = error instanceof FileRefusedError ? error.hint : undefined;
      throw new CredentialError(code, `Cannot ${action}: ${problem}`, { cause: error, hint });
    }
  };
  return {
    read: (path) =>
      guarded("storage_read", `read ${path}`, async () => {
        const bytes = await files.read(path);
        return bytes === null ? null : new TextDecoder().decode(bytes);
      }),
    write: (path, text) =>
      guarded("storage_write", `write ${path}`, async () => {
        const folder = path.slice(0, path.lastIndexOf("/"));
        const spare = `${path}.spare`;
        await files.ensureFolder(folder);
        await files.write(spare, new TextEncoder().encode(text));
        await files.sync(spare);
        await files.rename(spare, path);
        await files.syncFolder(folder);
      }),
    rename: (from, to) => guarded("storage_write", `rename ${from}`, () => files.rename(from, to)),
  };
}
