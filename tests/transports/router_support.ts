/**
 * What the router tests share: the sandbox behind a router, and the vendors' own SDKs in front of it.
 *
 * @module
 */

import Anthropic from "@anthropic-ai/sdk";
import OpenAI from "openai";
import { GrantwayError } from "../../src/core/errors.ts";
import type { Dialect } from "../../src/protocols/event.ts";
import { resolveEndpoints } from "../../src/providers/endpoints.ts";
import { minimaxOAuth } from "../../src/providers/minimax/provider.ts";
import type { Provider } from "../../src/providers/provider.ts";
import { xaiOAuth } from "../../src/providers/xai/provider.ts";
import { createSandbox, type Sandbox, type SandboxQuirks } from "../../src/sandbox/mod.ts";
import {
  createRouter,
  type Router,
  type RouterOptions,
  type UsageReport,
} from "../../src/transports/router.ts";
import { createTransport, type TransportOptions } from "../../src/transports/transport.ts";
import { instantSleep, tokenSource } from "./support.ts";

// deno-lint-ignore no-explicit-any -- bodies of three dialects
export type Json = any;

/** The providers, by the client's name of their model. */
export const UPSTREAMS: Readonly<Record<string, { provider: Provider; key: string; id: string }>> =
  {
    "my-minimax": { provider: minimaxOAuth, key: "sandbox-key", id: "MiniMax-M2.7" },
    "my-grok": { provider: xaiOAuth, key: "xai-sandbox-key", id: "grok-4.3" },
  };

export const MODELS: readonly string[] = Object.keys(UPSTREAMS);
export const DIALECTS: readonly Dialect[] = ["messages", "responses", "chat"];

/** A request that reached the vendor. */
export interface Upstream {
  url: string;
  text: string;
  json: Json;
  signal: AbortSignal;
}

/** A router over the sandbox. */
export interface World {
  router: Router;
  sandbox: Sandbox;
  sent: Upstream[];
  reports: UsageReport[];
  fetch: typeof fetch;
}

export function createWorld(
  options: {
    quirks?: Partial<SandboxQuirks>;
    router?: Partial<RouterOptions>;
    transport?: Partial<TransportOptions>;
    upstream?: TransportOptions["fetch"];
  } = {},
): World {
  const sandbox = createSandbox({ quirks: options.quirks ?? {} });
  const sent: Upstream[] = [];
  const upstream: typeof fetch = async (input, init = {}) => {
    const text = typeof init.body === "string"
      ? init.body
      : new TextDecoder().decode(init.body as Uint8Array<ArrayBuffer>);
    sent.push({ url: String(input), text, json: JSON.parse(text), signal: init.signal! });
    return await (options.upstream ?? sandbox.fetch)(input as string, init);
  };
  const reports: UsageReport[] = [];
  const router = createRouter({
    resolve: (name) => {
      const { provider, key, id } = UPSTREAMS[name] ??
        Object.values(UPSTREAMS).find((upstream) => upstream.id === name) ?? missing(name);
      return {
        provider,
        model: id,
        transport: createTransport({
          provider,
          endpoints: resolveEndpoints(provider, provider.regions[0]!),
          source: tokenSource([key]),
          sleep: instantSleep(),
          maxRetries: 0,
          fetch: upstream,
          ...options.transport,
        }),
      };
    },
    onUsage: (report) => void reports.push(report),
    ...options.router,
  });
  return { router, sandbox, sent, reports, fetch: fetchOver(router) };
}

function missing(name: string): never {
  throw new GrantwayError("not_found", `Cannot find a model named ${name}`);
}

const PATHS: Readonly<Record<string, Dialect>> = {
  "/v1/messages": "messages",
  "/v1/chat/completions": "chat",
  "/v1/responses": "responses",
};

/** The router as an HTTP service, as far as SDKs need one. */
export function fetchOver(router: Router): typeof fetch {
  return async (input, init = {}) => {
    const { pathname } = new URL(String(input instanceof Request ? input.url : input));
    const body = new TextEncoder().encode(String(init.body));
    const signal = init.signal ?? undefined;
    if (pathname === "/v1/messages/count_tokens") {
      return await router.countTokens({ dialect: "messages", body, signal });
    }
    return await router.generate({ dialect: PATHS[pathname]!, body, signal });
  };
}

/** What every dialect says of an answer. */
export interface Turn {
  text: string;
  thinking: string;
  calls: { id: string; name: string; input: Json }[];
  stop: string;
  input: number;
  output: number;
  model: string;
  /** What goes back into the conversation. */
  history: Json[];
}

/** One dialect's client, made of the vendor's SDK. */
export interface Client {
  /** Begins a conversation. */
  say(text: string): Json[];
  /** Begins a conversation with a PNG image. */
  show(text: string, base64: string): Json[];
  /** What else a request says for an answer that follows a JSON schema. */
  structured(schema: Json): Json;
  /** The results of a turn's calls. */
  results(turn: Turn, content: string): Json[];
  ask(
    model: string,
    conversation: Json[],
    options?: { stream?: boolean; tools?: boolean; signal?: AbortSignal; more?: Json },
  ): Promise<Turn>;
}

/** What the tools take. */
export const SCHEMA = {
  type: "object",
  properties: { path: { type: "string" } },
  required: ["path"],
};
/** The tools. */
export const NAMES = ["read_file", "list_files"];

/** The SDK of `dialect` over `fetch`. */
export function clientOf(
  dialect: Dialect,
  fetch: typeof globalThis.fetch,
  { origin = "http://gateway.invalid", apiKey = "key" }: { origin?: string; apiKey?: string } = {},
): Client {
  const openai = () => new OpenAI({ apiKey, baseURL: `${origin}/v1`, maxRetries: 0, fetch });
  switch (dialect) {
    case "messages": {
      const sdk = new Anthropic({ apiKey, baseURL: origin, maxRetries: 0, fetch });
      return {
        say: (content) => [{ role: "user", content }],
        show: (text, data) => [{
          role: "user",
          content: [
            { type: "image", source: { type: "base64", media_type: "image/png", data } },
            { type: "text", text },
          ],
        }],
        structured: (schema) => ({ output_config: { format: { type: "json_schema", schema } } }),
        results: ({ calls }, content) => [{
          role: "user",
          content: calls.map(({ id }) => ({ type: "tool_result", tool_use_id: id, content })),
        }],
        ask: async (model, messages, { stream, tools, signal, more } = {}) => {
          const body: Json = {
            model,
            max_tokens: 4000,
            messages,
            ...(tools
              ? { tools: NAMES.map((name) => ({ name, description: "d", input_schema: SCHEMA })) }
              : {}),
            ...more,
          };
          const message: Json = stream
            ? await sdk.messages.stream(body, { signal }).finalMessage()
            : await sdk.messages.create(body, { signal });
          const of = (type: string) => message.content.filter((block: Json) => block.type === type);
          return {
            text: of("text").map((block: Json) => block.text).join(""),
            thinking: of("thinking").map((block: Json) => block.thinking).join(""),
            calls: of("tool_use").map(({ id, name, input }: Json) => ({ id, name, input })),
            stop: message.stop_reason,
            input: message.usage.input_tokens + message.usage.cache_read_input_tokens +
              message.usage.cache_creation_input_tokens,
            output: message.usage.output_tokens,
            model: message.model,
            history: [{ role: "assistant", content: message.content }],
          };
        },
      };
    }
    case "chat":
      return {
        say: (content) => [{ role: "user", content }],
        show: (text, data) => [{
          role: "user",
          content: [
            { type: "text", text },
            { type: "image_url", image_url: { url: `data:image/png;base64,${data}` } },
          ],
        }],
        structured: (schema) => ({
          response_format: { type: "json_schema", json_schema: { name: "answer", schema } },
        }),
        results: ({ calls }, content) =>
          calls.map(({ id }) => ({ role: "tool", tool_call_id: id, content })),
        ask: async (model, messages, { stream, tools, signal, more } = {}) => {
          const body: Json = {
            model,
            messages,
            ...(tools
              ? {
                tools: NAMES.map((name) => ({
                  type: "function",
                  function: { name, parameters: SCHEMA },
                })),
              }
              : {}),
            ...more,
          };
          const completion: Json = stream
            ? await openai().chat.completions.stream({
              ...body,
              stream_options: { include_usage: true },
            }, { signal }).finalChatCompletion()
            : await openai().chat.completions.create(body, { signal });
          const [{ message, finish_reason }] = completion.choices;
          const { parsed: _1, ...kept } = message;
          return {
            text: message.content ?? "",
            // The SDK keeps the last piece alone of a field that it does not know.
            thinking: message.reasoning_content ?? "",
            calls: (message.tool_calls ?? []).map((call: Json) => ({
              id: call.id,
              name: call.function.name,
              input: JSON.parse(call.function.arguments),
            })),
            stop: finish_reason,
            input: completion.usage.prompt_tokens,
            output: completion.usage.completion_tokens,
            model: completion.model,
            history: [kept],
          };
        },
      };
    case "responses":
      return {
        say: (content) => [{ role: "user", content }],
        show: (text, data) => [{
          role: "user",
          content: [
            { type: "input_text", text },
            { type: "input_image", image_url: `data:image/png;base64,${data}` },
          ],
        }],
        structured: (schema) => ({
          text: { format: { type: "json_schema", name: "answer", schema } },
        }),
        results: ({ calls }, output) =>
          calls.map(({ id }) => ({ type: "function_call_output", call_id: id, output })),
        ask: async (model, input, { stream, tools, signal, more } = {}) => {
          const body: Json = {
            model,
            input,
            store: false,
            include: ["reasoning.encrypted_content"],
            ...(tools
              ? {
                tools: NAMES.map((name) => ({
                  type: "function",
                  name,
                  parameters: SCHEMA,
                  strict: false,
                })),
              }
              : {}),
            ...more,
          };
          const response: Json = stream
            ? await openai().responses.stream(body, { signal }).finalResponse()
            : await openai().responses.create(body, { signal });
          const of = (type: string) => response.output.filter((item: Json) => item.type === type);
          return {
            text: response.output_text,
            thinking: of("reasoning").flatMap(({ summary }: Json) =>
              summary.map((part: Json) => part.text)
            ).join(""),
            calls: of("function_call").map((item: Json) => ({
              id: item.call_id,
              name: item.name,
              input: JSON.parse(item.arguments),
            })),
            stop: response.status,
            input: response.usage.input_tokens,
            output: response.usage.output_tokens,
            model: response.model,
            history: response.output.map(({ parsed_arguments: _1, ...item }: Json) => item),
          };
        },
      };
  }
}

/** A request body that says `text`. */
export function bodyOf(dialect: Dialect, model: string, text: string, more: Json = {}): Json {
  switch (dialect) {
    case "messages":
      return { model, max_tokens: 4000, messages: [{ role: "user", content: text }], ...more };
    case "chat":
      return { model, messages: [{ role: "user", content: text }], ...more };
    case "responses":
      return { model, store: false, input: [{ role: "user", content: text }], ...more };
  }
}

export function bytesOf(value: Json): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(JSON.stringify(value));
}

/** The JSON of every frame of a stream. */
export function framesOf(text: string): Json[] {
  return text.split("\n").filter((line) => line.startsWith("data: {"))
    .map((line) => JSON.parse(line.slice(6)));
}

/** Every way through the router: four translations out of six meet these two upstreams, and two pass through. */
export const ROUTES: { dialect: Dialect; model: string; name: string }[] = DIALECTS.flatMap((
  dialect,
) =>
  MODELS.map((model) => ({
    dialect,
    model,
    name: `${dialect} client, ${UPSTREAMS[model]!.provider.protocol} upstream`,
  }))
);
