/**
 * A model to talk to, and what is known of it.
 *
 * @module
 */

import type { Model } from "../providers/provider.ts";
import type { Transport } from "../transports/transport.ts";

/** A model that requests can be sent to. */
export interface Target {
  /** Sends requests. */
  transport: Transport;
  /** The model's id. */
  model: string;
  /** What the catalog says of it; undefined for a model that it does not know. */
  info: Model | undefined;
}

/** Context window of a model that the catalog does not know, tokens. */
const UNKNOWN_CONTEXT_TOKENS = 128_000;

/** Size of its context window, tokens. */
export function contextTokensOf({ info }: Target): number {
  return info?.contextTokens ?? UNKNOWN_CONTEXT_TOKENS;
}

/** Whether it sees images. A model that nobody knows is left to say so itself. */
export function seesImages({ info }: Target): boolean {
  return info?.input.includes("image") ?? true;
}
