/**
 * The items of `input` as turns of a conversation.
 *
 * What the model has said in a row (messages, reasoning, calls, and items that only this dialect
 * knows) is one turn, what tools have answered to it another. An item that is no turn of either rides
 * along in the model's.
 *
 * @module
 */

import { isJsonObject, type JsonObject } from "../../core/http.ts";
import { decodeDataUrl } from "../data_url.ts";
import { openSeals } from "../envelope.ts";
import type {
  ContentBlock,
  Extensions,
  Message,
  OpaqueBlock,
  RefusalBlock,
  TextBlock,
  ToolResultBlock,
  ToolUseBlock,
} from "../event.ts";
import {
  callArguments,
  decodeOther,
  isCustomCall,
  reasoningExtensions,
  reasoningSeal,
  reasoningText,
} from "./decode_content.ts";
import { invalid, optional, readString, restOf } from "./fields.ts";
import { flatName, LOCAL_SHELL, localShellArguments } from "./tool_forms.ts";

/** The turns of `input`. */
export function decodeInput(value: unknown): Message[] {
  if (typeof value === "string") {
    return [{ role: "user", content: [{ type: "text", text: value }] }];
  }
  if (!Array.isArray(value)) throw invalid("input", "a string or an array");
  const turns = new Turns();
  for (const [index, item] of value.entries()) {
    if (!isJsonObject(item)) throw invalid(`input[${index}]`, "an object");
    decodeInputItem(item, `input[${index}]`, turns);
  }
  return turns.messages;
}

/** Collects turns. */
class Turns {
  readonly messages: Message[] = [];

  /** What the model has said. Two messages in a row stay two. */
  addAnswer(blocks: readonly ContentBlock[], isMessage = false): void {
    const last = this.messages.at(-1);
    const before = last?.content.at(-1)?.type;
    const parted = isMessage && (before === "text" || before === "refusal");
    if (last?.role !== "assistant" || parted) {
      this.messages.push({ role: "assistant", content: blocks });
    } else this.#extend(last, blocks);
  }

  /** What a tool has answered. */
  addResult(block: ToolResultBlock): void {
    const last = this.messages.at(-1);
    if (last?.role === "user" && last.content.at(-1)?.type === "tool_result") {
      this.#extend(last, [block]);
    } else this.messages.push({ role: "user", content: [block] });
  }

  #extend(last: Message, blocks: readonly ContentBlock[]): void {
    this.messages[this.messages.length - 1] = { ...last, content: [...last.content, ...blocks] };
  }
}

function decodeInputItem(item: JsonObject, at: string, turns: Turns): void {
  switch (item["type"]) {
    case "message":
    case undefined:
    case null:
      return decodeMessage(item, at, turns);
    case "reasoning":
      return turns.addAnswer(decodeReasoning(item));
    case "function_call":
    case "custom_tool_call":
      return turns.addAnswer([decodeCall(item, at)]);
    case "local_shell_call":
      return turns.addAnswer([decodeShellCall(item)]);
    case "function_call_output":
    case "custom_tool_call_output":
    case "local_shell_call_output":
      return turns.addResult(decodeOutput(item, at));
    default:
      return turns.addAnswer([decodeOther(item)]);
  }
}

function decodeMessage(item: JsonObject, at: string, turns: Turns): void {
  const { role, content } = item;
  if (role !== "user" && role !== "assistant" && role !== "system" && role !== "developer") {
    throw invalid(`${at}.role`, "user, assistant, system or developer");
  }
  if (typeof content !== "string" && !Array.isArray(content)) {
    throw invalid(`${at}.content`, "a string or an array");
  }
  const fields = restOf(item, ["type", "role", "content"]);
  if (role !== "assistant") {
    turns.messages.push({
      role,
      content: decodeParts(content),
      ...optional("extensions", fields),
    });
    return;
  }
  const parent = optional("item", fields?.fields);
  const blocks = decodeParts(content).map((block, index) => {
    if (block.type === "text" || block.type === "refusal") return withFields(block, parent);
    // As a message of its own, what only this dialect can say can be written again.
    return decodeOther({ ...item, content: [partsOf(content)[index]] });
  });
  turns.addAnswer(blocks, true);
}

/** A part of the model's message, with what its item has besides its parts. */
function withFields<T extends TextBlock | RefusalBlock>(block: T, parent: JsonObject): T {
  if (Object.keys(parent).length === 0) return block;
  const fields = { ...parent, ...block.extensions?.fields };
  return { ...block, extensions: { dialect: "responses", fields } };
}

function decodeParts(content: unknown): ContentBlock[] {
  if (typeof content === "string") return [{ type: "text", text: content }];
  return partsOf(content).map(decodeInputPart);
}

function partsOf(content: unknown): JsonObject[] {
  return Array.isArray(content) ? content.filter(isJsonObject) : [];
}

function decodeInputPart(part: JsonObject): ContentBlock {
  switch (part["type"]) {
    case "input_text":
    case "output_text":
    case "text":
      return {
        type: "text",
        text: readString(part["text"]) ?? "",
        ...optional("extensions", restOf(part, ["type", "text"])),
      };
    case "refusal":
      return {
        type: "refusal",
        text: readString(part["refusal"]) ?? "",
        ...optional("extensions", restOf(part, ["type", "refusal"])),
      };
    case "input_image":
      return decodeImage(part);
    case "input_file":
      return decodeFile(part);
    default:
      return opaquePart(part);
  }
}

function opaquePart(value: JsonObject): OpaqueBlock {
  return { type: "opaque", dialect: "responses", kind: readString(value["type"]) ?? "", value };
}

function rest(part: JsonObject, known: readonly string[]): { extensions?: Extensions } {
  return optional("extensions", restOf(part, ["type", ...known]));
}

function decodeImage(part: JsonObject): ContentBlock {
  const url = readString(part["image_url"]);
  const fileId = readString(part["file_id"]);
  const detail = optional("detail", readString(part["detail"]));
  if (url === undefined) {
    return fileId === undefined ? opaquePart(part) : {
      type: "image",
      source: { kind: "file", fileId },
      ...detail,
      ...rest(part, ["file_id", "image_url", "detail"]),
    };
  }
  const inline = decodeDataUrl(url);
  if (inline === undefined && url.startsWith("data:")) {
    return { type: "text", text: "[image omitted: its data URL cannot be read]" };
  }
  return {
    type: "image",
    source: inline === undefined ? { kind: "url", url } : { kind: "base64", ...inline },
    ...detail,
    ...rest(part, ["image_url", "detail"]),
  };
}

function decodeFile(part: JsonObject): ContentBlock {
  const title = optional("title", readString(part["filename"]));
  const inline = decodeDataUrl(readString(part["file_data"]) ?? "");
  const url = readString(part["file_url"]);
  const fileId = readString(part["file_id"]);
  if (inline !== undefined) {
    const source = { kind: "base64" as const, ...inline };
    return { type: "document", source, ...title, ...rest(part, ["file_data", "filename"]) };
  }
  // What is written for these has no name, so it stays with the rest.
  if (url !== undefined) {
    const source = { kind: "url" as const, url };
    return { type: "document", source, ...title, ...rest(part, ["file_url"]) };
  }
  if (fileId !== undefined) {
    const source = { kind: "file" as const, fileId };
    return { type: "document", source, ...title, ...rest(part, ["file_id"]) };
  }
  return opaquePart(part);
}

function decodeReasoning(item: JsonObject): ContentBlock[] {
  const text = reasoningText(item);
  const signature = reasoningSeal(item);
  // Neither seen nor sealed: only a server that has kept it can do anything with its id.
  if (text === "" && signature === undefined) return [decodeOther(item)];
  return openSeals([{
    type: "thinking",
    text,
    ...optional("signature", signature),
    ...(text === "" ? { redacted: true } : {}),
    ...optional("extensions", reasoningExtensions(item)),
  }]);
}

function decodeCall(item: JsonObject, at: string): ToolUseBlock {
  const name = readString(item["name"]);
  if (name === undefined) throw invalid(`${at}.name`, "a string");
  const isCustom = isCustomCall(item);
  const namespace = readString(item["namespace"]);
  return {
    type: "tool_use",
    id: callId(item, at),
    name: namespace === undefined ? name : flatName(namespace, name),
    arguments: callArguments(item) || (isCustom ? "" : "{}"),
    ...(isCustom ? { custom: true } : {}),
    ...rest(item, ["call_id", "name", isCustom ? "input" : "arguments"]),
  };
}

function callId(item: JsonObject, at: string): string {
  const id = readString(item["call_id"]) || readString(item["id"]);
  if (!id) throw invalid(`${at}.call_id`, "a string");
  return id;
}

/** The item's own type is kept: it is written again as what it was. */
function decodeShellCall(item: JsonObject): ToolUseBlock {
  return {
    type: "tool_use",
    id: readString(item["call_id"]) || readString(item["id"]) || "",
    name: LOCAL_SHELL,
    arguments: localShellArguments(item["action"]),
    ...optional("extensions", restOf(item, ["call_id", "action"])),
  };
}

function decodeOutput(item: JsonObject, at: string): ToolResultBlock {
  const { output, type } = item;
  return {
    type: "tool_result",
    toolUseId: callId(item, at),
    content: decodeOutputContent(output),
    ...optional(
      "extensions",
      // The shell's own form of result names the call in its id.
      type === "local_shell_call_output"
        ? restOf(item, ["output", item["call_id"] === undefined ? "id" : "call_id"])
        : restOf(item, ["type", "call_id", "output"]),
    ),
  };
}

/** Tools answer with text, with parts, and with whatever JSON they have. */
function decodeOutputContent(output: unknown): ToolResultBlock["content"] {
  if (typeof output === "string") return output === "" ? [] : [{ type: "text", text: output }];
  const isParts = Array.isArray(output) &&
    output.every((part) => isJsonObject(part) && typeof part["type"] === "string");
  if (!isParts) return output == null ? [] : [{ type: "text", text: JSON.stringify(output) }];
  return decodeParts(output).filter((block) =>
    block.type === "text" || block.type === "image" || block.type === "document" ||
    block.type === "opaque"
  );
}
