/**
 * A request that a client wrote in the Chat Completions dialect.
 *
 * Checked as far as it must be understood; what is beyond that is left to the upstream, whose word
 * counts. What the model does not name rides along in `extensions`.
 *
 * @module
 */

import { isJsonObject, type JsonObject } from "../../core/http.ts";
import type {
  ContentBlock,
  FunctionTool,
  GenerateRequest,
  Message,
  OutputFormat,
  Tool,
  ToolChoice,
  ToolResultBlock,
} from "../event.ts";
import { ANSWER_FIELDS, callIdFor, decodeAnswer, decodeContent } from "./decode_content.ts";
import { invalid, optional, readNumber, readString, restOf, restOfNested } from "./fields.ts";

const KNOWN = [
  "model",
  "messages",
  "max_completion_tokens",
  "max_tokens",
  "temperature",
  "top_p",
  "top_k",
  "stop",
  "tools",
  "tool_choice",
  "parallel_tool_calls",
  "functions",
  "function_call",
  "reasoning_effort",
  "prompt_cache_key",
  "service_tier",
  "user",
  "stream",
];

/**
 * Reads a request body.
 *
 * @throws {GrantwayError} `invalid_request` when a field is not what the dialect says; the message
 * names the field.
 */
export function decodeChatRequest(body: JsonObject): GenerateRequest {
  const model = readString(body["model"]);
  if (model === undefined || model === "") throw invalid("model", "a model id");
  if (!Array.isArray(body["messages"])) throw invalid("messages", "an array");
  const stop = body["stop"];
  const effort = readString(body["reasoning_effort"]);
  const parallel = body["parallel_tool_calls"];
  const format = decodeResponseFormat(body["response_format"]);
  return {
    model,
    messages: decodeMessages(body["messages"]),
    ...optional("tools", decodeTools(body)),
    ...optional("toolChoice", decodeToolChoice(body["tool_choice"] ?? body["function_call"])),
    ...optional("parallelToolCalls", typeof parallel === "boolean" ? parallel : undefined),
    ...optional(
      "maxOutputTokens",
      readNumber(body["max_completion_tokens"]) ?? readNumber(body["max_tokens"]),
    ),
    ...optional("temperature", readNumber(body["temperature"])),
    ...optional("topP", readNumber(body["top_p"])),
    ...optional("topK", readNumber(body["top_k"])),
    ...optional(
      "stopSequences",
      typeof stop === "string"
        ? [stop]
        : Array.isArray(stop)
        ? stop.filter((one) => typeof one === "string")
        : undefined,
    ),
    ...optional("reasoning", effort === undefined ? undefined : { effort }),
    ...optional("outputFormat", format),
    ...optional("userId", readString(body["user"]) ?? readString(body["safety_identifier"])),
    ...optional("promptCacheKey", readString(body["prompt_cache_key"])),
    ...optional("serviceTier", readString(body["service_tier"])),
    stream: body["stream"] === true,
    ...optional(
      "extensions",
      restOfNested(
        body,
        KNOWN,
        "response_format",
        format === undefined ? [] : ["type", "json_schema"],
      ),
    ),
  };
}

function decodeMessages(values: readonly unknown[]): Message[] {
  /** Results of the legacy form name their function alone: the latest call of it is meant. */
  const legacyCalls = new Map<string, string>();
  return values.map((value, index) => {
    if (!isJsonObject(value)) throw invalid(`messages[${index}]`, "an object");
    const role = value["role"];
    switch (role) {
      case "system":
      case "developer":
      case "user":
        return {
          role,
          content: decodeContent(value["content"]),
          ...optional("extensions", restOf(value, ["role", "content"])),
        };
      case "assistant": {
        const content = decodeAnswer(value, `messages[${index}]`);
        const legacy = value["function_call"];
        const last = content.at(-1);
        if (isJsonObject(legacy) && last?.type === "tool_use") legacyCalls.set(last.name, last.id);
        return { role, content, ...optional("extensions", restOf(value, ANSWER_FIELDS)) };
      }
      case "tool":
        return {
          role: "user",
          content: [decodeToolResult(readString(value["tool_call_id"]) ?? "", value)],
          ...optional("extensions", restOf(value, ["role", "content", "tool_call_id"])),
        };
      case "function": {
        const name = readString(value["name"]) ?? "";
        const id = legacyCalls.get(name) ?? callIdFor(name);
        return { role: "user", content: [decodeToolResult(id, value)] };
      }
      default:
        throw invalid(
          `messages[${index}].role`,
          "system, developer, user, assistant, tool or function",
        );
    }
  });
}

function decodeToolResult(toolUseId: string, value: JsonObject): ToolResultBlock {
  const content = decodeContent(value["content"]);
  return {
    type: "tool_result",
    toolUseId,
    content: content.filter((block): block is ToolResultBlock["content"][number] =>
      isResultContent(block)
    ),
  };
}

function isResultContent(block: ContentBlock): boolean {
  return block.type === "text" || block.type === "image" || block.type === "document" ||
    block.type === "opaque";
}

function decodeTools(body: JsonObject): Tool[] | undefined {
  const { tools, functions } = body;
  if (Array.isArray(tools)) return tools.map(decodeTool);
  return Array.isArray(functions)
    ? functions.map((value, index) => decodeTool({ type: "function", function: value }, index))
    : undefined;
}

function decodeTool(value: unknown, index: number): Tool {
  if (!isJsonObject(value)) throw invalid(`tools[${index}]`, "an object");
  const type = readString(value["type"]) ?? "function";
  if (type === "custom") return decodeCustomTool(value, index);
  if (type !== "function") return { type: "opaque", dialect: "chat", kind: type, value };
  const tool = value["function"];
  const name = isJsonObject(tool) ? readString(tool["name"]) : undefined;
  if (!isJsonObject(tool) || name === undefined) {
    throw invalid(`tools[${index}].function.name`, "a string");
  }
  const { parameters, strict } = tool;
  return {
    type: "function",
    name,
    ...optional("description", readString(tool["description"])),
    ...optional("parameters", isJsonObject(parameters) ? parameters : undefined),
    ...optional("strict", typeof strict === "boolean" ? strict : undefined),
    ...optional(
      "extensions",
      restOfNested(value, ["type"], "function", ["name", "description", "parameters", "strict"]),
    ),
  };
}

function decodeCustomTool(value: JsonObject, index: number): FunctionTool {
  const tool = isJsonObject(value["custom"]) ? value["custom"] : {};
  const name = readString(tool["name"]);
  if (name === undefined) throw invalid(`tools[${index}].custom.name`, "a string");
  const format = isJsonObject(tool["format"]) ? tool["format"] : {};
  const grammar = isJsonObject(format["grammar"]) ? format["grammar"] : {};
  const syntax = readString(grammar["syntax"]);
  const definition = readString(grammar["definition"]);
  const hasGrammar = syntax !== undefined && definition !== undefined;
  return {
    type: "function",
    name,
    custom: true,
    ...optional("description", readString(tool["description"])),
    ...(hasGrammar ? { grammar: { syntax, definition } } : {}),
    ...optional(
      "extensions",
      restOfNested(
        value,
        ["type"],
        "custom",
        ["name", "description", ...(hasGrammar ? ["format"] : [])],
      ),
    ),
  };
}

/** The name of the tool that an object of this dialect refers to. */
function namedTool(value: unknown): string | undefined {
  if (!isJsonObject(value)) return undefined;
  const inner = value["function"] ?? value["custom"] ?? value;
  return isJsonObject(inner) ? readString(inner["name"]) : undefined;
}

function decodeToolChoice(value: unknown): ToolChoice | undefined {
  if (value === "auto" || value === "required" || value === "none") return { kind: value };
  if (!isJsonObject(value)) return undefined;
  const allowed = value["allowed_tools"];
  if (value["type"] === "allowed_tools" && isJsonObject(allowed)) {
    const tools: unknown = allowed["tools"];
    return {
      kind: "allowed",
      mode: allowed["mode"] === "required" ? "required" : "auto",
      names: (Array.isArray(tools) ? tools : []).flatMap((tool) => namedTool(tool) ?? []),
    };
  }
  const name = namedTool(value);
  return name === undefined ? { kind: "opaque", dialect: "chat", value } : { kind: "tool", name };
}

function decodeResponseFormat(value: unknown): OutputFormat | undefined {
  if (!isJsonObject(value)) return undefined;
  if (value["type"] === "json_object") return { kind: "json_object" };
  const format = value["json_schema"];
  if (value["type"] !== "json_schema" || !isJsonObject(format)) return undefined;
  const { schema, strict } = format;
  return {
    kind: "json_schema",
    schema: isJsonObject(schema) ? schema : {},
    ...optional("name", readString(format["name"])),
    ...optional("strict", typeof strict === "boolean" ? strict : undefined),
    ...optional("description", readString(format["description"])),
  };
}
