/**
 * Many schedules in a row, in this thread or in a worker of it.
 *
 * @module
 */

import { loadMutant, MUTANTS } from "./mutants.ts";
import { loadProduction, type Production } from "./production.ts";
import { runSchedule } from "./scenario.ts";
import type { Violation } from "./world.ts";

/** What to run. */
export interface Batch {
  from: number;
  count: number;
  /** The mutant to run instead of the production code. */
  mutant?: string | undefined;
}

/** What came of it. It ends at the first violation. */
export interface BatchReport extends Progress {
  steps: number;
  rotations: number;
  /** Schedules that met a fault. */
  faulty: number;
  /** Logins that nobody could have saved. */
  losses: number;
}

const SLICE = 200;

/** Runs `work` outside of every microtask, where the simulator can run them by itself. */
export function outside<T>(work: () => T): Promise<T> {
  return new Promise((resolve, reject) => {
    setTimeout(() => {
      try {
        resolve(work());
      } catch (error) {
        reject(error);
      }
    });
  });
}

/** What every report of a batch has. */
interface Progress {
  schedules: number;
  failure?: { seed: number; violation: Violation } | undefined;
}

/**
 * Runs seed after seed until one fails, `slice` of them at a time outside of every microtask. A
 * rejection that nobody handles is a failure as well.
 */
export async function runSeeds(
  { from, count, mutant }: Batch,
  slice: number,
  report: Progress,
  run: (seed: number) => Violation | undefined,
): Promise<void> {
  // Errors that the code makes and catches by the thousand need no stack.
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  let rejection: unknown;
  const onRejection = (event: PromiseRejectionEvent) => {
    event.preventDefault();
    rejection ??= event.reason;
  };
  globalThis.addEventListener("unhandledrejection", onRejection);
  try {
    while (report.schedules < count && report.failure === undefined) {
      const first = from + report.schedules;
      await outside(() => {
        const end = Math.min(first + slice, from + count);
        for (let seed = first; seed < end && report.failure === undefined; seed++) {
          const violation = run(seed);
          report.schedules++;
          if (violation !== undefined) report.failure = { seed, violation };
        }
      });
      if (rejection !== undefined && mutant === undefined) {
        const detail = `a rejection that nobody handles, after seed ${first}: ${rejection}`;
        report.failure ??= { seed: first, violation: { id: "UNCAUGHT", detail } };
      }
    }
  } finally {
    globalThis.removeEventListener("unhandledrejection", onRejection);
    Error.stackTraceLimit = stackTraceLimit;
  }
}

/** Runs a batch here. */
export async function runBatch(batch: Batch): Promise<BatchReport> {
  const production = await load(batch.mutant);
  const report: BatchReport = { schedules: 0, steps: 0, rotations: 0, faulty: 0, losses: 0 };
  await runSeeds(batch, SLICE, report, (seed) => {
    const { violation, steps, rotations, faults, losses } = runSchedule(production, seed);
    report.steps += steps;
    report.rotations += rotations;
    report.losses += losses;
    if (faults > 0) report.faulty++;
    return violation;
  });
  return report;
}

/** The production modules, or a mutant of them. */
export async function load(mutant: string | undefined): Promise<Production> {
  if (mutant === undefined) return await loadProduction();
  const found = MUTANTS.find(({ name }) => name === mutant);
  if (found === undefined) throw new Error(`No mutant is called ${mutant}`);
  return await loadMutant(found);
}

/** A thread that runs batches. */
export class BatchWorker {
  readonly #worker = new Worker(import.meta.url, { type: "module", name: WORKER_NAME });

  run(batch: Batch): Promise<BatchReport> {
    return new Promise((resolve, reject) => {
      this.#worker.onmessage = ({ data }) => resolve(data as BatchReport);
      this.#worker.onerror = (event) => {
        event.preventDefault();
        reject(new Error(event.message));
      };
      this.#worker.postMessage(batch);
    });
  }

  close(): void {
    this.#worker.terminate();
  }
}

const WORKER_NAME = "grantway-sim";

// The types of a worker's global are another library's.
const thread = globalThis as unknown as {
  name: string;
  onmessage: (event: MessageEvent<Batch>) => void;
  postMessage(report: BatchReport): void;
};
if (thread.name === WORKER_NAME) {
  thread.onmessage = async ({ data }) => thread.postMessage(await runBatch(data));
}

/** Runs a batch on several threads at once; of several failures, the one with the lowest seed. */
export async function runParallel(
  { from, count, mutant }: Batch,
  threads: number,
): Promise<BatchReport> {
  const workers = Array.from({ length: threads }, () => new BatchWorker());
  const total: BatchReport = {
    schedules: 0,
    steps: 0,
    rotations: 0,
    faulty: 0,
    losses: 0,
    failure: undefined,
  };
  const lowest = () => (total.failure as BatchReport["failure"])?.seed ?? Infinity;
  let next = from;
  try {
    await Promise.all(workers.map(async (worker) => {
      while (next < from + count && total.failure === undefined) {
        const start = next;
        next += CHUNK;
        const size = Math.min(CHUNK, from + count - start);
        const { failure, ...counts } = await worker.run({ from: start, count: size, mutant });
        for (const [name, value] of Object.entries(counts)) total[name as "steps"] += value;
        if (failure !== undefined && failure.seed < lowest()) {
          total.failure = failure;
        }
      }
    }));
  } finally {
    for (const worker of workers) worker.close();
  }
  return total;
}

const CHUNK = 2_000;
