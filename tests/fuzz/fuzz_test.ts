// A small, seeded share of what `deno task fuzz` does at length. A failure names seed and path.

import { PROPERTIES } from "./mod.ts";

/** Inputs of the cheapest property; a costly one gets as many fewer. */
const RUNS = 600;
const SEED = 20_260_801;

for (const property of PROPERTIES) {
  Deno.test(`fuzz: ${property.name}`, () =>
    property.run({ runs: Math.ceil(RUNS / property.cost), seed: SEED }));
}
