import { assert, assertEquals } from "@std/assert";
import { outside } from "./batch.ts";
import { plant } from "./mutants.ts";
import { loadObjects, runObjectBatch } from "./object_batch.ts";
import { OBJECT_MUTANTS } from "./object_mutants.ts";
import { runObjectSchedule } from "./object_scenario.ts";

Deno.test("objects: 1,000 restarts at a strict server spend no token twice without need", async () => {
  const report = await runObjectBatch({ from: 1, count: 800, isStrict: true });
  assertEquals(report.failure, undefined);
  assert(report.restarts > 1_000, `${report.restarts}`);
  assert(report.moves > 300 && report.adopted > 100, `${report.moves}, ${report.adopted}`);
  // Whatever is lost has one of these reasons, which nobody could have helped.
  const reasons = ["answer lost", "killed with the only copy", "sender gone", "KV late"];
  assertEquals(Object.keys(report.losses).filter((reason) => !reasons.includes(reason)), []);
});

// The quickest ones; `deno task objects --mutants` has all.
for (const name of ["storage-first", "no-recovery", "intent-in-memory", "kv-trusted", "no-delay"]) {
  Deno.test(`objects: ${name} does not survive 100 schedules`, async () => {
    const { failure } = await runObjectBatch({ from: 1, count: 100, mutant: name });
    assert(failure !== undefined);
  });
}

Deno.test("objects: the patterns of every mutant match once", async () => {
  for (const mutant of OBJECT_MUTANTS) assert((await plant(mutant)).size > 0);
});

Deno.test("objects: a schedule repeats exactly", async () => {
  const production = await loadObjects(undefined);
  await outside(() => {
    for (let seed = 1; seed <= 20; seed++) {
      const [first, second] = [1, 2].map(() => {
        const trace: string[] = [];
        return { result: runObjectSchedule(production, seed, { trace }), trace };
      });
      assertEquals(first, second);
    }
  });
});
