/**
 * Checks the properties of every parser that reads the outside, at length.
 *
 * ```sh
 * deno task fuzz -- --runs 1000000 --seed 7             # all, each with as many inputs
 * deno task fuzz -- --runs 1000000 --only "token answer" # those whose name has these words
 * deno task fuzz -- --seed 7 --path 12:0:3 --only "token answer" # one input, as a failure names it
 * ```
 *
 * @module
 */

import { PROPERTIES } from "./mod.ts";

function option(name: string): string | undefined {
  const at = Deno.args.indexOf(`--${name}`);
  return at === -1 ? undefined : Deno.args[at + 1];
}

const runs = Number(option("runs") ?? 10_000);
const seed = Number(option("seed") ?? crypto.getRandomValues(new Int32Array(1))[0]);
const path = option("path");
const words = option("only") ?? "";
if (!Number.isSafeInteger(runs) || runs < 1 || !Number.isSafeInteger(seed)) {
  console.error("Usage: deno task fuzz -- [--runs N] [--seed S] [--only WORDS] [--path P]");
  Deno.exit(2);
}

let uncaught = 0;
globalThis.addEventListener("unhandledrejection", (event) => {
  event.preventDefault();
  uncaught++;
  console.error("uncaught:", event.reason);
});

let failed = 0;
console.log(`seed ${seed}, ${runs} inputs each`);
for (const property of PROPERTIES.filter(({ name }) => name.includes(words))) {
  const startedAt = performance.now();
  const before = uncaught;
  let outcome = "ok";
  try {
    await property.run({ runs, seed, path });
  } catch (error) {
    outcome = "FAILED";
    console.error(error);
  }
  if (uncaught > before) outcome = "FAILED";
  if (outcome !== "ok") failed++;
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  console.log(`${outcome}  ${seconds} s  ${property.name}`);
}
console.log(`${failed} properties failed, ${uncaught} uncaught errors`);
Deno.exit(failed === 0 ? 0 : 1);
