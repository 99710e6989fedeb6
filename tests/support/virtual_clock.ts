/**
 * A clock that stands still until nothing else can happen, then jumps to the next timer.
 *
 * @module
 */

import { setImmediate } from "node:timers";
import { isComputing } from "./computing.ts";
// A module that loads takes real time, which no clock of ours sees: none may be left to load.
import "./modules.ts";

/** Real time without an end and without a timer after which a promise is given up. */
const STUCK_MS = 10_000;

/** Wall clock, monotonic clock and timers of one simulated machine. */
export class VirtualClock {
  /** Monotonic time, ms. */
  mono = 1_000;
  /** Wall clock minus monotonic clock, ms; tests step it. */
  offset = 1_800_000_000_000;
  /** Every wait that was asked for, ms. */
  readonly waits: number[] = [];
  #timers = new Set<{ at: number; wake: () => void }>();

  readonly now = (): number => this.mono + this.offset;
  readonly monotonicNow = (): number => this.mono;

  readonly sleep = (ms: number, signal?: AbortSignal): Promise<void> => {
    this.waits.push(ms);
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const onAbort = () => {
        this.#timers.delete(timer);
        reject(signal!.reason);
      };
      const timer = {
        at: this.mono + Math.max(0, ms),
        wake: () => {
          signal?.removeEventListener("abort", onAbort);
          resolve();
        },
      };
      signal?.addEventListener("abort", onAbort, { once: true });
      this.#timers.add(timer);
    });
  };

  /** Lets everything happen that needs no time. */
  async idle(): Promise<void> {
    // After all microtasks, and without the minimum delay of a timer; twice, because what the thread
    // pool has done may lead to more of it.
    for (let quiet = 0; quiet < 2;) {
      await new Promise((resolve) => setImmediate(resolve));
      quiet = isComputing() ? 0 : quiet + 1;
    }
  }

  /** Lets `ms` pass, timer by timer. */
  async advance(ms: number): Promise<void> {
    const end = this.mono + ms;
    await this.idle();
    for (let next = this.#next(); next && next.at <= end; next = this.#next()) {
      await this.#fire(next);
    }
    this.mono = end;
    await this.idle();
  }

  /** Lets time pass until `promise` settles; fails when nothing is left to wait for. */
  async run<T>(promise: Promise<T>): Promise<T> {
    let settled = false;
    const end = () => void (settled = true);
    promise.then(end, end);
    let stuckSince: number | undefined;
    for (await this.idle(); !settled; await this.idle()) {
      const next = this.#next();
      if (next !== undefined) {
        stuckSince = undefined;
        await this.#fire(next);
        continue;
      }
      // What reads a file or a Blob takes real time, which no clock of ours sees.
      stuckSince ??= performance.now();
      if (performance.now() - stuckSince > STUCK_MS) {
        throw new Error("Nothing is left to wait for");
      }
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    return promise;
  }

  #next() {
    return [...this.#timers].reduce<{ at: number; wake: () => void } | undefined>(
      (first, timer) => first === undefined || timer.at < first.at ? timer : first,
      undefined,
    );
  }

  async #fire(timer: { at: number; wake: () => void }) {
    this.#timers.delete(timer);
    this.mono = Math.max(this.mono, timer.at);
    timer.wake();
    await this.idle();
  }
}
