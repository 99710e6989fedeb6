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

/**
 * How long bytes may come after the last event of an answer, ms. A connection that was read to its end
 * serves the next request; one that was cut has to be made anew.
 */
const LINGER_MS = 1_000;

/**
 * The reason of every `close`: to make an exception each time would cost more than all the rest. Nor is
 * it made with the module: for its stack V8 reads the whole script again, a third of a Worker's start.
 */
let closed: DOMException | undefined;

/** One request to an upstream. */
export class Exchange {
  readonly #runtime: Runtime;
  readonly #options: ExchangeOptions;
  readonly #controller = new AbortController();
  readonly #callers: readonly AbortSignal[];
  readonly #onCaller = () => this.#abort(this.#callers.find(({ aborted }) => aborted)?.reason);
  /** Changes whenever the silence begins anew. */
  #turn = 0;
  #activeAt = 0;
  #pausedAt: number | undefined;
  #stopTimer: (() => void) | undefined;
  #stopDeadline: (() => void) | undefined;
  #isWatching = false;
  #onAbort: (() => void) | undefined;

  constructor(runtime: Runtime, options: ExchangeOptions) {
    this.#runtime = runtime;
    this.#options = options;
    this.#callers = options.signals.filter((signal) => signal !== undefined);
    // By hand: to combine signals costs several times as much.
    for (const caller of this.#callers) caller.addEventListener("abort", this.#onCaller);
    if (this.#callers.some(({ aborted }) => aborted)) this.#onCaller();
  }

  /** For `fetch`: aborts when a caller does, when upstream is silent too long, or on `close`. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Has `run` called when the exchange is aborted. */
  onAbort(run: () => void): void {
    this.#onAbort = run;
  }

  /** Begins to watch: the request is out. */
  watch(): void {
    const { idleTimeoutMs, totalTimeoutMs } = this.#options;
    this.#activeAt = this.#runtime.now();
    if (idleTimeoutMs !== Infinity) {
      this.#isWatching = true;
      this.#wait(idleTimeoutMs);
    }
    if (totalTimeoutMs !== undefined && totalTimeoutMs !== Infinity) {
      this.#stopDeadline = this.#runtime.startTimer(
        totalTimeoutMs,
        () => this.#giveUp(`it took longer than ${inSeconds(totalTimeoutMs)}`),
      );
    }
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
    if (this.#isWatching && this.#stopTimer === undefined) this.#wait(this.#leftMs());
  }

  /** The answer was read to the end of its bytes: nothing is left to watch or to cancel. */
  finish(): void {
    this.#isWatching = false;
    this.#stopTimer?.();
    this.#stopDeadline?.();
    this.#onAbort = undefined;
    for (const caller of this.#callers) caller.removeEventListener("abort", this.#onCaller);
  }

  /** The answer has ended, though its bytes may not have: they get a moment, whoever leaves. */
  linger(): void {
    const onAbort = this.#onAbort;
    this.finish();
    this.#onAbort = onAbort;
    this.#stopTimer = this.#runtime.startTimer(LINGER_MS, () => this.close());
  }

  /** Ends the watch, and the request if it is still under way. */
  close(): void {
    this.#abort(closed ??= new DOMException("The exchange is over", "AbortError"));
  }

  #abort(reason: unknown): void {
    const onAbort = this.#onAbort;
    this.finish();
    this.#controller.abort(reason);
    onAbort?.();
  }

  #giveUp(why: string): void {
    const message = `Cannot get an answer from ${this.#options.who}: ${why}`;
    this.#abort(new TransportError("timeout", message, { retryable: true }));
  }

  #wait(ms: number): void {
    const turn = this.#turn;
    this.#stopTimer = this.#runtime.startTimer(Math.max(0, ms), () => {
      this.#stopTimer = undefined;
      // While nobody waits there is no silence; `resume` goes on.
      if (this.#pausedAt !== undefined || !this.#isWatching) return;
      // Either is proof: the wait has passed undisturbed, whatever the clock says; or the clock.
      const leftMs = this.#leftMs();
      if (this.#turn !== turn && leftMs > 0) return this.#wait(leftMs);
      this.#giveUp(`nothing came for ${inSeconds(this.#options.idleTimeoutMs)}`);
    });
  }

  #leftMs(): number {
    return this.#options.idleTimeoutMs - (this.#runtime.now() - this.#activeAt);
  }

  /**
   * What a rejected `fetch` or body read means.
   *
   * @throws The reason of a caller's signal, unchanged, when that is what ended it.
   */
  explain(error: unknown): { error: TransportError; notSent: boolean } {
    for (const signal of this.#callers) signal.throwIfAborted();
    const { reason } = this.signal;
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
