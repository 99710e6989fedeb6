/**
 * How an isolate reads credentials when KV or the object fails: the production reader over the real KV
 * of workerd, which a wrapper makes as bad as it may be, and an object that tests write.
 *
 * @module
 */

import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import {
  createCredentialCaller,
  createCredentialReader,
  createKvStore,
  type CredentialRecord,
  type ObjectNamespace,
} from "../../../src/adapters/cloudflare/mod.ts";
import { CredentialError } from "../../../src/core/errors.ts";
import { sleep } from "../../../src/core/runtime.ts";
import type { Credential } from "../../../src/credentials/credential.ts";
import type { KvStore } from "../../../src/credentials/kv_store.ts";
import { createSealedStore } from "../../../src/credentials/sealed_store.ts";
import { createSealer, parseSealingKeys } from "../../../src/credentials/sealing.ts";
import { createPublisher } from "../../../src/adapters/cloudflare/publisher.ts";
import { KEY_A, KEY_B } from "../../support/credential_workers.ts";
import { type FaultyKv, faultyKv, type ReadFault } from "../../support/faulty_kv.ts";
import { startWorkerd } from "../../support/workerd.ts";

const MINUTE = 60_000;
/** Waits are four times as short, and no longer than this; only what must never end is. */
const SCALE = 4, LONGEST_MS = 500, NEVER_MS = 100_000;

/** What the object does with the next calls; then it answers. */
type Turn = "overloaded" | "reset" | "mismatch" | "hangs" | "dead";

/** One isolate, its KV, and an object whose word is `stored`. */
class World {
  offsetMs = 0;
  stored: CredentialRecord | null = null;
  turns: Turn[] = [];
  calls: Record<string, unknown>[] = [];
  /** What the owner of the list says, and how often it was asked. */
  accounts: string | null = null;
  ownerReads = 0;
  readonly warnings: string[] = [];
  readonly name: { provider: string; id: string };
  readonly now = () => 1_800_000_000_000 + this.offsetMs;
  readonly sleep = (ms: number, signal?: AbortSignal) =>
    sleep(ms > NEVER_MS ? ms : Math.min(ms / SCALE, LONGEST_MS), signal);

  constructor(readonly kv: FaultyKv, id: string) {
    this.name = { provider: "acme", id };
  }

  static create(inner: Parameters<typeof faultyKv>[0], id: string): World {
    const holder: { world?: World } = {};
    const kv = faultyKv(inner, () => holder.world!.now());
    holder.world = new World(kv, id);
    return holder.world;
  }

  store(keys = KEY_A): KvStore {
    const sealer = createSealer(parseSealingKeys(keys));
    return createSealedStore(createKvStore(this.kv, { now: this.now }), {
      sealer,
      acceptsPlain: false,
    });
  }

  /** A generation that has `leftMs` left. */
  record(generation: number, leftMs: number): CredentialRecord {
    const expiresAt = this.now() + leftMs;
    const credential: Credential = {
      ...this.name,
      region: "global",
      label: "me",
      source: "login",
      status: "active",
      tokens: { accessToken: `AT-${generation}` },
      expiresAt,
      issuedAt: expiresAt - 15 * MINUTE,
      generation,
      owner: { host: "test", createdAt: 0 },
      createdAt: 0,
    };
    return { generation, attempt: 1, credential };
  }

  /** Puts a record into KV, and lets a second pass. */
  async publish(record: CredentialRecord): Promise<void> {
    const { provider, id } = this.name;
    this.offsetMs += 1_000;
    await this.store().put(`access/${provider}/${id}`, JSON.stringify(record));
    await this.store().put("accounts", JSON.stringify({ accounts: [this.name] })).catch(() => {});
  }

  isolate(keys = KEY_A) {
    const objects: ObjectNamespace = {
      idFromName: (name) => name,
      get: () => ({
        fetch: async (url, init) => {
          const { arguments: args } = JSON.parse(init!.body as string);
          this.calls.push({ method: url.split("/").at(-1), ...args });
          const turn = this.turns.shift();
          if (turn === "overloaded") throw Object.assign(new Error("busy"), { overloaded: true });
          if (turn === "reset") throw Object.assign(new Error("reset"), { retryable: true });
          if (turn === "hangs") return await new Promise<never>(() => {});
          if (turn === "mismatch") return Response.json({ protocol: 2 });
          if (turn === "dead") {
            const error = {
              code: "login_required",
              message: "The login has ended",
              retryable: false,
            };
            return Response.json({ error });
          }
          return Response.json({ result: this.stored });
        },
      }),
    };
    const call = createCredentialCaller({ objects, sleep: this.sleep, random: () => 0 });
    const onWarning = (message: string) => void this.warnings.push(message);
    const reader = createCredentialReader({
      kv: this.store(keys),
      call,
      accounts: () => {
        this.ownerReads++;
        return Promise.resolve(this.accounts);
      },
      now: this.now,
      sleep: this.sleep,
      onWarning,
    });
    return { reader, source: reader.source(this.name) };
  }
}

Deno.test("CredentialReader", async (t) => {
  await using workerd = await startWorkerd("export default { fetch: () => new Response() };");
  let rows = 0;
  const row = (name: string, run: (world: World) => Promise<void>) =>
    t.step(name, () => run(World.create(workerd.kv, `row${rows++}`)));

  await row("answers from KV, then from memory, without its object", async (world) => {
    await world.publish(world.record(3, 10 * MINUTE));
    const { source } = world.isolate();
    for (let i = 0; i < 100; i++) assertEquals((await source.get()).value, "AT-3");
    assertEquals([world.kv.reads, world.calls], [1, []]);
  });

  await row(
    "K01: takes a token that is old and valid, and asks its object on 401",
    async (world) => {
      await world.publish(world.record(3, 4 * MINUTE));
      world.offsetMs += 2 * MINUTE;
      world.stored = world.record(4, 14 * MINUTE);
      await world.publish(world.stored);
      world.kv.staleMs = MINUTE;
      const { source } = world.isolate();
      assertEquals((await source.get()).value, "AT-3");
      const token = await source.get({ rejectedGeneration: 3 });
      assertEquals(token.value, "AT-4");
      assertMatch(JSON.stringify(world.calls.at(-1)), /"rejectedGeneration":3,"knownGeneration":3/);
      // From then on it has the newest, whatever KV shows.
      world.offsetMs += 20_000;
      assertEquals((await source.get()).value, "AT-4");
    },
  );

  await row("K01: asks its object for what KV shows expired, for ten minutes", async (world) => {
    await world.publish(world.record(3, MINUTE));
    world.offsetMs += MINUTE;
    world.stored = world.record(4, 14 * MINUTE);
    await world.publish(world.stored);
    world.kv.staleMs = 10 * MINUTE;
    const { source } = world.isolate();
    for (let i = 0; i < 8; i++) {
      assertEquals((await source.get()).value, "AT-4");
      world.offsetMs += MINUTE;
    }
    // Once to learn of it; then twice a minute at most, as a reminder, once it is due.
    assert(world.calls.length <= 2, `${world.calls.length}`);
  });

  await row("K02: finds a login that KV does not show yet", async (world) => {
    world.stored = world.record(1, 10 * MINUTE);
    const { reader, source } = world.isolate();
    await reader.list();
    await world.publish(world.stored);
    world.kv.staleMs = MINUTE;
    assertEquals((await source.get()).value, "AT-1");
    world.offsetMs += MINUTE;
    assertEquals((await reader.list()).some(({ id }) => id === world.name.id), true);
  });

  await row(
    "K02: asks the list's owner where KV shows no login, and not with each call",
    async (world) => {
      const { id, provider } = world.name;
      await world.store().put("accounts", JSON.stringify({ accounts: [] }));
      world.stored = world.record(1, 10 * MINUTE);
      const { reader } = world.isolate();
      const ids = async (name?: string) => (await reader.list(name)).map((one) => one.id);
      assertEquals([await ids(), world.ownerReads], [[], 1]);
      // Signed in elsewhere; here KV goes on showing nobody.
      world.accounts = JSON.stringify({ accounts: [{ provider, id }] });
      assertEquals([await ids(), world.ownerReads], [[], 1]);
      world.offsetMs += 2_000;
      assertEquals([await ids(), world.ownerReads], [[id], 2]);
      assertEquals([await ids(provider), world.ownerReads], [[id], 2]);
      // Nobody is signed in to another one: that is asked now and then.
      for (let i = 0; i < 5; i++) assertEquals(await ids("xai-oauth"), []);
      assertEquals(world.ownerReads, 2);
      world.offsetMs += 15_000;
      for (let i = 0; i < 5; i++) assertEquals(await ids("xai-oauth"), []);
      assertEquals(world.ownerReads, 3);
      await reader.list(provider, true);
      assertEquals(world.ownerReads, 4);
    },
  );

  await row(
    "K03: publishes again a second and more after a 429, the newest alone",
    async (world) => {
      world.kv.refusals = 2;
      const work: Promise<unknown>[] = [];
      const publisher = createPublisher({
        name: world.name,
        kv: world.store(),
        list: () => Promise.resolve(),
        spacingMs: 1_100,
        now: world.now,
        // Deadlines are real, spacing is not.
        sleep: (ms, signal) => {
          if (ms > 5_000) return world.sleep(ms, signal);
          world.offsetMs += ms;
          return Promise.resolve();
        },
        random: () => 0.5,
        waitUntil: (promise) => void work.push(promise),
        onWarning: (message) => void world.warnings.push(message),
      });
      publisher.publish(world.record(7, 10 * MINUTE));
      publisher.publish(world.record(8, 10 * MINUTE));
      await publisher.settled();
      const own = world.kv.writes.filter(({ key }) => key.endsWith(world.name.id));
      assertEquals(own.map(({ isRefused }) => isRefused), [true, true, false]);
      own.slice(1).forEach(({ at }, i) => assert(at - own[i]!.at >= 1_100));
      assert(publisher.publishedAt !== undefined);
      assertEquals((await world.isolate().source.get()).value, "AT-8");
    },
  );

  const faults: (ReadFault | "another key")[] = [
    "throws",
    "hangs",
    "number",
    "truncated",
    "another key",
  ];
  for (const fault of faults) {
    await row(`K05: asks its object when a read ${fault}, and removes nothing`, async (world) => {
      await world.publish(world.record(3, 10 * MINUTE));
      world.stored = world.record(4, 10 * MINUTE);
      if (fault !== "another key") world.kv.readFault = fault;
      const writes = world.kv.writes.length;
      const { source } = world.isolate(fault === "another key" ? KEY_B : KEY_A);
      assertEquals((await source.get()).value, "AT-4");
      assertEquals(world.kv.writes.length, writes);
      assertEquals(world.warnings.length, 1);
      assertEquals(/AT-\d/.test(world.warnings[0]!), false);
      // Its memory does until it expires, whatever becomes of KV.
      world.offsetMs += 20_000;
      assertEquals((await source.get()).value, "AT-4");
    });
  }

  await row("K06: keeps the newer of two generations that KV shows out of order", async (world) => {
    await world.publish(world.record(8, 10 * MINUTE));
    const { source } = world.isolate();
    assertEquals((await source.get()).generation, 8);
    await world.publish(world.record(7, 12 * MINUTE));
    world.offsetMs += 20_000;
    assertEquals((await source.get()).generation, 8);
    assertEquals(world.calls, []);
  });

  await row("K07: sees a logout when it looks again", async (world) => {
    await world.publish(world.record(3, 10 * MINUTE));
    const { reader, source } = world.isolate();
    assertEquals((await source.get()).generation, 3);
    await world.publish({ generation: 3, attempt: 0, credential: null });
    world.offsetMs += 15_000;
    world.turns = ["dead"];
    const error = await assertRejects(() => source.get(), CredentialError);
    assertEquals(error.code, "login_required");
    assertEquals((await reader.list()).some(({ id }) => id === world.name.id), false);
  });

  for (const turn of ["overloaded", "reset", "mismatch", "hangs"] as const) {
    await row(`D04: serves a valid token while its object is ${turn}`, async (world) => {
      await world.publish(world.record(3, 20_000));
      world.turns = Array(9).fill(turn);
      const { source } = world.isolate();
      assertEquals((await source.get()).value, "AT-3");
      // An overloaded object is not asked again.
      assertEquals(world.calls.length, turn === "reset" ? 3 : 1);
      world.turns = Array(9).fill(turn);
      world.offsetMs += 20_000;
      const error = await assertRejects(() => source.get()) as CredentialError;
      assertEquals(error.retryable, true);
      assertMatch(error.code, /overloaded|timeout/);
    });
  }

  await row("D04: takes another stub after a reset", async (world) => {
    world.turns = ["reset", "reset"];
    world.stored = world.record(4, 10 * MINUTE);
    assertEquals((await world.isolate().source.get()).value, "AT-4");
    assertEquals(world.calls.length, 3);
  });

  await row("D05, R09: a thousand callers are one read and one call", async (world) => {
    world.stored = world.record(4, 10 * MINUTE);
    const { source } = world.isolate();
    await Promise.all(Array.from({ length: 1_000 }, () => source.get()));
    assertEquals([world.kv.reads, world.calls.length], [1, 1]);
    world.stored = world.record(5, 10 * MINUTE);
    const rejected = { rejectedGeneration: 4 };
    await Promise.all(Array.from({ length: 1_000 }, () => source.get(rejected)));
    assertEquals(world.calls.length, 2);
  });

  await row("D03: reminds an object whose alarm never came, without waiting", async (world) => {
    await world.publish(world.record(3, 10 * MINUTE));
    const { source } = world.isolate();
    assertEquals((await source.get()).value, "AT-3");
    // Due five minutes before it expires, and half a minute late.
    world.offsetMs += 5.6 * MINUTE;
    world.stored = world.record(4, 15 * MINUTE);
    assertEquals((await source.get()).value, "AT-3");
    await new Promise((resolve) => setTimeout(resolve, 20));
    assertEquals((await source.get()).value, "AT-4");
    assertEquals(world.calls.length, 1);
  });
});
