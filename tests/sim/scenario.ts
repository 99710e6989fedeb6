/**
 * A schedule: what processes do, which faults meet them, and what must hold at the end. All of it
 * follows from one seed.
 *
 * @module
 */

import type { Credential } from "../../src/credentials/credential.ts";
import { MAIN } from "./checks.ts";
import { PROFILES, SeededDirector } from "./director.ts";
import { type Process, PROVIDER } from "./process.ts";
import type { Production } from "./production.ts";
import { Random } from "./random.ts";
import { EPOCH, SERVER_MODELS } from "./server.ts";
import { type Violation, World } from "./world.ts";

/** The credential that every schedule has. */
export const PROBED = "one";

const MINUTE = 60_000;
/** Rounds are so far apart that every access token has expired in between. */
const ROUND_MS = 16 * MINUTE;
/** After the faults: longer than any wait that a failure may have left. */
const HEAL_MS = 73 * MINUTE;
/** A caller's answer takes two requests, the wait between them, and some. */
const CALL_MS = 62_000 + 8_000;

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
