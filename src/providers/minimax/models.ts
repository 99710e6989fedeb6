/**
 * MiniMax models: what the API's documentation and models.dev say of them (2026-07).
 *
 * @module
 */

import type { Model } from "../provider.ts";

/** The curated models, the default first. */
export const MINIMAX_MODELS: readonly Model[] = [
  {
    id: "MiniMax-M2.7",
    contextTokens: 200_000,
    maxOutputTokens: 131_072,
    input: ["text"],
    reasoning: true,
    summary: "long-context reasoning, complex tool calling",
  },
  {
    id: "MiniMax-M2.7-highspeed",
    contextTokens: 200_000,
    maxOutputTokens: 131_072,
    input: ["text"],
    reasoning: true,
    summary: "lower latency, lighter and auxiliary tasks",
  },
];
