/**
 * One line per request: who asked what of which account, how it ended, and what it took. Never what was
 * said, and no secret.
 *
 * The lines go to a function that the program hands in, which decides where they are written; so the
 * same line serves a terminal, a file of JSON lines and a platform's own log.
 *
 * @module
 */

import type { Usage } from "../protocols/event.ts";
import type { UsageOutcome } from "./usage.ts";

/** How a request ended. */
export type AccessOutcome =
  | UsageOutcome
  | "refused"; // the gateway itself said no, and nothing was sent

/** What is logged of one request. */
export interface AccessLogEntry {
  /** When it came, ms since the epoch. */
  at: number;
  /** Its id, which the client was told too. */
  requestId: string;
  /** Method. */
  method: string;
  /** The route it took, never its path, which may hold anything; `unknown` for none. */
  route: string;
  /** HTTP status; 499 where the client left before there was one. */
  status: number;
  /** How it ended. */
  outcome: AccessOutcome;
  /** Time to its end, ms. */
  durationMs: number;
  /** Time to the first byte of the answer, ms. */
  firstByteMs: number;
  /** Id and name of the client key. */
  key?: { id: string; name: string } | undefined;
  /** Id of the provider. */
  provider?: string | undefined;
  /** Id of the credential that answered. */
  account?: string | undefined;
  /** How many accounts were tried, where one was not enough. */
  attempts?: number | undefined;
  /** The provider's own name of the model. */
  model?: string | undefined;
  /** Token counts, as far as upstream has told them. */
  usage?: Usage | undefined;
  /** Code of the gateway's own refusal. */
  error?: string | undefined;
}

/** Takes the lines. */
export type AccessLog = (entry: AccessLogEntry) => void;
