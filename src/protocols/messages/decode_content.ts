/**
 * Content blocks, usage and stop reasons: what whole answers, streams and requests share.
 *
 * @module
 */

import { isJsonObject, type JsonObject } from "../../core/http.ts";
import type {
  ContentBlock,
  MediaSource,
  OpaqueBlock,
  OpeningBlock,
  Provenance,
  StopReason,
  ToolResultBlock,
  Usage,
} from "../event.ts";
import { settleStopReason } from "../stop_reason.ts";
import { optional, readNumber, readString, restOf } from "./fields.ts";

/** Fields of an answer that the canonical model names. */
export const MESSAGE_FIELDS: readonly string[] = [
  "type",
  "id",
  "role",
  "model",
  "content",
  "stop_reason",
  "stop_sequence",
  "usage",
  "base_resp",
];

/** A block that this model does not name. */
function opaqueBlock(value: JsonObject): OpaqueBlock {
  return { type: "opaque", dialect: "messages", kind: readString(value["type"]) ?? "", value };
}

function decodeSource(value: unknown): MediaSource | undefined {
  if (!isJsonObject(value)) return undefined;
  const data = readString(value["data"]);
  const mediaType = readString(value["media_type"]);
  const url = readString(value["url"]);
  const fileId = readString(value["file_id"]);
  switch (value["type"]) {
    case "base64":
      return data === undefined || mediaType === undefined
        ? undefined
        : { kind: "base64", mediaType, data };
    case "url":
      return url === undefined ? undefined : { kind: "url", url };
    case "file":
      return fileId === undefined ? undefined : { kind: "file", fileId };
    case "text":
      return data === undefined ? undefined : { kind: "text", text: data };
    default:
      return undefined;
  }
}

/** The blocks of a `content` field, which may be a plain string. */
export function decodeContent(value: unknown): ContentBlock[] {
  if (typeof value === "string") return [{ type: "text", text: value }];
  if (!Array.isArray(value)) return [];
  return value.filter(isJsonObject).map((block) => decodeBlock(block));
}

/** A block of an answer. What only requests hold elsewhere stays as it came. */
export function decodeAnswerBlock(value: JsonObject, provenance: Provenance): OpeningBlock {
  const block = decodeBlock(value, provenance);
  switch (block.type) {
    case "text":
    case "thinking":
    case "tool_use":
    case "refusal":
    case "opaque":
      return block;
    default:
      return opaqueBlock(value);
  }
}

/** One block. `provenance` says who made a thinking block, where that is known. */
function decodeBlock(value: JsonObject, provenance?: Provenance): ContentBlock {
  switch (value["type"]) {
    case "text": {
      const citations: unknown = value["citations"];
      return {
        type: "text",
        text: readString(value["text"]) ?? "",
        ...optional("citations", Array.isArray(citations) ? citations : undefined),
        ...optional("extensions", restOf(value, ["type", "text", "citations"])),
      };
    }
    case "thinking":
      return {
        type: "thinking",
        text: readString(value["thinking"]) ?? "",
        ...optional("signature", readString(value["signature"]) || undefined),
        ...optional("provenance", provenance),
        ...optional("extensions", restOf(value, ["type", "thinking", "signature"])),
      };
    case "redacted_thinking":
      return {
        type: "thinking",
        text: "",
        signature: readString(value["data"]) ?? "",
        redacted: true,
        ...optional("provenance", provenance),
        ...optional("extensions", restOf(value, ["type", "data"])),
      };
    case "tool_use":
      return {
        type: "tool_use",
        id: readString(value["id"]) ?? "",
        name: readString(value["name"]) ?? "",
        arguments: JSON.stringify(value["input"] ?? {}),
        ...optional("extensions", restOf(value, ["type", "id", "name", "input"])),
      };
    case "tool_result":
      return decodeToolResult(value);
    case "image": {
      const source = decodeSource(value["source"]);
      if (source === undefined || source.kind === "text") return opaqueBlock(value);
      return {
        type: "image",
        source,
        ...optional("extensions", restOf(value, ["type", "source"])),
      };
    }
    case "document": {
      const source = decodeSource(value["source"]);
      if (source === undefined) return opaqueBlock(value);
      return {
        type: "document",
        source,
        ...optional("title", readString(value["title"])),
        ...optional("extensions", restOf(value, ["type", "source", "title"])),
      };
    }
    default:
      return opaqueBlock(value);
  }
}

function decodeToolResult(value: JsonObject): ToolResultBlock {
  const isError: unknown = value["is_error"];
  const content = decodeContent(value["content"]);
  return {
    type: "tool_result",
    toolUseId: readString(value["tool_use_id"]) ?? "",
    content: content.filter((block) =>
      block.type === "text" || block.type === "image" || block.type === "document" ||
      block.type === "opaque"
    ),
    ...optional("isError", typeof isError === "boolean" ? isError : undefined),
    ...optional("extensions", restOf(value, ["type", "tool_use_id", "content", "is_error"])),
  };
}

const USAGE_FIELDS = [
  "input_tokens",
  "cache_creation_input_tokens",
  "cache_read_input_tokens",
  "output_tokens",
  "output_tokens_details",
];

/** Token counts; what is missing counts zero. */
export function decodeUsage(value: JsonObject): Usage {
  const details = value["output_tokens_details"];
  const thinking = isJsonObject(details) ? readNumber(details["thinking_tokens"]) : undefined;
  return {
    inputTokens: readNumber(value["input_tokens"]) ?? 0,
    cacheReadTokens: readNumber(value["cache_read_input_tokens"]) ?? 0,
    cacheWriteTokens: readNumber(value["cache_creation_input_tokens"]) ?? 0,
    outputTokens: readNumber(value["output_tokens"]) ?? 0,
    ...optional("reasoningTokens", thinking),
    ...optional("extensions", restOf(value, USAGE_FIELDS)),
  };
}

const STOP_REASONS: Readonly<Record<string, StopReason>> = {
  end_turn: "end_turn",
  max_tokens: "max_tokens",
  stop_sequence: "stop_sequence",
  tool_use: "tool_use",
  pause_turn: "pause_turn",
  refusal: "refusal",
  model_context_window_exceeded: "context_window_exceeded",
};

/**
 * A stop reason that fits what was delivered; null where the server gave none, `end_turn` for one that
 * nobody knows.
 */
export function decodeStopReason(value: unknown, hasToolUse: boolean): StopReason | null {
  const reason = typeof value === "string"
    ? Object.hasOwn(STOP_REASONS, value) ? STOP_REASONS[value]! : "end_turn"
    : null;
  return settleStopReason(reason, { call: hasToolUse });
}
