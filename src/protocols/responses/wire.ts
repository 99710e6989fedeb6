/**
 * The OpenAI Responses wire format, as far as this project names its parts.
 *
 * What is written has these types. What is read is JSON of unknown shape, checked field by field:
 * servers and clients add fields, items and events at will.
 *
 * @see {@link https://platform.openai.com/docs/api-reference/responses | Responses API}
 * @see {@link https://docs.x.ai/docs/api-reference | xAI, API reference}
 * @module
 */

import type { JsonObject } from "../../core/http.ts";

/** A part of a user's or system's message, or of a tool's output. */
export type WireInputPart =
  | { type: "input_text"; text: string }
  | { type: "input_image"; image_url: string; detail: string }
  | { type: "input_image"; file_id: string; detail: string }
  | { type: "input_file"; file_data: string; filename: string }
  | { type: "input_file"; file_url: string }
  | { type: "input_file"; file_id: string }
  | JsonObject;

/** A part of an assistant's message. */
export type WireOutputPart =
  | { type: "output_text"; text: string }
  | { type: "refusal"; refusal: string };

/** An item of `input`. One that only this dialect knows is written as it came. */
export type WireItem =
  | { type: "message"; role: "user" | "system" | "developer"; content: WireInputPart[] }
  | { type: "message"; role: "assistant"; content: WireOutputPart[] }
  | { type: "reasoning"; summary: unknown[]; encrypted_content?: string }
  | { type: "function_call"; call_id: string; name: string; arguments: string }
  | { type: "function_call_output"; call_id: string; output: string | WireInputPart[] }
  | { type: "custom_tool_call"; call_id: string; name: string; input: string }
  | { type: "custom_tool_call_output"; call_id: string; output: string | WireInputPart[] }
  | JsonObject;

/** A tool that the client runs. */
export type WireTool =
  | {
    type: "function";
    name: string;
    description?: string;
    parameters: JsonObject;
    strict: boolean;
  }
  | { type: "custom"; name: string; description?: string; format?: JsonObject };

/** Which tool to use. */
export type WireToolChoice =
  | "auto"
  | "required"
  | "none"
  | { type: "function"; name: string }
  | { type: "custom"; name: string }
  | { type: "allowed_tools"; mode: "auto" | "required"; tools: { type: string; name: string }[] }
  | JsonObject;

/** Form of the answer. */
export type WireFormat =
  | { type: "json_object" }
  | {
    type: "json_schema";
    name: string;
    schema: JsonObject;
    description?: string;
    strict?: boolean;
  };

/** Body of `POST /responses`. */
export interface WireRequest {
  model: string;
  input: WireItem[];
  /** Servers keep answers unless told not to. */
  store: false;
  include: string[];
  max_output_tokens?: number;
  temperature?: number;
  top_p?: number;
  tools?: (WireTool | JsonObject)[];
  tool_choice?: WireToolChoice;
  parallel_tool_calls?: boolean;
  text?: JsonObject & { format?: WireFormat };
  reasoning?: { effort?: string; summary?: string };
  prompt_cache_key?: string;
  service_tier?: string;
  user?: string;
  stream?: true;
}
