import { assert, assertEquals } from "@std/assert";
import { load, outside, runBatch, runParallel } from "./batch.ts";
import { explore } from "./explore.ts";
import { MUTANTS, plant } from "./mutants.ts";
import { runSchedule } from "./scenario.ts";

Deno.test("sim: 20,000 schedules of the production code break no invariant", async () => {
  const report = await runParallel({ from: 1, count: 20_000 }, 2);
  assertEquals(report.failure, undefined);
  assertEquals(report.schedules, 20_000);
  // A simulator without faults, rotations and losses would pass as well.
  assert(report.faulty > 10_000, `${report.faulty} with faults`);
  assert(report.rotations > 40_000, `${report.rotations} rotations`);
  assert(report.losses > 1_000, `${report.losses} losses`);
});

Deno.test("sim: every order of two processes with one crash and one loss breaks no invariant", async () => {
  const production = await load(undefined);
  const found = await outside(() => explore(production, { crashes: 1, losses: 1 }));
  assertEquals(found.failure, undefined);
  assert(found.states > 50_000, `${found.states} states`);
});

// The ones that need more schedules are in the table of docs/refresh.md.
const QUICK = [
  "lock-around-files-only",
  "no-fsync",
  "no-intent",
  "no-probe-delay",
  "truncate-in-place",
];
for (const mutant of QUICK) {
  Deno.test(`sim: ${mutant} does not survive 300 schedules`, async () => {
    const { failure } = await runBatch({ from: 1, count: 300, mutant });
    assert(failure !== undefined);
  });
}

Deno.test("sim: a schedule repeats exactly", async () => {
  const production = await load(undefined);
  await outside(() => {
    for (let seed = 1; seed <= 60; seed++) {
      const [first, second] = [1, 2].map(() => {
        const trace: string[] = [];
        const result = runSchedule(production, seed, { trace });
        return { result, trace };
      });
      assertEquals(first, second);
    }
  });
});

Deno.test("sim: the patterns of every mutant match once", async () => {
  for (const mutant of MUTANTS) assert((await plant(mutant)).size > 0);
});
