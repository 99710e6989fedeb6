/**
 * What every part of the sandbox shares: clock, waits, settings, and the live state.
 *
 * @module
 */

import type { PromptCache } from "./prompt_cache.ts";
import type { SandboxQuirks } from "./quirks.ts";
import type { SandboxCounters, SandboxState } from "./state.ts";

/** One sandbox, seen from inside. */
export interface World {
  /** The server's clock, ms since the epoch, with `clockOffsetMs` in it. */
  now(): number;
  /** Waits; rejects with the signal's reason when it aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** Live. Whoever changes it calls {@linkcode World.changed}. */
  readonly state: SandboxState;
  /** Live. */
  readonly quirks: SandboxQuirks;
  /** Live. */
  readonly counters: SandboxCounters;
  /** What prompts were seen. */
  readonly promptCache: PromptCache;
  /** Says that `state` was changed. */
  changed(): void;
  /** Whether a login is approved when it is first polled, or asked for in a browser. */
  readonly autoApprove: boolean;
  /** Lifetime of an access token, ms. */
  readonly accessTokenTtlMs: number;
  /** Lifetime of a user code, ms; `undefined`: the vendor's own. */
  readonly userCodeTtlMs: number | undefined;
  /** Poll interval that clients are told, ms; `undefined`: the vendor's own. */
  readonly pollIntervalMs: number | undefined;
  /** API keys accepted besides those that say `sandbox-` in the vendor's form. */
  readonly apiKeys: readonly string[];
}
