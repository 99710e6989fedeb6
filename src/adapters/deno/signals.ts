/**
 * Keeps SIGINT, SIGTERM and SIGHUP from ending the process between the moment a refresh token is
 * spent and the moment its successor is stored.
 *
 * @module
 */

/** Options of {@linkcode createCriticalSection}. */
export interface CriticalSectionOptions {
  /** Told, on the second signal, why the process is still there. */
  onWaiting: (message: string) => void;
  /** Ends the process. Default: `Deno.exit`. */
  exit?: ((code: number) => void) | undefined;
  /** Monotonic clock, ms. Default: `performance.now`. */
  monotonicNow?: (() => number) | undefined;
  /** Hears signals. Default: `Deno.addSignalListener` and its counterpart. */
  signals?: SignalSource | undefined;
}

/** Where signals are heard. */
export interface SignalSource {
  /** Starts to hear a signal. */
  addSignalListener(signal: Deno.Signal, listener: () => void): void;
  /** Stops hearing it. */
  removeSignalListener(signal: Deno.Signal, listener: () => void): void;
}

// Exit codes are 128 and the signal's number, as shells say it.
const EXIT_CODES = Deno.build.os === "windows"
  ? { SIGINT: 130 } as const
  : { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;
/** A signal so soon after another is meant: the user will not wait. */
const INSISTENT_MS = 1_000;

/**
 * Creates a function that runs something to its end before a signal ends the process. The second
 * signal says why it waits; a third within a second ends the process at once. Other listeners hear
 * the signals as well, and should leave the exit to this one while it runs something.
 */
export function createCriticalSection(
  options: CriticalSectionOptions,
): <T>(run: () => Promise<T>) => Promise<T> {
  const {
    onWaiting,
    exit = Deno.exit,
    monotonicNow = () => performance.now(),
    signals = Deno,
  } = options;
  let running = 0;
  let heard = 0;
  let lastAt = -Infinity;
  let exitCode: number | undefined;

  const listeners = Object.entries(EXIT_CODES).map(([signal, code]) => ({
    signal: signal as Deno.Signal,
    listener: () => {
      exitCode ??= code;
      heard++;
      const at = monotonicNow();
      if (heard === 2) {
        onWaiting("Waiting for a refresh to be stored; ending now could end the login");
      } else if (heard > 2 && at - lastAt <= INSISTENT_MS) {
        exit(exitCode);
      }
      lastAt = at;
    },
  }));

  return async (run) => {
    if (running++ === 0) {
      for (const { signal, listener } of listeners) signals.addSignalListener(signal, listener);
    }
    try {
      return await run();
    } finally {
      if (--running === 0) {
        for (const { signal, listener } of listeners) {
          signals.removeSignalListener(signal, listener);
        }
        if (exitCode !== undefined) exit(exitCode);
      }
    }
  };
}
