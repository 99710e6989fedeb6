/**
 * A request that a client wrote in the Responses dialect.
 *
 * Checked as far as it must be understood; what is beyond that is left to the upstream, whose word
 * counts. What the model does not name rides along in `extensions`. A field that is null is one that
 * is absent.
 *
 * @module
 */

import { isJsonObject, type JsonObject } from "../../core/http.ts";
import type { GenerateRequest, OutputFormat, Reasoning, TextBlock } from "../event.ts";
import { isEnvelope } from "../envelope.ts";
import { decodeInput } from "./decode_input.ts";
import { decodeToolChoice, decodeTools } from "./decode_tools.ts";
import { invalid, optional, readNumber, readString, restOf } from "./fields.ts";

const KNOWN = [
  "model",
  "input",
  "instructions",
  "tools",
  "tool_choice",
  "parallel_tool_calls",
  "max_output_tokens",
  "temperature",
  "top_p",
  "reasoning",
  "text",
  "user",
  "prompt_cache_key",
  "service_tier",
  "stream",
  "store",
];

/**
 * Reads a request body.
 *
 * @throws {GrantwayError} `invalid_request` when a field is not what the dialect says; the message
 * names the field.
 */
export function decodeResponsesRequest(body: JsonObject): GenerateRequest {
  const model = readString(body["model"]);
  if (model === undefined || model === "") throw invalid("model", "a model id");
  const parallel = body["parallel_tool_calls"];
  const reasoning = withoutNull(body["reasoning"]);
  const text = withoutNull(body["text"]);
  const format = decodeFormat(text["format"]);
  return {
    model,
    ...optional("system", decodeInstructions(body["instructions"])),
    messages: decodeInput(body["input"]),
    ...optional("tools", decodeTools(body)),
    ...optional("toolChoice", decodeToolChoice(body["tool_choice"])),
    ...optional("parallelToolCalls", typeof parallel === "boolean" ? parallel : undefined),
    ...optional("maxOutputTokens", readNumber(body["max_output_tokens"])),
    ...optional("temperature", readNumber(body["temperature"])),
    ...optional("topP", readNumber(body["top_p"])),
    ...optional("reasoning", decodeReasoning(reasoning)),
    ...optional("outputFormat", format),
    ...optional("userId", readString(body["user"])),
    ...optional("promptCacheKey", readString(body["prompt_cache_key"])),
    ...optional("serviceTier", readString(body["service_tier"])),
    stream: body["stream"] === true,
    ...optional(
      "extensions",
      restOf({
        ...restOf(withoutNull(body), KNOWN)?.fields,
        ...optional("reasoning", restOf(reasoning, ["effort", "summary"])?.fields),
        ...optional("text", restOf(text, format === undefined ? [] : ["format"])?.fields),
      }, []),
    ),
  };
}

/** Whether a request body holds sealed reasoning in an envelope of ours. */
export function hasResponsesSeals({ input }: JsonObject): boolean {
  return Array.isArray(input) &&
    input.some((item) => isJsonObject(item) && isEnvelope(item["encrypted_content"]));
}

function withoutNull(value: unknown): JsonObject {
  if (!isJsonObject(value)) return {};
  return Object.fromEntries(Object.entries(value).filter(([, field]) => field !== null));
}

function decodeInstructions(value: unknown): TextBlock[] | undefined {
  if (value === undefined || value === null || value === "") return undefined;
  if (typeof value !== "string") throw invalid("instructions", "a string");
  return [{ type: "text", text: value }];
}

function decodeReasoning(value: JsonObject): Reasoning | undefined {
  const reasoning: Reasoning = {
    ...optional("effort", readString(value["effort"])),
    ...optional("summary", readString(value["summary"])),
  };
  return Object.keys(reasoning).length === 0 ? undefined : reasoning;
}

function decodeFormat(value: unknown): OutputFormat | undefined {
  if (!isJsonObject(value)) return undefined;
  if (value["type"] === "json_object") return { kind: "json_object" };
  const { schema, strict } = value;
  if (value["type"] !== "json_schema" || !isJsonObject(schema)) return undefined;
  return {
    kind: "json_schema",
    schema,
    ...optional("name", readString(value["name"])),
    ...optional("strict", typeof strict === "boolean" ? strict : undefined),
    ...optional("description", readString(value["description"])),
  };
}
