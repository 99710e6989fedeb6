/**
 * What the outside world supplies to an operation, and the web-standard defaults.
 *
 * Nothing below the two programs reads a clock, a timer or the network on its own: it takes these.
 *
 * @module
 */

/** What the outside world supplies. Every field has a web-standard default. */
export interface RuntimeOptions {
  /** Sends requests. Default: `globalThis.fetch`, looked up on each call. */
  fetch?: typeof globalThis.fetch | undefined;
  /** Wall clock, milliseconds since the Unix epoch. Default: `Date.now`. */
  now?: (() => number) | undefined;
  /** Waits `ms` milliseconds; rejects with `signal.reason` when aborted. */
  sleep?: ((ms: number, signal?: AbortSignal) => Promise<void>) | undefined;
  /**
   * Calls `fire` once after `ms` milliseconds, unless the function it returns is called first: the
   * deadline of one request. Apart from `sleep`, so that a test may skip waits and keep deadlines.
   * Default: `setTimeout`.
   */
  startTimer?: ((ms: number, fire: () => void) => () => void) | undefined;
  /** Cancels the whole operation: requests, waits and body reads alike. */
  signal?: AbortSignal | undefined;
}

/** {@linkcode RuntimeOptions} with every default filled in. */
export interface Runtime {
  /** Sends requests. */
  fetch: typeof globalThis.fetch;
  /** Wall clock, milliseconds since the Unix epoch. */
  now: () => number;
  /** Waits `ms` milliseconds; rejects with `signal.reason` when aborted. */
  sleep: (ms: number, signal?: AbortSignal) => Promise<void>;
  /** Calls `fire` once after `ms` milliseconds, unless the function it returns is called first. */
  startTimer: (ms: number, fire: () => void) => () => void;
  /** Cancels the whole operation. */
  signal: AbortSignal | undefined;
}

/** The longest wait of one timer. Longer ones overflow 32 bits, and some runtimes then fire at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/**
 * Waits `ms` milliseconds of any length.
 *
 * @throws The signal's reason, unchanged, when it aborts.
 */
export async function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  signal?.throwIfAborted();
  let leftMs = Math.max(0, ms);
  do {
    const stepMs = Math.min(leftMs, MAX_TIMER_MS);
    leftMs -= stepMs;
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => {
        signal?.removeEventListener("abort", onAbort);
        resolve();
      }, stepMs);
      const onAbort = () => {
        clearTimeout(timer);
        reject(signal!.reason);
      };
      signal?.addEventListener("abort", onAbort, { once: true });
    });
  } while (leftMs > 0);
}

function startTimer(ms: number, fire: () => void): () => void {
  const timer = setTimeout(fire, Math.min(ms, MAX_TIMER_MS));
  return () => clearTimeout(timer);
}

/** Fills in the defaults of {@linkcode RuntimeOptions}. */
export function resolveRuntime(options: RuntimeOptions = {}): Runtime {
  return {
    // A wrapper: some runtimes refuse native `fetch` called as another object's method.
    fetch: options.fetch ?? ((input, init) => globalThis.fetch(input, init)),
    now: options.now ?? (() => Date.now()),
    sleep: options.sleep ?? sleep,
    startTimer: options.startTimer ?? startTimer,
    signal: options.signal,
  };
}
