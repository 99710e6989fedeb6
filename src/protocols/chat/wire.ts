/**
 * The OpenAI Chat Completions wire format, as far as this project names its parts.
 *
 * What is written has these types. What is read is JSON of unknown shape, checked field by field:
 * this dialect has more servers than any other, and no two of them agree.
 *
 * @see {@link https://platform.openai.com/docs/api-reference/chat | Chat Completions API}
 * @module
 */

import type { JsonObject } from "../../core/http.ts";

/** A part of a message. One that only this dialect knows is written as it came. */
export type WirePart =
  | { type: "text"; text: string }
  | { type: "refusal"; refusal: string }
  | { type: "image_url"; image_url: { url: string; detail?: string } }
  | { type: "file"; file: { file_id: string } | { filename: string; file_data: string } }
  | JsonObject;

/** A call of a tool. */
export type WireToolCall =
  | { id: string; type: "function"; function: { name: string; arguments: string } }
  | { id: string; type: "custom"; custom: { name: string; input: string } }
  | JsonObject;

/** One turn. */
export type WireMessage =
  | { role: "system" | "developer" | "user"; content: string | WirePart[] }
  | { role: "tool"; tool_call_id: string; content: string | WirePart[] }
  | WireAnswer
  | JsonObject;

/** The model's turn. */
export interface WireAnswer {
  role: "assistant";
  content: string | WirePart[] | null;
  refusal?: string | null;
  reasoning_content?: string;
  tool_calls?: WireToolCall[];
  annotations?: WireAnnotation[];
}

/** A page that the answer refers to. */
export interface WireAnnotation {
  type: "url_citation";
  url_citation: { url: string; title: string; start_index: number; end_index: number };
}

/** Token counts. Cached tokens are part of the prompt, reasoning is part of the completion. */
export interface WireUsage {
  prompt_tokens: number;
  completion_tokens: number;
  total_tokens: number;
  prompt_tokens_details: { cached_tokens: number; audio_tokens: number };
  completion_tokens_details: {
    reasoning_tokens: number;
    audio_tokens: number;
    accepted_prediction_tokens: number;
    rejected_prediction_tokens: number;
  };
}

/** Body of `POST /chat/completions`. */
export interface WireRequest {
  model: string;
  messages: WireMessage[];
  max_completion_tokens?: number;
  temperature?: number;
  top_p?: number;
  top_k?: number;
  stop?: string[];
  tools?: JsonObject[];
  tool_choice?: unknown;
  parallel_tool_calls?: boolean;
  response_format?: JsonObject;
  reasoning_effort?: string;
  prompt_cache_key?: string;
  service_tier?: string;
  user?: string;
  stream?: true;
  stream_options?: JsonObject;
}
