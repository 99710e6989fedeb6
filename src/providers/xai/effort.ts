/**
 * How much a Grok model is asked to reason.
 *
 * @module
 */

import type { Reasoning } from "../../protocols/event.ts";
import { XAI_MODELS } from "./models.ts";

/** Names of effort, weakest first. */
const EFFORTS: readonly string[] = ["none", "minimal", "low", "medium", "high", "xhigh", "max"];

/** The least effort that a thinking budget stands for: the first whose limit holds it, tokens. */
const BUDGETS: readonly [effort: string, upTo: number][] = [
  ["none", 0],
  ["minimal", 512],
  ["low", 1_024],
  ["medium", 8_192],
  ["high", 24_576],
  ["xhigh", Infinity],
];

/** Models that are not in the list to pick from, but may be named all the same. */
const OTHER_MODELS: Readonly<Record<string, readonly string[]>> = {
  "grok-4.6": ["low", "medium", "high", "xhigh"],
  "grok-4.5": ["low", "medium", "high"],
  "grok-3-mini": ["low", "high"],
  "grok-3-mini-fast": ["low", "high"],
};

/** The effort that a request asks for; `undefined` for the model's own default. */
function wantedEffort({ mode, effort, budgetTokens }: Reasoning): string | undefined {
  if (mode === "disabled") return "none";
  if (effort !== undefined || budgetTokens === undefined) return effort;
  return BUDGETS.find(([, upTo]) => budgetTokens <= upTo)?.[0];
}

/** What to ask a model for. */
export interface Effort {
  /** To be sent; absent: to be left out. */
  effort?: string | undefined;
  /** Reasoning was to be switched off, and cannot be. */
  stays: boolean;
}

/**
 * The effort to ask `model` for: as wanted, else the next weaker one that it takes, for a stronger
 * one costs more than was allowed. Off is never a weaker effort. Most models refuse any.
 */
export function clampEffort(model: string, reasoning: Reasoning): Effort {
  const wanted = wantedEffort(reasoning);
  if (wanted === undefined) return { stays: false };
  const taken = XAI_MODELS.find(({ id }) => id === model)?.efforts ?? OTHER_MODELS[model] ?? [];
  if (wanted === "none") {
    return taken.includes("none") ? { effort: "none", stays: false } : { stays: true };
  }
  const strengths = taken.filter((effort) => effort !== "none");
  const limit = EFFORTS.indexOf(wanted);
  const effort = strengths.findLast((effort) => EFFORTS.indexOf(effort) <= limit) ?? strengths[0];
  return { effort, stays: false };
}
