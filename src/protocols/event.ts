/**
 * The canonical model: one request, one message, one stream of events, whatever dialect carries it.
 *
 * Three dialects decode into it and encode from it. Nothing is lost on the way through one dialect:
 * a field or block this model does not name rides along in `extensions` or in an `opaque` block and
 * returns when the same dialect is written again; another dialect leaves it out.
 *
 * @module
 */

import type { JsonObject } from "../core/http.ts";

/** The wire formats. */
export type Dialect = "messages" | "responses" | "chat";

/** Fields of one dialect that this model does not name, kept for that dialect alone. */
export interface Extensions {
  /** Which dialect they came from. */
  dialect: Dialect;
  /** The fields as they came. */
  fields: JsonObject;
}

/** Who or what made a thinking block, so that it is replayed only where it is understood. */
export interface Provenance {
  /** Provider family that sealed it: `minimax`, `xai`, `anthropic`, … */
  origin: string;
  /** Model that made it. */
  model?: string | undefined;
}

/** Plain text. */
export interface TextBlock {
  /** Tag. */
  type: "text";
  /** The text. */
  text: string;
  /** Citations as the dialect wrote them. */
  citations?: readonly unknown[] | undefined;
  /** See {@linkcode Extensions}. */
  extensions?: Extensions | undefined;
}

/** Where the bytes of an image or document are. */
export type MediaSource =
  /** Inline. */
  | { kind: "base64"; mediaType: string; data: string }
  /** To be fetched by the model's provider. */
  | { kind: "url"; url: string }
  /** Uploaded to the provider before. */
  | { kind: "file"; fileId: string }
  /** A text document. */
  | { kind: "text"; text: string };

/** An image. */
export interface ImageBlock {
  /** Tag. */
  type: "image";
  /** Its bytes. */
  source: MediaSource;
  /** How closely to look: `low`, `high`, `auto`. */
  detail?: string | undefined;
  /** See {@linkcode Extensions}. */
  extensions?: Extensions | undefined;
}

/** A document, such as a PDF. */
export interface DocumentBlock {
  /** Tag. */
  type: "document";
  /** Its bytes. */
  source: MediaSource;
  /** File name or title. */
  title?: string | undefined;
  /** See {@linkcode Extensions}. */
  extensions?: Extensions | undefined;
}

/** The model's reasoning, readable, sealed, or both. Replayed unchanged, or not at all. */
export interface ThinkingBlock {
  /** Tag. */
  type: "thinking";
  /** Readable part; empty when only the sealed part was given. */
  text: string;
  /** Sealed part: a signature or encrypted content, as it came. */
  signature?: string | undefined;
  /** True when `signature` is the whole content (redacted thinking). */
  redacted?: boolean | undefined;
  /** Who sealed it. */
  provenance?: Provenance | undefined;
  /** See {@linkcode Extensions}. */
  extensions?: Extensions | undefined;
}

/** A call of a tool that the client runs. */
export interface ToolUseBlock {
  /** Tag. */
  type: "tool_use";
  /** Pairs it with its result. */
  id: string;
  /** Tool name. */
  name: string;
  /** Arguments as JSON text, byte for byte as the model wrote them; `{}` when it wrote none. */
  arguments: string;
  /** A tool that takes free text instead of JSON arguments: then `arguments` is that text. */
  custom?: boolean | undefined;
  /** See {@linkcode Extensions}. */
  extensions?: Extensions | undefined;
}

/** The result of a tool that the client ran. */
export interface ToolResultBlock {
  /** Tag. */
  type: "tool_result";
  /** Id of the call. */
  toolUseId: string;
  /** What the tool returned. */
  content: readonly (TextBlock | ImageBlock | DocumentBlock | OpaqueBlock)[];
  /** Whether it failed. */
  isError?: boolean | undefined;
  /** See {@linkcode Extensions}. */
  extensions?: Extensions | undefined;
}

/** The model declined. */
export interface RefusalBlock {
  /** Tag. */
  type: "refusal";
  /** Its words. */
  text: string;
  /** See {@linkcode Extensions}. */
  extensions?: Extensions | undefined;
}

/** A block that only its own dialect can say, such as a server tool's call or result. */
export interface OpaqueBlock {
  /** Tag. */
  type: "opaque";
  /** Whose it is. */
  dialect: Dialect;
  /** The block's own type in that dialect. */
  kind: string;
  /** The block as it came. */
  value: JsonObject;
}

/** Any block of a message. */
export type ContentBlock =
  | TextBlock
  | ImageBlock
  | DocumentBlock
  | ThinkingBlock
  | ToolUseBlock
  | ToolResultBlock
  | RefusalBlock
  | OpaqueBlock;

/** One turn of a conversation. */
export interface Message {
  /** Whose turn. `system` and `developer` may stand between turns in some dialects. */
  role: "user" | "assistant" | "system" | "developer";
  /** Its blocks, in order. */
  content: readonly ContentBlock[];
  /** See {@linkcode Extensions}. */
  extensions?: Extensions | undefined;
}

/** A tool that the client runs. */
export interface FunctionTool {
  /** Tag. */
  type: "function";
  /** Its name. */
  name: string;
  /** What it does. */
  description?: string | undefined;
  /** JSON Schema of its arguments; absent for a custom tool. */
  parameters?: JsonObject | undefined;
  /** Whether arguments must follow the schema exactly. */
  strict?: boolean | undefined;
  /** A tool that takes free text (Responses and Chat `custom`). */
  custom?: boolean | undefined;
  /** The grammar that the free text follows, and the syntax it is written in: `lark`, `regex`. */
  grammar?: { syntax: string; definition: string } | undefined;
  /** See {@linkcode Extensions}. */
  extensions?: Extensions | undefined;
}

/** A tool that only its own dialect can say, such as a server tool. */
export interface OpaqueTool {
  /** Tag. */
  type: "opaque";
  /** Whose it is. */
  dialect: Dialect;
  /** The tool's own type in that dialect. */
  kind: string;
  /** The tool as it came. */
  value: JsonObject;
}

/** Any tool. */
export type Tool = FunctionTool | OpaqueTool;

/** Which tool the model shall use. */
export type ToolChoice =
  | { kind: "auto" | "required" | "none" }
  | { kind: "tool"; name: string }
  | { kind: "allowed"; mode: "auto" | "required"; names: readonly string[] }
  | { kind: "opaque"; dialect: Dialect; value: unknown };

/** How much the model shall think. */
export interface Reasoning {
  /** On, off, or as much as the model sees fit; absent: the model's default. */
  mode?: "enabled" | "disabled" | "adaptive" | undefined;
  /** Budget, tokens. */
  budgetTokens?: number | undefined;
  /** Named effort: `none`, `minimal`, `low`, `medium`, `high`, `xhigh`, `max`. */
  effort?: string | undefined;
  /** How the readable part is shown: `summarized`, `omitted`, `auto`, `concise`, `detailed`. */
  summary?: string | undefined;
}

/** Form of the answer. */
export type OutputFormat =
  | { kind: "json_object" }
  | {
    kind: "json_schema";
    schema: JsonObject;
    name?: string | undefined;
    strict?: boolean | undefined;
    description?: string | undefined;
  };

/** One request to a model. */
export interface GenerateRequest {
  /** Model id. */
  model: string;
  /** System prompt, in parts. */
  system?: readonly TextBlock[] | undefined;
  /** The conversation. */
  messages: readonly Message[];
  /** Tools on offer. */
  tools?: readonly Tool[] | undefined;
  /** Which to use. */
  toolChoice?: ToolChoice | undefined;
  /** Whether several calls may come in one turn; absent: the dialect's default. */
  parallelToolCalls?: boolean | undefined;
  /** The most tokens of the answer. */
  maxOutputTokens?: number | undefined;
  /** Sampling temperature. */
  temperature?: number | undefined;
  /** Nucleus sampling. */
  topP?: number | undefined;
  /** Top-k sampling. */
  topK?: number | undefined;
  /** Texts that end the answer. */
  stopSequences?: readonly string[] | undefined;
  /** How much to think. */
  reasoning?: Reasoning | undefined;
  /** Form of the answer. */
  outputFormat?: OutputFormat | undefined;
  /** Opaque id of the end user. */
  userId?: string | undefined;
  /** Sticky routing to a prompt cache. */
  promptCacheKey?: string | undefined;
  /** Priority class. */
  serviceTier?: string | undefined;
  /** Whether to stream. */
  stream: boolean;
  /** See {@linkcode Extensions}. */
  extensions?: Extensions | undefined;
}

/** Token counts. All cumulative for the whole answer. */
export interface Usage {
  /** Input tokens neither read from nor written to a cache. */
  inputTokens: number;
  /** Input tokens read from a cache. */
  cacheReadTokens: number;
  /** Input tokens written to a cache. */
  cacheWriteTokens: number;
  /** Output tokens, thinking included. */
  outputTokens: number;
  /** The part of `outputTokens` that was thinking, where known. */
  reasoningTokens?: number | undefined;
  /** See {@linkcode Extensions}. */
  extensions?: Extensions | undefined;
}

/** Why an answer ended. */
export type StopReason =
  | "end_turn"
  | "max_tokens"
  | "stop_sequence"
  | "tool_use"
  | "pause_turn"
  | "refusal"
  | "context_window_exceeded";

/** A whole answer. */
export interface GenerateResponse {
  /** The answer's id. */
  id: string;
  /** The model that answered. */
  model: string;
  /** What it said, in order. */
  content: readonly ContentBlock[];
  /** Why it ended; null when upstream did not say. */
  stopReason: StopReason | null;
  /** The stop sequence that matched. */
  stopSequence?: string | undefined;
  /** Token counts. */
  usage: Usage;
  /** See {@linkcode Extensions}. */
  extensions?: Extensions | undefined;
}

/** Classes of an upstream's failure: those of our codes that one can have. */
export type StreamErrorCode =
  | "invalid_request"
  | "context_overflow"
  | "unauthorized"
  | "not_entitled"
  | "quota_exhausted"
  | "not_found"
  | "rate_limited"
  | "overloaded"
  | "content_filter"
  | "stream_interrupted"
  | "timeout"
  | "upstream";

/** A failure inside a stream, or the body of a failed answer. */
export interface StreamError {
  /** Class of the failure, in our codes. */
  code: StreamErrorCode;
  /** For a person. Holds no secret. */
  message: string;
  /** Upstream's own code or type. */
  upstreamCode?: string | undefined;
  /** HTTP status of the answer, or the one that an event names; absent where there was none. */
  status?: number | undefined;
  /** How long to wait, ms. */
  retryAfterMs?: number | undefined;
  /** Upstream's id of the request. */
  requestId?: string | undefined;
}

/** What arrives inside an open block. */
export type BlockDelta =
  | { type: "text"; text: string }
  | { type: "thinking"; text: string }
  /** The sealed part of a thinking block: replaces, never appends. */
  | { type: "signature"; signature: string }
  /** A piece of a tool call's arguments. */
  | { type: "arguments"; text: string }
  | { type: "refusal"; text: string }
  | { type: "citation"; citation: unknown }
  /** A delta that only its own dialect can say. */
  | { type: "opaque"; dialect: Dialect; value: JsonObject };

/**
 * A block as it opens: texts and arguments are empty then, and filled by deltas. A redacted
 * thinking block and an opaque block may be whole from the start.
 */
export type OpeningBlock = TextBlock | ThinkingBlock | ToolUseBlock | RefusalBlock | OpaqueBlock;

/**
 * One event of an answer that streams.
 *
 * Order: one `message_start`; blocks by rising `index`, each `block_start`, `block_delta`…,
 * `block_end`; one `message_end`. `error` ends a stream at any point. `ping` may stand anywhere.
 * Blocks may be open side by side where the dialect allows it.
 */
export type StreamEvent =
  | {
    type: "message_start";
    id: string;
    model: string;
    usage: Usage;
    extensions?: Extensions | undefined;
  }
  | { type: "block_start"; index: number; block: OpeningBlock }
  | { type: "block_delta"; index: number; delta: BlockDelta }
  /** `extensions`: fields that only came with the end; they join those of the start. */
  | { type: "block_end"; index: number; extensions?: Extensions | undefined }
  | {
    type: "message_end";
    stopReason: StopReason | null;
    stopSequence?: string | undefined;
    usage: Usage;
    extensions?: Extensions | undefined;
  }
  | { type: "error"; error: StreamError }
  | { type: "ping" }
  /** An event that only its own dialect can say. */
  | { type: "opaque"; dialect: Dialect; name: string; value: JsonObject };

/** Usage before anything is known. */
export const ZERO_USAGE: Usage = {
  inputTokens: 0,
  cacheReadTokens: 0,
  cacheWriteTokens: 0,
  outputTokens: 0,
};
