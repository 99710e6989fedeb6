/**
 * A schedule of the Worker: isolates that need tokens, an object that restarts, KV and a network that
 * fail; and what must hold at the end. All of it follows from one seed.
 *
 * @module
 */

import type { CredentialReader } from "../../src/adapters/cloudflare/credential_reader.ts";
import type { ObjectNamespace } from "../../src/adapters/cloudflare/durable_object.ts";
import type { ObjectKeeper } from "../../src/adapters/cloudflare/object_keeper.ts";
import type { AccessToken } from "../../src/credentials/access_token.ts";
import type { Credential } from "../../src/credentials/credential.ts";
import type { ObjectProduction } from "./object_production.ts";
import {
  type Actor,
  LIFETIME_MS,
  NAME,
  NO_FAULTS,
  type ObjectFaults,
  ObjectWorld,
} from "./object_world.ts";
import { Random } from "./random.ts";
import { EPOCH, SERVER_MODELS } from "./server.ts";
import type { Violation } from "./world.ts";

const MINUTE = 60_000;
const ROUND_MS = 16 * MINUTE;
const HEAL_MS = 15 * MINUTE;
/** How long an isolate may wait: the object's word, and the way there. */
const CALL_MS = 60_000 + 15_000;
/** Two requests, the probe's delay, three looks into KV a minute apart. */
const RECOVERY_MS = 240_000;

const PROFILES: readonly ObjectFaults[] = [
  NO_FAULTS,
  { ...NO_FAULTS, kill: 0.02, move: 0.01 },
  { ...NO_FAULTS, kill: 0.005, move: 0.03 },
  { ...NO_FAULTS, kill: 0.02, move: 0.01, kvError: 0.1, kvHang: 0.03, alarm: 0.2 },
  { ...NO_FAULTS, kill: 0.03, move: 0.02, kvError: 0.4, kvHang: 0.1 },
  { ...NO_FAULTS, kill: 0.01, lost: 0.1, nonsense: 0.1, storageError: 0.01 },
  {
    kill: 0.02,
    move: 0.02,
    kvError: 0.05,
    kvHang: 0.02,
    kvLate: 0.05,
    storageError: 0.01,
    lost: 0.05,
    nonsense: 0.05,
    alarm: 0.2,
  },
];

/** What came of a schedule. */
export interface ObjectResult {
  violation: Violation | undefined;
  model: string;
  steps: number;
  /** Instances that died, and those that were replaced. */
  restarts: number;
  moves: number;
  rotations: number;
  /** Answers that a later instance found in KV. */
  adopted: number;
  /** Presentations of a spent token; each has a reason. */
  reuses: number;
  /** Why the login was lost, where it was. */
  loss: string | undefined;
}

/** Runs the schedule of `seed`. To be called outside of every microtask. */
export function runObjectSchedule(
  production: ObjectProduction,
  seed: number,
  { trace, isStrict = false }: { trace?: string[]; isStrict?: boolean } = {},
): ObjectResult {
  const random = new Random(seed);
  const profile = random.pick(PROFILES);
  const model = isStrict ? SERVER_MODELS[0]! : random.pick(SERVER_MODELS);
  const world = new ObjectWorld(production, random, profile, model, trace);
  world.log(`seed ${seed}: ${model.name}, ${JSON.stringify(profile)}`);

  const leftMs = random.pick([-MINUTE, 0, 20_000, 4 * MINUTE, 10 * MINUTE]);
  // The login itself meets no faults.
  world.isCalm = true;
  store(world, leftMs);
  world.run(1_000);
  world.isCalm = false;

  const isolates = Array.from({ length: 1 + random.int(4) }, (_, n) => new Isolate(world, n));
  const rounds = 1 + random.int(3);
  for (let round = 0; round < rounds; round++) {
    for (const isolate of isolates) {
      const at = 1_000 + round * ROUND_MS + random.int(random.chance(0.7) ? 100 : 20_000);
      for (let n = random.pick([1, 1, 2, 3]); n > 0; n--) {
        world.later(isolate, "begins", at - world.now, () => isolate.act(random));
        // Once more, when memory asks KV again.
        const again = at + 16_000 + random.int(100_000);
        world.later(isolate, "goes on", again - world.now, () => isolate.act(random));
      }
    }
  }
  world.run(rounds * ROUND_MS);
  if (world.violation === undefined) conclude(world);
  // A refresh that is under way just now is no loss.
  for (let n = 0; n < 30 && world.checks.isBusy(); n++) world.run(world.now + 2_000);
  const loss = world.violation === undefined ? world.checks.findLoss() : undefined;
  return {
    violation: world.violation,
    model: model.name,
    steps: world.steps,
    restarts: world.restarts,
    moves: world.moves,
    rotations: world.checks.rotations,
    adopted: world.checks.adopted,
    reuses: world.checks.reuses,
    loss,
  };
}

/** Signs in. */
function store(world: ObjectWorld, leftMs: number): void {
  const token = world.server.login();
  const expiresAt = EPOCH + leftMs;
  const credential: Credential = {
    ...NAME,
    region: "global",
    label: "one",
    source: "login",
    status: "active",
    tokens: { accessToken: token.accessToken, refreshToken: token.value },
    expiresAt,
    issuedAt: expiresAt - LIFETIME_MS,
    generation: 1,
    owner: { host: "sim", createdAt: EPOCH },
    createdAt: EPOCH,
  };
  world.current().keeper.write(credential, 0).catch((error) => {
    world.violate("UNCAUGHT", `the login fails: ${error}`);
  });
}

/** One isolate of the gateway. */
class Isolate implements Actor {
  isAlive = true;
  readonly name: string;
  readonly place: number;
  readonly reader: CredentialReader;
  readonly #world: ObjectWorld;
  #generation = 0;

  constructor(world: ObjectWorld, n: number) {
    this.#world = world;
    this.name = `i${n}`;
    this.place = n % 3;
    const { createCredentialCaller, createCredentialReader } = world.production;
    const sleep = (ms: number, signal?: AbortSignal) => world.sleep(this, ms, signal);
    const call = createCredentialCaller({
      objects: this.#objects(),
      sleep,
      random: world.random.next,
    });
    this.reader = createCredentialReader({
      kv: world.kvOf(this),
      call,
      now: world.wallNow,
      sleep,
      onWarning: (message) => world.checks.onMessage(message),
    });
  }

  #objects(): ObjectNamespace {
    const world = this.#world;
    return {
      idFromName: (name) => name,
      get: () => ({
        fetch: async (_url, init) => {
          const { arguments: args } = JSON.parse(init!.body as string);
          const answer = await world.request(this, async (keeper: ObjectKeeper) => {
            try {
              return { result: await keeper.token(args) };
            } catch (error) {
              if (!(error as { code?: unknown }).code) {
                world.violate("UNCAUGHT", String((error as Error)?.stack ?? error));
              }
              return { error: world.production.toWireError(error) };
            }
          });
          const text = JSON.stringify(answer);
          if (/"refreshToken"|RT-/.test(text)) world.violate("I11", "an isolate gets a grant");
          return { json: () => Promise.resolve(JSON.parse(text)) } as Response;
        },
      }),
    };
  }

  async act(random: Random): Promise<void> {
    const world = this.#world;
    const start = world.now;
    const isRefused = random.chance(0.2);
    try {
      const source = this.reader.source(NAME);
      const token = await source.get();
      this.#take(token);
      if (!isRefused) return;
      const { generation } = token;
      world.checks.refused.add(generation);
      const other = await source.get({ rejectedGeneration: generation });
      if (other.generation <= generation) world.violate("R09", "the refused generation again");
      this.#take(other);
    } catch (error) {
      const { message, code } = error as Error & { code?: string };
      world.log(`${this.name} gets nothing: ${message}`);
      world.checks.onMessage(message);
      if (code === undefined) world.violate("UNCAUGHT", String((error as Error)?.stack ?? error));
    } finally {
      const tookMs = world.now - start;
      if (tookMs > 2 * CALL_MS) world.violate("I10", `${this.name} waits ${tookMs} ms`);
    }
  }

  #take({ value, generation }: AccessToken): void {
    const world = this.#world;
    world.log(`${this.name} gets ${value}`);
    if (generation < this.#generation) {
      world.violate("K06", `${this.name} gets generation ${generation} after ${this.#generation}`);
    }
    this.#generation = generation;
    const record = world.checks.record();
    world.checks.onHandOut(value, record?.credential?.intent !== undefined);
    // The first one's expiry is made up.
    if (generation > 1 && !(world.server.accessTokens.get(value)! > world.now)) {
      world.violate("K01", `${value} has expired`);
    }
  }
}

/** No more faults: whatever login still lives gives a token in time. */
function conclude(world: ObjectWorld): void {
  world.isCalm = true;
  world.log("all is well again");
  world.run(world.now + HEAL_MS);
  const last = new Isolate(world, 7);
  let isServed = false;
  const ask = async (): Promise<void> => {
    const end = world.now + RECOVERY_MS;
    while (world.now < end) {
      try {
        const { value, expiresAt } = await last.reader.source(NAME).get();
        isServed = expiresAt! > world.wallNow() && value !== "";
        return;
      } catch (error) {
        world.log(`the last one gets nothing: ${(error as Error).message}`);
        await world.sleep(last, 2_000);
      }
    }
  };
  ask().catch((error) => world.violate("UNCAUGHT", String(error)));
  world.run(world.now + RECOVERY_MS + 2 * CALL_MS);
  if (isServed || world.violation !== undefined) return;
  if (world.checks.findLoss() === undefined) {
    world.violate("I10", "the login lives, and gives nothing");
  }
}
