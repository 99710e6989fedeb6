/**
 * A schedule: what processes do, which faults meet them, and what must hold at the end. All of it
 * follows from one seed.
 *
 * @module
 */

import type { Credential } from "../../src/credentials/credential.ts";
import { MAIN } from "./checks.ts";
import type { NetworkPlan } from "./network.ts";
import type { Production } from "./production.ts";
import { Random } from "./random.ts";
import { SERVER_MODELS } from "./server.ts";
import {
  type Director,
  EPOCH,
  type Fault,
  type Operation,
  type Process,
  PROVIDER,
  type Violation,
  World,
} from "./world.ts";

/** The credential that every schedule has. */
export const PROBED = "one";

const MINUTE = 60_000;
/** Rounds are so far apart that every access token has expired in between. */
const ROUND_MS = 16 * MINUTE;
/** After the faults: longer than any wait that a failure may have left. */
const HEAL_MS = 73 * MINUTE;
/** A caller's answer takes two requests, the wait between them, and some. */
const CALL_MS = 62_000 + 8_000;

/** Rates per operation, and of requests; the classes of faults of one schedule. */
interface Profile {
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
const PROFILES: readonly Profile[] = [
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
class SeededDirector implements Director {
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
    if (this.#changePoints.has(world.steps)) {
      this.#priorities.set(best.owner ?? best, -world.steps);
      return this.pick(ready, { ...world, steps: -1 } as World);
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

type ActionKind =
  | "get"
  | "gets"
  | "refused"
  | "refresh"
  | "record"
  | "relabel"
  | "login"
  | "logout";

interface Action {
  /** True time. */
  at: number;
  kind: ActionKind;
  id: string;
}

const ACTIONS: readonly ActionKind[] = [
  "get",
  "get",
  "get",
  "get",
  "get",
  "get",
  "gets",
  "gets",
  "refused",
  "refresh",
];
const SIBLING_ACTIONS: readonly ActionKind[] = ["record", "record", "relabel", "login", "logout"];

const EDITS: ReadonlySet<ActionKind> = new Set(["relabel", "login", "logout"]);

/** What came of a schedule. */
export interface ScheduleResult {
  violation: Violation | undefined;
  steps: number;
  faults: number;
  rotations: number;
  losses: number;
  model: string;
}

export interface ScheduleOptions {
  /** Leaves out faults, by number. */
  without?: ReadonlySet<number>;
  /** Leaves out processes, by number. */
  idle?: ReadonlySet<number>;
  trace?: string[] | undefined;
}

/** Runs the schedule of `seed`. To be called outside of every microtask. */
export function runSchedule(
  production: Production,
  seed: number,
  options: ScheduleOptions = {},
): ScheduleResult {
  const draws = new Random(seed);
  const { getRandomValues } = crypto;
  // The ids of new credentials are the one thing that is drawn behind the simulator's back.
  crypto.getRandomValues = <T>(array: T): T => {
    if (array instanceof Uint8Array) {
      for (let i = 0; i < array.length; i++) array[i] = draws.int(256);
    }
    return array;
  };
  try {
    return simulate(production, seed, options);
  } finally {
    crypto.getRandomValues = getRandomValues;
  }
}

function simulate(
  production: Production,
  seed: number,
  { without = new Set(), idle = new Set(), trace }: ScheduleOptions,
): ScheduleResult {
  const random = new Random(seed);
  const profile = random.pick(PROFILES);
  const model = random.pick(SERVER_MODELS);
  const director = new SeededDirector(seed, { ...profile }, without);
  const world = new World({ production, director, model, random: new Random(seed * 7 + 5), trace });
  const ids = [PROBED, "two", "three"].slice(0, random.pick([1, 1, 2, 3]));
  const expected = storeLogins(world, ids, random);

  const processes = random.pick([2, 2, 2, 3, 3, 4, 5, 8]);
  const rounds = processes > 4 ? 1 : 1 + random.int(2);
  for (let n = 0; n < processes; n++) {
    const isSibling = n > 0 && random.chance(0.25);
    const actions: Action[] = [];
    for (let round = 0; round < rounds; round++) {
      const start = round * ROUND_MS + (random.chance(0.9) ? 0 : random.int(9_000));
      for (let i = random.pick([1, 1, 2]); i > 0; i--) {
        actions.push({
          at: start + random.int(60),
          kind: random.pick(isSibling && random.chance(0.7) ? SIBLING_ACTIONS : ACTIONS),
          id: random.pick(ids),
        });
      }
    }
    // Who edits a credential just when somebody removes its lock file is beyond help.
    if (actions.some(({ kind }) => EDITS.has(kind))) director.profile.unlink = 0;
    actions.sort((a, b) => a.at - b.at);
    if (!idle.has(n)) launch(world, `p${n}`, actions, expected);
  }
  world.log(`seed ${seed}: ${model.name}, ${processes} processes, ${ids.length} credentials`);
  world.run();

  if (world.violation === undefined) conclude(world, expected, random);
  const losses = world.violation === undefined ? world.checks.findLosses(expected) : 0;
  return {
    violation: world.violation,
    steps: world.steps,
    faults: world.faults,
    rotations: world.checks.requests.filter(({ rotation }) => rotation !== undefined).length,
    losses,
    model: model.name,
  };
}

function keyOf(id: string): string {
  return `credential/${PROVIDER}/${id}`;
}

/** Puts logins on the disk before anybody starts; their keys. */
export function storeLogins(
  world: World,
  ids: readonly string[],
  random: Random,
  leftMs?: number,
): Set<string> {
  const credentials = ids.map((id): Credential => {
    const token = world.server.login();
    const expiresAt = EPOCH +
      (leftMs ?? random.pick([-MINUTE, -MINUTE, 0, 20_000, 4 * MINUTE, 10 * MINUTE]));
    return {
      id,
      provider: PROVIDER,
      region: "global",
      label: id,
      source: "login",
      status: "active",
      tokens: { accessToken: token.accessToken, refreshToken: token.value, scope: "all" },
      expiresAt,
      issuedAt: expiresAt - 15 * MINUTE,
      generation: 1,
      owner: { host: "sim", createdAt: EPOCH },
      createdAt: EPOCH,
      ...{ "x-kept": { of: id } },
    };
  });
  const document = {
    version: 1,
    providers: { [PROVIDER]: credentials, other: [{ id: "key", generation: 1, "x-kept": true }] },
    records: {},
    "x-kept": "whatever others write",
  };
  world.disk.write(MAIN, new TextEncoder().encode(JSON.stringify(document)));
  world.disk.sync(MAIN);
  world.checks.start();
  return new Set(ids.map(keyOf));
}

/** Starts a process, and starts it again when it dies. */
function launch(
  world: World,
  name: string,
  actions: readonly Action[],
  expected: Set<string>,
): void {
  let next = 0;
  const process = world.start(name, async (process) => {
    for (; next < actions.length; next++) {
      const action = actions[next]!;
      if (action.at > world.now) await process.sleep(action.at - world.now);
      await act(process, action, expected);
    }
  });
  process.onEnd = () => {
    if (world.random.chance(0.2)) return;
    const left = actions.slice(next);
    world.later(`start ${name}'`, 50 + world.random.int(3_000), () => {
      launch(world, `${name}'`, left, expected);
    });
  };
}

async function act(process: Process, { kind, id }: Action, expected: Set<string>): Promise<void> {
  const { world, credentials } = process;
  try {
    switch (kind) {
      case "get":
        return await get(process, id);
      case "gets":
        await Promise.all([get(process, id), get(process, id), get(process, id)]);
        return;
      case "refused":
        return await get(process, id, (await process.keeper(id).get()).generation);
      case "refresh":
        await process.keeper(id).refresh();
        return;
      case "record":
        return await process.store.put(`pool/${process.name}`, `${world.steps}`);
      case "relabel":
        await process.writes(
          "edit",
          () => credentials.update(PROVIDER, id, (stored) => ({ ...stored, label: process.name })),
        );
        return;
      case "login":
        return await login(process, id, expected);
      case "logout":
        await process.writes("logout", () => credentials.remove(PROVIDER, id));
        return;
    }
  } catch (error) {
    world.log(`${process.name} ${kind} fails: ${(error as Error).message}`);
    process.note(error);
  }
}

/** What a process does that needs one token. */
export async function askOnce(process: Process, id: string): Promise<void> {
  await act(process, { at: 0, kind: "get", id }, new Set());
}

/** Asks for a token, and holds the keeper to its word. */
async function get(process: Process, id: string, rejectedGeneration?: number): Promise<void> {
  const { world } = process;
  const { warnings } = process;
  const { suspends } = world;
  const start = world.monotonicNow();
  const keeper = process.keeper(id);
  try {
    const token = await keeper.get(
      rejectedGeneration === undefined ? {} : { rejectedGeneration },
    );
    world.log(`${process.name} gets ${token.value}`);
    const isDegraded = keeper.state === "unsaved" && process.warnings > warnings &&
      (process.holdsLease(id) || world.hasUnlinked);
    world.checks.onHandOut(process, token.value, isDegraded);
    if (token.generation === rejectedGeneration) {
      world.violate("I2", `${process.name} gets the refused generation again`);
    }
  } catch (error) {
    world.log(`${process.name} gets nothing: ${(error as Error).message}`);
    process.note(error);
  }
  const tookMs = world.monotonicNow() - start;
  if (tookMs > CALL_MS && suspends === world.suspends) {
    world.violate("I10", `${process.name} waits ${tookMs} ms`);
  }
}

async function login(process: Process, id: string, expected: Set<string>): Promise<void> {
  const { world } = process;
  const { storeLogin } = world.production;
  const token = world.server.login();
  const issuedAt = world.wallNow();
  // In place of a login, or beside it.
  const label = world.random.chance(0.7) ? id : `${process.name}-${world.steps}`;
  const { credential } = await process.writes("login", () =>
    storeLogin(process.credentials, {
      provider: PROVIDER,
      region: "global",
      tokenSet: {
        accessToken: token.accessToken,
        refreshToken: token.value,
        tokenType: "Bearer",
        expiresAt: issuedAt + 15 * MINUTE,
        extra: {},
      },
      issuedAt,
      clientId: "sim",
      endpointsProfile: "account",
    }, { label, owner: { host: "sim", createdAt: issuedAt } }));
  expected.add(keyOf(credential.id));
}

/** No more faults: whatever login still lives must give a token in time. */
export function conclude(world: World, expected: ReadonlySet<string>, random: Random): void {
  world.isCalm = true;
  world.disk.isFull = false;
  world.now += HEAL_MS;
  world.log("all is well again");
  const key = random.pick([...expected]);
  const id = key.slice(key.lastIndexOf("/") + 1);
  world.start("last", async (process) => {
    // Whoever writes first finishes what a crash left.
    await process.store.put("pool/last", "");
    const stored = world.checks.storedToken(key);
    if (stored === undefined) return;
    const isAlive = world.server.isLive(stored);
    const keeper = process.keeper(id);
    const start = world.monotonicNow();
    const isFresh = (accessToken: string) =>
      world.server.accessTokens.get(accessToken)! > world.now;
    try {
      let token = await keeper.get();
      if (!isFresh(token.value)) {
        // The wall clock is wrong: upstream says so.
        token = await keeper.get({ rejectedGeneration: token.generation });
      }
      world.log(`last gets ${token.value}`);
      if (!isFresh(token.value)) world.violate("I10", `${token.value} is no fresh token`);
    } catch (error) {
      process.note(error);
      if (isAlive) {
        world.violate("I10", `${key} lives, and gives nothing: ${(error as Error).message}`);
      }
    }
    const tookMs = world.monotonicNow() - start;
    if (tookMs > CALL_MS) world.violate("I10", `the last call takes ${tookMs} ms`);
  });
  world.run();
}
