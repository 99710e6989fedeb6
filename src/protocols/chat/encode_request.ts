/**
 * A request in the Chat Completions dialect.
 *
 * What the dialect cannot say is left out: the provider's own preparation of the request, or the
 * translation, has said so before.
 *
 * @module
 */

import { isJsonObject, type JsonObject } from "../../core/http.ts";
import type { ContentBlock, GenerateRequest, Message, Tool, ToolChoice } from "../event.ts";
import { limitCallId } from "../ids.ts";
import { encodeContent, encodeToolCall, joinTexts, joinThinking } from "./encode_content.ts";
import { fieldsOf, optional, withNested } from "./fields.ts";
import type { WireMessage, WireRequest } from "./wire.ts";

/** The request body of `POST /chat/completions`. */
export function encodeChatRequest(request: GenerateRequest): JsonObject {
  const { stream_options, response_format, ...fields } = fieldsOf(request.extensions);
  const body: WireRequest = {
    model: request.model,
    messages: [
      ...request.system?.length
        ? [{ role: "system" as const, content: encodeContent(request.system) }]
        : [],
      ...request.messages.flatMap(encodeMessage),
    ],
    ...optional("max_completion_tokens", request.maxOutputTokens),
    ...optional("temperature", request.temperature),
    ...optional("top_p", request.topP),
    ...optional("top_k", request.topK),
    ...optional("stop", request.stopSequences?.length ? [...request.stopSequences] : undefined),
    ...encodeTools(request),
    ...optional("response_format", encodeResponseFormat(request, response_format)),
    ...optional(
      "reasoning_effort",
      request.reasoning?.mode === "disabled" ? "none" : request.reasoning?.effort,
    ),
    ...optional("prompt_cache_key", request.promptCacheKey),
    ...optional("service_tier", request.serviceTier),
    ...optional(
      "user",
      fields["safety_identifier"] === request.userId ? undefined : request.userId,
    ),
    ...(request.stream
      ? {
        stream: true as const,
        // Otherwise there is no word of the usage.
        stream_options: {
          ...(isJsonObject(stream_options) ? stream_options : {}),
          include_usage: true,
        },
      }
      : optional("stream_options", isJsonObject(stream_options) ? stream_options : undefined)),
  };
  return { ...fields, ...body };
}

/** A turn as the messages that it takes here: each result is one of its own. */
function encodeMessage(message: Message): WireMessage[] {
  const { role, content } = message;
  const fields = fieldsOf(message.extensions);
  if (role === "assistant") return encodeAnswer(content, fields);
  const results = content.flatMap((block): WireMessage[] =>
    block.type === "tool_result"
      ? [{
        ...fields,
        role: "tool",
        tool_call_id: limitCallId(block.toolUseId),
        // No field says that a tool has failed.
        content: encodeContent([
          ...block.isError ? [{ type: "text" as const, text: "Error:" }] : [],
          ...block.content,
        ]),
      }]
      : []
  );
  const rest = encodeContent(content.filter((block) => block.type !== "tool_result"));
  return [...results, ...rest.length === 0 ? [] : [{ ...fields, role, content: rest }]];
}

function encodeAnswer(blocks: readonly ContentBlock[], fields: JsonObject): WireMessage[] {
  const parts = encodeContent(blocks.filter(({ type }) => type === "text" || type === "opaque"));
  const { annotations } = joinTexts(blocks);
  const thinking = joinThinking(blocks);
  const refusal = blocks.flatMap((block) => block.type === "refusal" ? [block.text] : []).join("");
  const calls = blocks.flatMap((block) => block.type === "tool_use" ? [encodeToolCall(block)] : []);
  // Calls that only this dialect knows are opaque blocks, as unknown parts are.
  const isCall = (part: unknown) => isJsonObject(part) && typeof part["id"] === "string";
  const content = Array.isArray(parts) ? parts.filter((part) => !isCall(part)) : parts;
  const opaqueCalls = Array.isArray(parts) ? parts.filter(isCall) : [];
  const answer = {
    ...fields,
    role: "assistant" as const,
    content: content.length === 0 ? null : content,
    ...(refusal === "" ? {} : { refusal }),
    ...(thinking === "" ? {} : { reasoning_content: thinking }),
    ...(annotations.length === 0 ? {} : { annotations }),
    ...(calls.length + opaqueCalls.length === 0 ? {} : { tool_calls: [...calls, ...opaqueCalls] }),
  };
  // A turn in which nothing was said is refused.
  return answer.content === null && refusal === "" && answer.tool_calls === undefined &&
      Object.keys(fields).length === 0
    ? []
    : [answer];
}

function encodeTool(tool: Tool): JsonObject | undefined {
  if (tool.type === "opaque") return tool.dialect === "chat" ? tool.value : undefined;
  const { name, description, grammar, parameters, strict, extensions } = tool;
  if (tool.custom) {
    return {
      ...withNested(extensions, "custom", {
        name,
        ...optional("description", description),
        ...optional("format", grammar && { type: "grammar", grammar }),
      }),
      type: "custom",
    };
  }
  return {
    ...withNested(extensions, "function", {
      name,
      ...optional("description", description),
      ...optional("parameters", parameters),
      ...optional("strict", strict),
    }),
    type: "function",
  };
}

function encodeTools(
  { tools = [], toolChoice, parallelToolCalls }: GenerateRequest,
): Pick<WireRequest, "tools" | "tool_choice" | "parallel_tool_calls"> {
  const encoded = tools.map(encodeTool).filter((tool) => tool !== undefined);
  // A choice without tools is refused.
  if (encoded.length === 0) return {};
  const isCustom = (name: string) =>
    tools.some((tool) => tool.type === "function" && tool.name === name && tool.custom === true);
  return {
    tools: encoded,
    ...optional("tool_choice", encodeToolChoice(toolChoice, isCustom)),
    ...optional("parallel_tool_calls", parallelToolCalls),
  };
}

function encodeToolChoice(
  choice: ToolChoice | undefined,
  isCustom: (name: string) => boolean,
): unknown {
  const named = (name: string) =>
    isCustom(name)
      ? { type: "custom", custom: { name } }
      : { type: "function", function: { name } };
  switch (choice?.kind) {
    case undefined:
      return undefined;
    case "auto":
    case "required":
    case "none":
      return choice.kind;
    case "tool":
      return named(choice.name);
    case "allowed":
      return {
        type: "allowed_tools",
        allowed_tools: { mode: choice.mode, tools: choice.names.map(named) },
      };
    case "opaque":
      return choice.dialect === "chat" ? choice.value : undefined;
  }
}

function encodeResponseFormat(
  { outputFormat: format }: GenerateRequest,
  kept: unknown,
): JsonObject | undefined {
  const fields = isJsonObject(kept) ? kept : undefined;
  switch (format?.kind) {
    case undefined:
      return fields;
    case "json_object":
      return { ...fields, type: "json_object" };
    case "json_schema": {
      const { schema, strict, description } = format;
      return {
        ...fields,
        type: "json_schema",
        json_schema: {
          // Here a name is mandatory.
          name: format.name ?? "response",
          schema,
          ...optional("description", description),
          ...optional("strict", strict),
        },
      };
    }
  }
}
