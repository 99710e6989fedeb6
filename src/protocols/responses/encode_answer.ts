/**
 * The response object as a Responses client reads it: complete from its first event to its last.
 *
 * Clients with strict schemas refuse one that lacks a field. What stands in it of the request is what
 * the client has written, not what has become of it on the way upstream.
 *
 * @see {@link https://www.openresponses.org/specification | Open Responses, ResponseResource}
 * @module
 */

import { isJsonObject, type JsonObject } from "../../core/http.ts";
import type { AnswerContext } from "../codec.ts";
import type { Extensions, GenerateRequest, StopReason, Usage } from "../event.ts";
import { encodeText, encodeTools } from "./encode_request.ts";
import { fieldsOf, readNumber, readString } from "./fields.ts";

/** Token counts, complete whatever upstream has told. */
export function encodeUsage(usage: Usage): JsonObject {
  const input = usage.inputTokens + usage.cacheReadTokens + usage.cacheWriteTokens;
  return {
    ...fieldsOf(usage.extensions),
    input_tokens: input,
    input_tokens_details: {
      cached_tokens: usage.cacheReadTokens,
      ...(usage.cacheWriteTokens === 0 ? {} : { cache_write_tokens: usage.cacheWriteTokens }),
    },
    output_tokens: usage.outputTokens,
    output_tokens_details: { reasoning_tokens: usage.reasoningTokens ?? 0 },
    total_tokens: input + usage.outputTokens,
  };
}

/** How an answer has ended. */
export interface Ending {
  /** The response's status. */
  status: "completed" | "incomplete";
  /** Why it is not whole. */
  incomplete_details: { reason: string } | null;
}

/** The end of an answer. A refusal in words is an answer; one without has been filtered. */
export function encodeEnding(reason: StopReason | null, hasRefusal: boolean): Ending {
  switch (reason) {
    case "max_tokens":
    case "context_window_exceeded":
      return { status: "incomplete", incomplete_details: { reason: "max_output_tokens" } };
    case "refusal":
      if (!hasRefusal) {
        return { status: "incomplete", incomplete_details: { reason: "content_filter" } };
      }
  }
  return { status: "completed", incomplete_details: null };
}

/**
 * The response before anything is in it: `status`, `output` and what else changes come on top.
 *
 * @param upstream What an upstream of this dialect has said of the answer.
 */
export function encodeSkeleton(
  id: string,
  { request, createdAt }: AnswerContext,
  upstream: Extensions | undefined,
): JsonObject {
  const asked = fieldsOf(request.extensions);
  const said = fieldsOf(upstream);
  return {
    // Fields of the vendor's own; what has a meaning here is written below.
    ...said,
    id,
    object: "response",
    created_at: Math.floor(createdAt / 1000),
    completed_at: readNumber(said["completed_at"]) ?? null,
    status: "in_progress",
    background: false,
    error: null,
    frequency_penalty: 0,
    incomplete_details: null,
    instructions: request.system?.map(({ text }) => text).join("\n\n") ?? null,
    max_output_tokens: request.maxOutputTokens ?? null,
    max_tool_calls: null,
    metadata: isJsonObject(asked["metadata"]) ? asked["metadata"] : {},
    // Clients look up prices and limits by the name they asked for.
    model: request.model,
    output: [],
    presence_penalty: 0,
    previous_response_id: null,
    prompt_cache_key: request.promptCacheKey ?? null,
    reasoning: {
      effort: request.reasoning?.effort ?? null,
      summary: request.reasoning?.summary ?? null,
    },
    safety_identifier: readString(asked["safety_identifier"]) ?? null,
    service_tier: readString(said["service_tier"]) ?? request.serviceTier ?? "default",
    // Nothing is kept, whatever was asked for.
    store: false,
    temperature: readNumber(said["temperature"]) ?? request.temperature ?? 1,
    text: encodeTextConfig(request),
    ...encodeToolConfig(request),
    top_logprobs: readNumber(asked["top_logprobs"]) ?? 0,
    top_p: readNumber(said["top_p"]) ?? request.topP ?? 1,
    truncation: "disabled",
    usage: null,
    user: request.userId ?? null,
  };
}

function encodeTextConfig(request: GenerateRequest): JsonObject {
  const text = encodeText(request.outputFormat, fieldsOf(request.extensions)["text"]);
  const format = text?.format;
  if (format === undefined) return { ...text, format: { type: "text" } };
  return format.type === "json_schema"
    ? { ...text, format: { description: null, strict: false, ...format } }
    : { ...text };
}

function encodeToolConfig(request: GenerateRequest): JsonObject {
  const { tools = [], tool_choice = "auto" } = encodeTools(request);
  return {
    tools: tools.map((tool) => tool.type === "function" ? { description: null, ...tool } : tool),
    tool_choice,
    parallel_tool_calls: request.parallelToolCalls ?? true,
  };
}
