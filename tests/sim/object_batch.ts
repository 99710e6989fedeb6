/**
 * Many schedules of the Worker in a row.
 *
 * @module
 */

import { runSeeds } from "./batch.ts";
import { loadMutant } from "./mutants.ts";
import { OBJECT_MUTANTS } from "./object_mutants.ts";
import { loadObjectProduction, type ObjectProduction } from "./object_production.ts";
import { runObjectSchedule } from "./object_scenario.ts";
import type { Violation } from "./world.ts";

/** What to run. */
export interface ObjectBatch {
  from: number;
  count: number;
  /** The mutant to run instead of the production code. */
  mutant?: string | undefined;
  /** Only the server that ends a login when a spent token comes back at all. */
  isStrict?: boolean | undefined;
}

/** What came of it. It ends at the first violation. */
export interface ObjectReport {
  schedules: number;
  steps: number;
  restarts: number;
  moves: number;
  rotations: number;
  adopted: number;
  reuses: number;
  /** Lost logins, by reason. */
  losses: Record<string, number>;
  failure?: { seed: number; violation: Violation } | undefined;
}

const SLICE = 50;

/** The production modules, or a mutant of them. */
export async function loadObjects(mutant: string | undefined): Promise<ObjectProduction> {
  if (mutant === undefined) return await loadObjectProduction();
  const found = OBJECT_MUTANTS.find(({ name }) => name === mutant);
  if (found === undefined) throw new Error(`No mutant is called ${mutant}`);
  return await loadMutant(found, loadObjectProduction);
}

/** Runs a batch. */
export async function runObjectBatch(
  { from, count, mutant, isStrict = false }: ObjectBatch,
): Promise<ObjectReport> {
  const production = await loadObjects(mutant);
  const report: ObjectReport = {
    schedules: 0,
    steps: 0,
    restarts: 0,
    moves: 0,
    rotations: 0,
    adopted: 0,
    reuses: 0,
    losses: {},
  };
  await runSeeds({ from, count, mutant }, SLICE, report, (seed) => {
    const result = runObjectSchedule(production, seed, { isStrict });
    for (const name of ["steps", "restarts", "moves", "rotations", "adopted", "reuses"] as const) {
      report[name] += result[name];
    }
    const { loss, violation } = result;
    if (loss !== undefined) report.losses[loss] = (report.losses[loss] ?? 0) + 1;
    return violation;
  });
  return report;
}
