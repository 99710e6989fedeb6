/**
 * Parts of messages and tool calls: what requests and whole answers share.
 *
 * @module
 */

import { stableHash } from "../../core/hash.ts";
import { isJsonObject, type JsonObject } from "../../core/http.ts";
import { decodeDataUrl } from "../data_url.ts";
import type { ContentBlock, OpaqueBlock, TextBlock, ToolUseBlock } from "../event.ts";
import { optional, readString, restOf, restOfNested } from "./fields.ts";

function opaqueBlock(value: JsonObject): OpaqueBlock {
  return { type: "opaque", dialect: "chat", kind: readString(value["type"]) ?? "", value };
}

/** The blocks of a `content` field, which may be a plain string. */
export function decodeContent(value: unknown): ContentBlock[] {
  if (typeof value === "string") return value === "" ? [] : [{ type: "text", text: value }];
  if (!Array.isArray(value)) return [];
  return value.filter(isJsonObject).map(decodePart);
}

function decodePart(value: JsonObject): ContentBlock {
  switch (value["type"]) {
    case "text":
      return {
        type: "text",
        text: readString(value["text"]) ?? "",
        ...optional("extensions", restOf(value, ["type", "text"])),
      };
    case "refusal":
      return {
        type: "refusal",
        text: readString(value["refusal"]) ?? "",
        ...optional("extensions", restOf(value, ["type", "refusal"])),
      };
    case "thinking":
      return { type: "thinking", text: thinkingText(value["thinking"]) };
    case "image_url":
      return decodeImage(value);
    case "file":
      return decodeFile(value);
    default:
      return opaqueBlock(value);
  }
}

/** Mistral's reasoning: text parts inside a part. */
export function thinkingText(value: unknown): string {
  if (typeof value === "string") return value;
  if (!Array.isArray(value)) return "";
  return value.map((part) => isJsonObject(part) ? readString(part["text"]) ?? "" : "").join("");
}

function decodeImage(value: JsonObject): ContentBlock {
  const image = value["image_url"];
  const url = readString(isJsonObject(image) ? image["url"] : image);
  if (url === undefined) return opaqueBlock(value);
  const inline = decodeDataUrl(url);
  if (inline === undefined && url.startsWith("data:")) {
    return { type: "text", text: "[image omitted: its data URL cannot be read]" };
  }
  return {
    type: "image",
    source: inline === undefined ? { kind: "url", url } : { kind: "base64", ...inline },
    ...optional("detail", isJsonObject(image) ? readString(image["detail"]) : undefined),
    ...optional("extensions", restOfNested(value, ["type"], "image_url", ["url", "detail"])),
  };
}

function decodeFile(value: JsonObject): ContentBlock {
  const file = isJsonObject(value["file"]) ? value["file"] : {};
  const fileId = readString(file["file_id"]);
  const inline = decodeDataUrl(readString(file["file_data"]) ?? "");
  if (fileId === undefined && inline === undefined) return opaqueBlock(value);
  return {
    type: "document",
    source: inline === undefined ? { kind: "file", fileId: fileId! } : {
      kind: "base64",
      ...inline,
    },
    ...optional("title", readString(file["filename"])),
    ...optional(
      "extensions",
      restOfNested(value, ["type"], "file", ["filename", inline ? "file_data" : "file_id"]),
    ),
  };
}

/** Arguments as text: some servers send them as an object. */
export function argumentsText(value: unknown): string {
  return isJsonObject(value) ? JSON.stringify(value) : readString(value) ?? "";
}

/** Stands in for the id of a call that has none: the same one each time. */
export function callIdFor(...parts: readonly (string | number)[]): string {
  return `call_${stableHash(parts.join("\n"))}`;
}

/** Stands in for the name of a call that has arguments and no name: the client is told of it, not spared. */
export const NAMELESS = "unknown_tool";

/** One entry of `tool_calls`; `undefined` where there is nothing in it. */
function decodeToolCall(
  value: JsonObject,
  fallbackId: string,
): ToolUseBlock | OpaqueBlock | undefined {
  const id = readString(value["id"]) ?? "";
  const custom = value["custom"];
  if (isJsonObject(custom)) {
    return {
      type: "tool_use",
      id: id || fallbackId,
      name: readString(custom["name"]) || NAMELESS,
      arguments: readString(custom["input"]) ?? "",
      custom: true,
      ...optional(
        "extensions",
        restOfNested(value, ["type", "id", "index"], "custom", ["name", "input"]),
      ),
    };
  }
  const call = value["function"];
  if (!isJsonObject(call)) {
    return typeof value["type"] === "string" ? opaqueBlock(value) : undefined;
  }
  const name = readString(call["name"]) ?? "";
  const text = argumentsText(call["arguments"]);
  if (id === "" && name === "" && text === "") return undefined;
  return {
    type: "tool_use",
    id: id || fallbackId,
    name: name || NAMELESS,
    arguments: text || "{}",
    ...optional(
      "extensions",
      restOfNested(value, ["type", "id", "index"], "function", ["name", "arguments"]),
    ),
  };
}

/** What stands beside `content` and `tool_calls` in a model's turn, and what is in them. */
export const ANSWER_FIELDS: readonly string[] = [
  "role",
  "content",
  "refusal",
  "reasoning_content",
  "reasoning",
  "tool_calls",
  "function_call",
  "annotations",
];

/** The blocks of a model's turn: its thinking, its text, its refusal, its calls. */
export function decodeAnswer(message: JsonObject, at: string): ContentBlock[] {
  const thinking = readString(message["reasoning_content"]) ?? readString(message["reasoning"]);
  const refusal = readString(message["refusal"]);
  const calls: unknown = message["tool_calls"];
  const legacy = message["function_call"];
  return [
    ...(thinking ? [{ type: "thinking" as const, text: thinking }] : []),
    ...withCitations(decodeContent(message["content"]), message["annotations"]),
    ...(refusal ? [{ type: "refusal" as const, text: refusal }] : []),
    ...(Array.isArray(calls) ? calls.filter(isJsonObject) : [])
      .flatMap((call, i) => decodeToolCall(call, callIdFor(at, i)) ?? []),
    ...(isJsonObject(legacy)
      ? [decodeToolCall({ function: legacy }, callIdFor(at, "function_call"))!]
      : []),
  ];
}

/** Annotations stand beside the content; here they belong to its first text. */
function withCitations(blocks: ContentBlock[], annotations: unknown): ContentBlock[] {
  const text = blocks.findIndex((block) => block.type === "text");
  if (!Array.isArray(annotations) || annotations.length === 0 || text === -1) return blocks;
  return blocks.with(text, { ...blocks[text] as TextBlock, citations: annotations });
}
