/**
 * Token counts and finish reasons, in both directions.
 *
 * @module
 */

import { isJsonObject, type JsonObject } from "../../core/http.ts";
import type { StopReason, Usage } from "../event.ts";
import { fieldsOf, optional, readNumber, readString, restOf } from "./fields.ts";
import type { WireUsage } from "./wire.ts";

function objectOf(value: unknown): JsonObject {
  return isJsonObject(value) ? value : {};
}

/** Token counts; what is missing counts zero. */
export function decodeUsage(value: unknown): Usage {
  const usage = objectOf(value);
  const promptDetails = objectOf(usage["prompt_tokens_details"]);
  const completionDetails = objectOf(usage["completion_tokens_details"]);
  const prompt = readNumber(usage["prompt_tokens"]) ?? 0;
  const completion = readNumber(usage["completion_tokens"]) ?? 0;
  const read = readNumber(promptDetails["cached_tokens"]) ?? 0;
  const written = readNumber(promptDetails["cache_write_tokens"]) ?? 0;
  const reasoning = readNumber(completionDetails["reasoning_tokens"]);
  // xAI counts reasoning beside the completion; only the total tells.
  const isApart = reasoning !== undefined && reasoning > 0 &&
    readNumber(usage["total_tokens"]) === prompt + completion + reasoning;
  // Cached tokens are a part of the prompt, except where they cannot be.
  const part = (read > prompt ? 0 : read) + (read + written > prompt ? 0 : written);
  const fields = {
    ...restOf(usage, [
      "prompt_tokens",
      "completion_tokens",
      "total_tokens",
      "prompt_tokens_details",
      "completion_tokens_details",
    ])?.fields,
    ...optional(
      "prompt_tokens_details",
      restOf(promptDetails, ["cached_tokens", "cache_write_tokens"])?.fields,
    ),
    ...optional(
      "completion_tokens_details",
      restOf(completionDetails, ["reasoning_tokens"])?.fields,
    ),
  };
  return {
    inputTokens: prompt - part,
    cacheReadTokens: read,
    cacheWriteTokens: written,
    outputTokens: isApart ? completion + reasoning : completion,
    ...optional("reasoningTokens", reasoning),
    ...optional("extensions", restOf(fields, [])),
  };
}

/** Token counts, complete whatever upstream has told. */
export function encodeUsage(usage: Usage): WireUsage {
  const { prompt_tokens_details, completion_tokens_details, ...fields } = fieldsOf(
    usage.extensions,
  );
  const prompt = usage.inputTokens + usage.cacheReadTokens + usage.cacheWriteTokens;
  return {
    ...fields,
    prompt_tokens: prompt,
    completion_tokens: usage.outputTokens,
    total_tokens: prompt + usage.outputTokens,
    prompt_tokens_details: {
      audio_tokens: 0,
      ...objectOf(prompt_tokens_details),
      cached_tokens: usage.cacheReadTokens,
      ...(usage.cacheWriteTokens === 0 ? {} : { cache_write_tokens: usage.cacheWriteTokens }),
    },
    completion_tokens_details: {
      audio_tokens: 0,
      accepted_prediction_tokens: 0,
      rejected_prediction_tokens: 0,
      ...objectOf(completion_tokens_details),
      reasoning_tokens: usage.reasoningTokens ?? 0,
    },
  };
}

/** What servers say of the end; vendors have words of their own. */
const STOP_REASONS: Readonly<Record<string, StopReason>> = {
  stop: "end_turn",
  end_turn: "end_turn",
  eos: "end_turn",
  length: "max_tokens",
  max_tokens: "max_tokens",
  model_length: "context_window_exceeded",
  // Cut off for want of capacity: what is there is good, and not all of it.
  insufficient_system_resource: "max_tokens",
  stop_sequence: "stop_sequence",
  tool_calls: "tool_use",
  function_call: "tool_use",
  tool_use: "tool_use",
  content_filter: "refusal",
  refusal: "refusal",
  sensitive: "refusal",
};

/** What a server said of the end: null for nothing, `end_turn` for what nobody knows. */
export function decodeFinishReason(value: unknown): StopReason | null {
  const word = readString(value);
  if (word === undefined) return null;
  return Object.hasOwn(STOP_REASONS, word) ? STOP_REASONS[word]! : "end_turn";
}

const FINISH_REASONS = {
  end_turn: "stop",
  stop_sequence: "stop",
  pause_turn: "stop",
  tool_use: "tool_calls",
  max_tokens: "length",
  context_window_exceeded: "length",
  refusal: "content_filter",
} as const satisfies Record<StopReason, string>;

/** A finish reason. A refusal in words has a field of its own, and ends as any answer. */
export function encodeFinishReason(reason: StopReason | null, hasRefusal: boolean): string {
  return reason === null || (reason === "refusal" && hasRefusal) ? "stop" : FINISH_REASONS[reason];
}
