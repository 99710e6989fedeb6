/**
 * What xAI accepts as a Responses request.
 *
 * Written from the vendor's documentation and from reports of refused requests, not from the encoder
 * whose output it checks.
 *
 * @module
 */

import { isJsonObject, type JsonObject } from "../../core/http.ts";
import { estimateTokens } from "../prose.ts";
import type { SandboxQuirks } from "../quirks.ts";
import type { World } from "../world.ts";
import { check, InvalidArgument } from "./errors.ts";
import { type Item, readItems } from "./items.ts";
import type { Keys } from "./keys.ts";
import { type Effort, findXaiModel, type XaiModel } from "./models.ts";
import { checkSchema } from "./schema.ts";
import { readToolChoice, readTools, type ToolChoice, type Tools } from "./tools.ts";

/** A request that was accepted. */
export interface ResponsesRequest {
  /** As it was sent. */
  body: JsonObject;
  model: XaiModel;
  items: Item[];
  tools: Tools;
  toolChoice: ToolChoice;
  stream: boolean;
  /** `Infinity` without a limit. */
  maxOutputTokens: number;
  /** Effort that holds; `null` where the model has no such dial. */
  effort: Effort | null;
  /** Whether reasoning comes with its sealed form. */
  wantsEncrypted: boolean;
  /** Whether arguments come in several deltas. */
  streamsArguments: boolean;
  /** Estimate, tokens. */
  inputTokens: number;
  /** Those of them that an earlier request had. */
  cachedTokens: number;
}

const INCLUDES = [
  "reasoning.encrypted_content",
  "web_search_call.action.sources",
  "file_search_call.results",
  "code_interpreter_call.outputs",
  "message.output_text.logprobs",
];
/** Refused by models that reason. */
const NOT_WHEN_REASONING = ["stop", "presence_penalty", "frequency_penalty"];
const FIELDS = [
  "model",
  "input",
  "instructions",
  "max_output_tokens",
  "temperature",
  "top_p",
  "top_logprobs",
  "reasoning",
  "include",
  "store",
  "previous_response_id",
  "prompt_cache_key",
  "service_tier",
  "parallel_tool_calls",
  "tool_choice",
  "tools",
  "text",
  "user",
  "stream",
  "stream_tool_calls",
  "max_turns",
  "agent_count",
];
/**
 * Reads and checks a request.
 *
 * @throws {InvalidArgument} When xAI would refuse it.
 */
export async function readResponsesRequest(
  body: JsonObject,
  { quirks, promptCache }: Pick<World, "quirks" | "promptCache">,
  keys: Keys,
): Promise<ResponsesRequest> {
  const model = findXaiModel(body["model"]);
  if (model === undefined) {
    throw new InvalidArgument(
      `The model ${
        JSON.stringify(body["model"] ?? null)
      } does not exist or your team does not have access to it.`,
      { status: 404, code: "Some requested entity was not found" },
    );
  }
  checkFields(body, model, quirks);
  const effort = readEffort(body, model);
  const tools = readTools(body["tools"], model, quirks);
  const toolChoice = readToolChoice(body["tool_choice"], tools);
  checkTextFormat(body["text"], quirks);
  const items = await readItems(body["input"], { model, quirks, keys });
  const { instructions = "", tools: toolList = [] } = body;
  const inputTokens = estimateTokens([instructions, toolList, items]);
  check(
    inputTokens <= model.contextTokens,
    `This model's maximum prompt length is ${model.contextTokens} but the request contains ${inputTokens} tokens.`,
  );
  const cacheKey = `${model.id} ${body["prompt_cache_key"] ?? ""}`;
  return {
    body,
    model,
    items,
    tools,
    toolChoice,
    stream: body["stream"] === true,
    maxOutputTokens: body["max_output_tokens"] as number | null | undefined ?? Infinity,
    effort,
    wantsEncrypted: readInclude(body["include"]).includes("reasoning.encrypted_content"),
    streamsArguments: body["stream_tool_calls"] === true,
    inputTokens,
    cachedTokens: promptCache.read(cacheKey, [instructions, toolList, ...items]),
  };
}

function checkFields(body: JsonObject, model: XaiModel, quirks: SandboxQuirks): void {
  const given = (name: string) => body[name] !== undefined && body[name] !== null;
  if (given("search_parameters")) {
    throw new InvalidArgument("Live search is deprecated, use the search tools", {
      status: 410,
      code: "gone",
    });
  }
  for (const name of NOT_WHEN_REASONING) {
    check(
      !given(name) || !model.reasons,
      `Argument not supported on this model: ${name}`,
    );
  }
  if (quirks.unknownFields === "refuse") {
    const unknown = Object.keys(body).find((name) => !FIELDS.includes(name));
    check(unknown === undefined, `unknown field \`${unknown}\``);
  }
  for (const name of ["stream", "store", "parallel_tool_calls", "stream_tool_calls"]) {
    check(!given(name) || typeof body[name] === "boolean", `${name} must be a boolean`);
  }
  for (const name of ["instructions", "user", "prompt_cache_key"]) {
    check(!given(name) || typeof body[name] === "string", `${name} must be a string`);
  }
  checkNumber(body, "temperature", 0, 2);
  checkNumber(body, "top_p", 0, 1);
  checkNumber(body, "top_logprobs", 0, 8);
  checkNumber(body, "max_output_tokens", 1, Infinity);
  const limit = body["max_output_tokens"];
  check(!given("max_output_tokens") || Number.isInteger(limit), "max_output_tokens must be whole");
  const tier = body["service_tier"];
  check(
    !given("service_tier") || tier === "default" || (tier === "priority" && model.isNewest),
    `This model does not support service_tier ${JSON.stringify(tier)}`,
  );
  if (given("previous_response_id")) {
    check(!given("instructions"), "instructions cannot be combined with previous_response_id");
    // The sandbox keeps no responses.
    throw new InvalidArgument("The previous response was not found", {
      status: 404,
      code: "Some requested entity was not found",
    });
  }
}

function checkNumber(body: JsonObject, name: string, min: number, max: number): void {
  const value = body[name];
  if (value === undefined || value === null) return;
  check(
    typeof value === "number" && value >= min && value <= max,
    `${name} must be a number from ${min} to ${max}`,
  );
}

function readEffort(body: JsonObject, model: XaiModel): Effort | null {
  const reasoning = body["reasoning"];
  if (reasoning === undefined || reasoning === null) return model.defaultEffort;
  check(isJsonObject(reasoning), "reasoning must be an object");
  const { effort, summary } = reasoning;
  check(
    summary === undefined || summary === null ||
      ["auto", "concise", "detailed"].includes(summary as string),
    "reasoning.summary is not valid",
  );
  if (effort === undefined || effort === null) return model.defaultEffort;
  check(
    model.efforts.length > 0,
    `Model ${model.id} does not support parameter reasoningEffort.`,
  );
  const known = model.efforts.find((level) => level === effort);
  check(
    known !== undefined,
    `Invalid reasoning effort ${JSON.stringify(effort)} for model ${model.id}`,
  );
  return known;
}

function readInclude(value: unknown): readonly unknown[] {
  if (value === undefined || value === null) return [];
  check(Array.isArray(value), "include must be a list");
  for (const name of value) {
    check(INCLUDES.includes(name as string), `unknown variant ${JSON.stringify(name)} of include`);
  }
  return value;
}

function checkTextFormat(text: unknown, quirks: SandboxQuirks): void {
  if (text === undefined || text === null) return;
  check(isJsonObject(text), "text must be an object");
  check(
    quirks.unknownFields === "ignore" || text["verbosity"] === undefined,
    "unknown field `verbosity` of text",
  );
  const { format } = text;
  if (format === undefined || format === null) return;
  check(isJsonObject(format), "text.format must be an object");
  switch (format["type"]) {
    case "text":
    case "json_object":
      return;
    case "json_schema":
      check(typeof format["name"] === "string", "text.format needs a name");
      return checkSchema(format["schema"], quirks);
    default:
      check(false, "text.format has an unknown type");
  }
}
