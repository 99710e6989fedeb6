// `gateway deploy --rotate-keys`, step by step, against a Worker that is only its ring and its records.
// From end to end it is in deploy_test.ts.

import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import type { Context } from "../../src/cli/context.ts";
import type { Deployment } from "../../src/cli/deploy/deployments.ts";
import { rotateKeys } from "../../src/cli/deploy/rotate_keys.ts";
import { GrantwayError } from "../../src/core/errors.ts";
import { Secret } from "../../src/core/secret.ts";
import type { SweepPage } from "../../src/credentials/seal_sweep.ts";

const KEY_1 = `k1:${"A".repeat(43)}`;
const KEY_2 = `k2:${"B".repeat(42)}A`;
const KEY_3 = `k3:${"C".repeat(42)}A`;
const MINUTE = 60_000;

const ids = (ring: string) => ring.split(",").map((key) => key.split(":")[0]!);

/** A Worker with a ring, and the key ids that its records are sealed with. */
function setUp({ ring = KEY_1, kept = KEY_1, records = ["k1", "k1", "k1"] } = {}) {
  const world = {
    ring,
    kept,
    records,
    now: Date.UTC(2026, 0, 1),
    changedAt: undefined as number | undefined,
    /** What setting the secret comes to. */
    fault: undefined as "before" | "after" | undefined,
    sets: 0,
    /** How often it is asked until it knows its new ring. */
    lag: 0,
    /** What its next answers are instead, once it has its new ring. */
    faults: [] as ("break" | "two rings")[],
    /** How many records are sealed anew by one sweep. */
    speed: Infinity,
  };
  let known = ring, lagLeft = 0;
  const sweep = (isChanging: boolean): SweepPage => {
    if (lagLeft > 0) lagLeft--;
    else known = world.ring;
    const [keyId, ...otherKeyIds] = ids(known) as [string, ...string[]];
    let changed = 0;
    if (isChanging) {
      world.records = world.records.map((id) => {
        if (id === keyId || changed >= world.speed) return id;
        changed++;
        return keyId;
      });
    }
    if (changed > 0) world.changedAt = world.now;
    const counts: Record<string, number> = {};
    for (const id of world.records) counts[id] = (counts[id] ?? 0) + 1;
    return { keyId, otherKeyIds, counts, changed, problems: [], changedAt: world.changedAt };
  };
  const context = {
    platform: {
      now: () => world.now,
      sleep: (ms: number, signal?: AbortSignal) => {
        // Deadlines of requests never pass here.
        if (ms > 10_000) {
          return new Promise<void>((_, reject) =>
            signal?.addEventListener("abort", () => reject(signal.reason))
          );
        }
        world.now += ms;
        return Promise.resolve();
      },
    },
    interrupts: { signal: new AbortController().signal },
    runtime: {
      fetch: async (_: string, init: RequestInit) => {
        const fault = world.sets > 0 ? world.faults.shift() : undefined;
        if (fault === "break") throw new TypeError("connection reset");
        const page = sweep(init.method === "POST");
        if (fault !== "two rings") return Response.json(page);
        // The next page is of the ring before.
        known = KEY_1;
        lagLeft = 1;
        return await Promise.resolve(Response.json({ ...page, cursor: "kv/" }));
      },
    },
  } as unknown as Context;
  const run = () => {
    const deployment: Deployment = {
      name: "grantway",
      account: { id: "1", name: "Ann" },
      url: "https://grantway.example",
      keys: new Secret(world.kept),
      adminToken: new Secret("an-admin-token"),
    };
    return rotateKeys(context, deployment, {
      keep: ({ keys }) => Promise.resolve(void (world.kept = keys!.expose())),
      setKeys: (keys) => {
        world.sets++;
        if (world.fault !== "before") {
          world.ring = keys.expose();
          lagLeft = world.lag;
        }
        return world.fault === undefined ? Promise.resolve() : Promise.reject(new Error("lost"));
      },
    });
  };
  return { world, run };
}

Deno.test("rotateKeys() puts a new key first, and has everything sealed anew with it", async () => {
  const { world, run } = setUp();
  world.lag = 3;
  world.speed = 2;
  const told = await run();
  const [made, old] = ids(world.ring) as [string, string];
  assertMatch(made, /^k20260101\S{4}$/);
  assertEquals([old, world.kept, told], [
    "k1",
    world.ring,
    `${made} seals now, 3 records sealed anew`,
  ]);
  assertEquals(new Set(world.records), new Set([made]));
});

Deno.test("rotateKeys() bears with a Worker that is replaced while it asks", async () => {
  const { world, run } = setUp();
  world.faults = ["break", "two rings", "break"];
  await run();
  assertEquals([world.faults, world.sets], [[], 1]);
  assertEquals(new Set(world.records), new Set([ids(world.ring)[0]]));
});

for (const fault of ["before", "after"] as const) {
  Deno.test(`rotateKeys() goes on with the same key when the secret was lost ${fault} it was set`, async () => {
    const { world, run } = setUp();
    world.fault = fault;
    await assertRejects(run, Error, "lost");
    const { kept } = world;
    assertEquals(ids(kept).length, 2);
    world.fault = undefined;
    await run();
    assertEquals([world.kept, world.ring, world.sets], [kept, kept, fault === "before" ? 2 : 1]);
    assertEquals(new Set(world.records), new Set([ids(kept)[0]]));
  });
}

Deno.test("rotateKeys() finishes a sweep that was interrupted before it makes another key", async () => {
  const ring = `${KEY_2},${KEY_1}`;
  const { world, run } = setUp({ ring, kept: ring, records: ["k1", "k2", "k1"] });
  assertEquals(await run(), "k2 seals now, 2 records sealed anew");
  assertEquals([world.ring, world.sets, world.records], [ring, 0, ["k2", "k2", "k2"]]);
});

Deno.test("rotateKeys() drops the old key with the next rotation, and not before KV forgets it", async () => {
  const { world, run } = setUp();
  await run();
  const [second] = ids(world.ring);
  const { hint } = await assertRejects(run, GrantwayError, "Cannot rotate the sealing keys yet");
  assertMatch(hint!, /try again at 2026-01-01T00:1/);
  world.now += 10 * MINUTE;
  await run();
  const [third, behind] = ids(world.ring);
  assertEquals([behind, new Set(world.records)], [second, new Set([third])]);
  assertEquals(ids(world.ring).includes("k1"), false);
});

Deno.test("rotateKeys() leaves keys alone that it does not know", async () => {
  for (const ring of [KEY_3, `${KEY_3},${KEY_1}`]) {
    const { world, run } = setUp({ ring, records: ["k3"] });
    await assertRejects(run, GrantwayError, "it has other ones than this machine knows of");
    assertEquals([world.ring, world.kept, world.sets], [ring, KEY_1, 0]);
  }
});

Deno.test("rotateKeys() gives up on what does not become sealed anew, and says so", async () => {
  const { world, run } = setUp();
  world.speed = 0;
  const error = await assertRejects(run, GrantwayError, "Not everything is sealed anew");
  assertEquals(error.retryable, true);
  // The old key is still there: nothing is lost.
  assertEquals(ids(world.ring).at(-1), "k1");
});
