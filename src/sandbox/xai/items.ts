/**
 * Which input items xAI takes.
 *
 * @module
 */

import { isJsonObject, type JsonObject } from "../../core/http.ts";
import type { SandboxQuirks } from "../quirks.ts";
import { check, InvalidArgument, NO_CONTENT, NOT_DECODED, NOT_DECRYPTED } from "./errors.ts";
import { checkImage } from "./images.ts";
import type { Keys } from "./keys.ts";
import type { XaiModel } from "./models.ts";
import { isSealed } from "./seal.ts";

/** An input item. A message's string content has become one part. */
export type Item = JsonObject & { type: string };

/** What items are checked against. */
export interface ItemContext {
  model: XaiModel;
  quirks: SandboxQuirks;
  keys: Keys;
}

const PARTS: Readonly<Record<string, readonly string[]>> = {
  user: ["input_text", "input_image", "input_file"],
  system: ["input_text", "input_image", "input_file"],
  developer: ["input_text", "input_image", "input_file"],
  assistant: ["output_text", "refusal"],
};

/** Items of tools that ran on the server, taken back as they were given. */
const HOSTED_CALLS = [
  "web_search_call",
  "x_search_call",
  "code_interpreter_call",
  "file_search_call",
  "mcp_call",
  "mcp_list_tools",
  "image_generation_call",
];

/** Fields that answers have and requests may not, of any item. */
const OUTPUT_ONLY = ["status"];

/** Reads `input`. */
export async function readItems(input: unknown, context: ItemContext): Promise<Item[]> {
  if (typeof input === "string") return [readMessage({ role: "user", content: input }, context)];
  check(Array.isArray(input) && input.length > 0, "input must be a string or a list of items");
  const items: Item[] = [];
  const calls = new Set<string>();
  for (const value of input) {
    check(isJsonObject(value), "An input item must be an object");
    const item = await readItem(value, context);
    if (item.type === "function_call") calls.add(item["call_id"] as string);
    if (item.type === "function_call_output") {
      const id = item["call_id"] as string;
      check(calls.delete(id), `No function call waits for an output with call_id ${id}`);
    }
    items.push(item);
  }
  return items;
}

async function readItem(item: JsonObject, context: ItemContext): Promise<Item> {
  const type = item["type"] ?? (item["role"] === undefined ? undefined : "message");
  check(typeof type === "string", "An input item needs a type");
  if (context.quirks.unknownFields === "refuse") checkFields(item);
  switch (type) {
    case "message":
      return readMessage(item, context);
    case "reasoning":
      await checkReasoning(item, context);
      return { ...item, type };
    case "function_call": {
      const { call_id, name } = item;
      check(typeof call_id === "string" && call_id !== "", "A function call needs a call_id");
      check(typeof name === "string" && name !== "", "A function call needs a name");
      check(isJson(item["arguments"]), "arguments of a function call must be JSON");
      return { ...item, type };
    }
    case "function_call_output":
      check(typeof item["call_id"] === "string", "A function call output needs a call_id");
      checkOutput(item["output"], context);
      return { ...item, type };
    case "custom_tool_call":
    case "custom_tool_call_output":
      // Only the server's own traces: clients have no custom tools here.
      check(
        typeof item["call_id"] === "string" && item["call_id"].startsWith("xs_call"),
        `${type} is not supported`,
      );
      return { ...item, type };
    case "item_reference":
      throw new InvalidArgument("The referenced item was not found", {
        status: 404,
        code: "Some requested entity was not found",
      });
    default:
      check(HOSTED_CALLS.includes(type), `unknown variant \`${type}\` of input`);
      return { ...item, type };
  }
}

function checkFields(item: JsonObject): void {
  const field = OUTPUT_ONLY.find((name) => Object.hasOwn(item, name)) ??
    Object.keys(item).find((name) => item[name] === null);
  check(field === undefined, `invalid field \`${field}\` of an input item`);
}

function isJson(value: unknown): boolean {
  if (typeof value !== "string") return false;
  try {
    JSON.parse(value);
    return true;
  } catch {
    return false;
  }
}

function readMessage(message: JsonObject, context: ItemContext): Item {
  const { role, content } = message;
  const allowed = typeof role === "string" && Object.hasOwn(PARTS, role) ? PARTS[role] : undefined;
  check(allowed !== undefined, `unknown role ${JSON.stringify(role)}`);
  const textType = role === "assistant" ? "output_text" : "input_text";
  const parts = typeof content === "string" ? [{ type: textType, text: content }] : content;
  check(Array.isArray(parts), NO_CONTENT);
  for (const part of parts) {
    check(isJsonObject(part) && typeof part["type"] === "string", "A content part needs a type");
    check(
      allowed.includes(part["type"]),
      `content type ${part["type"]} is not allowed under the role ${role}`,
    );
    checkPart(part, context);
  }
  const isEmpty = parts.every((part) => part["text"] === "" || part["refusal"] === "");
  check(!isEmpty, NO_CONTENT);
  return { ...message, type: "message", content: parts };
}

function checkPart(part: JsonObject, { model }: ItemContext): void {
  switch (part["type"]) {
    case "input_text":
    case "output_text":
      return check(typeof part["text"] === "string", "text must be a string");
    case "refusal":
      return check(typeof part["refusal"] === "string", "refusal must be a string");
    case "input_image":
      return checkImage(part, model);
    case "input_file":
      check(part["file_data"] === undefined, "file_data is not supported, upload the file");
      return check(
        typeof part["file_id"] === "string" || typeof part["file_url"] === "string",
        "A file needs a file_id or a file_url",
      );
  }
}

function checkOutput(output: unknown, context: ItemContext): void {
  if (typeof output === "string") return;
  check(Array.isArray(output), "output must be a string or content parts");
  for (const part of output) {
    check(
      isJsonObject(part) && PARTS["user"]!.includes(part["type"] as string),
      "output takes input_text, input_image and input_file",
    );
    checkPart(part, context);
  }
}

async function checkReasoning(item: JsonObject, { model, keys }: ItemContext): Promise<void> {
  const fail = (message: string) => new InvalidArgument(message, { code: "" });
  if (!Array.isArray(item["summary"])) throw fail(NOT_DECODED);
  const blob = item["encrypted_content"];
  if (blob === undefined || blob === null) return;
  if (typeof blob !== "string" || !await isSealed(keys, model.id, blob)) throw fail(NOT_DECRYPTED);
}
