/**
 * One simulated machine and its authorization server: clocks, pending operations, processes that run
 * the production code, and the faults that a director chooses.
 *
 * Every operation that the production code awaits becomes a pending one with an owner. A step runs
 * one of them, then everything that follows from it without waiting. When nothing is ready, time
 * jumps.
 *
 * @module
 */

import { Checks } from "./checks.ts";
import { Disk, Locks, osError } from "./disk.ts";
import type { NetworkPlan } from "./network.ts";
import { HOME, Process } from "./process.ts";
import type { Production } from "./production.ts";
import type { Random } from "./random.ts";
import { AuthorizationServer, EPOCH, type ServerModel } from "./server.ts";

/** What kind of call an operation is. */
export type OperationKind =
  | "read"
  | "write"
  | "lock"
  | "unlock"
  | "digest"
  | "send"
  | "body"
  | "sleep";

/** One pending operation. */
export interface Operation {
  readonly name: string;
  readonly kind: OperationKind | "server";
  /** Nobody: it goes on whatever happens to processes. */
  readonly owner: Process | undefined;
  /** True time at which it is ready. */
  at: number;
  /** Makes it happen; `stopAt` in [0, 1) only that part of it, and nobody learns of it. */
  run(stopAt?: number): void;
  /** Lets its caller see an error instead. */
  fail(error: Error): void;
  /** What a failing call may leave done all the same. */
  spoil?: (() => void) | undefined;
}

/** What happens to an operation that was picked. */
export type Fault =
  | { kind: "kill"; stopAt?: number | undefined }
  | { kind: "power"; stopAt?: number | undefined }
  | { kind: "errno"; code: string; isDone: boolean }
  | { kind: "suspend"; ms: number; monotonic: boolean }
  | { kind: "clock"; ms: number }
  | { kind: "full"; on: boolean }
  | { kind: "unlink" };

/** Makes every choice of a schedule. */
export interface Director {
  /** The next operation, out of those that are ready; or a timer that fires now although others are. None: it did something else. */
  pick(ready: readonly Operation[], world: World): Operation | undefined;
  /** What goes wrong with it. */
  fault(operation: Operation, world: World): Fault | undefined;
  /** What becomes of a request. */
  network(process: Process): NetworkPlan;
  /** Uniform in [0, 1): what the production code draws. */
  random(): number;
}

/** A schedule that broke an invariant. */
export interface Violation {
  id: string;
  detail: string;
}

export interface WorldOptions {
  production: Production;
  director: Director;
  model: ServerModel;
  random: Random;
  /** Collects what happened, line by line. */
  trace?: string[] | undefined;
  /** Told what each call gave its process. */
  observe?: ((process: Process, name: string, value: unknown) => void) | undefined;
}

const MAX_STEPS = 20_000;

// The microtasks of one step are run to their end at once: a macrotask per step takes ten times as
// long as the step itself.
const { core } = (Deno as unknown as Record<symbol, { core: { runMicrotasks(): void } }>)[
  // deno-lint-ignore no-explicit-any
  (Deno as any).internal
]!;

export class World {
  readonly disk = new Disk();
  readonly locks = new Locks();
  readonly server: AuthorizationServer;
  readonly checks: Checks;
  readonly production: Production;
  readonly director: Director;
  readonly random: Random;
  readonly trace: string[] | undefined;
  readonly observe: WorldOptions["observe"];
  readonly operations: Operation[] = [];
  readonly processes: Process[] = [];
  /** True time, ms: what servers live by. */
  now = 0;
  /** How far the host's monotonic clock is behind it: suspended time. */
  lagMs = 0;
  /** How far the host's wall clock is off. */
  wallErrorMs = 0;
  readonly wallSteps: number[] = [];
  suspends = 0;
  steps = 0;
  faults = 0;
  hasDiskErrors = false;
  hasUnlinked = false;
  isCalm = false;
  violation: Violation | undefined;
  readonly #ready: Operation[] = [];

  constructor({ production, director, model, random, trace, observe }: WorldOptions) {
    this.production = production;
    this.director = director;
    this.random = random;
    this.trace = trace;
    this.observe = observe;
    this.server = new AuthorizationServer(model, random, () => this.now, 15 * 60_000);
    this.checks = new Checks(this);
  }

  wallNow(): number {
    return EPOCH + this.now + this.wallErrorMs;
  }

  monotonicNow(): number {
    return this.now - this.lagMs;
  }

  isWriting(): boolean {
    return this.locks.files.get(`${HOME}/locks/document.lock`)?.lockedBy !== undefined;
  }

  violate(id: string, detail: string): void {
    this.violation ??= { id, detail };
  }

  log(text: string): void {
    this.trace?.push(`${(this.now / 1000).toFixed(3).padStart(9)}  ${text}`);
  }

  /** Starts a process that runs `script`. */
  start(name: string, script: (process: Process) => Promise<void>): Process {
    const process = new Process(this, name, script);
    this.processes.push(process);
    process.begin();
    return process;
  }

  /** A pending operation of the server's or the network's. */
  later(name: string, ms: number, run: () => void): void {
    this.operations.push({
      name,
      kind: "server",
      owner: undefined,
      at: this.now + ms,
      run,
      fail() {},
    });
  }

  drop(operation: Operation): void {
    const index = this.operations.indexOf(operation);
    if (index >= 0) this.operations.splice(index, 1);
  }

  /** Runs until nothing is left to happen, or an invariant broke. */
  run(): void {
    core.runMicrotasks();
    while (this.operations.length > 0 && this.violation === undefined) {
      if (++this.steps > MAX_STEPS) {
        this.violate("I10", `${MAX_STEPS} steps, and no end`);
        return;
      }
      const operation = this.#pick();
      if (operation !== undefined) this.step(operation);
      core.runMicrotasks();
    }
  }

  #pick(): Operation | undefined {
    const ready = this.#ready;
    ready.length = 0;
    let first = this.operations[0]!;
    for (const operation of this.operations) {
      if (operation.at <= this.now) ready.push(operation);
      if (operation.at < first.at) first = operation;
    }
    if (ready.length === 0) {
      this.now = first.at;
      for (const operation of this.operations) {
        if (operation.at <= this.now) ready.push(operation);
      }
    }
    return this.director.pick(ready, this);
  }

  step(operation: Operation): void {
    const { owner } = operation;
    // A timer may be picked before its time has come: then it has come now.
    this.now = Math.max(this.now, operation.at);
    const fault = this.isCalm ? undefined : this.director.fault(operation, this);
    if (fault !== undefined) {
      this.faults++;
      this.log(`** ${JSON.stringify(fault)} at ${owner?.name} ${operation.name}`);
    }
    switch (fault?.kind) {
      case "suspend":
        this.#suspend(fault.ms, fault.monotonic);
        return;
      case "clock":
        this.wallErrorMs += fault.ms;
        this.wallSteps.push(this.now);
        return;
      case "full":
        this.disk.isFull = fault.on;
        return;
      case "unlink":
        this.hasUnlinked = true;
        for (const path of this.locks.files.keys()) {
          if (path.includes("lease.")) this.locks.files.delete(path);
        }
        return;
      case "power":
        if (fault.stopAt !== undefined) operation.run(fault.stopAt);
        this.cutPower();
        return;
      case "kill":
        if (fault.stopAt !== undefined) operation.run(fault.stopAt);
        this.kill(owner!);
        return;
      case "errno":
        this.hasDiskErrors = true;
        this.drop(operation);
        if (fault.isDone) attempt(operation.spoil);
        operation.fail(osError(fault.code));
        return;
    }
    if (this.trace !== undefined) this.log(`${owner?.name ?? "--"} ${operation.name}`);
    this.drop(operation);
    operation.run();
  }

  kill(process: Process): void {
    process.end();
    this.checks.onKill(process);
    process.restart();
  }

  cutPower(): void {
    const running = this.processes.filter((process) => process.isAlive);
    for (const process of running) process.end();
    this.disk.losePower(this.random);
    this.checks.onPowerCut();
    for (const process of running) process.restart();
  }

  #suspend(ms: number, monotonic: boolean): void {
    this.suspends++;
    this.now += ms;
    if (monotonic) return;
    this.lagMs += ms;
    for (const operation of this.operations) {
      if (operation.owner !== undefined) operation.at += ms;
    }
  }
}

/** Runs what may fail by itself: somebody else's error is reported anyway. */
function attempt(run: (() => void) | undefined): void {
  try {
    run?.();
  } catch { /* it did what it could */ }
}
