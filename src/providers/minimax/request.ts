/**
 * Where MiniMax's Messages endpoint departs from the protocol: what it refuses or ignores in a
 * request, and what its error codes mean.
 *
 * @see {@link https://platform.minimax.io/docs/api-reference/text-anthropic-api | MiniMax, Anthropic API compatibility}
 * @module
 */

import type { FailureFacts } from "../../protocols/codec.ts";
import type {
  ContentBlock,
  FunctionTool,
  GenerateRequest,
  Message,
  Reasoning,
  StreamErrorCode,
  TextBlock,
  ThinkingBlock,
  Tool,
  ToolChoice,
} from "../../protocols/event.ts";
import type { PreparedRequest } from "../provider.ts";
import { ToolNames } from "../tool_names.ts";
import { pairToolCalls } from "../tool_pairs.ts";
import { MINIMAX_MODELS } from "./models.ts";

/** Stands in for a temperature of 0, which is refused. */
const MIN_TEMPERATURE = 0.01;

/** `max_tokens` where the request names none; the model's own cap would crowd out long prompts. */
const DEFAULT_MAX_TOKENS = 32_000;

/** What blocks and tools may carry besides the fields of the model: ignored by the API, not refused. */
const HARMLESS_FIELDS = ["cache_control"];

/** The M3 line sees images and thinks only when asked; M2 does neither. */
function isM3(model: string): boolean {
  return /^minimax-m3/i.test(model);
}

/**
 * Makes a request fit for the MiniMax API.
 *
 * Each note says once what was changed that its author would notice. What only tunes the request for
 * another vendor (cache keys, priority classes, beta features) goes without a word.
 */
export function prepareMinimaxRequest(request: GenerateRequest): PreparedRequest {
  const notes = new Set<string>();
  const model = MINIMAX_MODELS.find((entry) => entry.id === request.model);
  const names = new ToolNames();
  const tools = request.tools && prepareTools(request.tools, names, notes);
  const content = new ContentPreparation(request.model, names, notes);
  const { promptCacheKey: _key, serviceTier: _tier, topK, outputFormat, ...kept } = request;

  if (topK !== undefined) notes.add("top_k has no effect on MiniMax and was left out");
  const maxOutputTokens = Math.min(
    request.maxOutputTokens ?? DEFAULT_MAX_TOKENS,
    model?.maxOutputTokens ?? Infinity,
  );

  // The API reads instructions in `system` alone, so those between the turns move there, in order.
  const system: TextBlock[] = [...request.system ?? []];
  const messages: Message[] = [];
  for (const message of request.messages) {
    if (message.role === "system" || message.role === "developer") {
      system.push(...message.content.filter((block) => block.type === "text"));
    } else {
      const blocks = content.prepare(message.content);
      if (blocks.length > 0) messages.push({ role: message.role, content: blocks });
    }
  }
  if (outputFormat !== undefined) {
    notes.add("MiniMax has no output format: the schema was added to the instructions instead");
    system.push({
      type: "text",
      text: "Answer with one JSON value and nothing else, without a code fence." +
        (outputFormat.kind === "json_schema"
          ? ` It must match this JSON Schema:\n${JSON.stringify(outputFormat.schema)}`
          : " It must be an object."),
    });
  }

  return {
    request: {
      ...kept,
      system: system.filter((block) => block.text !== "").map(harmless),
      messages: pairToolCalls(messages),
      tools,
      toolChoice: prepareChoice(request.toolChoice, names),
      maxOutputTokens,
      temperature: prepareTemperature(request.temperature, notes),
      topP: prepareTopP(request.topP, notes),
      reasoning: prepareReasoning(request.model, request.reasoning, notes),
      extensions: undefined,
    },
    notes: [...notes],
    tools: names.renamed,
  };
}

/** Leaves of a block's or tool's extensions what the API tolerates. */
function harmless<T extends TextBlock | FunctionTool>(value: T): T {
  if (value.extensions === undefined) return value;
  const fields = Object.entries(value.extensions.fields)
    .filter(([name]) => HARMLESS_FIELDS.includes(name));
  return {
    ...value,
    extensions: fields.length === 0
      ? undefined
      : { dialect: value.extensions.dialect, fields: Object.fromEntries(fields) },
  };
}

function prepareTemperature(value: number | undefined, notes: Set<string>): number | undefined {
  if (value === undefined) return undefined;
  if (value > 1) {
    notes.add("temperature was lowered to 1, the most that MiniMax takes");
    return 1;
  }
  if (value <= 0) {
    notes.add(`temperature was raised to ${MIN_TEMPERATURE}: MiniMax refuses 0`);
    return MIN_TEMPERATURE;
  }
  return value;
}

function prepareTopP(value: number | undefined, notes: Set<string>): number | undefined {
  if (value === undefined || (value > 0 && value <= 1)) return value;
  notes.add("top_p was left out: MiniMax takes values above 0, up to 1");
  return undefined;
}

function prepareReasoning(
  model: string,
  reasoning: Reasoning | undefined,
  notes: Set<string>,
): Reasoning | undefined {
  if (reasoning === undefined) return undefined;
  const off = reasoning.mode === "disabled" || reasoning.effort === "none";
  // Other values than these two were seen to be refused (code 2013), budgets and efforts ignored.
  if (isM3(model)) return { mode: off ? "disabled" : "adaptive" };
  if (off) notes.add(`${model} always thinks: thinking cannot be switched off`);
  return undefined;
}

function prepareTools(tools: readonly Tool[], names: ToolNames, notes: Set<string>): Tool[] {
  const prepared: Tool[] = [];
  for (const tool of tools) {
    if (tool.type === "opaque") {
      notes.add(`MiniMax does not have the tool ${tool.kind}: it was left out`);
    } else if (tool.name === "") {
      notes.add("A tool without a name was left out: MiniMax refuses it");
    } else {
      // Of two tools with one name the first counts.
      const name = names.declare(tool.name, tool.custom ?? false);
      if (name !== undefined) prepared.push({ ...prepareTool(tool), name });
    }
  }
  return prepared;
}

function prepareChoice(choice: ToolChoice | undefined, names: ToolNames): ToolChoice | undefined {
  switch (choice?.kind) {
    case "tool":
      return { ...choice, name: names.sent(choice.name) };
    case "allowed":
      return { ...choice, names: choice.names.map((name) => names.sent(name)) };
    default:
      return choice;
  }
}

function prepareTool(tool: FunctionTool): FunctionTool {
  const { strict: _strict, ...kept } = harmless(tool);
  const parameters = tool.custom || tool.parameters?.["type"] === "object"
    ? tool.parameters
    : { properties: {}, ...tool.parameters, type: "object" };
  return {
    ...kept,
    parameters,
    extensions: {
      dialect: "messages",
      // Tools without a type were seen to be refused: "invalid tool type: (2013)".
      fields: { ...kept.extensions?.fields, type: "custom" },
    },
  };
}

/** Makes the blocks of messages fit; knows the model, and collects notes. */
class ContentPreparation {
  readonly #model: string;
  readonly #names: ToolNames;
  readonly #notes: Set<string>;

  constructor(model: string, names: ToolNames, notes: Set<string>) {
    this.#model = model;
    this.#names = names;
    this.#notes = notes;
  }

  prepare<T extends ContentBlock>(blocks: readonly T[]): (T | TextBlock)[] {
    return blocks.flatMap((block) => this.#block(block) as (T | TextBlock)[]);
  }

  #block(block: ContentBlock): ContentBlock[] {
    switch (block.type) {
      case "text":
        // Empty text is refused, and citations are another vendor's.
        return block.text === "" ? [] : [{ ...harmless(block), citations: undefined }];
      case "refusal":
        return block.text === "" ? [] : [block];
      case "thinking":
        return prepareThinking(block);
      case "tool_use":
        return [{ ...block, name: this.#names.sent(block.name), extensions: undefined }];
      case "tool_result":
        return [{ ...block, content: this.prepare(block.content), extensions: undefined }];
      case "image":
        return isM3(this.#model) ? [{ ...block, extensions: undefined }] : [this.#omitted("image")];
      case "document":
        return [
          block.source.kind === "text"
            ? {
              type: "text",
              text: block.title === undefined
                ? block.source.text
                : `${block.title}\n\n${block.source.text}`,
            }
            : this.#omitted("document"),
        ];
      case "opaque":
        this.#notes.add(`MiniMax does not know blocks of type ${block.kind}: they were left out`);
        return [];
    }
  }

  #omitted(what: "image" | "document"): TextBlock {
    this.#notes.add(`${this.#model} cannot see ${what}s: each was replaced by a remark`);
    return { type: "text", text: `[${what} omitted: ${this.#model} cannot see ${what}s]` };
  }
}

/**
 * MiniMax's own thinking goes back verbatim: without it the model stops thinking after a tool call.
 * A seal of another vendor's is refused, so it is taken off; what was only a seal goes entirely.
 */
function prepareThinking(block: ThinkingBlock): ThinkingBlock[] {
  const own = block.provenance === undefined
    // Its seals are 64 hex digits, which no other vendor's are (seen 2026-06).
    ? /^[0-9a-f]{64}$/.test(block.signature ?? "")
    : block.provenance.origin === "minimax";
  if (own) return block.text === "" && block.signature === undefined ? [] : [block];
  return block.text === "" || block.redacted ? [] : [{ type: "thinking", text: block.text }];
}

const CODES: Readonly<Record<string, StreamErrorCode>> = {
  1000: "upstream",
  1001: "timeout",
  1002: "rate_limited",
  1004: "unauthorized",
  1008: "quota_exhausted",
  1013: "upstream",
  1024: "upstream",
  1026: "content_filter",
  1027: "content_filter",
  1033: "upstream",
  1039: "rate_limited",
  1041: "rate_limited",
  1042: "invalid_request",
  2013: "invalid_request",
  2045: "rate_limited",
  2049: "unauthorized",
  2056: "quota_exhausted",
  2061: "not_entitled",
};

/**
 * Judges a failure by MiniMax's own code: a field, or in parentheses at the end of the message.
 *
 * @see {@link https://platform.minimax.io/docs/api-reference/errorcode | MiniMax, error codes}
 */
export function classifyMinimaxError(facts: FailureFacts): StreamErrorCode | undefined {
  const code = facts.code ?? /\((\d{4})\)\s*$/.exec(facts.message ?? "")?.[1];
  return code !== undefined && Object.hasOwn(CODES, code) ? CODES[code] : undefined;
}
