/**
 * The file store: one JSON document, `auth.json`, shared by any number of processes.
 *
 * - A reader takes no lock: a rename replaces the document at once, so what it reads is whole.
 * - A writer holds the document lock while it reads, changes and writes, so that nobody's change is
 *   lost. A write is: spare file, fsync, rename, fsync of the folder.
 * - A lease is another lock file, held as long as its run takes; writers of other things go on.
 * - After a write the next spare file is filled and fsynced: on a full disk the answer to a refresh
 *   still finds room. It is one file with one name, so that a crash leaves no others behind.
 * - A crash between fsync and rename leaves the whole new document in the spare file. Whoever takes
 *   the document lock next finishes that rename, if it brings a newer generation.
 * - Only "no such file" means empty. What cannot be read or understood is never written over.
 *
 * Files and locks are injected; this module decides the order of the steps.
 *
 * @module
 */

import { CredentialError } from "../core/errors.ts";
import {
  copyDocument,
  decodeSpare,
  deleteRecord,
  type Digest,
  DOCUMENT_VERSION,
  dropExpired,
  emptyDocument,
  encodeDocument,
  getRecord,
  isNewer,
  listRecords,
  parseDocument,
  putRecord,
  type StoreDocument,
} from "./document.ts";
import { acquireLock, type LockRuntime } from "./file_lock.ts";
import type { FileSystem } from "./file_system.ts";
import type { HeldLease, KeyPage, KvStore, Lease, LeaseOptions, PutOptions } from "./kv_store.ts";
import { storageError } from "./storage_error.ts";

/** The name of the document that holds credentials. */
export const DOCUMENT_NAME = "auth.json";

/**
 * How much the next document may be larger: an answer of the token endpoint has at most 64 KiB, of
 * which sealing makes 86.
 */
const RESERVED_BYTES = 96 * 1024;
/** A document lock is held for a few milliseconds; a disk that hangs is another matter. */
const DOCUMENT_LOCK_TIMEOUT_MS = 15_000;
const LEASE_TIMEOUT_MS = 60_000;

/** What a file store is made of. */
export interface FileStoreOptions extends LockRuntime {
  /** The folder of `auth.json`, `auth.json.spare` and `locks/`; created when something is written. */
  folder: string;
  /**
   * Another document of the folder, in the place of `auth.json`: what is written often must not rewrite
   * the credentials each time. Leases are the folder's: documents share their names.
   */
  document?: string | undefined;
  /** Private files. */
  files: FileSystem;
  /** How this process names itself to those that wait for it, such as `process 4711`. */
  holder: string;
  /** Wall clock, ms since the epoch. */
  now: () => number;
  /** SHA-256. */
  digest: Digest;
  /** Told what does not fail an operation, but should be known. */
  onWarning?: ((message: string) => void) | undefined;
}

/** A store in a folder of this machine. */
export interface FileStore extends KvStore, Lease {
  /** The document's path, for messages. */
  readonly path: string;
}

/** Creates a file store; nothing is read or written before it is used. */
export function createFileStore(options: FileStoreOptions): FileStore {
  const { folder, document: name = DOCUMENT_NAME, files, now, digest } = options;
  const path = `${folder}/${name}`;
  const sparePath = `${path}.spare`;
  const lockFolder = `${folder}/locks`;
  const lockName = name === DOCUMENT_NAME ? "document" : `document.${name}`;
  // Writers of this process queue up here instead of polling against each other.
  let lastWriter: Promise<unknown> = Promise.resolve();
  /** What was read or written last: it need not be parsed again. Nobody changes it. */
  let latest: { bytes: Uint8Array<ArrayBuffer>; document: StoreDocument } | undefined;

  async function read(): Promise<StoreDocument> {
    let bytes: Uint8Array<ArrayBuffer> | null;
    try {
      bytes = await files.read(path, { known: latest?.bytes });
    } catch (error) {
      throw storageError("storage_read", `read ${path}`, error);
    }
    if (bytes === null) return emptyDocument();
    if (bytes !== latest?.bytes) {
      latest = { bytes, document: parseDocument(bytes, path) };
    }
    return latest.document;
  }

  async function ensureFolders(): Promise<void> {
    try {
      await files.ensureFolder(folder);
      await files.ensureFolder(lockFolder);
    } catch (error) {
      throw storageError("storage_write", `use ${folder}`, error);
    }
  }

  /** Runs `run` alone among all writers of the document, with what is stored now. */
  function withDocument(run: (document: StoreDocument) => Promise<void>): Promise<void> {
    const turn = lastWriter.then(async () => {
      await ensureFolders();
      const lock = await acquireLock(
        `${lockFolder}/${lockName}.lock`,
        `write ${path}`,
        { timeoutMs: DOCUMENT_LOCK_TIMEOUT_MS },
        options,
      );
      try {
        // Best effort: it only names us to others, and a full disk must not stop a write.
        await lock.writeHolder(options.holder).catch(() => {});
        await run(await rollForward(await read()));
      } finally {
        await lock.close();
      }
    });
    lastWriter = turn.catch(() => {});
    return turn;
  }

  /** Finishes the rename that a crashed writer did not come to. */
  async function rollForward(main: StoreDocument): Promise<StoreDocument> {
    try {
      // "{": anything else is only reserved room.
      if ((await files.read(sparePath, { limit: 1 }))?.[0] !== 0x7b) return main;
      const bytes = await files.read(sparePath);
      if (bytes === null) return main;
      const spare = await decodeSpare(bytes, digest);
      if (spare === undefined || !isNewer(spare, main)) return main;
      // Written again: after an fsync that failed, the next one may succeed and do nothing.
      await files.write(sparePath, bytes);
      await files.sync(sparePath);
      await files.rename(sparePath, path);
      await files.syncFolder(folder);
      options.onWarning?.(`Finished an interrupted write of ${path}`);
      return spare;
    } catch (error) {
      throw storageError("storage_write", `recover ${sparePath}`, error);
    }
  }

  async function write(document: StoreDocument, expectsAnswer: boolean): Promise<void> {
    dropExpired(document, now());
    let bytes: Uint8Array<ArrayBuffer>;
    try {
      bytes = await encodeDocument(document, digest);
      await files.write(sparePath, bytes);
      await files.sync(sparePath);
      await files.rename(sparePath, path);
      await files.syncFolder(folder);
      latest = { bytes, document };
    } catch (error) {
      throw storageError("storage_write", `write ${path}`, error);
    }
    try {
      await files.write(sparePath, filler(bytes.length + RESERVED_BYTES));
      await files.sync(sparePath);
    } catch (error) {
      const failure = storageError("storage_write", `reserve room in ${sparePath}`, error);
      // Better not to spend a refresh token than to have no room for its successor.
      if (expectsAnswer) throw failure;
      options.onWarning?.(failure.message);
    }
  }

  /** Reads, changes and writes the document, unless `change` says that nothing changed. */
  function update(
    change: (document: StoreDocument) => boolean,
    expectsAnswer = false,
  ): Promise<void> {
    return withDocument(async (stored) => {
      const document = copyDocument(stored);
      if (document.version > DOCUMENT_VERSION) {
        throw new CredentialError(
          "storage_write",
          `Cannot write ${path}: a newer Grantway made it (version ${document.version})`,
          { hint: "Update Grantway" },
        );
      }
      if (change(document)) await write(document, expectsAnswer);
    });
  }

  return {
    path,

    async get(key: string): Promise<string | null> {
      return getRecord(await read(), key, now());
    },

    put(key: string, value: string, { expiresAt }: PutOptions = {}): Promise<void> {
      return update((document) => {
        putRecord(document, key, value, expiresAt);
        return true;
      }, expectsAnswer(key, value));
    },

    delete(key: string): Promise<void> {
      return update((document) => deleteRecord(document, key));
    },

    async list({ prefix }: { prefix: string }): Promise<KeyPage> {
      return { keys: listRecords(await read(), prefix, now()) };
    },

    async withLease<T>(
      name: string,
      run: (held: HeldLease) => Promise<T>,
      { signal, timeoutMs = LEASE_TIMEOUT_MS }: LeaseOptions = {},
    ): Promise<T> {
      await ensureFolders();
      const lock = await acquireLock(
        `${lockFolder}/lease.${encodeURIComponent(name)}.lock`,
        `take the lease ${name}`,
        { timeoutMs, signal },
        options,
      );
      try {
        // A lock file that no holder wrote to is new. Whether it replaces one that somebody removed
        // while it was held, nobody can tell; so it stays unwritten until that holder must be gone.
        const unproven = await lock.readHolder().catch(() => "") === "";
        const prove = () => lock.writeHolder(options.holder).catch(() => {});
        if (!unproven) await prove();
        // A holder that died may have left its answer in the spare file.
        await withDocument(() => Promise.resolve());
        const isHeld = async () => {
          try {
            return await lock.isCurrent();
          } catch (error) {
            throw storageError("storage_write", `see who holds the lease ${name}`, error);
          }
        };
        return await run({ unproven, prove, isHeld });
      } finally {
        await lock.close();
      }
    },
  };
}

let lineFeeds = new Uint8Array();

/** Line feeds: a file system may store zeros as a hole, which has no room of its own. */
function filler(length: number): Uint8Array {
  if (lineFeeds.length < length) lineFeeds = new Uint8Array(2 * length).fill(0x0a);
  return lineFeeds.subarray(0, length);
}

/** Whether this write announces a refresh, whose answer will need room. */
function expectsAnswer(key: string, value: string): boolean {
  return key.startsWith("credential/") && /"intent":\s*\{/.test(value);
}
