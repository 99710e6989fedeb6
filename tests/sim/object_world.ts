/**
 * One Durable Object, the isolates that call it, Workers KV and an authorization server, simulated; the
 * code that runs in the object and in the isolates is the production code.
 *
 * - An object has one current instance. When it moves, the instance that it leaves goes on until it
 *   touches its storage: then it is dead. When it is evicted or runs out of its limits, it is dead at
 *   once. What it had not written durably is gone, whole or not at all.
 * - Nothing leaves an instance before what it wrote is durable.
 * - KV shows a write elsewhere after some time, mostly within a minute, keeps what a place has read for
 *   a minute, takes one write a second of a key, and fails in every way.
 * - The runtime calls an alarm once, twice, late, or not at all.
 *
 * @module
 */

import type { ObjectStorage } from "../../src/adapters/cloudflare/durable_object.ts";
import type { ObjectKeeper } from "../../src/adapters/cloudflare/object_keeper.ts";
import { OAuthError } from "../../src/core/errors.ts";
import type { Credential } from "../../src/credentials/credential.ts";
import type { KvStore } from "../../src/credentials/kv_store.ts";
import type { KvNamespace } from "../../src/adapters/cloudflare/kv_store.ts";
import type { OpenedSeal, Sealer } from "../../src/credentials/sealing.ts";
import type { RefreshOutcome } from "../../src/oauth/refresh_token.ts";
import { ObjectChecks } from "./object_checks.ts";
import type { ObjectProduction } from "./object_production.ts";
import type { Random } from "./random.ts";
import { AuthorizationServer, EPOCH, type ServerModel } from "./server.ts";
import type { Violation } from "./world.ts";

export const NAME = { provider: "acme", id: "one" };
export const LIFETIME_MS = 15 * 60_000;
const MAX_STEPS = 20_000;
const KV_CACHE_MS = 60_000;
const ALARM_RETRIES = 6;

/** How likely what goes wrong is, each time it may. */
export interface ObjectFaults {
  /** An instance dies, at any of its steps. */
  kill: number;
  /** The object moves, at any step of its instance. */
  move: number;
  kvError: number;
  kvHang: number;
  /** A write of KV is seen elsewhere only after up to 400 s. */
  kvLate: number;
  storageError: number;
  /** An answer, or a request, is lost. */
  lost: number;
  /** The server answers what says nothing, or that it is too busy. */
  nonsense: number;
  alarm: number;
}

export const NO_FAULTS: ObjectFaults = {
  kill: 0,
  move: 0,
  kvError: 0,
  kvHang: 0,
  kvLate: 0,
  storageError: 0,
  lost: 0,
  nonsense: 0,
  alarm: 0,
};

/** Who does something: an instance of the object, or an isolate. */
export interface Actor {
  name: string;
  /** Where it is, which decides what KV shows it. */
  place: number;
  isAlive: boolean;
  instance?: Instance;
}

interface Operation {
  name: string;
  at: number;
  owner: Actor | undefined;
  run(): void;
}

interface KvWrite {
  value: string | null;
  /** When each place may see it. */
  visibleAt: number[];
}

interface KvEntry {
  writes: KvWrite[];
  lastWriteAt: number;
  /** What each place has read, and when. */
  cached: { value: string | null; at: number }[];
}

/** One life of the object. */
export class Instance implements Actor {
  isAlive = true;
  readonly instance = this;
  readonly keeper: ObjectKeeper;
  /** Who waits for it, to be told when it dies. */
  readonly callers = new Set<(error: Error) => void>();
  /** Written, and not durable yet. */
  #buffer: { entries: Record<string, unknown>; alarm?: number | null }[] = [];

  constructor(readonly world: ObjectWorld, readonly name: string, readonly place: number) {
    const { production } = world;
    this.keeper = production.createObjectKeeper({
      ...NAME,
      storage: this.#storage(),
      kv: world.kvOf(this),
      // Another object's; where it fails, it is asked again.
      list: () => Promise.resolve(),
      sealer: SEALER,
      name: "Acme",
      loginHint: "sign in again",
      refresh: (credential, signal) => world.refresh(this, credential, signal),
      now: world.wallNow,
      monotonicNow: () => world.now,
      sleep: (ms, signal) => world.sleep(this, ms, signal),
      random: world.random.next,
      digest: (bytes) => Promise.resolve(new Uint8Array(32).fill(bytes.length)),
      waitUntil: () => {},
      onWarning: (message) => world.checks.onMessage(message),
    });
  }

  get isCurrent(): boolean {
    return this.world.instance === this;
  }

  /** What was written becomes durable: always before anything leaves the object. */
  flush(): void {
    if (this.#buffer.length === 0) return;
    for (const { entries, alarm } of this.#buffer) {
      Object.assign(this.world.stored, entries);
      if (alarm !== undefined) this.world.setAlarm(alarm ?? undefined);
    }
    this.#buffer = [];
    this.world.checks.onStored();
  }

  die(reason: string): void {
    if (!this.isAlive) return;
    const { world } = this;
    world.log(`${this.name} dies: ${reason}`);
    this.isAlive = false;
    world.operations = world.operations.filter(({ owner }) => owner !== this);
    if (world.instance === this) {
      // What was written may have become durable all the same.
      if (world.random.chance(0.5)) this.flush();
      world.instance = undefined;
    }
    world.checks.onDeath(this);
    world.restarts++;
    for (const tell of this.callers) tell(new Error("the object was reset"));
  }

  #storage(): ObjectStorage {
    const touch = <T>(name: string, run: () => T): Promise<T> =>
      this.world.call(this, `storage ${name}`, [1, 8], () => {
        if (!this.isCurrent) {
          this.die("it was replaced");
          throw new Error("replaced");
        }
        if (this.world.isFaulty("storageError")) {
          this.die("its storage failed");
          throw new Error("storage failed");
        }
        return run();
      });
    return {
      get: (keys) =>
        touch("get", () => {
          this.flush();
          const found = keys.filter((key) => key in this.world.stored);
          return new Map(found.map((key) => [key, this.world.stored[key]]));
        }),
      put: (entries) => {
        this.world.checks.onPut(entries);
        this.#buffer.push({ entries });
        return touch("put", () => {});
      },
      setAlarm: (at) => {
        this.#buffer.push({ entries: {}, alarm: at });
        return touch("setAlarm", () => {});
      },
      deleteAlarm: () => {
        this.#buffer.push({ entries: {}, alarm: null });
        return touch("deleteAlarm", () => {});
      },
      sync: () => touch("sync", () => this.flush()),
      delete: () => Promise.reject(new Error("not used")),
      list: () => Promise.reject(new Error("not used")),
    };
  }
}

/** Seals without cryptography, at once; what it binds a text to is checked as the real one checks it. */
export const SEALER: Sealer = {
  keyId: "sim",
  seal: (text, record, generation) => {
    const header = { alg: "dir", enc: "A256GCM", kid: "sim", rid: record, gen: generation };
    const sealed = `${encode(JSON.stringify(header))}..${"n".repeat(16)}.${encode(text)}.${
      "t".repeat(22)
    }`;
    return Promise.resolve(sealed);
  },
  open: (sealed, record): Promise<OpenedSeal> => {
    const [header, , , text] = sealed.split(".");
    const { rid, gen } = JSON.parse(decode(header!));
    if (rid !== record) return Promise.reject(new Error("another record's"));
    return Promise.resolve({ text: decode(text!), generation: gen });
  },
};

/** What is in a sealed text. */
export function unseal(sealed: unknown): string {
  return typeof sealed === "string" ? decode(sealed.split(".")[3] ?? "") : "";
}

function encode(text: string): string {
  return btoa(text).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

function decode(text: string): string {
  return atob(text.replaceAll("-", "+").replaceAll("_", "/"));
}

// The microtasks of one step are run to their end at once.
const { core } = (Deno as unknown as Record<symbol, { core: { runMicrotasks(): void } }>)[
  // deno-lint-ignore no-explicit-any
  (Deno as any).internal
]!;

/** Everything there is. */
export class ObjectWorld {
  now = 0;
  steps = 0;
  restarts = 0;
  moves = 0;
  isCalm = false;
  operations: Operation[] = [];
  violation: Violation | undefined;
  /** The durable storage of the object. */
  stored: Record<string, unknown> = {};
  instance: Instance | undefined;
  readonly kv = new Map<string, KvEntry>();
  readonly server: AuthorizationServer;
  readonly checks: ObjectChecks;
  #alarm: { at: number; tries: number } | undefined;
  #instances = 0;

  constructor(
    readonly production: ObjectProduction,
    readonly random: Random,
    readonly faults: ObjectFaults,
    model: ServerModel,
    readonly trace?: string[] | undefined,
  ) {
    this.server = new AuthorizationServer(model, random, () => this.now, LIFETIME_MS);
    this.checks = new ObjectChecks(this);
  }

  readonly wallNow = (): number => EPOCH + this.now;

  log(text: string): void {
    this.trace?.push(`${(this.now / 1000).toFixed(3).padStart(9)}  ${text}`);
  }

  violate(id: string, detail: string): void {
    this.violation ??= { id, detail };
  }

  isFaulty(name: keyof ObjectFaults): boolean {
    return !this.isCalm && this.random.chance(this.faults[name]);
  }

  /** Something that takes a while, drawn from a range in ms. */
  call<T>(owner: Actor, name: string, [least, most]: [number, number], run: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      this.later(owner, name, least + this.random.next() * (most - least), () => {
        try {
          resolve(run());
        } catch (error) {
          reject(error);
        }
      });
    });
  }

  later(owner: Actor | undefined, name: string, ms: number, run: () => void): Operation {
    const operation = { name, owner, at: this.now + ms, run };
    if (owner?.isAlive !== false) this.operations.push(operation);
    return operation;
  }

  sleep(owner: Actor, ms: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) return Promise.reject(signal.reason);
    return new Promise((resolve, reject) => {
      const onAbort = () => {
        this.operations = this.operations.filter((other) => other !== operation);
        reject(signal!.reason);
      };
      const operation = this.later(owner, `sleep ${Math.round(ms)}`, Math.max(0, ms), () => {
        signal?.removeEventListener("abort", onAbort);
        resolve();
      });
      signal?.addEventListener("abort", onAbort, { once: true });
    });
  }

  /** Runs until nothing is left to happen before `until`, or an invariant broke. */
  run(until: number): void {
    core.runMicrotasks();
    while (this.violation === undefined) {
      if (++this.steps > MAX_STEPS) return this.violate("I10", `${MAX_STEPS} steps, and no end`);
      let next = this.operations[0];
      for (const operation of this.operations) if (operation.at < next!.at) next = operation;
      const alarmAt = this.#alarm?.at ?? Infinity;
      if (Math.min(next?.at ?? Infinity, alarmAt) > until) break;
      if (next === undefined || alarmAt < next.at) this.#fireAlarm(alarmAt);
      else this.#step(next);
      core.runMicrotasks();
    }
    this.now = Math.max(this.now, until);
  }

  #step(operation: Operation): void {
    this.now = Math.max(this.now, operation.at);
    const instance = operation.owner?.instance;
    const isEarly = this.random.chance(0.5);
    const isKilled = instance !== undefined && this.isFaulty("kill");
    if (instance?.isCurrent && this.isFaulty("move")) this.move();
    if (isKilled && isEarly) return instance.die("killed");
    this.log(`${operation.owner?.name ?? "--"} ${operation.name}`);
    this.operations = this.operations.filter((other) => other !== operation);
    operation.run();
    if (!isKilled) return;
    core.runMicrotasks();
    instance.die("killed");
  }

  /** Another instance takes over; this one does not know. */
  move(): void {
    this.log(`${this.instance?.name} is replaced`);
    this.moves++;
    this.instance = undefined;
  }

  /** The current instance; a new one where there is none. */
  current(): Instance {
    if (this.instance === undefined) {
      this.instance = new Instance(this, `o${++this.#instances}`, this.random.int(3));
      this.log(`${this.instance.name} starts`);
    }
    return this.instance;
  }

  setAlarm(at: number | undefined): void {
    this.#alarm = at === undefined ? undefined : { at: Math.max(this.now, at - EPOCH), tries: 0 };
  }

  #fireAlarm(at: number): void {
    this.now = Math.max(this.now, at);
    const { tries } = this.#alarm!;
    this.#alarm = undefined;
    if (this.isFaulty("alarm")) {
      // Late, or never.
      if (this.random.chance(0.7)) this.#alarm = { at: this.now + this.random.int(60_000), tries };
      return;
    }
    this.log("-- alarm");
    const times = this.isFaulty("alarm") ? 2 : 1;
    for (let n = 0; n < times; n++) {
      this.#ask((keeper) => keeper.alarm()).catch((error: Error) => {
        this.checks.onMessage(error.message);
        if (this.#alarm !== undefined || tries >= ALARM_RETRIES) return;
        this.#alarm = { at: this.now + 2_000 * 2 ** tries, tries: tries + 1 };
      });
    }
  }

  /** A request to the object; it fails with the instance. */
  #ask<T>(run: (keeper: ObjectKeeper) => Promise<T>): Promise<T> {
    const instance = this.current();
    return new Promise((resolve, reject) => {
      const fail = (error: Error) => {
        instance.callers.delete(fail);
        reject(error);
      };
      instance.callers.add(fail);
      run(instance.keeper).then((result) => {
        if (!instance.isAlive) return;
        instance.callers.delete(fail);
        // Nothing leaves before what was written is durable.
        if (instance.isCurrent) instance.flush();
        resolve(result);
      }, (error) => {
        if (instance.isAlive) fail(error);
      });
    });
  }

  /** What an isolate sends over its stub. */
  request<T>(from: Actor, run: (keeper: ObjectKeeper) => Promise<T>): Promise<T> {
    return this.call(from, "calls the object", [1, 40], () => this.#ask(run)).then((answer) =>
      answer
    )
      .then((answer) => this.call(from, "is answered", [1, 40], () => answer));
  }

  /** KV as `actor` sees it, sealed. */
  kvOf(actor: Actor): KvStore {
    const { createKvStore, createSealedStore } = this.production;
    const store = createKvStore(this.#namespaceOf(actor), { now: this.wallNow });
    return createSealedStore(store, { sealer: SEALER, acceptsPlain: false });
  }

  #namespaceOf(actor: Actor): KvNamespace {
    const entryOf = (key: string): KvEntry => {
      let entry = this.kv.get(key);
      if (entry === undefined) {
        entry = { writes: [], lastWriteAt: -Infinity, cached: [] };
        this.kv.set(key, entry);
      }
      return entry;
    };
    const write = (key: string, value: string | null): Promise<void> => {
      const { instance } = actor;
      this.checks.onKvTry(value);
      // The output gate: who was replaced cannot make its writes durable, and may not send.
      if (instance?.isCurrent) instance.flush();
      const apply = () => {
        const entry = entryOf(key);
        entry.lastWriteAt = this.now;
        const visibleAt = [0, 1, 2].map((place) => this.now + this.#delayMs(place === actor.place));
        entry.writes.push({ value, visibleAt });
        this.checks.onKvWrite(key, value);
      };
      if (this.isFaulty("kvHang")) {
        if (this.random.chance(0.5)) this.later(undefined, `kv put ${key}`, 8_000, apply);
        return new Promise(() => {});
      }
      return this.call(actor, `kv put ${key}`, [5, 300], () => {
        if (this.now - entryOf(key).lastWriteAt < 1_000) throw new Error("KV PUT failed: 429");
        if (this.isFaulty("kvError")) {
          if (this.random.chance(0.3)) apply();
          throw new Error("KV PUT failed: 500");
        }
        apply();
      });
    };
    return {
      getWithMetadata: (key) => {
        if (this.isFaulty("kvHang")) return new Promise(() => {});
        return this.call(actor, `kv get ${key}`, [1, 60], () => {
          if (this.isFaulty("kvError")) throw new Error("KV GET failed: 500");
          const { writes, cached } = entryOf(key);
          const known = cached[actor.place];
          if (known !== undefined && this.now - known.at < KV_CACHE_MS) {
            return { value: known.value, metadata: null };
          }
          // The last of those that are visible by now: later ones may become visible earlier.
          const value = writes.findLast(({ visibleAt }) => visibleAt[actor.place]! <= this.now)
            ?.value ?? null;
          cached[actor.place] = { value, at: this.now };
          return { value, metadata: null };
        });
      },
      put: (key, value) => write(key, value),
      delete: (key) => write(key, null),
      list: ({ prefix }) =>
        this.call(actor, `kv list ${prefix}`, [5, 60], () => ({
          keys: [...this.kv].filter(([key, { writes }]) =>
            key.startsWith(prefix) && writes.at(-1)?.value != null
          ).map(([name]) => ({ name })),
          list_complete: true,
        })),
    };
  }

  #delayMs(isHere: boolean): number {
    if (isHere && this.random.chance(0.8)) return 0;
    if (this.isFaulty("kvLate")) return 60_000 + this.random.int(340_000);
    return this.random.chance(0.5) ? this.random.int(2_000) : this.random.int(55_000);
  }

  /** One presentation of a refresh token. */
  refresh(instance: Instance, sent: Credential, signal?: AbortSignal): Promise<RefreshOutcome> {
    // Who was replaced cannot prove that its intent is durable; here it had been, or it is stopped.
    if (instance.isCurrent) instance.flush();
    const token = this.server.tokens.get(sent.tokens!.refreshToken!)!;
    const request = this.checks.onSend(instance, sent, token);
    this.log(`${instance.name} sends ${token.value}`);
    const isLost = this.isFaulty("lost"), isNonsense = this.isFaulty("nonsense");
    const isBefore = this.random.chance(0.4);
    const ambiguous: RefreshOutcome = {
      kind: "ambiguous",
      error: new OAuthError("refresh_uncertain", "answered 502", { retryable: true }),
    };
    return new Promise((resolve, reject) => {
      const end = () => {
        this.checks.onEnd(request);
        reject(new Error("given up"));
      };
      signal?.addEventListener("abort", end, { once: true });
      const answer = (outcome: RefreshOutcome) =>
        this.later(undefined, "answer", 5 + this.random.next() ** 3 * 8_000, () => {
          if (signal?.aborted) return;
          signal?.removeEventListener("abort", end);
          this.checks.onEnd(request);
          if (!instance.isAlive) return;
          if (outcome.kind === "granted") this.checks.onReceived(instance, request);
          resolve(outcome);
        });
      const transitMs = 5 + this.random.next() ** 3 * 3_000;
      this.later(undefined, `process ${token.value}`, transitMs, () => {
        if (isLost && isBefore) return;
        if (isNonsense && isBefore) {
          const error = new OAuthError("rate_limited", "answered 429", { retryAfterMs: 70_000 });
          answer(this.random.chance(0.5) ? ambiguous : { kind: "refused", error });
          return;
        }
        const presented = this.server.present(token.value, true);
        this.log(`-- server: ${token.value} ${presented.kind}`);
        if (presented.kind === "rejected") {
          this.checks.onRejected(request, presented.isReuse);
          if (isLost) return;
          const error = new OAuthError("invalid_grant", "invalid_grant: no");
          answer(isNonsense ? ambiguous : { kind: "dead", error });
          return;
        }
        const { token: successor } = presented;
        this.checks.onRotated(instance, request, successor);
        if (isLost || isNonsense) {
          token.excuse ??= "answer lost";
          if (!isLost) answer(ambiguous);
          return;
        }
        answer({
          kind: "granted",
          tokenSet: {
            accessToken: successor.accessToken,
            refreshToken: successor.value,
            tokenType: "Bearer",
            expiresAt: EPOCH + successor.expiresAt,
            extra: {},
          },
        });
      });
    });
  }
}
