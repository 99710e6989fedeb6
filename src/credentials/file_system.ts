/**
 * What the file store needs of an operating system: private files, and advisory locks on them.
 *
 * Each method is one step that may fail, or be the last one before a crash; the order of the steps
 * is the file store's.
 *
 * @module
 */

/** A file that is not what a store may trust: a link, another user's, not a regular file. */
export class FileRefusedError extends Error {
  /** The class name. */
  override name = "FileRefusedError";
  /** What mends it. */
  readonly hint: string | undefined;

  /** Creates an error; `message` says what the file is, such as `it is a symbolic link`. */
  constructor(message: string, hint?: string) {
    super(message);
    this.hint = hint;
  }
}

/** The file system has no advisory locks. */
export class LockUnsupportedError extends Error {
  /** The class name. */
  override name = "LockUnsupportedError";
}

/** Options of {@linkcode FileSystem.read}. */
export interface ReadFileOptions {
  /** Only so many bytes from the start. */
  limit?: number | undefined;
  /** What was read before: where the content is still the same, this very array may be the result. */
  known?: Uint8Array<ArrayBuffer> | undefined;
}

/** Files that this user alone may read. Every other failure is the runtime's own error. */
export interface FileSystem {
  /** Creates a folder with mode 0700, and its parents, unless it is there. */
  ensureFolder(path: string): Promise<void>;
  /**
   * The content, or its start; null only when there is no such file.
   *
   * @throws {FileRefusedError} When it is not a private regular file.
   */
  read(path: string, options?: ReadFileOptions): Promise<Uint8Array<ArrayBuffer> | null>;
  /**
   * Writes from the start of the file, then cuts it to that length: what was allocated before is
   * used again. Creates it with mode 0600. Not durable before {@linkcode FileSystem.sync}.
   *
   * @throws {FileRefusedError} When it is not a private regular file.
   */
  write(path: string, bytes: Uint8Array): Promise<void>;
  /** Makes the content of a file durable. */
  sync(path: string): Promise<void>;
  /** Puts a file in the place of another, at once. */
  rename(from: string, to: string): Promise<void>;
  /** Makes renames inside a folder durable. */
  syncFolder(path: string): Promise<void>;
}

/** One open lock file. */
export interface LockFile {
  /**
   * Takes the exclusive lock if nobody has it.
   *
   * @throws {LockUnsupportedError} When this file system has no locks.
   */
  tryLock(): Promise<boolean>;
  /** Whether the path still names this very file; a lock on a removed one excludes nobody. */
  isCurrent(): Promise<boolean>;
  /** The last holder's words about itself; empty when there never was one. */
  readHolder(): Promise<string>;
  /** Leaves word of the holder. */
  writeHolder(holder: string): Promise<void>;
  /** Closes, which unlocks. */
  close(): Promise<void>;
}

/** Advisory locks that the operating system frees when their holder dies. */
export interface FileLock {
  /**
   * Opens a lock file, creating it with mode 0600 where there is none.
   *
   * @throws {FileRefusedError} When it is not a private regular file.
   */
  open(path: string): Promise<LockFile>;
}
