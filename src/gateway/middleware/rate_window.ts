/**
 * How many times something may begin in any 60 s.
 *
 * @module
 */

const MINUTE_MS = 60_000;

/** Counts beginnings. */
export interface RateWindow {
  /** Takes a place; how long to wait, ms, where none is free. */
  take(now: number): number | undefined;
}

/** Creates a window of `limit` places. It keeps their last times, and nothing else. */
export function createRateWindow(limit: number): RateWindow {
  const times: number[] = [];
  let next = 0;
  return {
    take: (now) => {
      const oldest = times[next];
      // A clock that was set back must not close the window for longer than it is.
      const ageMs = oldest === undefined ? Infinity : Math.max(0, now - oldest);
      if (limit <= 0 || ageMs < MINUTE_MS) return MINUTE_MS - (limit <= 0 ? 0 : ageMs);
      times[next] = now;
      next = (next + 1) % limit;
      return undefined;
    },
  };
}
