/**
 * The refresh protocol under a deterministic simulator that runs the production code: `tests/sim/`,
 * and `docs/refresh.md` for what it shows.
 *
 * ```sh
 * deno task sim --schedules 100000 --seed 1   # seeds 1 to 100,000
 * deno task sim --mutants                     # how many schedules each planted fault survives
 * deno task sim --mutant no-lock              # one of them
 * deno task sim --replay 4711                 # one schedule, step by step, and what of it matters
 * deno task sim --explore                     # every order of two processes with one crash
 * ```
 *
 * @module
 */

import { parseArgs } from "node:util";
import { load, outside, runBatch, runParallel } from "../tests/sim/batch.ts";
import { explore } from "../tests/sim/explore.ts";
import { MUTANTS } from "../tests/sim/mutants.ts";
import { runSchedule } from "../tests/sim/scenario.ts";

const TRACE_LINES = 60;

const { values } = parseArgs({
  args: Deno.args.filter((arg) => arg !== "--"),
  options: {
    schedules: { type: "string", default: "100000" },
    seed: { type: "string", default: "1" },
    threads: { type: "string", default: String(Math.min(2, navigator.hardwareConcurrency)) },
    mutant: { type: "string" },
    mutants: { type: "boolean" },
    replay: { type: "string" },
    explore: { type: "boolean" },
  },
});
const count = Number(values.schedules), from = Number(values.seed);
const threads = Number(values.threads), { mutant } = values;

if (values.replay !== undefined) await replay(Number(values.replay));
else if (values.mutants) await tabulate();
else if (values.explore) await exploreAll();
else await run();

async function run(): Promise<void> {
  const start = performance.now();
  const report = await runParallel({ from, count, mutant }, threads);
  const seconds = (performance.now() - start) / 1000;
  const { schedules, steps, rotations, faulty, losses, failure } = report;
  console.log(
    `${schedules} schedules from seed ${from}${mutant ? ` of ${mutant}` : ""}, ${faulty} with ` +
      `faults: ${steps} steps, ${rotations} rotations, ${losses} logins beyond saving, ` +
      `${failure === undefined ? 0 : 1} violations, ${seconds.toFixed(1)} seconds`,
  );
  if (failure === undefined) return;
  await replay(failure.seed);
}

/** One schedule, step by step; then without the faults and processes that it does not need. */
async function replay(seed: number): Promise<void> {
  const production = await load(mutant);
  await outside(() => {
    const violates = (without: Set<number>, idle: Set<number>) =>
      runSchedule(production, seed, { without, idle }).violation !== undefined;
    const without = new Set<number>(), idle = new Set<number>();
    const { faults, violation } = runSchedule(production, seed);
    if (violation !== undefined) {
      for (let n = 0; n < faults + 20; n++) {
        if (!violates(new Set([...without, n]), idle)) continue;
        without.add(n);
      }
      for (let n = 0; n < 8; n++) {
        if (violates(without, new Set([...idle, n]))) idle.add(n);
      }
    }
    const trace: string[] = [];
    const result = runSchedule(production, seed, { without, idle, trace });
    console.log(trace.slice(violation === undefined ? 0 : -TRACE_LINES).join("\n"));
    if (result.violation === undefined) {
      console.log(`seed ${seed}: no violation in ${result.steps} steps`);
      return;
    }
    const { id, detail } = result.violation;
    console.error(
      `seed ${seed}: ${id}: ${detail} (${result.steps} steps, ${result.faults} faults; ` +
        `repeat with --replay ${seed}${mutant ? ` --mutant ${mutant}` : ""})`,
    );
    Deno.exitCode = 1;
  });
}

async function tabulate(): Promise<void> {
  const rows: string[] = [];
  const queue = [...MUTANTS];
  const work = async () => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      // In this thread: a mutant's modules are loaded once.
      const { schedules, failure } = await runBatch({ from, count, mutant: next.name });
      const killedBy = failure === undefined ? "survives" : failure.violation.id;
      if (failure === undefined) Deno.exitCode = 1;
      rows.push(`${next.name.padEnd(26)} ${String(schedules).padStart(8)}  ${killedBy}`);
      console.log(rows.at(-1));
    }
  };
  await work();
}

async function exploreAll(): Promise<void> {
  const start = performance.now();
  const production = await load(mutant);
  for (
    const budget of [{ crashes: 0, losses: 1 }, { crashes: 1, losses: 0 }, {
      crashes: 1,
      losses: 1,
    }]
  ) {
    const { states, schedules, failure } = await outside(() => explore(production, budget));
    const seconds = ((performance.now() - start) / 1000).toFixed(1);
    console.log(
      `2 processes, at most ${budget.crashes} crashes, ${budget.losses} losses: ${states} states, ${schedules} schedules, ` +
        `${failure === undefined ? 0 : 1} violations, ${seconds} seconds`,
    );
    if (failure === undefined) continue;
    console.error(
      `${failure.violation.id}: ${failure.violation.detail}\n${failure.trace.join("\n")}`,
    );
    Deno.exitCode = 1;
  }
}
