/**
 * An orphan: a refresh request that may still be under way although its sender is gone, was killed or
 * gave up waiting. Its intent is what is left of it.
 *
 * Nobody presents the same refresh token again before {@linkcode PROBE_DELAY_MS} have passed since
 * its sender was certainly gone. That wait starts when this process sees the intent, by the monotonic
 * clock: the time written in it may be wrong (I3).
 *
 * @module
 */

import type { Credential } from "./credential.ts";
import type { HeldLease } from "./kv_store.ts";
import { GRANT_TIMEOUT_MS, pendingIntent, PROBE_DELAY_MS } from "./refresh_timing.ts";

/** What {@linkcode Orphans} takes of the outside world. */
export interface OrphanOptions {
  /**
   * Looks for the answer to an attempt whose sender has gone without a word, where one is kept before
   * the store has it. Asked before the token is presented again, and may take its time. Where it
   * rejects, nothing is presented. Default: the store alone has answers.
   */
  recover?:
    | ((sent: Credential, signal: AbortSignal | undefined) => Promise<Credential | undefined>)
    | undefined;
  /** Monotonic clock, ms. */
  monotonicNow: () => number;
}

/** The orphans of one credential, as far as this process has seen them. */
export interface Orphans {
  /** How long a request may still be on its way that another attempt would collide with, ms. */
  waitMs(current: Credential, held: HeldLease): number;
  /** The answer to an attempt whose sender could not store it, where it has left one. */
  findAnswer(current: Credential, signal: AbortSignal | undefined): Promise<Credential | undefined>;
  /** The sender of this attempt is gone, `since` at the latest, monotonic ms. */
  noteGone(attempted: Credential, since: number): void;
}

/** Creates the {@linkcode Orphans} of one credential. */
export function createOrphans({ recover, monotonicNow }: OrphanOptions): Orphans {
  let gone: { attempt: string; since: number } | undefined;

  return {
    waitMs(current: Credential, held: HeldLease): number {
      const intent = pendingIntent(current);
      if (intent === undefined) return 0;
      if (gone?.attempt === attemptOf(current)) {
        return Math.max(0, gone.since + PROBE_DELAY_MS - monotonicNow());
      }
      // A sender that wrote a reason has ended. Of any other, only the lease says so.
      const mayLive = held.unproven && intent.reason === undefined;
      return PROBE_DELAY_MS + (mayLive ? GRANT_TIMEOUT_MS : 0);
    },

    async findAnswer(
      current: Credential,
      signal: AbortSignal | undefined,
    ): Promise<Credential | undefined> {
      if (gone?.attempt === attemptOf(current)) return undefined;
      // Who lived to write a reason had no answer; whoever tried before it may have had one.
      const { attempt, reason } = current.intent!;
      if (reason !== undefined && attempt === 1) return undefined;
      return await recover?.(current, signal);
    },

    noteGone(attempted: Credential, since: number): void {
      gone = { attempt: attemptOf(attempted), since };
    },
  };
}

function attemptOf({ intent }: Credential): string {
  return `${intent?.generation}/${intent?.attempt}/${intent?.sentAt}`;
}
