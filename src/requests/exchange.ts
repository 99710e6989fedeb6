/**
 * One request to an upstream while it lasts: its cancellation, and the watch over its silence.
 *
 * @module
 */

import { TransportError } from "../core/errors.ts";
import { isNotSent } from "../core/http.ts";
import type { Runtime } from "../core/runtime.ts";

/** How an exchange is watched. */
export interface ExchangeOptions {
  /** For messages: whose answer it is. */
  who: string;
  /** The longest silence, ms; `Infinity`: no watch. */
  idleTimeoutMs: number;
  /** The longest time to its end, ms; absent: no deadline. */
  totalTimeoutMs?: number | undefined;
  /** The caller's signals. */
  signals: readonly (AbortSignal | undefined)[];
}

/** One request to an upstream. */
export class Exchange {
  /** For `fetch`: aborts when a caller does, when upstream is silent too long, or on `close`. */
  readonly signal: AbortSignal;
  readonly #runtime: Runtime;
  readonly #options: ExchangeOptions;
  readonly #controller = new AbortController();
  readonly #callers: AbortSignal[];
  /** Changes whenever the silence begins anew. */
  #turn = 0;
  #activeAt: number;
  #pausedAt: number | undefined;
  #onResume: (() => void) | undefined;
  #stopDeadline: (() => void) | undefined;

  constructor(runtime: Runtime, options: ExchangeOptions) {
    this.#runtime = runtime;
    this.#options = options;
    this.#callers = options.signals.filter((signal) => signal !== undefined);
    this.signal = AbortSignal.any([this.#controller.signal, ...this.#callers]);
    this.#activeAt = runtime.now();
  }

  /** Begins to watch: the request is out. */
  watch(): void {
    this.#activeAt = this.#runtime.now();
    if (this.#options.idleTimeoutMs !== Infinity) this.#watch();
  }

  /** Upstream has said something that is not a mere sign of life. */
  active(): void {
    this.#turn++;
    this.#activeAt = this.#runtime.now();
  }

  /** Nobody waits for upstream: a reader who takes his time must not be told that it is silent. */
  pause(): void {
    this.#pausedAt = this.#runtime.now();
  }

  /** Somebody waits again. */
  resume(): void {
    if (this.#pausedAt === undefined) return;
    this.#turn++;
    this.#activeAt += this.#runtime.now() - this.#pausedAt;
    this.#pausedAt = undefined;
    this.#onResume?.();
  }

  /** Ends the watch, and the request if it is still under way. */
  close(): void {
    this.#stopDeadline?.();
    this.#controller.abort();
  }

  #giveUp(message: string): void {
    this.#controller.abort(new TransportError("timeout", message, { retryable: true }));
  }

  async #watch(): Promise<void> {
    const { idleTimeoutMs, who } = this.#options;
    try {
      for (;;) {
        if (this.#pausedAt !== undefined) await this.#untilResumed();
        const turn = this.#turn;
        const leftMs = idleTimeoutMs - this.#silentMs();
        await this.#runtime.sleep(Math.max(0, leftMs), this.signal);
        if (this.#pausedAt !== undefined) continue;
        // Either is proof: the wait has passed undisturbed, whatever the clock says; or the clock.
        if (this.#turn === turn || this.#silentMs() >= idleTimeoutMs) break;
      }
    } catch {
      return; // closed or cancelled
    }
    this.#giveUp(`Cannot get an answer from ${who}: nothing came for ${inSeconds(idleTimeoutMs)}`);
  }

  #silentMs(): number {
    return this.#runtime.now() - this.#activeAt;
  }

  #untilResumed(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#onResume = resolve;
      if (this.signal.aborted) reject(this.signal.reason);
      this.signal.addEventListener("abort", () => reject(this.signal.reason), { once: true });
    });
  }

  /**
   * What a rejected `fetch` or body read means.
   *
   * @throws The reason of a caller's signal, unchanged, when that is what ended it.
   */
  explain(error: unknown): { error: TransportError; notSent: boolean } {
    for (const signal of this.#callers) signal.throwIfAborted();
    const { reason } = this.#controller.signal;
    if (reason instanceof TransportError) return { error: reason, notSent: false };
    const notSent = isNotSent(error);
    return {
      error: new TransportError(
        "network",
        `Cannot get an answer from ${this.#options.who}: ${
          notSent ? "it cannot be reached" : "the connection was lost"
        }`,
        { retryable: true, cause: error },
      ),
      notSent,
    };
  }
}

function inSeconds(ms: number): string {
  return `${Math.round(ms / 1000)} s`;
}
