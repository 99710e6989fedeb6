/**
 * The AI SDK as a client: one conversation through any of its providers.
 *
 * @module
 */

import { createAnthropic } from "@ai-sdk/anthropic";
import { createOpenAI } from "@ai-sdk/openai";
import { createXai } from "@ai-sdk/xai";
import { generateText, jsonSchema, type LanguageModel, Output, streamText, tool } from "ai";
import type { Client, Json } from "../transports/router_support.ts";
import { NAMES, SCHEMA } from "../transports/router_support.ts";

/** The providers of the AI SDK, by the way each of them asks. */
export const AI_SDK_CLIENTS: Readonly<
  Record<string, (origin: string, key: string) => (model: string) => LanguageModel>
> = {
  "AI SDK, anthropic": (origin, apiKey) => createAnthropic({ baseURL: `${origin}/v1`, apiKey }),
  "AI SDK, openai, responses": (origin, apiKey) => {
    const openai = createOpenAI({ baseURL: `${origin}/v1`, apiKey });
    return (model) => openai.responses(model);
  },
  "AI SDK, openai, chat": (origin, apiKey) => {
    const openai = createOpenAI({ baseURL: `${origin}/v1`, apiKey });
    return (model) => openai.chat(model);
  },
  "AI SDK, xai": (origin, apiKey) => {
    const xai = createXai({ baseURL: `${origin}/v1`, apiKey });
    return (model) => xai.responses(model);
  },
};

const TOOLS = Object.fromEntries(NAMES.map((name) => [
  name,
  tool({ description: "d", inputSchema: jsonSchema(SCHEMA as Json) }),
]));

/** A client over one of the AI SDK's models. */
export function aiSdkClient(modelOf: (model: string) => LanguageModel): Client {
  return {
    say: (content) => [{ role: "user", content }],
    show: (text, base64) => [{
      role: "user",
      content: [{ type: "text", text }, { type: "image", image: base64, mediaType: "image/png" }],
    }],
    structured: (schema) => ({ output: Output.object({ schema: jsonSchema(schema) }) }),
    results: ({ calls }, value) => [{
      role: "tool",
      content: calls.map(({ id, name }) => ({
        type: "tool-result",
        toolCallId: id,
        toolName: name,
        output: { type: "text", value },
      })),
    }],
    ask: async (model, messages, { stream, tools, signal, more } = {}) => {
      const options: Json = {
        model: modelOf(model),
        messages,
        maxRetries: 0,
        // Unless it is told so, it sends ids instead of what it has got: nothing is kept for it here.
        providerOptions: { openai: { store: false } },
        abortSignal: signal,
        ...(tools ? { tools: TOOLS } : {}),
        ...more,
      };
      let failure: unknown;
      const result: Json = stream
        ? streamText({ ...options, onError: ({ error }: { error: unknown }) => failure = error })
        : await generateText(options);
      try {
        const [text, thinking, calls, stop, usage, response] = await Promise.all([
          result.text,
          result.reasoningText,
          result.toolCalls,
          result.finishReason,
          result.usage,
          result.response,
        ]);
        if (failure !== undefined) throw failure;
        return {
          text,
          thinking: thinking ?? "",
          calls: calls.map(({ toolCallId, toolName, input }: Json) => ({
            id: toolCallId,
            name: toolName,
            input,
          })),
          stop,
          input: usage.inputTokens,
          output: usage.outputTokens,
          model: response.modelId,
          history: response.messages,
        };
      } catch (error) {
        // A stream's own error says less than the one that caused it.
        throw failure ?? error;
      }
    },
  };
}
