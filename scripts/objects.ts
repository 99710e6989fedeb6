/**
 * The Worker's Durable Object under a deterministic simulator that runs the production code: restarts,
 * moves, KV and network that fail. `docs/worker.md` says what it shows.
 *
 * ```sh
 * deno task objects --schedules 20000 --seed 1   # seeds 1 to 20,000
 * deno task objects --strict                     # only servers that end a login at any reuse
 * deno task objects --mutants                    # how many schedules each planted fault survives
 * deno task objects --replay 4711                # one schedule, step by step
 * ```
 *
 * @module
 */

import { parseArgs } from "node:util";
import { outside } from "../tests/sim/batch.ts";
import { loadObjects, runObjectBatch } from "../tests/sim/object_batch.ts";
import { OBJECT_MUTANTS } from "../tests/sim/object_mutants.ts";
import { runObjectSchedule } from "../tests/sim/object_scenario.ts";

const { values } = parseArgs({
  args: Deno.args.filter((arg) => arg !== "--"),
  options: {
    schedules: { type: "string", default: "2000" },
    seed: { type: "string", default: "1" },
    strict: { type: "boolean", default: false },
    mutant: { type: "string" },
    mutants: { type: "boolean" },
    replay: { type: "string" },
  },
});
const count = Number(values.schedules), from = Number(values.seed);
const { mutant, strict: isStrict } = values;

if (values.replay !== undefined) await replay(Number(values.replay));
else if (values.mutants) await tabulate();
else await run();

async function run(): Promise<void> {
  const start = performance.now();
  const report = await runObjectBatch({ from, count, mutant, isStrict });
  const { schedules, steps, restarts, moves, rotations, adopted, reuses, losses, failure } = report;
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  const lost = Object.entries(losses).map(([reason, n]) => `${n} ${reason}`).join(", ");
  console.log(
    `${schedules} schedules from seed ${from}: ${restarts} instances died, ${moves} were replaced; ` +
      `${rotations} rotations in ${steps} steps, ${adopted} of them adopted from KV; ` +
      `${failure === undefined ? 0 : 1} violations; ${reuses} spent tokens probed for a reason; ` +
      `logins lost: ${lost || "none"}; ${seconds} seconds`,
  );
  if (failure !== undefined) await replay(failure.seed);
}

async function replay(seed: number): Promise<void> {
  const production = await loadObjects(mutant);
  await outside(() => {
    const trace: string[] = [];
    const { violation, steps } = runObjectSchedule(production, seed, { trace, isStrict });
    console.log(trace.join("\n"));
    if (violation === undefined) {
      console.log(`seed ${seed}: no violation in ${steps} steps`);
    } else {
      console.error(`seed ${seed}: ${violation.id}: ${violation.detail}`);
      Deno.exitCode = 1;
    }
  });
}

async function tabulate(): Promise<void> {
  for (const { name, about } of OBJECT_MUTANTS) {
    const { schedules, failure } = await runObjectBatch({ from, count, mutant: name, isStrict });
    const killedBy = failure?.violation.id ?? "survives";
    if (failure === undefined) Deno.exitCode = 1;
    console.log(
      `${name.padEnd(22)} ${String(schedules).padStart(7)}  ${killedBy.padEnd(8)} ${about}`,
    );
  }
}
