/**
 * The response object of an answer: as it begins, and as it ends.
 *
 * @module
 */

import { isJsonObject, type JsonObject } from "../../core/http.ts";
import { estimateTokens } from "../prose.ts";
import type { SandboxQuirks } from "../quirks.ts";
import type { ResponsesRequest } from "./request.ts";
import type { Answer } from "./script.ts";

/** 1 US dollar is 10^10 ticks; prices are per million tokens. */
const TICKS_PER_PRICE_AND_TOKEN = 1e10 / 1e6;

/** The response before it has any output. */
export function initialResponse(
  request: ResponsesRequest,
  answer: Answer,
  now: number,
): JsonObject {
  const { body, model, effort } = request;
  const reasoning = isJsonObject(body["reasoning"]) ? body["reasoning"] : {};
  const text = isJsonObject(body["text"]) ? body["text"] : {};
  return {
    created_at: Math.floor(now / 1000),
    id: answer.id,
    max_output_tokens: body["max_output_tokens"] ?? null,
    model: model.id,
    object: "response",
    output: [],
    parallel_tool_calls: body["parallel_tool_calls"] ?? true,
    previous_response_id: null,
    reasoning: { effort, summary: reasoning["summary"] ?? null },
    temperature: body["temperature"] ?? null,
    text: { format: text["format"] ?? { type: "text" } },
    tool_choice: body["tool_choice"] ?? "auto",
    tools: body["tools"] ?? [],
    top_p: body["top_p"] ?? null,
    user: body["user"] ?? null,
    incomplete_details: null,
    status: "in_progress",
    store: body["store"] ?? true,
    metadata: {},
  };
}

/** The whole response. */
export function finalResponse(
  request: ResponsesRequest,
  answer: Answer,
  quirks: SandboxQuirks,
  now: number,
): JsonObject {
  const { status, reason } = answer;
  return {
    ...initialResponse(request, answer, now),
    output: status === "failed" ? [] : answer.output,
    status,
    incomplete_details: status === "incomplete" ? { reason } : null,
    ...(status === "failed"
      ? { error: { code: reason, message: "The sandbox was asked to fail" } }
      : {}),
    ...usageField(request, answer, quirks),
  };
}

function usageField(
  { model, inputTokens, cachedTokens }: ResponsesRequest,
  { output, thought }: Answer,
  quirks: SandboxQuirks,
): JsonObject {
  if (quirks.finalUsage === "missing") return {};
  const visible = output.filter(({ type }) => type !== "reasoning");
  const reasoningTokens = thought === undefined ? 0 : estimateTokens(thought);
  const outputTokens = reasoningTokens + (visible.length === 0 ? 0 : estimateTokens(visible));
  const counts = {
    input_tokens: inputTokens,
    output_tokens: outputTokens,
    total_tokens: inputTokens + outputTokens,
  };
  if (quirks.finalUsage === "plain") return { usage: counts };
  const hosted =
    output.filter(({ type }) =>
      type !== "reasoning" && type !== "message" && type !== "function_call"
    ).length;
  const [inputPrice, outputPrice, cachedPrice] = model.price;
  const cost = (inputTokens - cachedTokens) * inputPrice + cachedTokens * cachedPrice +
    outputTokens * outputPrice;
  return {
    usage: {
      ...counts,
      input_tokens_details: { cached_tokens: cachedTokens },
      output_tokens_details: { reasoning_tokens: reasoningTokens },
      num_sources_used: 0,
      num_server_side_tools_used: hosted,
      cost_in_usd_ticks: Math.round(cost * TICKS_PER_PRICE_AND_TOKEN),
      // Every internal turn reads the prompt again, so that the sum says nothing of the window.
      ...(hosted === 0 ? {} : {
        input_tokens: inputTokens * (hosted + 1),
        total_tokens: inputTokens * (hosted + 1) + outputTokens,
        context_details: { input_tokens: inputTokens, output_tokens: outputTokens },
      }),
    },
  };
}
