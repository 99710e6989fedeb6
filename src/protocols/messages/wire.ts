/**
 * The Anthropic Messages wire format, as far as this project names its parts.
 *
 * What is written has these types. What is read is JSON of unknown shape, checked field by field:
 * servers and clients add fields and events at will.
 *
 * @see {@link https://docs.anthropic.com/en/api/messages | Messages API}
 * @module
 */

import type { JsonObject } from "../../core/http.ts";

/** Value of the `anthropic-version` header. */
export const ANTHROPIC_VERSION = "2023-06-01";

/** Where an image or document is. */
export type WireSource =
  | { type: "base64"; media_type: string; data: string }
  | { type: "url"; url: string }
  | { type: "file"; file_id: string }
  | { type: "text"; media_type: "text/plain"; data: string };

/** A text block; `system` and `tool_result` hold them too. */
export interface WireText {
  type: "text";
  text: string;
  citations?: readonly unknown[];
}

/** A content block of a message. A block that only this dialect knows is written as it came. */
export type WireBlock =
  | WireText
  | { type: "image"; source: WireSource }
  | { type: "document"; source: WireSource; title?: string }
  | { type: "thinking"; thinking: string; signature?: string }
  | { type: "redacted_thinking"; data: string }
  | { type: "tool_use"; id: string; name: string; input: unknown }
  | {
    type: "tool_result";
    tool_use_id: string;
    content: string | WireBlock[];
    is_error?: boolean;
  }
  | JsonObject;

/** One turn. Newer servers take `system` between turns. */
export interface WireMessage {
  role: "user" | "assistant" | "system";
  content: string | WireBlock[];
}

/** A tool that the client runs. */
export interface WireTool {
  name: string;
  description?: string;
  input_schema: JsonObject;
  strict?: boolean;
}

/** Which tool to use. */
export type WireToolChoice =
  & ({ type: "auto" | "any" | "none" } | { type: "tool"; name: string })
  & { disable_parallel_tool_use?: boolean };

/** Extended thinking. */
export type WireThinking =
  | { type: "enabled"; budget_tokens: number; display?: string }
  | { type: "adaptive"; display?: string }
  | { type: "disabled" };

/** Body of `POST /v1/messages`. */
export interface WireRequest {
  model: string;
  max_tokens: number;
  messages: WireMessage[];
  system?: WireText[];
  tools?: (WireTool | JsonObject)[];
  tool_choice?: WireToolChoice;
  temperature?: number;
  top_p?: number;
  top_k?: number;
  stop_sequences?: string[];
  thinking?: WireThinking;
  output_config?: JsonObject;
  metadata?: { user_id: string };
  service_tier?: string;
  stream?: true;
}

/** Token counts. `input_tokens` leaves cached tokens out. */
export interface WireUsage {
  input_tokens: number;
  cache_creation_input_tokens: number;
  cache_read_input_tokens: number;
  output_tokens: number;
  output_tokens_details?: { thinking_tokens: number };
}
