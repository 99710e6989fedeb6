/**
 * What is asked of a gateway, in each dialect, and what must hold of its answers.
 *
 * @module
 */

import type { Dialect } from "../../src/protocols/event.ts";
import { GRAMMARS, type Json, must, type Said } from "./grammar.ts";

/** A gateway under test. */
export interface Gateway {
  /** Answers `path` below its root; the key is added. */
  fetch: (path: string, init?: RequestInit) => Promise<Response>;
}

/** One case: throws what is wrong. */
export interface Case {
  name: string;
  run: (gateway: Gateway, model: string) => Promise<void>;
}

const PATHS: Readonly<Record<Dialect, string>> = {
  messages: "/v1/messages",
  chat: "/v1/chat/completions",
  responses: "/v1/responses",
};
const SCHEMA = {
  type: "object",
  properties: { city: { type: "string" } },
  required: ["city"],
  additionalProperties: false,
};
const ASK = "What is the weather in Zürich? Use the tool.";

function request(dialect: Dialect, model: string, turns: Json[], more: Json = {}): Json {
  const { tools, forced, stream } = more;
  const tool = { name: "get_weather", description: "The weather in a city" };
  switch (dialect) {
    case "messages":
      return {
        model,
        max_tokens: 2000,
        messages: turns,
        ...(stream ? { stream } : {}),
        ...(tools ? { tools: [{ ...tool, input_schema: SCHEMA }] } : {}),
        ...(forced ? { tool_choice: { type: "any" } } : {}),
      };
    case "chat":
      return {
        model,
        max_completion_tokens: 2000,
        messages: turns,
        ...(stream ? { stream, stream_options: { include_usage: true } } : {}),
        ...(tools
          ? { tools: [{ type: "function", function: { ...tool, parameters: SCHEMA } }] }
          : {}),
        ...(forced ? { tool_choice: "required" } : {}),
      };
    case "responses":
      return {
        model,
        max_output_tokens: 2000,
        store: false,
        input: turns,
        ...(stream ? { stream } : {}),
        ...(tools
          ? { tools: [{ type: "function", ...tool, parameters: SCHEMA, strict: false }] }
          : {}),
        ...(forced ? { tool_choice: "required" } : {}),
      };
  }
}

/** The turns after a call: the call as the client has seen it, and its result. */
function afterCall(dialect: Dialect, { calls }: Said): Json[] {
  const [{ id, name, arguments: text }] = calls as [Said["calls"][number]];
  const result = "Sunny, 21 degrees";
  switch (dialect) {
    case "messages":
      return [
        { role: "assistant", content: [{ type: "tool_use", id, name, input: JSON.parse(text) }] },
        { role: "user", content: [{ type: "tool_result", tool_use_id: id, content: result }] },
      ];
    case "chat":
      return [
        {
          role: "assistant",
          content: null,
          tool_calls: [{ id, type: "function", function: { name, arguments: text } }],
        },
        { role: "tool", tool_call_id: id, content: result },
      ];
    case "responses":
      return [
        { type: "function_call", call_id: id, name, arguments: text },
        { type: "function_call_output", call_id: id, output: result },
      ];
  }
}

const post = (body: string): RequestInit => ({
  method: "POST",
  headers: { "content-type": "application/json", "anthropic-version": "2023-06-01" },
  body,
});

async function ask(gateway: Gateway, dialect: Dialect, body: Json): Promise<Said> {
  const response = await gateway.fetch(PATHS[dialect], post(JSON.stringify(body)));
  const text = await response.text();
  must(response.status === 200, `HTTP ${response.status}: ${text.slice(0, 200)}`);
  const type = response.headers.get("content-type") ?? "";
  const wanted = body.stream ? "text/event-stream" : "application/json";
  must(type.startsWith(wanted), `the content type is ${type}`);
  const said = body.stream
    ? GRAMMARS[dialect].stream(text)
    : GRAMMARS[dialect].body(JSON.parse(text));
  must(said.model === body.model, `the model is told as ${said.model}`);
  must(said.usage[0] > 0 && said.usage[1] > 0, `the usage is ${said.usage}`);
  return said;
}

/** A failed answer in the dialect's own form. */
async function mustFail(
  gateway: Gateway,
  dialect: Dialect,
  body: string,
  statuses: readonly number[],
  init: RequestInit = post(body),
): Promise<void> {
  const response = await gateway.fetch(PATHS[dialect], init);
  const text = await response.text();
  must(statuses.includes(response.status), `HTTP ${response.status}: ${text.slice(0, 200)}`);
  const { type, error } = JSON.parse(text);
  must(typeof error?.message === "string" && error.message !== "", "error.message is missing");
  must(typeof error.type === "string", "error.type is missing");
  if (dialect === "messages") must(type === "error", "type is not error");
  else must("code" in error && "param" in error, "error.code or error.param is missing");
}

function casesOf(dialect: Dialect): Case[] {
  const user = (content: string) => [{ role: "user", content }];
  return [
    ...[false, true].flatMap((stream): Case[] => [
      {
        name: `${dialect}: ${stream ? "streamed" : "whole"} text`,
        run: async (gateway, model) => {
          const body = request(dialect, model, user("Say: Grüße, 你好 👩‍🚀"), { stream });
          must((await ask(gateway, dialect, body)).text !== "", "there is no text");
        },
      },
      {
        name: `${dialect}: ${stream ? "streamed" : "whole"} tool call, and the turn after it`,
        run: async (gateway, model) => {
          const turns = user(ASK);
          const first = await ask(
            gateway,
            dialect,
            request(dialect, model, turns, { stream, tools: true, forced: true }),
          );
          must(first.calls.length > 0, "there is no call, though one was required");
          must(first.calls.every(({ name }) => name === "get_weather"), "a call of another tool");
          const { arguments: text } = first.calls[0]!;
          must(typeof JSON.parse(text).city === "string", `the arguments are ${text}`);
          const said = { ...first, calls: first.calls.slice(0, 1) };
          const more = [...turns, ...afterCall(dialect, said)];
          const second = await ask(
            gateway,
            dialect,
            request(dialect, model, more, { stream, tools: true }),
          );
          must(second.text !== "" || second.calls.length > 0, "the second answer is empty");
        },
      },
    ]),
    {
      name: `${dialect}: unknown fields are no error`,
      run: async (gateway, model) => {
        const body = request(dialect, model, user("Hello"));
        await ask(gateway, dialect, { ...body, metadata: {}, x_unknown: { a: 1 } });
      },
    },
    {
      name: `${dialect}: a body that is no JSON`,
      run: (gateway) => mustFail(gateway, dialect, "{", [400]),
    },
    {
      name: `${dialect}: an unknown model`,
      run: (gateway) =>
        mustFail(
          gateway,
          dialect,
          JSON.stringify(request(dialect, "no-such-model-4711", user("Hello"))),
          [400, 403, 404],
        ),
    },
  ];
}

/** Every case. */
export const CASES: readonly Case[] = [
  ...casesOf("messages"),
  ...casesOf("chat"),
  ...casesOf("responses"),
  {
    name: "messages: count_tokens counts instructions and tools",
    run: async (gateway, model) => {
      const count = async (more: Json) => {
        const messages = [{ role: "user", content: "Hello" }];
        const init = post(JSON.stringify({ model, messages, ...more }));
        const response = await gateway.fetch("/v1/messages/count_tokens", init);
        const text = await response.text();
        must(response.status === 200, `HTTP ${response.status}: ${text.slice(0, 200)}`);
        return JSON.parse(text).input_tokens;
      };
      const bare = await count({});
      must(Number.isInteger(bare) && bare > 0, `input_tokens is ${bare}`);
      const system = "Be brief and kind to everyone. ".repeat(50);
      const tools = [{ name: "t", description: system, input_schema: SCHEMA }];
      const full = await count({ system, tools });
      must(full > bare + 300, `only ${full - bare} tokens for instructions and tools`);
    },
  },
  {
    name: "models: the list in OpenAI's shape",
    run: async (gateway) => {
      const response = await gateway.fetch("/v1/models");
      const { object, data } = await response.json();
      must(object === "list" && Array.isArray(data) && data.length > 0, "it is no list");
      for (const { id, object, created, owned_by } of data) {
        must(
          typeof id === "string" && object === "model" && Number.isInteger(created) &&
            typeof owned_by === "string",
          `the model ${id} is not whole`,
        );
      }
    },
  },
  {
    name: "models: the list in Anthropic's shape",
    run: async (gateway) => {
      const response = await gateway.fetch("/v1/models?limit=1000", {
        headers: { "anthropic-version": "2023-06-01" },
      });
      const { data, has_more, first_id, last_id } = await response.json();
      must(Array.isArray(data) && data.length > 0 && has_more === false, "it is no list");
      must(first_id === data[0].id && last_id === data.at(-1).id, "first_id or last_id is wrong");
      for (const { type, id, display_name, created_at } of data) {
        must(
          type === "model" && typeof display_name === "string" &&
            !Number.isNaN(Date.parse(created_at)),
          `the model ${id} is not whole`,
        );
      }
    },
  },
];
