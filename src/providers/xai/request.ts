/**
 * Where xAI's Responses endpoint departs from the protocol: what it refuses or does not know in a
 * request.
 *
 * @see {@link https://docs.x.ai/docs/api-reference | xAI, API reference}
 * @module
 */

import type {
  ContentBlock,
  Extensions,
  FunctionTool,
  GenerateRequest,
  ImageBlock,
  Message,
  OpaqueTool,
  OutputFormat,
  Reasoning,
  TextBlock,
  ThinkingBlock,
  Tool,
  ToolChoice,
} from "../../protocols/event.ts";
import { isJsonObject, type JsonObject } from "../../core/http.ts";
import type { Model, PreparedRequest } from "../provider.ts";
import { ToolNames } from "../tool_names.ts";
import { clampEffort } from "./effort.ts";
import { XAI_MODELS } from "./models.ts";
import { guardSchema } from "./schema.ts";
import { NATIVE_TOOLS } from "./tool_names.ts";

/** Sources differ (10 and 20 MiB); the smaller limit stands here. */
const MAX_IMAGE_BYTES = 10 * 1024 * 1024;

const IMAGE_TYPES: readonly string[] = ["image/png", "image/jpeg", "image/webp"];

/** The models that take `priority`; any other refuses the field (2026-07). */
const PRIORITY_MODELS: readonly string[] = ["grok-4.6"];

/** Values of `include` that the API knows; any other is refused. */
const INCLUDES: readonly string[] = [
  "reasoning.encrypted_content",
  "web_search_call.action.sources",
  "file_search_call.results",
  "code_interpreter_call.outputs",
  "message.output_text.logprobs",
];

/** Fields of the dialect that the API knows besides those that the model names. */
const FIELDS: readonly string[] = ["include", "top_logprobs", "max_turns", "agent_count"];

/** Claude Code heads its prompt with a line that differs in every request: no cache would ever hit. */
const BILLING_LINE = /^x-anthropic-billing-header:/;

/**
 * Makes a request fit for the xAI API.
 *
 * Each note says once what was changed that its author would notice. What only tunes the request for
 * another vendor goes without a word.
 */
export function prepareXaiRequest(request: GenerateRequest): PreparedRequest {
  const notes = new Set<string>();
  const names = new ToolNames(NATIVE_TOOLS);
  const model = XAI_MODELS.find(({ id }) => id === request.model);
  const tools = prepareTools(request, model, names, notes);
  const content = new ContentPreparation(request.model, model, names, notes);
  if (request.topK !== undefined) notes.add("top_k has no effect on xAI and was left out");
  const { topK: _topK, userId: _userId, ...kept } = request;
  return {
    request: {
      ...kept,
      system: request.system
        ?.filter(({ text }) => text !== "" && !BILLING_LINE.test(text))
        .map(({ text }) => ({ type: "text", text })),
      messages: request.messages.map(({ role, content: blocks }): Message => ({
        role,
        content: content.prepare(blocks),
      })),
      tools: tools.length > 0 ? tools : undefined,
      toolChoice: tools.length > 0 ? prepareChoice(request.toolChoice, names) : undefined,
      temperature: clamp("temperature", request.temperature, 2, notes),
      topP: clamp("top_p", request.topP, 1, notes),
      reasoning: prepareReasoning(request.model, request.reasoning, notes),
      outputFormat: prepareFormat(request.outputFormat),
      serviceTier: prepareTier(request),
      extensions: prepareFields(request.extensions),
    },
    notes: [...notes],
    tools: names.renamed,
  };
}

function clamp(
  name: string,
  value: number | undefined,
  most: number,
  notes: Set<string>,
): number | undefined {
  if (value === undefined || (value >= 0 && value <= most)) return value;
  notes.add(`${name} was set to the nearest value that xAI takes, from 0 to ${most}`);
  return Math.min(most, Math.max(0, value));
}

function prepareReasoning(
  model: string,
  reasoning: Reasoning | undefined,
  notes: Set<string>,
): Reasoning | undefined {
  if (reasoning === undefined) return undefined;
  const { effort, stays } = clampEffort(model, reasoning);
  // A model that never reasons has nothing to switch off.
  if (stays && XAI_MODELS.find(({ id }) => id === model)?.reasoning !== false) {
    notes.add(`${model} cannot be told not to reason`);
  }
  return effort === undefined && reasoning.summary === undefined
    ? undefined
    : { effort, summary: reasoning.summary };
}

function prepareTier({ serviceTier, model }: GenerateRequest): string | undefined {
  const isKnown = serviceTier === "default" ||
    (serviceTier === "priority" && PRIORITY_MODELS.includes(model));
  return isKnown ? serviceTier : undefined;
}

function prepareFormat(format: OutputFormat | undefined): OutputFormat | undefined {
  if (format?.kind !== "json_schema") return format;
  const name = format.name?.replace(/[^A-Za-z0-9_-]/g, "_").slice(0, 64);
  return { ...format, name: name || undefined, schema: guardSchema(format.schema, "known") };
}

function prepareFields(extensions: Extensions | undefined): Extensions | undefined {
  if (extensions?.dialect !== "responses") return undefined;
  const kept = Object.entries(extensions.fields).filter(([name]) => FIELDS.includes(name));
  const fields: JsonObject = Object.fromEntries(kept);
  const { include, top_logprobs } = fields;
  if (Array.isArray(include)) {
    fields["include"] = include.filter((value) => INCLUDES.includes(value));
  }
  if (typeof top_logprobs === "number") fields["top_logprobs"] = Math.min(8, top_logprobs);
  return { dialect: "responses", fields };
}

function prepareChoice(
  choice: ToolChoice | undefined,
  names: ToolNames,
): ToolChoice | undefined {
  switch (choice?.kind) {
    case "tool":
      return { ...choice, name: names.sent(choice.name) };
    case "allowed":
      return { ...choice, names: choice.names.map((name) => names.sent(name)) };
    case "opaque":
      // A tool of the server's, which can be preferred but not forced.
      return choice.dialect === "responses" && isJsonObject(choice.value)
        ? {
          ...choice,
          value: {
            type: "allowed_tools",
            mode: "required",
            tools: [{ type: choice.value["type"] }],
          },
        }
        : undefined;
    default:
      return choice;
  }
}

function prepareTools(
  { tools = [] }: GenerateRequest,
  model: Model | undefined,
  names: ToolNames,
  notes: Set<string>,
): Tool[] {
  return tools.flatMap((tool): Tool[] => {
    if (tool.type === "opaque") return prepareServerTool(tool, notes);
    if (model?.tools === false) {
      notes.add(`${model.id} takes no tools of the client's: they were left out`);
      return [];
    }
    const name = tool.name === "" ? undefined : names.declare(tool.name, tool.custom ?? false);
    return name === undefined ? [] : [prepareFunction(tool, name)];
  });
}

function prepareFunction(tool: FunctionTool, name: string): FunctionTool {
  const { description, strict } = tool;
  if (!tool.custom) {
    return {
      type: "function",
      name,
      description,
      strict,
      parameters: guardSchema(tool.parameters, "known"),
    };
  }
  // There are no tools that take free text: the text becomes the one property of an object.
  const format = tool.grammar ?? tool.extensions?.fields["format"];
  const grammar = isJsonObject(format) && typeof format["definition"] === "string"
    ? `The input follows this ${format["syntax"] ?? ""} grammar:\n${format["definition"]}`
    : undefined;
  return {
    type: "function",
    name,
    description: [description, grammar].filter((text) => text).join("\n\n") || undefined,
    parameters: {
      type: "object",
      properties: { input: { type: "string" } },
      required: ["input"],
    },
  };
}

/** Fields of each server tool that the API knows. */
const SERVER_TOOLS: Readonly<Record<string, readonly string[]>> = {
  web_search: ["filters", "user_location", "enable_image_understanding", "enable_image_search"],
  x_search: [
    "allowed_x_handles",
    "excluded_x_handles",
    "from_date",
    "to_date",
    "enable_image_understanding",
    "enable_video_understanding",
  ],
  code_interpreter: [],
  code_execution: [],
  file_search: ["vector_store_ids", "max_num_results", "filters"],
  collections_search: ["vector_store_ids", "max_num_results", "filters"],
  mcp: [
    "server_label",
    "server_url",
    "server_description",
    "authorization",
    "headers",
    "allowed_tools",
    "require_approval",
  ],
};

function prepareServerTool(tool: OpaqueTool, notes: Set<string>): Tool[] {
  const isSearch = tool.dialect === "messages" && tool.kind.startsWith("web_search_");
  const value = isSearch ? translateSearch(tool.value) : tool.value;
  const kind = isSearch ? "web_search" : tool.kind;
  const fields = tool.dialect === "responses" || isSearch ? SERVER_TOOLS[kind] : undefined;
  if (fields === undefined) {
    notes.add(`xAI does not have the tool ${tool.kind}: it was left out`);
    return [];
  }
  const kept = Object.entries(value).filter(([name]) => fields.includes(name));
  return [{
    type: "opaque",
    dialect: "responses",
    kind,
    value: { type: kind, ...Object.fromEntries(kept) },
  }];
}

/** The web search of the Messages dialect. At most 5 domains, allowed or excluded. */
function translateSearch({ allowed_domains, blocked_domains }: JsonObject): JsonObject {
  if (Array.isArray(allowed_domains)) {
    return { filters: { allowed_domains: allowed_domains.slice(0, 5) } };
  }
  return Array.isArray(blocked_domains)
    ? { filters: { excluded_domains: blocked_domains.slice(0, 5) } }
    : {};
}

/** Makes the blocks of messages fit; knows the model and the names, and collects notes. */
class ContentPreparation {
  readonly #modelId: string;
  readonly #model: Model | undefined;
  readonly #names: ToolNames;
  readonly #notes: Set<string>;

  constructor(id: string, model: Model | undefined, names: ToolNames, notes: Set<string>) {
    this.#modelId = id;
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
      case "refusal":
        return block.text === "" ? [] : [{ type: block.type, text: block.text }];
      case "thinking":
        return prepareThinking(block, this.#modelId);
      case "tool_use": {
        const { id, custom, arguments: text } = block;
        const name = this.#names.sent(block.name);
        // What it was told to take, it has to see taken.
        const json = custom ? JSON.stringify({ input: text }) : text;
        return [{ type: "tool_use", id, name, arguments: json }];
      }
      case "tool_result":
        return [{ ...block, content: this.prepare(block.content), extensions: undefined }];
      case "image":
        return [this.#image(block)];
      case "document":
        if (block.source.kind !== "base64") return [{ ...block, extensions: undefined }];
        this.#notes.add("xAI takes documents by URL alone: each was replaced by a remark");
        return [{ type: "text", text: `[document omitted: ${block.title ?? "without a title"}]` }];
      case "opaque": {
        // Traces of what a server has done itself; what came of it stands in its answer.
        const { tool_name } = block.value;
        return block.kind === "tool_reference" && typeof tool_name === "string"
          ? [{ type: "text", text: `[tool ${this.#names.sent(tool_name)}]` }]
          : [];
      }
    }
  }

  #image(block: ImageBlock): ImageBlock | TextBlock {
    const { source } = block;
    let reason: string | undefined;
    if (this.#model !== undefined && !this.#model.input.includes("image")) {
      reason = `${this.#modelId} cannot see images`;
    } else if (source.kind === "base64" && !IMAGE_TYPES.includes(source.mediaType)) {
      reason = "xAI takes PNG, JPEG and WebP images";
    } else if (source.kind === "base64" && source.data.length * 3 / 4 > MAX_IMAGE_BYTES) {
      reason = "xAI takes images up to 10 MiB";
    }
    if (reason === undefined) return { ...block, extensions: undefined };
    this.#notes.add(`${reason}: any other was replaced by a remark`);
    return { type: "text", text: `[image omitted: ${reason}]` };
  }
}

/**
 * Sealed reasoning goes back to the family of models that has sealed it, with its summary as it was;
 * anywhere else it is refused. Its id means nothing to a server that has not kept it.
 */
function prepareThinking(block: ThinkingBlock, model: string): ThinkingBlock[] {
  const { provenance, signature, extensions } = block;
  if (signature === undefined || provenance?.origin !== "xai") return [];
  const [from, to] = [familyOf(provenance.model), familyOf(model)];
  if (from !== undefined && to !== undefined && from !== to) return [];
  const { summary, content } = extensions?.dialect === "responses" ? extensions.fields : {};
  const fields: JsonObject = {
    ...(summary === undefined ? {} : { summary }),
    ...(content === undefined ? {} : { content }),
  };
  return [{
    ...block,
    extensions: Object.keys(fields).length === 0 ? undefined : { dialect: "responses", fields },
  }];
}

/** `grok-4.3` of `grok-4.3-0415`; `undefined` for a name that does not tell. */
function familyOf(model: string | undefined): string | undefined {
  return /^grok-(?:\d+(?:\.\d+)?|[a-z]+)/.exec(model ?? "")?.[0];
}
