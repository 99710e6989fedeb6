/**
 * One simulated process: the production code with its stores and keepers, whose every call becomes a
 * pending operation of the world.
 *
 * @module
 */

import type { Keeper } from "../../src/credentials/access_token_source.ts";
import type { CredentialStore } from "../../src/credentials/credential_store.ts";
import type { FileLock, FileSystem } from "../../src/credentials/file_system.ts";
import type { KvStore, Lease } from "../../src/credentials/kv_store.ts";
import { type CheckedProcess, MAIN, type Purpose } from "./checks.ts";
import type { Bytes, LockInode } from "./disk.ts";
import { createFetch } from "./network.ts";
import type { Operation, OperationKind, World } from "./world.ts";

export const HOME = "/home";
export const PROVIDER = "acme";

/** How much longer than it asked a process may sleep that polls a lock which is held. */
const OVERSLEEP_MS = 3_000;

/** One process: its stores, its keepers, and its share of the operations. */
export class Process implements CheckedProcess {
  isAlive = false;
  readonly writing = new Map<string, Purpose>();
  warnings = 0;
  /** Steps for which faults are likelier: it has just sent. */
  hot = 0;
  store: KvStore & Lease;
  credentials: CredentialStore;
  /** Called when it dies, to go on elsewhere. */
  onEnd: (() => void) | undefined;
  readonly #keepers = new Map<string, Keeper>();
  #polled: LockInode | undefined;

  constructor(
    readonly world: World,
    readonly name: string,
    readonly script: (process: Process) => Promise<void>,
  ) {
    const { production } = world;
    this.store = this.#watch(production.createFileStore({
      ...this.#runtime(),
      folder: HOME,
      files: this.#files(),
      locks: this.#locks(),
      holder: `process ${name}`,
    }));
    this.credentials = production.createCredentialStore(this.store, this.store);
  }

  begin(): void {
    this.isAlive = true;
    this.script(this).then(() => this.#exit(), (error) => {
      this.world.violate("UNCAUGHT", `${this.name}: ${error?.stack ?? error}`);
    });
  }

  async #exit(): Promise<void> {
    for (const keeper of this.#keepers.values()) {
      await keeper.settled().catch((error: Error) => {
        this.note(error);
        this.world.checks.onUnsavedExit(this);
      });
    }
    this.world.log(`${this.name} exits`);
    this.end();
  }

  /** It is gone, and with it everything that it waited for. */
  end(): void {
    const { world } = this;
    this.isAlive = false;
    this.writing.clear();
    for (let i = world.operations.length - 1; i >= 0; i--) {
      if (world.operations[i]!.owner === this) world.operations.splice(i, 1);
    }
    world.locks.closeAll((owner) => owner === this);
  }

  /** Lets whoever started it start it again. */
  restart(): void {
    this.onEnd?.();
  }

  keeper(id: string): Keeper {
    const known = this.#keepers.get(id);
    if (known !== undefined) return known;
    const { world } = this;
    const { requestRefresh, createAccessTokenSource } = world.production;
    const runtime = this.#runtime();
    const client = { clientId: "sim", tokenEndpoint: TOKEN_ENDPOINT };
    const network = {
      fetch: createFetch(this),
      now: runtime.now,
      sleep: runtime.sleep,
      startTimer: this.#startTimer,
    };
    const keeper = createAccessTokenSource({
      ...runtime,
      store: this.store,
      lease: this.store,
      provider: PROVIDER,
      id,
      name: "Acme",
      loginHint: "sign in again",
      host: "sim",
      refresh: (credential, signal) =>
        requestRefresh(client, credential.tokens!.refreshToken!, { ...network, signal }),
    });
    this.#keepers.set(id, keeper);
    return keeper;
  }

  /** Runs `run`, whose writes are for `purpose`. */
  async writes<T>(purpose: Purpose, run: () => Promise<T>): Promise<T> {
    this.#purpose = purpose;
    try {
      return await run();
    } finally {
      this.#purpose = "keeper";
    }
  }
  #purpose: Purpose = "keeper";

  /** An error that a caller met: it must be an expected one, and tell no secret. */
  note(error: unknown): void {
    for (let e = error; e instanceof Error; e = e.cause) this.world.checks.onMessage(e.message);
    const isExpected = error instanceof Error && typeof (error as { code?: unknown }).code ===
        "string" &&
      /^(Credential|OAuth|Grantway)Error$/.test(error.name);
    if (!isExpected) this.world.violate("UNCAUGHT", String((error as Error)?.stack ?? error));
  }

  readonly sleep = (ms: number, signal?: AbortSignal): Promise<void> => {
    const { world } = this;
    if (signal?.aborted) return Promise.reject(signal.reason);
    return new Promise((resolve, reject) => {
      const dueAt = world.now + Math.max(0, ms);
      const onAbort = () => {
        world.drop(operation);
        reject(signal!.reason);
      };
      const operation: Operation = {
        name: `sleep ${Math.round(ms)}`,
        kind: "sleep",
        owner: this,
        at: dueAt,
        run: () => {
          signal?.removeEventListener("abort", onAbort);
          world.observe?.(this, "slept", world.now);
          resolve();
        },
        fail: reject,
      };
      signal?.addEventListener("abort", onAbort, { once: true });
      const polled = this.#polled;
      this.#polled = undefined;
      if (polled?.lockedBy !== undefined && ms <= 150) {
        // Nothing changes before the lock is free: the polls in between would cost time only.
        operation.at += OVERSLEEP_MS;
        polled.onFree.add(() => operation.at = Math.max(dueAt, world.now));
      }
      world.operations.push(operation);
    });
  };

  readonly #startTimer = (ms: number, fire: () => void): () => void => {
    const { world } = this;
    const operation: Operation = {
      name: `timer ${ms}`,
      kind: "sleep",
      owner: this,
      at: world.now + ms,
      run: fire,
      fail() {},
    };
    world.operations.push(operation);
    return () => world.drop(operation);
  };

  /** A call that takes its turn. */
  call<T>(
    kind: OperationKind,
    name: string,
    run: (stopAt?: number) => T,
    spoil?: () => void,
  ): Promise<T> {
    const { world } = this;
    return new Promise((resolve, reject) => {
      world.operations.push({
        name,
        kind,
        owner: this,
        at: world.now,
        run: (stopAt) => {
          try {
            const value = run(stopAt);
            world.observe?.(this, name, value);
            if (stopAt === undefined) resolve(value);
          } catch (error) {
            if (stopAt === undefined) reject(error);
          }
        },
        fail: reject,
        spoil,
      });
    });
  }

  #runtime() {
    const { world } = this;
    return {
      now: () => world.wallNow(),
      monotonicNow: () => world.monotonicNow(),
      sleep: this.sleep,
      random: () => world.director.random(),
      digest: (bytes: Uint8Array) => this.call("digest", "digest", () => digest(bytes)),
      onWarning: (message: string) => {
        this.warnings++;
        world.log(`${this.name} warns: ${message}`);
        world.checks.onMessage(message);
      },
    };
  }

  /** The store, with an eye on who writes what. */
  #watch(store: KvStore & Lease): KvStore & Lease {
    const during = async (key: string, run: () => Promise<void>) => {
      this.writing.set(key, this.#purpose);
      try {
        await run();
      } finally {
        this.writing.delete(key);
      }
    };
    return {
      get: (key) => store.get(key),
      list: (options) => store.list(options),
      withLease: (name, run, options) => store.withLease(name, run, options),
      put: (key, value, options) =>
        during(key, async () => {
          await store.put(key, value, options);
          this.world.checks.onWritten(this);
        }),
      delete: (key) => during(key, () => store.delete(key)),
    };
  }

  #files(): FileSystem {
    const { disk, checks } = this.world;
    const short = (path: string) => path.slice(HOME.length + 1);
    return {
      ensureFolder: () => this.call("write", "ensureFolder", () => {}),
      read: (path, { limit } = {}) =>
        this.call("read", `read ${short(path)}`, () => {
          const bytes = disk.read(path);
          return limit === undefined ? bytes : bytes?.subarray(0, limit) ?? null;
        }),
      write: async (path, bytes) => {
        if (path === MAIN) {
          // In place: readers see it empty in between.
          await this.call("write", `truncate ${short(path)}`, () => {
            disk.truncate(path);
            checks.onMainChanged(this);
          });
        }
        const written = bytes as Bytes;
        const write = (stopAt = 1) => {
          try {
            disk.write(path, written, Math.floor(stopAt * written.length));
          } catch (error) {
            checks.onNoRoom(this, written);
            throw error;
          }
          checks.onWrite(this, written);
          if (path === MAIN) checks.onMainChanged(this);
        };
        await this.call(
          "write",
          `write ${short(path)} ${written.length}`,
          write,
          () => disk.write(path, written, written.length >> 1),
        );
      },
      sync: (path) =>
        this.call("write", `sync ${short(path)}`, () => {
          disk.sync(path);
          checks.onSync(path);
        }, () => disk.failSync(path)),
      rename: (from, to) => {
        const rename = () => {
          disk.rename(from, to);
          if (to === MAIN) checks.onMainChanged(this);
        };
        return this.call("write", `rename ${short(from)} ${short(to)}`, rename, rename);
      },
      syncFolder: () => this.call("write", "syncFolder", () => disk.syncFolder()),
    };
  }

  #locks(): FileLock {
    const { locks } = this.world;
    return {
      open: async (path) => {
        const name = path.slice(path.lastIndexOf("/") + 1).replace(/\.lock$/, "");
        const handle = await this.call("lock", `open ${name}`, () => locks.open(path, this));
        return {
          tryLock: () =>
            this.call("lock", `tryLock ${name}`, () => {
              const isTaken = locks.tryLock(handle);
              this.#polled = isTaken ? undefined : handle.inode;
              return isTaken;
            }),
          isCurrent: () =>
            this.call(
              "lock",
              `isCurrent ${name}`,
              () => locks.files.get(path) === handle.inode,
            ),
          readHolder: () => this.call("lock", `readHolder ${name}`, () => handle.inode.holder),
          writeHolder: (holder) =>
            this.call("lock", `writeHolder ${name}`, () => void (handle.inode.holder = holder)),
          close: () => this.call("unlock", `close ${name}`, () => locks.close(handle)),
        };
      },
    };
  }

  /** Whether it holds the lease of a credential. */
  holdsLease(id: string): boolean {
    for (const [path, inode] of this.world.locks.files) {
      if (path.includes(`%2F${id}.lock`) && inode.lockedBy?.owner === this) return true;
    }
    return false;
  }
}

const TOKEN_ENDPOINT = new URL("https://auth.acme.example/token");

/** Stands in for SHA-256: what tears a file changes it. */
function digest(bytes: Uint8Array): Uint8Array {
  let a = 0x811c9dc5, b = bytes.length;
  for (let i = 0; i < bytes.length; i++) {
    a = Math.imul(a ^ bytes[i]!, 0x01000193);
    b = (b << 5) - b + bytes[i]! | 0;
  }
  const hash = new Uint8Array(32);
  for (let i = 0; i < 4; i++) {
    hash[i] = a >>> (8 * i);
    hash[4 + i] = b >>> (8 * i);
  }
  return hash;
}
