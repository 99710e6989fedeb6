/**
 * What MiniMax accepts as a Messages request. Whatever it refuses is said as code 2013 with a reason.
 *
 * Written from the vendor's documentation and from reports of refused requests, not from the encoder
 * whose output it checks.
 *
 * @module
 */

import { isJsonObject, type JsonObject } from "../../core/http.ts";
import { digest } from "../ledger.ts";
import { estimateTokens } from "../prose.ts";
import type { SandboxQuirks } from "../quirks.ts";
import type { World } from "../world.ts";
import { MINIMAX_MODELS, type MinimaxModel } from "./models.ts";

/** Shorter beginnings of prompts are not cached. */
const LEAST_CACHED_TOKENS = 512;

/** A content block of a request. */
export type Block = JsonObject & { type: string };

/** A message, whose string content has become one text block. */
export interface Message {
  role: "user" | "assistant";
  blocks: Block[];
}

/** A tool on offer. */
export interface Tool {
  name: string;
  schema: JsonObject;
}

/** A request that was accepted. */
export interface MessagesRequest {
  model: MinimaxModel;
  /** `Infinity` where it is not asked for (counting). */
  maxTokens: number;
  stream: boolean;
  /** Texts of `system`. */
  instructions: string[];
  messages: Message[];
  tools: Tool[];
  /** `type` of `tool_choice`, and its `name`. */
  toolChoice: { type: string; name: string | undefined };
  /** Whether `thinking` asks for it. */
  thinking: boolean;
  /** Estimate, tokens. */
  inputTokens: number;
  /** Those of them that an earlier request had. */
  cachedTokens: number;
}

/** A refused request: the message without the code. */
export class InvalidParams extends Error {
  override name = "InvalidParams";
}

const TOOL_NAME = /^[A-Za-z0-9_-]{1,64}$/;
const TOOL_ID = /^[A-Za-z0-9_-]+$/;
const BLOCKS = {
  user: ["text", "image", "tool_result"],
  assistant: ["text", "thinking", "tool_use"],
} as const;

function refuse(message: string): never {
  throw new InvalidParams(message);
}

function check(condition: boolean, message: string): asserts condition {
  if (!condition) refuse(message);
}

/**
 * Reads and checks a request.
 *
 * @throws {InvalidParams} When MiniMax would refuse it.
 */
export async function readMessagesRequest(
  body: JsonObject,
  { quirks, promptCache }: Pick<World, "quirks" | "promptCache">,
  options: { counting: boolean },
): Promise<MessagesRequest> {
  const model = MINIMAX_MODELS.find(({ id }) => id === body["model"]);
  check(model !== undefined, `unknown model ${JSON.stringify(body["model"] ?? null)}`);
  const maxTokens = options.counting ? Infinity : readMaxTokens(body, model);
  checkRange(body, "temperature");
  checkRange(body, "top_p");
  check(
    body["stream"] === undefined || typeof body["stream"] === "boolean",
    "stream must be a boolean",
  );
  const instructions = readSystem(body["system"]);
  const messages = readMessages(body["messages"], model);
  checkToolPairs(messages);
  if (quirks.checkSignatures) await checkSignatures(messages);
  const tools = readTools(body["tools"], quirks);
  const inputTokens = estimateTokens([body["system"] ?? "", body["tools"] ?? [], body["messages"]]);
  check(
    options.counting || inputTokens <= model.contextTokens,
    "context window exceeds limit",
  );
  const { system = "", tools: toolList = [], messages: turns } = body;
  const known = options.counting
    ? 0
    : promptCache.read(model.id, [system, toolList, ...turns as unknown[]]);
  return {
    model,
    maxTokens,
    stream: body["stream"] === true,
    instructions,
    messages,
    tools,
    toolChoice: readToolChoice(body["tool_choice"], tools),
    thinking: readThinking(body["thinking"], model),
    inputTokens,
    cachedTokens: known < LEAST_CACHED_TOKENS ? 0 : known,
  };
}

function readMaxTokens(body: JsonObject, model: MinimaxModel): number {
  const value = body["max_tokens"];
  check(value !== undefined, "max_tokens is required");
  check(
    typeof value === "number" && Number.isInteger(value) && value >= 1,
    "max_tokens must be a positive integer",
  );
  check(value <= model.maxOutputTokens, `max_tokens exceeds ${model.maxOutputTokens}`);
  return value;
}

function checkRange(body: JsonObject, name: "temperature" | "top_p"): void {
  const value = body[name];
  if (value === undefined) return;
  check(typeof value === "number" && value > 0 && value <= 1, `${name} must be in (0, 1]`);
}

function readSystem(system: unknown): string[] {
  if (system === undefined) return [];
  if (typeof system === "string") return [system];
  check(Array.isArray(system), "system must be a string or text blocks");
  return system.map((block) => {
    check(isJsonObject(block) && block["type"] === "text", "system takes text blocks only");
    checkText(block);
    return block["text"] as string;
  });
}

function checkText(block: JsonObject): void {
  check(typeof block["text"] === "string" && block["text"] !== "", "text blocks must not be empty");
}

function readMessages(value: unknown, model: MinimaxModel): Message[] {
  check(Array.isArray(value) && value.length > 0, "messages is empty");
  return value.map((message: unknown, index) => {
    check(isJsonObject(message), "a message must be an object");
    const { role, content } = message;
    check(role === "user" || role === "assistant", `role ${JSON.stringify(role)} is not allowed`);
    const blocks = typeof content === "string"
      ? content === "" ? [] : [{ type: "text", text: content }]
      : content;
    check(Array.isArray(blocks), "content must be a string or blocks");
    const isPrefill = role === "assistant" && index === value.length - 1;
    check(blocks.length > 0 || isPrefill, "message content is empty");
    let afterOther = false;
    for (const block of blocks) {
      check(isJsonObject(block) && typeof block["type"] === "string", "a block must have a type");
      checkBlock(block as Block, role, model);
      if (block["type"] !== "tool_result") afterOther = true;
      else check(!afterOther, "tool results must come first in their message");
    }
    return { role, blocks };
  });
}

function checkBlock(block: Block, role: Message["role"], model: MinimaxModel): void {
  const allowed: readonly string[] = BLOCKS[role];
  check(allowed.includes(block.type), `content type ${block.type} is not supported`);
  switch (block.type) {
    case "text":
      return checkText(block);
    case "image":
      return checkImage(block, model);
    case "thinking":
      return check(typeof block["thinking"] === "string", "thinking must be a string");
    case "tool_use": {
      const { id, name, input } = block;
      check(typeof id === "string" && TOOL_ID.test(id), "tool_use id is not valid");
      check(typeof name === "string" && TOOL_NAME.test(name), "function name is empty");
      return check(isJsonObject(input), "invalid function arguments json string");
    }
    case "tool_result": {
      check(typeof block["tool_use_id"] === "string", "tool_use_id is required");
      const { content } = block;
      if (content === undefined || typeof content === "string") return;
      check(Array.isArray(content), "tool result content must be a string or blocks");
      for (const part of content) {
        check(
          isJsonObject(part) && (part["type"] === "text" || part["type"] === "image"),
          "tool result content type is not supported",
        );
        if (part["type"] === "text") checkText(part);
        else checkImage(part, model);
      }
    }
  }
}

function checkImage(block: JsonObject, model: MinimaxModel): void {
  check(model.takesImages, `${model.id} does not support image input`);
  const source = block["source"];
  check(
    isJsonObject(source) &&
      (source["type"] === "base64"
        ? typeof source["data"] === "string" && typeof source["media_type"] === "string"
        : source["type"] === "url" && typeof source["url"] === "string"),
    "image source is not valid",
  );
}

/** Every call is answered once, in the turn that follows it; no answer comes without its call. */
function checkToolPairs(messages: readonly Message[]): void {
  const open = new Set<string>();
  let previous: Message["role"] | undefined;
  let known = new Set<string>();
  for (const { role, blocks } of messages) {
    if (role === "assistant" && previous !== "assistant") {
      checkAnswered(open);
      known = new Set();
    }
    for (const block of blocks) {
      if (block.type === "tool_use") {
        const id = block["id"] as string;
        check(!known.has(id), `tool call id(${id}) is repeated`);
        known.add(id);
        open.add(id);
      } else if (block.type === "tool_result") {
        const id = block["tool_use_id"] as string;
        check(known.has(id), `tool result's tool id(${id}) not found`);
        check(open.delete(id), `tool result's tool id(${id}) is repeated`);
      }
    }
    previous = role;
  }
  checkAnswered(open);
}

function checkAnswered(open: ReadonlySet<string>): void {
  const [id] = open;
  check(id === undefined, `tool call id(${id}) has no tool result`);
}

async function checkSignatures(messages: readonly Message[]): Promise<void> {
  for (const block of messages.flatMap(({ blocks }) => blocks)) {
    const signature = block["signature"];
    if (block.type !== "thinking" || signature === undefined) continue;
    check(
      signature === await digest(block["thinking"] as string),
      "thinking signature is not valid",
    );
  }
}

function readTools(value: unknown, quirks: SandboxQuirks): Tool[] {
  if (value === undefined) return [];
  check(Array.isArray(value), "tools must be an array");
  return value.map((tool: unknown) => {
    check(isJsonObject(tool), "a tool must be an object");
    const { type, name, input_schema: schema } = tool;
    check(type !== undefined || !quirks.toolTypeRequired, "invalid tool type: ");
    // Server tools (web_search_…) have no schema and fall under this too.
    check(
      (type === undefined || type === "custom") && typeof name === "string" && name !== "" &&
        isJsonObject(schema) && schema["type"] === "object",
      "function name or parameters is empty",
    );
    check(TOOL_NAME.test(name), `function name ${JSON.stringify(name)} is not valid`);
    return { name, schema };
  });
}

function readToolChoice(value: unknown, tools: readonly Tool[]): MessagesRequest["toolChoice"] {
  if (value === undefined) return { type: "auto", name: undefined };
  check(isJsonObject(value), "tool_choice must be an object");
  const { type, name } = value;
  check(
    type === "auto" || type === "any" || type === "tool" || type === "none",
    "tool_choice type is not valid",
  );
  check(
    type !== "tool" || tools.some((tool) => tool.name === name),
    "tool_choice names no tool on offer",
  );
  check(type !== "any" || tools.length > 0, "tool_choice needs tools");
  return { type, name: type === "tool" ? name as string : undefined };
}

function readThinking(value: unknown, model: MinimaxModel): boolean {
  if (value === undefined) return false;
  const type = isJsonObject(value) ? value["type"] : undefined;
  check(
    type === "adaptive" || type === "disabled" || (type === "enabled" && model.alwaysThinks),
    "thinking type is not valid",
  );
  return type !== "disabled";
}
