/**
 * xAI models: what the API's documentation and models.dev say of them (2026-07).
 *
 * Where sources differ about a context window, the smaller one stands here.
 *
 * @module
 */

import type { Model } from "../provider.ts";

/** What the curated models share. */
const GROK = {
  contextTokens: 1_000_000,
  maxOutputTokens: 30_000,
  input: ["text", "image", "pdf"],
} as const satisfies Partial<Model>;

/** The curated models, the default first. */
export const XAI_MODELS: readonly Model[] = [
  {
    id: "grok-4.3",
    ...GROK,
    reasoning: true,
    efforts: ["none", "low", "medium", "high"],
    summary: "reasoning with tools",
  },
  {
    id: "grok-4.20-0309-reasoning",
    ...GROK,
    reasoning: true,
    efforts: [],
    summary: "always reasons",
  },
  {
    id: "grok-4.20-0309-non-reasoning",
    ...GROK,
    reasoning: false,
    efforts: [],
    summary: "answers at once",
  },
  {
    id: "grok-4.20-multi-agent-0309",
    ...GROK,
    reasoning: true,
    // Here the effort is the number of agents.
    efforts: ["low", "medium", "high", "xhigh"],
    tools: false,
    summary: "several agents on one question, no tools",
  },
];
