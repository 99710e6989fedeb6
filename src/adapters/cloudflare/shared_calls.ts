/**
 * One call for all requests of an isolate that need the same at the same time.
 *
 * On Workers a promise belongs to the request that made it, and may never settle once that request has
 * ended. So who joins waits a moment at most, and then calls by itself.
 *
 * @module
 */

/** How long a joined call may take before another one is made. */
const JOIN_MS = 3_000;
/** Calls have shorter deadlines of their own. */
const OWN_MS = 120_000;

/** Runs `call`, or joins the call of that name that is under way. */
export type SharedCalls = <T>(
  name: string,
  call: () => Promise<T>,
  signal?: AbortSignal,
) => Promise<T>;

const LATE = Symbol("late");

/** Creates the calls of one isolate. */
export function createSharedCalls(
  sleep: (ms: number, signal?: AbortSignal) => Promise<void>,
): SharedCalls {
  const calls = new Map<string, Promise<unknown>>();

  function start<T>(name: string, call: () => Promise<T>): Promise<T> {
    const started = call();
    calls.set(name, started);
    const end = () => {
      if (calls.get(name) === started) calls.delete(name);
    };
    started.then(end, end);
    return started;
  }

  return async <T>(name: string, call: () => Promise<T>, signal?: AbortSignal): Promise<T> => {
    let late: unknown;
    for (;;) {
      const known = calls.get(name) as Promise<T> | undefined;
      const isOwn = known === undefined || known === late;
      const running = isOwn ? start(name, call) : known;
      const end = new AbortController();
      const signals = signal === undefined ? end.signal : AbortSignal.any([end.signal, signal]);
      const waited = sleep(isOwn ? OWN_MS : JOIN_MS, signals).then(() => LATE);
      waited.catch(() => {});
      try {
        const result = await Promise.race([running, waited]);
        if (result !== LATE) return result as T;
      } finally {
        end.abort();
      }
      late = running;
    }
  };
}
