/**
 * A request in the Messages dialect.
 *
 * What the dialect cannot say is left out: the provider's own preparation of the request, or the
 * translation, has said so before.
 *
 * @module
 */

import { isJsonObject, type JsonObject } from "../../core/http.ts";
import type {
  FunctionTool,
  GenerateRequest,
  Message,
  Reasoning,
  Tool,
  ToolChoice,
} from "../event.ts";
import { encodeContent, encodeText } from "./encode_content.ts";
import { fieldsOf, optional } from "./fields.ts";
import type {
  WireBlock,
  WireMessage,
  WireRequest,
  WireThinking,
  WireTool,
  WireToolChoice,
} from "./wire.ts";

/** `max_tokens` is mandatory in this dialect; this stands in where the request names none. */
const DEFAULT_MAX_TOKENS = 32_000;

/** The least `budget_tokens`. */
const MIN_THINKING_BUDGET = 1_024;

const EFFORT_BUDGETS: Readonly<Record<string, number>> = {
  minimal: 1_024,
  low: 1_024,
  medium: 8_192,
  high: 24_576,
  xhigh: 32_768,
  max: 32_768,
};

/** The request body of `POST /v1/messages`. */
export function encodeMessagesRequest(request: GenerateRequest): JsonObject {
  const maxTokens = request.maxOutputTokens ?? DEFAULT_MAX_TOKENS;
  const stops = request.stopSequences?.filter((stop) => stop.trim() !== "");
  const fields = fieldsOf(request.extensions);
  const body: WireRequest = {
    model: request.model,
    max_tokens: maxTokens,
    messages: encodeMessages(request.messages),
    ...optional("system", request.system?.length ? request.system.map(encodeText) : undefined),
    ...encodeTools(request),
    ...optional("temperature", request.temperature),
    ...optional("top_p", request.topP),
    ...optional("top_k", request.topK),
    ...optional("stop_sequences", stops?.length ? stops : undefined),
    ...optional("thinking", encodeThinking(request.reasoning, maxTokens)),
    ...optional(
      "metadata",
      request.userId === undefined ? undefined : { user_id: request.userId },
    ),
    // Other dialects have other classes, which a server of this one refuses.
    ...optional(
      "service_tier",
      request.serviceTier === "auto" || request.serviceTier === "standard_only"
        ? request.serviceTier
        : undefined,
    ),
    ...optional("stream", request.stream ? true as const : undefined),
  };
  const outputConfig = encodeOutputConfig(request, fields["output_config"]);
  return { ...body, ...fields, ...optional("output_config", outputConfig) };
}

/** The request body of `POST /v1/messages/count_tokens`: the same without sampling and streaming. */
export function encodeMessagesCountTokens(request: GenerateRequest): JsonObject {
  const body = encodeMessagesRequest(request);
  const names = ["model", "messages", "system", "tools", "tool_choice", "thinking"];
  return Object.fromEntries(Object.entries(body).filter(([name]) => names.includes(name)));
}

/** Neighbours of one role become one turn, tool results first: calls and results must be adjacent. */
function encodeMessages(messages: readonly Message[]): WireMessage[] {
  const turns: Message[] = [];
  for (const message of messages) {
    const last = turns.at(-1);
    const role = message.role === "developer" ? "system" : message.role;
    if (last?.role === role && !last.extensions && !message.extensions) {
      turns[turns.length - 1] = { role, content: [...last.content, ...message.content] };
    } else {
      turns.push({ ...message, role });
    }
  }
  return turns.map((turn) => ({
    role: turn.role as WireMessage["role"],
    content: encodeTurn(turn),
    ...fieldsOf(turn.extensions),
  })).filter((turn) => turn.content.length > 0);
}

function encodeTurn(turn: Message): string | WireBlock[] {
  if (turn.role !== "user") return encodeContent(turn.content);
  return encodeContent([
    ...turn.content.filter((block) => block.type === "tool_result"),
    ...turn.content.filter((block) => block.type !== "tool_result"),
  ]);
}

function encodeTool(tool: Tool): WireTool | JsonObject | undefined {
  if (tool.type === "opaque") return tool.dialect === "messages" ? tool.value : undefined;
  return {
    name: tool.name,
    ...optional("description", describeTool(tool)),
    input_schema: tool.custom
      ? { type: "object", properties: { input: { type: "string" } }, required: ["input"] }
      : tool.parameters ?? { type: "object", properties: {} },
    ...optional("strict", tool.strict),
    ...fieldsOf(tool.extensions),
  };
}

/** A description; the grammar of a tool that takes free text has no other place here. */
function describeTool({ description, grammar }: FunctionTool): string | undefined {
  if (grammar === undefined) return description;
  const words = `The input follows this ${grammar.syntax} grammar:\n${grammar.definition}`;
  return description === undefined ? words : `${description}\n\n${words}`;
}

function encodeTools(request: GenerateRequest): Pick<WireRequest, "tools" | "tool_choice"> {
  const { toolChoice, parallelToolCalls } = request;
  const names = toolChoice?.kind === "allowed" ? toolChoice.names : undefined;
  const tools = (request.tools ?? [])
    .filter((tool) =>
      names === undefined || (tool.type === "function" && names.includes(tool.name))
    )
    .map(encodeTool)
    .filter((tool) => tool !== undefined);
  // A choice without tools is refused.
  if (tools.length === 0) return {};
  return {
    tools,
    ...optional("tool_choice", encodeToolChoice(toolChoice, parallelToolCalls)),
  };
}

function encodeToolChoice(
  choice: ToolChoice | undefined,
  parallel: boolean | undefined,
): WireToolChoice | undefined {
  const flag = optional(
    "disable_parallel_tool_use",
    parallel === undefined ? undefined : !parallel,
  );
  switch (choice?.kind) {
    case undefined:
      return parallel === false ? { type: "auto", ...flag } : undefined;
    case "auto":
      return { type: "auto", ...flag };
    case "required":
      return { type: "any", ...flag };
    case "none":
      return { type: "none" };
    case "tool":
      return { type: "tool", name: choice.name, ...flag };
    case "allowed":
      return { type: choice.mode === "auto" ? "auto" : "any", ...flag };
    case "opaque":
      return choice.dialect === "messages" ? choice.value as WireToolChoice : undefined;
  }
}

function encodeThinking(
  reasoning: Reasoning | undefined,
  maxTokens: number,
): WireThinking | undefined {
  // The other dialects' words for the readable part have no counterpart.
  const display = optional(
    "display",
    reasoning?.summary === "summarized" || reasoning?.summary === "omitted"
      ? reasoning.summary
      : undefined,
  );
  switch (reasoning?.mode) {
    case "enabled": {
      const wanted = reasoning.budgetTokens ?? EFFORT_BUDGETS[reasoning.effort ?? "medium"] ??
        EFFORT_BUDGETS["medium"]!;
      // The budget is part of `max_tokens` and must leave room for the answer.
      const budget = Math.min(wanted, maxTokens - 1);
      return budget < MIN_THINKING_BUDGET
        ? undefined
        : { type: "enabled", budget_tokens: budget, ...display };
    }
    case "adaptive":
      return { type: "adaptive", ...display };
    case "disabled":
      return { type: "disabled" };
    default:
      return reasoning?.effort === "none" ? { type: "disabled" } : undefined;
  }
}

function encodeOutputConfig(request: GenerateRequest, kept: unknown): JsonObject | undefined {
  const effort = request.reasoning?.effort;
  const format = request.outputFormat;
  const config = {
    ...(isJsonObject(kept) ? kept : {}),
    ...optional(
      "effort",
      effort === "none" ? undefined : effort === "minimal" ? "low" : effort,
    ),
    ...optional(
      "format",
      format?.kind === "json_schema" ? { type: "json_schema", schema: format.schema } : undefined,
    ),
  };
  return Object.keys(config).length === 0 ? undefined : config;
}
