/**
 * A request in the Responses dialect.
 *
 * It is complete in itself: nothing is kept on the server, so reasoning comes back sealed and goes
 * there again with the next request. What the dialect cannot say is left out: the provider's own
 * preparation of the request, or the translation, has said so before.
 *
 * @module
 */

import { isJsonObject, type JsonObject } from "../../core/http.ts";
import type {
  FunctionTool,
  GenerateRequest,
  OutputFormat,
  Reasoning,
  Tool,
  ToolChoice,
} from "../event.ts";
import { encodeInput } from "./encode_input.ts";
import { fieldsOf, optional } from "./fields.ts";
import { ADDITIONAL_TOOLS, isLocalShell, memberName, namespaceOf } from "./tool_forms.ts";
import type { WireFormat, WireRequest, WireTool, WireToolChoice } from "./wire.ts";

/** The request body of `POST /responses`. */
export function encodeResponsesRequest(request: GenerateRequest): JsonObject {
  const fields = fieldsOf(request.extensions);
  const include = Array.isArray(fields["include"]) ? fields["include"] : [];
  const body: WireRequest = {
    model: request.model,
    input: encodeInput(request),
    store: false,
    include: [...new Set([...include, "reasoning.encrypted_content"])],
    ...encodeTools(request),
    ...optional("max_output_tokens", request.maxOutputTokens),
    ...optional("temperature", request.temperature),
    ...optional("top_p", request.topP),
    ...optional("reasoning", encodeReasoning(request.reasoning, fields["reasoning"])),
    ...optional("text", encodeText(request.outputFormat, fields["text"])),
    ...optional("prompt_cache_key", request.promptCacheKey),
    ...optional("service_tier", request.serviceTier),
    ...optional("user", request.userId),
    ...optional("stream", request.stream ? true as const : undefined),
  };
  return { ...fields, ...body };
}

function encodeTool(tool: Tool): WireTool | JsonObject | undefined {
  if (tool.type === "opaque") return tool.dialect === "responses" ? tool.value : undefined;
  const { name, description, grammar } = tool;
  const fields = fieldsOf(tool.extensions);
  if (isLocalShell(tool)) return fields;
  if (tool.custom) {
    return {
      ...fields,
      type: "custom",
      name,
      ...optional("description", description),
      ...optional("format", grammar && { type: "grammar", ...grammar }),
    };
  }
  return {
    ...fields,
    type: "function",
    name,
    ...optional("description", description),
    parameters: tool.parameters ?? { type: "object", properties: {} },
    // Left out, it would mean yes, and few schemas are written for that.
    strict: tool.strict ?? false,
  };
}

/** The tools with those of one namespace together; those that an item of the input adds are in it. */
function encodeToolList(tools: readonly Tool[]): (WireTool | JsonObject)[] {
  const encoded: (WireTool | JsonObject)[] = [];
  let open: { namespace: JsonObject; members: unknown[] } | undefined;
  for (const tool of tools) {
    if (tool.type === "function" && fieldsOf(tool.extensions)[ADDITIONAL_TOOLS]) continue;
    const namespace = namespaceOf(tool);
    const value = namespace === undefined
      ? encodeTool(tool)
      : encodeMember(tool as FunctionTool, namespace);
    if (value === undefined) continue;
    if (namespace === undefined) {
      open = undefined;
      encoded.push(value);
    } else if (open?.namespace === namespace) {
      open.members.push(value);
    } else {
      open = { namespace, members: [value] };
      encoded.push({ ...namespace, tools: open.members });
    }
  }
  return encoded;
}

/** A function as it is inside its namespace. */
function encodeMember(
  tool: FunctionTool,
  namespace: JsonObject,
): WireTool | JsonObject | undefined {
  const { namespace: _namespace, ...fields } = fieldsOf(tool.extensions);
  return encodeTool({
    ...tool,
    name: memberName(String(namespace["name"]), tool.name),
    extensions: { dialect: "responses", fields },
  });
}

/** Tools, and the choice among them. */
export function encodeTools(
  { tools = [], toolChoice, parallelToolCalls }: GenerateRequest,
): Pick<WireRequest, "tools" | "tool_choice" | "parallel_tool_calls"> {
  const encoded = encodeToolList(tools);
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
): WireToolChoice | undefined {
  const named = (name: string) => ({ type: isCustom(name) ? "custom" : "function", name });
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
      return { type: "allowed_tools", mode: choice.mode, tools: choice.names.map(named) };
    case "opaque":
      return choice.dialect === "responses" ? choice.value as WireToolChoice : undefined;
  }
}

/** Which efforts a model takes, and what a budget of tokens comes to, is for its provider to say. */
function encodeReasoning(
  { mode, effort, summary }: Reasoning = {},
  kept: unknown,
): WireRequest["reasoning"] {
  const encoded = {
    ...(isJsonObject(kept) ? kept : {}),
    ...optional("effort", mode === "disabled" ? "none" : effort),
    // Reasoning that is not to be shown is asked for by asking for nothing.
    ...optional(
      "summary",
      summary === "summarized" ? "auto" : summary === "omitted" ? undefined : summary,
    ),
  };
  return Object.keys(encoded).length === 0 ? undefined : encoded;
}

/** What is said of the text of the answer; `kept` is what the model does not name of it. */
export function encodeText(
  format: OutputFormat | undefined,
  kept: unknown,
): WireRequest["text"] {
  const text = {
    ...(isJsonObject(kept) ? kept : {}),
    ...optional("format", encodeFormat(format)),
  };
  return Object.keys(text).length === 0 ? undefined : text;
}

function encodeFormat(format: OutputFormat | undefined): WireFormat | undefined {
  if (format?.kind !== "json_schema") return format && { type: "json_object" };
  return {
    type: "json_schema",
    // Here a name is mandatory.
    name: format.name ?? "response",
    schema: format.schema,
    ...optional("description", format.description),
    ...optional("strict", format.strict),
  };
}
