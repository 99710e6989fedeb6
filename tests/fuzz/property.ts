/**
 * A statement about every input, with a generator of inputs: checked a little by the tests, and at
 * length by `deno task fuzz`.
 *
 * @module
 */

import fc from "fast-check";

/** How a property is run. */
export interface FuzzOptions {
  /** How many inputs. */
  runs: number;
  /** The same inputs for the same seed. */
  seed: number;
  /** Leads to one input, as a failure prints it. */
  path?: string | undefined;
}

/** One statement. */
export interface FuzzProperty {
  /** What it says. */
  name: string;
  /** How much it costs compared to the quickest; the runs are divided by it. */
  cost: number;
  /** Checks it; rejects with the smallest input that was found to break it, its seed and its path. */
  run(options: FuzzOptions): Promise<void>;
}

/** States that `check` throws for no value of `arbitrary`. */
export function fuzz<T>(
  name: string,
  arbitrary: fc.Arbitrary<T>,
  check: (value: T) => void | Promise<void>,
  { cost = 1 }: { cost?: number } = {},
): FuzzProperty {
  return {
    name,
    cost,
    run: ({ runs, seed, path }) =>
      fc.assert(
        fc.asyncProperty(arbitrary, async (value) => {
          await check(value);
          assertNothingPolluted();
        }),
        { numRuns: runs, seed, ...(path === undefined ? {} : { path }) },
      ),
  };
}

/** X60: whatever was parsed, no prototype has got a field of it. */
export function assertNothingPolluted(): void {
  for (const prototype of [Object.prototype, Array.prototype, Function.prototype]) {
    if ("polluted" in prototype) {
      delete (prototype as { polluted?: unknown }).polluted;
      throw new Error("A prototype was polluted");
    }
  }
}
