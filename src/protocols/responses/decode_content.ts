/**
 * Output items, usage and stop reasons: what whole answers and streams share.
 *
 * An item becomes one block, a message one block per part. What an item has besides its content
 * (ids, phases) rides along in the block's extensions; items that the server has handled itself are
 * opaque blocks, never calls for the client.
 *
 * @module
 */

import { isJsonObject, type JsonObject } from "../../core/http.ts";
import type {
  OpaqueBlock,
  OpeningBlock,
  Provenance,
  RefusalBlock,
  StopReason,
  TextBlock,
  ThinkingBlock,
  ToolUseBlock,
  Usage,
} from "../event.ts";
import { optional, readNumber, readString, restOf } from "./fields.ts";

/** What is known of the answer whose items are decoded. */
export interface ItemContext {
  /** Who made the reasoning. */
  provenance: Provenance;
  /** See `UpstreamContext`. */
  customTools?: readonly string[] | undefined;
}

/** What kind of content an item has. */
export type ItemKind = "message" | "reasoning" | "call" | "other";

/**
 * The kind of an item.
 *
 * xAI shows its own searches as custom tool calls, marked by their call id. They have run already,
 * and a client must not be asked to run them.
 */
export function itemKind(item: JsonObject, { customTools }: ItemContext): ItemKind {
  switch (item["type"]) {
    case "message":
      return "message";
    case "reasoning":
      return "reasoning";
    case "function_call":
      return "call";
    case "custom_tool_call": {
      const isInternal = (readString(item["call_id"]) ?? "").startsWith("xs_call") &&
        !customTools?.includes(readString(item["name"]) ?? "");
      return isInternal ? "other" : "call";
    }
    default:
      return "other";
  }
}

/** The blocks of one item, without those that would be empty. */
export function decodeItem(item: JsonObject, context: ItemContext): OpeningBlock[] {
  switch (itemKind(item, context)) {
    case "message":
      return messageParts(item).flatMap((part) => decodePart(item, part) ?? []);
    case "reasoning":
      return [decodeReasoning(item, context)];
    case "call":
      return [decodeCall(item)];
    default:
      return [decodeOther(item)];
  }
}

/** The parts of a message item. */
export function messageParts(item: JsonObject): JsonObject[] {
  const content = item["content"];
  if (typeof content === "string") return [{ type: "output_text", text: content }];
  return Array.isArray(content) ? content.filter(isJsonObject) : [];
}

/** What a message item has besides its parts. `status` tells nothing once it is whole. */
function itemFields(item: JsonObject): JsonObject {
  const fields = restOf(item, ["type", "role", "status", "content"])?.fields;
  return fields === undefined ? {} : { item: fields };
}

/** What a part and its item have besides what the block names. */
export function partExtensions(item: JsonObject, part: JsonObject): TextBlock["extensions"] {
  const { logprobs, ...rest } = part;
  const hasLogprobs = Array.isArray(logprobs) ? logprobs.length > 0 : logprobs != null;
  return restOf(
    { ...itemFields(item), ...rest, ...(hasLogprobs ? { logprobs } : {}) },
    ["type", "text", "refusal", "annotations"],
  );
}

/** The citations of a part. */
export function partCitations(part: JsonObject): unknown[] {
  return Array.isArray(part["annotations"]) ? part["annotations"] : [];
}

/** One part of a message; `undefined` where there is nothing in it. */
export function decodePart(
  item: JsonObject,
  part: JsonObject,
): TextBlock | RefusalBlock | OpaqueBlock | undefined {
  const extensions = optional("extensions", partExtensions(item, part));
  switch (part["type"]) {
    case "output_text":
    case "text": {
      const text = readString(part["text"]) ?? "";
      const citations = partCitations(part);
      if (text === "" && citations.length === 0) return undefined;
      return {
        type: "text",
        text,
        ...optional("citations", citations.length === 0 ? undefined : citations),
        ...extensions,
      };
    }
    case "refusal": {
      const text = readString(part["refusal"]) ?? "";
      return text === "" ? undefined : { type: "refusal", text, ...extensions };
    }
    default:
      // As a message of its own, it can be written again.
      return decodeOther({ ...item, content: [part] });
  }
}

function texts(value: unknown): string[] {
  if (!Array.isArray(value)) return [];
  return value.map((part) => isJsonObject(part) ? readString(part["text"]) ?? "" : "")
    .filter((text) => text !== "");
}

/** Where the readable part of reasoning stands: whole answers and some hosts put it in `content`. */
export type ReasoningSource = "summary" | "content";

/** What stands between two parts of one reasoning. */
export const PART_SEPARATOR = "\n\n";

/** The readable part of a reasoning item. */
export function reasoningText(item: JsonObject, source?: ReasoningSource): string {
  const found = source === undefined
    ? [texts(item["summary"]), texts(item["content"])].find((parts) => parts.length > 0)
    : texts(item[source]);
  return (found ?? []).join(PART_SEPARATOR);
}

/** The sealed part of a reasoning item. */
export function reasoningSeal(item: JsonObject): string | undefined {
  return readString(item["encrypted_content"]) || undefined;
}

/**
 * What a reasoning item has besides text and seal. Its parts are kept where the text alone does not
 * tell them: the seal is replayed with its summary as it was.
 */
export function reasoningExtensions(item: JsonObject): ThinkingBlock["extensions"] {
  const { summary, content, ...rest } = item;
  const isPlain = Array.isArray(summary) && summary.length === 1 &&
    isJsonObject(summary[0]) && Object.keys(summary[0]).length === 2;
  const hasSummary = Array.isArray(summary) && summary.length > 0 && !isPlain;
  const hasContent = Array.isArray(content) && content.length > 0;
  return restOf(
    {
      ...rest,
      // An empty summary beside content has to stay empty.
      ...(hasSummary || (hasContent && !isPlain) ? { summary: summary ?? [] } : {}),
      ...(hasContent ? { content } : {}),
    },
    ["type", "status", "encrypted_content"],
  );
}

function decodeReasoning(item: JsonObject, context: ItemContext): ThinkingBlock | OpaqueBlock {
  const text = reasoningText(item);
  const signature = reasoningSeal(item);
  // Neither seen nor sealed: only a server that has kept it can do anything with its id.
  if (text === "" && signature === undefined) return decodeOther(item);
  return {
    type: "thinking",
    text,
    ...optional("signature", signature),
    ...(text === "" ? { redacted: true } : {}),
    provenance: context.provenance,
    ...optional("extensions", reasoningExtensions(item)),
  };
}

/** Whether a call takes free text. */
export function isCustomCall(item: JsonObject): boolean {
  return item["type"] === "custom_tool_call";
}

/** The arguments of a call, as far as the item has them. */
export function callArguments(item: JsonObject): string {
  return readString(item[isCustomCall(item) ? "input" : "arguments"]) ?? "";
}

/** What a call has besides what the block names. */
export function callExtensions(item: JsonObject): ToolUseBlock["extensions"] {
  return restOf(item, ["type", "call_id", "name", "arguments", "input", "status"]);
}

function decodeCall(item: JsonObject): ToolUseBlock {
  const isCustom = isCustomCall(item);
  return {
    type: "tool_use",
    id: readString(item["call_id"]) || readString(item["id"]) || "",
    name: readString(item["name"]) ?? "",
    arguments: callArguments(item) || (isCustom ? "" : "{}"),
    ...(isCustom ? { custom: true } : {}),
    ...optional("extensions", callExtensions(item)),
  };
}

/** An item that only this dialect can say. */
export function decodeOther(item: JsonObject): OpaqueBlock {
  return {
    type: "opaque",
    dialect: "responses",
    kind: readString(item["type"]) ?? "",
    value: item,
  };
}

const USAGE_FIELDS = [
  "input_tokens",
  "input_tokens_details",
  "output_tokens",
  "output_tokens_details",
  "total_tokens",
];

function details(value: unknown): JsonObject {
  return isJsonObject(value) ? value : {};
}

/** Token counts; what is missing counts zero. */
export function decodeUsage(value: unknown): Usage {
  const usage = details(value);
  const input = readNumber(usage["input_tokens"]) ?? 0;
  const read = readNumber(details(usage["input_tokens_details"])["cached_tokens"]) ?? 0;
  const written = readNumber(details(usage["input_tokens_details"])["cache_write_tokens"]) ?? 0;
  const reasoning = readNumber(details(usage["output_tokens_details"])["reasoning_tokens"]);
  // Cached tokens are a part of the input, except where they cannot be.
  const part = (read > input ? 0 : read) + (read + written > input ? 0 : written);
  return {
    inputTokens: input - part,
    cacheReadTokens: read,
    cacheWriteTokens: written,
    outputTokens: readNumber(usage["output_tokens"]) ?? 0,
    ...optional("reasoningTokens", reasoning),
    ...optional("extensions", restOf(usage, USAGE_FIELDS)),
  };
}

/** How a response has ended; `undefined` while it has not, or where it has failed. */
export function decodeStopReason(
  response: JsonObject,
  delivered: { call: boolean; refusal: boolean },
): StopReason {
  if (response["status"] === "incomplete") {
    // A call that was cut short is no reason to run it.
    return details(response["incomplete_details"])["reason"] === "content_filter"
      ? "refusal"
      : "max_tokens";
  }
  return delivered.call ? "tool_use" : delivered.refusal ? "refusal" : "end_turn";
}

/** The fields of a response that the canonical model names. */
export const RESPONSE_FIELDS: readonly string[] = [
  "id",
  "object",
  "model",
  "status",
  "output",
  "usage",
  "error",
];
