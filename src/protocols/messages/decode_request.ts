/**
 * A request that a client wrote in the Messages dialect.
 *
 * Checked as far as it must be understood; what is beyond that is left to the upstream, whose word
 * counts. What this model does not name rides along in `extensions`.
 *
 * @module
 */

import { isJsonObject, type JsonObject } from "../../core/http.ts";
import type {
  Extensions,
  GenerateRequest,
  Message,
  OutputFormat,
  Reasoning,
  TextBlock,
  Tool,
  ToolChoice,
} from "../event.ts";
import { isEnvelope, openSeals } from "../envelope.ts";
import { decodeContent } from "./decode_content.ts";
import { invalid, optional, readNumber, readString, restOf } from "./fields.ts";

const KNOWN = [
  "model",
  "max_tokens",
  "messages",
  "system",
  "tools",
  "tool_choice",
  "temperature",
  "top_p",
  "top_k",
  "stop_sequences",
  "thinking",
  "output_config",
  "metadata",
  "service_tier",
  "stream",
];

/**
 * Reads a request body.
 *
 * @throws {GrantwayError} `invalid_request` when a field is not what the dialect says; the message
 * names the field.
 */
export function decodeMessagesRequest(body: JsonObject): GenerateRequest {
  const model = readString(body["model"]);
  if (model === undefined || model === "") throw invalid("model", "a model id");
  if (!Array.isArray(body["messages"])) throw invalid("messages", "an array");
  const stops: unknown = body["stop_sequences"];
  const choice = body["tool_choice"];
  const outputConfig = isJsonObject(body["output_config"]) ? body["output_config"] : {};
  const metadata = isJsonObject(body["metadata"]) ? body["metadata"] : {};
  const parallel = isJsonObject(choice) ? choice["disable_parallel_tool_use"] : undefined;
  return {
    model,
    ...optional("system", decodeSystem(body["system"])),
    messages: body["messages"].map(decodeMessage),
    ...optional("tools", Array.isArray(body["tools"]) ? body["tools"].map(decodeTool) : undefined),
    ...optional("toolChoice", isJsonObject(choice) ? decodeToolChoice(choice) : undefined),
    ...optional("parallelToolCalls", typeof parallel === "boolean" ? !parallel : undefined),
    ...optional("maxOutputTokens", readNumber(body["max_tokens"])),
    ...optional("temperature", readNumber(body["temperature"])),
    ...optional("topP", readNumber(body["top_p"])),
    ...optional("topK", readNumber(body["top_k"])),
    ...optional(
      "stopSequences",
      Array.isArray(stops) ? stops.filter((stop) => typeof stop === "string") : undefined,
    ),
    ...optional("reasoning", decodeReasoning(body["thinking"], outputConfig)),
    ...optional("outputFormat", decodeOutputFormat(outputConfig["format"])),
    ...optional("userId", readString(metadata["user_id"])),
    ...optional("serviceTier", readString(body["service_tier"])),
    stream: body["stream"] === true,
    ...optional("extensions", decodeExtensions(body, outputConfig, metadata)),
  };
}

/** Whether a request body holds sealed reasoning in an envelope of ours. */
export function hasMessagesSeals({ messages }: JsonObject): boolean {
  return Array.isArray(messages) &&
    messages.some((message) =>
      isJsonObject(message) && Array.isArray(message["content"]) &&
      message["content"].some((block) =>
        isJsonObject(block) && (isEnvelope(block["signature"]) || isEnvelope(block["data"]))
      )
    );
}

function decodeSystem(value: unknown): TextBlock[] | undefined {
  const blocks = decodeContent(value).filter((block) => block.type === "text");
  return blocks.length === 0 ? undefined : blocks;
}

function decodeMessage(value: unknown, index: number): Message {
  if (!isJsonObject(value)) throw invalid(`messages[${index}]`, "an object");
  const role = value["role"];
  if (role !== "user" && role !== "assistant" && role !== "system") {
    throw invalid(`messages[${index}].role`, "user, assistant or system");
  }
  const content: unknown = value["content"];
  if (typeof content !== "string" && !Array.isArray(content)) {
    throw invalid(`messages[${index}].content`, "a string or an array");
  }
  return {
    role,
    content: openSeals(decodeContent(content)),
    ...optional("extensions", restOf(value, ["role", "content"])),
  };
}

function decodeTool(value: unknown, index: number): Tool {
  if (!isJsonObject(value)) throw invalid(`tools[${index}]`, "an object");
  const type = value["type"];
  // A dated type is a tool of Anthropic's own, whose schema is not in the request.
  if (typeof type === "string" && type !== "custom") {
    return { type: "opaque", dialect: "messages", kind: type, value };
  }
  const name = readString(value["name"]);
  if (name === undefined) throw invalid(`tools[${index}].name`, "a string");
  const schema = value["input_schema"];
  const strict = value["strict"];
  return {
    type: "function",
    name,
    ...optional("description", readString(value["description"])),
    ...optional("parameters", isJsonObject(schema) ? schema : undefined),
    ...optional("strict", typeof strict === "boolean" ? strict : undefined),
    ...optional("extensions", restOf(value, ["name", "description", "input_schema", "strict"])),
  };
}

function decodeToolChoice(value: JsonObject): ToolChoice {
  const name = readString(value["name"]);
  switch (value["type"]) {
    case "auto":
      return { kind: "auto" };
    case "any":
      return { kind: "required" };
    case "none":
      return { kind: "none" };
    case "tool":
      if (name !== undefined) return { kind: "tool", name };
  }
  return { kind: "opaque", dialect: "messages", value };
}

function decodeReasoning(value: unknown, outputConfig: JsonObject): Reasoning | undefined {
  const thinking = isJsonObject(value) ? value : {};
  const type = thinking["type"];
  const mode: Reasoning["mode"] = type === "enabled" || type === "disabled" || type === "adaptive"
    ? type
    : undefined;
  const reasoning: Reasoning = {
    ...optional("mode", mode),
    ...optional("budgetTokens", readNumber(thinking["budget_tokens"])),
    ...optional("effort", readString(outputConfig["effort"])),
    ...optional("summary", readString(thinking["display"])),
  };
  return Object.keys(reasoning).length === 0 ? undefined : reasoning;
}

function decodeOutputFormat(value: unknown): OutputFormat | undefined {
  if (!isJsonObject(value) || value["type"] !== "json_schema") return undefined;
  return isJsonObject(value["schema"])
    ? { kind: "json_schema", schema: value["schema"] }
    : undefined;
}

/** The fields beyond the model, those inside `output_config` and `metadata` with them. */
function decodeExtensions(
  body: JsonObject,
  outputConfig: JsonObject,
  metadata: JsonObject,
): Extensions | undefined {
  const config = restOf(outputConfig, ["effort", "format"])?.fields;
  const fields = {
    ...restOf(body, KNOWN)?.fields,
    ...optional("output_config", config),
    ...optional("metadata", restOf(metadata, ["user_id"]) === undefined ? undefined : metadata),
  };
  return restOf(fields, []);
}
