/**
 * Chooses by a seed: what happens next, and what goes wrong.
 *
 * @module
 */

import type { NetworkPlan } from "./network.ts";
import { Random } from "./random.ts";
import type { Director, Fault, Operation, World } from "./world.ts";

const MINUTE = 60_000;

/** Rates per operation, and of requests; the classes of faults of one schedule. */
export interface Profile {
  kill: number;
  power: number;
  errno: number;
  full: number;
  network: number;
  suspend: number;
  clock: number;
  unlink: number;
}

const CALM: Profile = {
  kill: 0,
  power: 0,
  errno: 0,
  full: 0,
  network: 0,
  suspend: 0,
  clock: 0,
  unlink: 0,
};
export const PROFILES: readonly Profile[] = [
  CALM,
  { ...CALM, kill: 0.008 },
  { ...CALM, kill: 0.002, power: 0.004 },
  { ...CALM, errno: 0.008, full: 0.004, kill: 0.001, power: 0.001 },
  { ...CALM, network: 0.5, kill: 0.001 },
  { ...CALM, network: 0.2, suspend: 0.006, clock: 0.004, kill: 0.003 },
  { ...CALM, kill: 0.003, network: 0.2, unlink: 0.006 },
  {
    kill: 0.004,
    power: 0.001,
    errno: 0.003,
    full: 0.001,
    network: 0.25,
    suspend: 0.002,
    clock: 0.001,
    unlink: 0.0005,
  },
];

const ERRNOS = ["ENOSPC", "EIO", "EDQUOT", "EROFS", "EACCES", "EMFILE", "EINTR", "ENOMEM"];
const CLOCK_STEPS = [-3_000, 3_000, -90_000, 90_000, 60 * MINUTE, -60 * MINUTE, 1440 * MINUTE]
  .concat([5_256_000 * MINUTE, -5_256_000 * MINUTE]);

/** Chooses by a seed. */
export class SeededDirector implements Director {
  readonly #scheduling: Random;
  readonly #faults: Random;
  readonly #draws: Random;
  readonly #isCalm: boolean;
  readonly #usesPriorities: boolean;
  readonly #priorities = new Map<unknown, number>();
  readonly #changePoints = new Set<number>();
  #errnoUntil = -1;
  #errno = "EIO";
  #fired = 0;

  constructor(
    seed: number,
    readonly profile: Profile,
    /** Faults that are left out, by number: to find out which of them matter. */
    readonly without: ReadonlySet<number>,
  ) {
    this.#scheduling = new Random(seed * 3 + 1);
    this.#faults = new Random(seed * 3 + 2);
    this.#draws = new Random(seed * 3 + 3);
    this.#isCalm = Object.values(profile).every((rate) => rate === 0);
    this.#usesPriorities = seed % 2 === 1;
    if (this.#usesPriorities) {
      for (let d = this.#scheduling.int(5); d > 0; d--) {
        this.#changePoints.add(this.#scheduling.int(300));
      }
    }
  }

  readonly random = (): number => this.#draws.next();

  pick(ready: readonly Operation[], world: World): Operation {
    const random = this.#scheduling;
    // A slow process: time passes although it could go on.
    if (random.chance(0.04)) {
      const timers = world.operations.filter(({ kind, at }) =>
        kind === "sleep" && at > world.now && at < world.now + 1_000
      );
      if (timers.length > 0) return random.pick(timers);
    }
    if (ready.length === 1) return ready[0]!;
    if (!this.#usesPriorities) return random.pick(ready);
    let best = ready[0]!, highest = -Infinity;
    for (const operation of ready) {
      const priority = this.#priority(operation.owner ?? operation);
      if (priority > highest) [best, highest] = [operation, priority];
    }
    if (this.#changePoints.delete(world.steps)) {
      this.#priorities.set(best.owner ?? best, -world.steps);
      return this.pick(ready, world);
    }
    return best;
  }

  #priority(agent: object): number {
    let priority = this.#priorities.get(agent);
    if (priority === undefined) {
      priority = this.#scheduling.next();
      this.#priorities.set(agent, priority);
    }
    return priority;
  }

  fault(operation: Operation, world: World): Fault | undefined {
    const { owner, kind } = operation;
    if (owner === undefined || this.#isCalm) return undefined;
    const isFile = kind === "read" || kind === "write" || kind === "lock";
    if (isFile && world.now < this.#errnoUntil && kind === "write") {
      return this.#unless({ kind: "errno", code: this.#errno, isDone: false });
    }
    const random = this.#faults;
    const factor = owner.hot > 0 ? 4 : 1;
    if (owner.hot > 0) owner.hot--;
    let u = random.next() / factor;
    const { profile } = this;
    const happens = (rate: number) => {
      if (u < rate) return true;
      u -= rate;
      return false;
    };
    if (happens(profile.kill)) return this.#unless({ kind: "kill", stopAt: this.#stopAt(kind) });
    if (happens(profile.power)) return this.#unless({ kind: "power", stopAt: this.#stopAt(kind) });
    if (happens(profile.suspend)) {
      const ms = random.pick([10_000, 30_000, 30_000, 300_000]);
      return this.#unless({ kind: "suspend", ms, monotonic: random.chance(0.3) });
    }
    if (happens(profile.clock)) {
      return this.#unless({ kind: "clock", ms: random.pick(CLOCK_STEPS) });
    }
    if (happens(profile.full)) return this.#unless({ kind: "full", on: !world.disk.isFull });
    if (happens(profile.unlink)) return this.#unless({ kind: "unlink" });
    if (isFile && happens(profile.errno)) {
      this.#errno = random.pick(ERRNOS);
      if (random.chance(0.2)) {
        this.#errnoUntil = world.now + random.pick([200, 3_000, 30_000, 100_000]);
      }
      return this.#unless({ kind: "errno", code: this.#errno, isDone: random.chance(0.4) });
    }
    return undefined;
  }

  /** Undefined: nothing of it happened. */
  #stopAt(kind: Operation["kind"]): number | undefined {
    const u = this.#faults.next();
    if (kind === "sleep" || kind === "send" || kind === "body" || u < 0.4) return undefined;
    return u < 0.7 ? this.#faults.next() : 1;
  }

  #unless(fault: Fault): Fault | undefined {
    return this.without.has(this.#fired++) ? undefined : fault;
  }

  network(): NetworkPlan {
    const random = this.#faults;
    const plan: NetworkPlan = {
      transitMs: 2 + random.int(60),
      answerMs: 2 + random.int(60),
      keepsToken: random.chance(0.05),
      expiry: random.chance(0.1) ? random.pick(["instant", "none", "nonsense"]) : "lifetime",
    };
    if (!random.chance(this.profile.network)) return plan;
    if (this.without.has(this.#fired++)) return plan;
    const slow = random.chance(0.4);
    if (slow) plan.transitMs = 1_000 + random.int(8_000);
    switch (random.int(10)) {
      case 0:
        return { ...plan, isUnsent: true };
      case 1:
        return { ...plan, lost: "request", isReset: random.chance(0.5) };
      case 2:
      case 3:
        return { ...plan, lost: "answer", isReset: random.chance(0.7) };
      case 4:
        return { ...plan, isDuplicated: true, duplicateMs: random.int(2_000) };
      case 5:
        return { ...plan, isCut: true };
      case 6:
        return { ...plan, answerMs: random.int(25_000) };
      case 7:
        return slow
          ? plan
          : { ...plan, misbehaviour: random.pick(["429", "invalid_client", "invalid_request"]) };
      default:
        return {
          ...plan,
          misbehaviour: random.pick([
            "5xx",
            "html",
            "truncated",
            "empty",
            "portal",
            "redirect",
            "no tokens",
            "huge",
            "html invalid_grant",
          ]),
          isAfter: random.chance(0.5),
        };
    }
  }
}
