/**
 * Ctrl-C and its kin: the first one cancels, what was sent is still finished and saved.
 *
 * @module
 */

import { EXIT } from "./exit_code.ts";
import type { Output } from "./output.ts";
import type { Interrupt, Platform } from "./platform.ts";

/** `deno task` delivers Ctrl-C twice, to itself and to its child: what comes this soon is one. */
const SAME_PRESS_MS = 300;
/** Two presses this close, while something must be finished, end the process all the same. */
const INSISTING_MS = 1_000;

/** The user interrupted the command. */
export class Interrupted extends Error {
  /** The class name. */
  override name = "Interrupted";

  /** Creates one. */
  constructor() {
    super("Interrupted");
  }
}

/** The interrupts of one run. */
export interface Interrupts {
  /** Aborts at the first interrupt that no listener took. */
  signal: AbortSignal;
  /**
   * Takes Ctrl-C, or those kinds, until the returned function is called; the last one to come is asked
   * first.
   */
  listen(listener: (kind: Interrupt) => void, kinds?: readonly Interrupt[]): () => void;
  /** Runs something that must not be cut: a refresh from its first byte to the saved answer. */
  critical<T>(run: () => Promise<T>): Promise<T>;
  /** Stops listening to the platform. */
  dispose(): void;
}

/** Creates the interrupts of one run. */
export function createInterrupts(platform: Platform, output: Output): Interrupts {
  const abort = new AbortController();
  const listeners: { take: (kind: Interrupt) => void; kinds: readonly Interrupt[] }[] = [];
  let criticals = 0;
  let lastAt = -Infinity;
  let warned = false;
  const dispose = platform.onInterrupt((kind) => {
    const now = platform.monotonicNow();
    const sinceMs = now - lastAt;
    if (kind === "SIGINT" && sinceMs < SAME_PRESS_MS) return;
    lastAt = now;
    const listener = listeners.findLast(({ kinds }) => kinds.includes(kind));
    if (listener) return listener.take(kind);
    if (!abort.signal.aborted) return abort.abort(new Interrupted());
    if (criticals === 0 || (warned && sinceMs < INSISTING_MS)) platform.exit(EXIT.interrupted);
    warned = true;
    output.warn(
      "A token refresh has been sent; its answer must be saved, or the login may be lost. " +
        "This takes at most 20 seconds. Press Ctrl-C twice to leave at once all the same",
    );
  });
  return {
    signal: abort.signal,
    listen: (take, kinds = ["SIGINT"]) => {
      const listener = { take, kinds };
      listeners.push(listener);
      return () => {
        const index = listeners.indexOf(listener);
        if (index >= 0) listeners.splice(index, 1);
      };
    },
    critical: async (run) => {
      criticals++;
      try {
        return await run();
      } finally {
        criticals--;
      }
    },
    dispose,
  };
}
