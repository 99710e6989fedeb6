/**
 * Every order of the steps of two processes that find the same token expired, with a crash of either
 * at any step, by running the schedule again for each choice. States that were seen are not entered
 * twice: a state is the disk, the locks, the server, what is pending, and all that each process has
 * seen so far.
 *
 * @module
 */

import type { Bytes } from "./disk.ts";
import type { NetworkPlan } from "./network.ts";
import type { Process } from "./process.ts";
import type { Production } from "./production.ts";
import { Random } from "./random.ts";
import { askOnce, conclude, PROBED, storeLogins } from "./scenario.ts";
import { SERVER_MODELS } from "./server.ts";
import { type Director, type Operation, type Violation, World } from "./world.ts";

/** How much may go wrong in one schedule. */
export interface ExploreBudget {
  /** Processes that are killed. */
  crashes: number;
  /** Requests or answers that are lost. */
  losses: number;
}

/** What an exploration found. */
export interface Exploration {
  /** Different states in which more than one thing could happen, or did. */
  states: number;
  schedules: number;
  failure?: { violation: Violation; trace: string[] } | undefined;
}

const PLANS: readonly NetworkPlan[] = [
  { transitMs: 0, answerMs: 0 },
  { transitMs: 0, answerMs: 0, lost: "request", isReset: true },
  { transitMs: 0, answerMs: 0, lost: "answer", isReset: true },
];

/** The state was entered before: nothing new can follow. */
class Seen extends Error {}

class ExploringDirector implements Director {
  /** The choices made, the given ones first. */
  readonly choices: number[] = [];
  /** Where another choice was possible: how many there were. */
  readonly options: number[] = [];
  readonly history = new Map<string, number>();
  isOver = false;
  isSeen = false;
  #crashes: number;
  #losses: number;

  constructor(
    readonly given: readonly number[],
    { crashes, losses }: ExploreBudget,
    readonly seen: Set<string>,
  ) {
    this.#crashes = crashes;
    this.#losses = losses;
  }

  readonly random = (): number => 0.5;
  readonly fault = (): undefined => undefined;

  /** What a process learnt becomes part of the state. */
  readonly observe = (process: Process, name: string, value: unknown): void => {
    const text = value instanceof Uint8Array
      ? hashOf(value as Bytes)
      : typeof value === "object"
      ? value === null
      : value;
    const before = this.history.get(process.name) ?? 0;
    this.history.set(process.name, hashText(`${before} ${name} ${text}`));
  };

  pick(ready: readonly Operation[], world: World): Operation | undefined {
    if (this.isOver) return ready[0]!;
    const alive = this.#crashes > 0 ? world.processes.filter((process) => process.isAlive) : [];
    if (this.choices.length >= this.given.length) {
      const state = this.#state(world);
      if (this.seen.has(state)) {
        this.isSeen = true;
        throw new Seen();
      }
      this.seen.add(state);
    }
    const choice = this.#choose(ready.length + alive.length);
    if (choice < ready.length) return ready[choice]!;
    this.#crashes--;
    world.kill(alive[choice - ready.length]!);
    return undefined;
  }

  network(): NetworkPlan {
    const choice = this.#losses > 0 ? this.#choose(PLANS.length) : 0;
    if (choice > 0) this.#losses--;
    return PLANS[choice]!;
  }

  #choose(options: number): number {
    const choice = this.given[this.choices.length] ?? 0;
    this.choices.push(choice);
    this.options.push(options);
    return choice;
  }

  #state(world: World): string {
    const { disk, locks, server } = world;
    const files = [...disk.entries, ...disk.durableEntries].map(([path, inode]) =>
      `${path} ${hashOf(inode.bytes)} ${hashOf(inode.durable)} ${inode.dirty}`
    );
    const held = [...locks.files].map(([path, { holder, lockedBy }]) =>
      `${path} ${holder} ${(lockedBy?.owner as Process | undefined)?.name}`
    );
    const tokens = [...server.tokens.values()].map((token) =>
      `${token.value} ${token.spentAt} ${token.isRejected} ${token.family.isRevoked}`
    );
    const pending = world.operations.map(({ owner, name, at }) => `${owner?.name} ${name} ${at}`);
    const processes = world.processes.map(({ name, isAlive }) =>
      `${name} ${isAlive} ${this.history.get(name)}`
    );
    return [world.now, this.#crashes, this.#losses, files, held, tokens, pending.sort(), processes]
      .join("|");
  }
}

const hashes = new WeakMap<Bytes, number>();

function hashOf(bytes: Bytes): number {
  let hash = hashes.get(bytes);
  if (hash === undefined) {
    hash = 0x811c9dc5;
    // Of reserved room, the length says all.
    const end = bytes[0] === 0x7b ? bytes.length : 0;
    for (let i = 0; i < end; i++) hash = Math.imul(hash ^ bytes[i]!, 0x01000193);
    hash = hash * 2 ** 20 + bytes.length;
    hashes.set(bytes, hash);
  }
  return hash;
}

function hashText(text: string): number {
  let a = 0x811c9dc5, b = 0x1234567;
  for (let i = 0; i < text.length; i++) {
    a = Math.imul(a ^ text.charCodeAt(i), 0x01000193);
    b = Math.imul(b ^ text.charCodeAt(i), 0x5bd1e995);
  }
  return (a >>> 0) * 2 ** 21 + (b >>> 11);
}

/** Explores two processes with a strict server; to be called outside of every microtask. */
export function explore(production: Production, budget: ExploreBudget): Exploration {
  const seen = new Set<string>();
  const result: Exploration = { states: 0, schedules: 0 };
  const stack: number[][] = [[]];
  for (let given = stack.pop(); given !== undefined; given = stack.pop()) {
    const director = new ExploringDirector(given, budget, seen);
    const trace: string[] = [];
    const violation = runOnce(production, director, trace);
    result.schedules++;
    result.states = seen.size;
    if (violation !== undefined) return { ...result, failure: { violation, trace } };
    for (let i = given.length; i < director.choices.length; i++) {
      for (let other = 1; other < director.options[i]!; other++) {
        stack.push([...director.choices.slice(0, i), other]);
      }
    }
  }
  return result;
}

function runOnce(
  production: Production,
  director: ExploringDirector,
  trace: string[],
): Violation | undefined {
  const world = new World({
    production,
    director,
    model: SERVER_MODELS[0]!,
    random: new Random(1),
    trace,
    observe: director.observe,
  });
  const random = new Random(1);
  const expected = storeLogins(world, [PROBED], random, -60_000);
  for (const name of ["a", "b"]) world.start(name, (process) => askOnce(process, PROBED));
  try {
    world.run();
  } catch (error) {
    if (!(error instanceof Seen)) throw error;
    return world.violation;
  }
  director.isOver = true;
  if (world.violation === undefined) conclude(world, expected, random);
  if (world.violation === undefined) world.checks.findLosses(expected);
  return world.violation;
}
