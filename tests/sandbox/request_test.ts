import { assertEquals, assertStringIncludes } from "@std/assert";
import type { SandboxQuirks } from "../../src/sandbox/mod.ts";
import { type Json, messagesBody, postMessages, testSandbox, WEATHER_TOOL } from "./support.ts";

const IMAGE = { type: "image", source: { type: "base64", media_type: "image/png", data: "AA==" } };
const CALL = { type: "tool_use", id: "call_function_a_1", name: "get_weather", input: {} };
const RESULT = { type: "tool_result", tool_use_id: CALL.id, content: "12" };
const TEXT = { type: "text", text: "hi" };

/** User text, then a turn of the assistant, then one of the user. */
function history(assistant: unknown[], user: unknown): Json {
  return {
    messages: [
      { role: "user", content: "hi" },
      { role: "assistant", content: assistant },
      ...(user === undefined ? [] : [{ role: "user", content: user }]),
    ],
  };
}

const REFUSED: {
  name: string;
  fields: Record<string, unknown>;
  message: string;
  quirks?: Partial<SandboxQuirks>;
}[] = [
  { name: "model missing", fields: { model: undefined }, message: "unknown model null" },
  {
    name: "model in the wrong case",
    fields: { model: "minimax-m2.7" },
    message: 'unknown model "minimax-m2.7"',
  },
  {
    name: "max_tokens missing",
    fields: { max_tokens: undefined },
    message: "max_tokens is required",
  },
  { name: "max_tokens 0", fields: { max_tokens: 0 }, message: "max_tokens must be" },
  { name: "max_tokens no integer", fields: { max_tokens: 1.5 }, message: "max_tokens must be" },
  { name: "max_tokens too many", fields: { max_tokens: 131_073 }, message: "max_tokens exceeds" },
  { name: "temperature 0", fields: { temperature: 0 }, message: "temperature must be in (0, 1]" },
  {
    name: "temperature 1.1",
    fields: { temperature: 1.1 },
    message: "temperature must be in (0, 1]",
  },
  { name: "temperature no number", fields: { temperature: "1" }, message: "temperature must be" },
  { name: "top_p 0", fields: { top_p: 0 }, message: "top_p must be in (0, 1]" },
  { name: "stream no boolean", fields: { stream: "true" }, message: "stream must be a boolean" },
  { name: "messages missing", fields: { messages: undefined }, message: "messages is empty" },
  { name: "messages empty", fields: { messages: [] }, message: "messages is empty" },
  {
    name: "a system message",
    fields: { messages: [{ role: "system", content: "hi" }] },
    message: 'role "system" is not allowed',
  },
  {
    name: "empty content",
    fields: { messages: [{ role: "user", content: "" }] },
    message: "message content is empty",
  },
  {
    name: "content of no kind",
    fields: { messages: [{ role: "user", content: 1 }] },
    message: "content must be a string or blocks",
  },
  {
    name: "a block without a type",
    fields: { messages: [{ role: "user", content: [{ text: "hi" }] }] },
    message: "a block must have a type",
  },
  {
    name: "an empty text block",
    fields: { messages: [{ role: "user", content: [{ type: "text", text: "" }] }] },
    message: "text blocks must not be empty",
  },
  {
    name: "an empty text block in system",
    fields: { system: [{ type: "text", text: "" }] },
    message: "text blocks must not be empty",
  },
  { name: "an image in system", fields: { system: [IMAGE] }, message: "system takes text" },
  { name: "system of no kind", fields: { system: 1 }, message: "system must be" },
  {
    name: "an image for M2.x",
    fields: { messages: [{ role: "user", content: [IMAGE] }] },
    message: "MiniMax-M2.7 does not support image input",
  },
  {
    name: "an image for M2.x in a tool result",
    fields: history([CALL], [{ ...RESULT, content: [IMAGE] }]),
    message: "MiniMax-M2.7 does not support image input",
  },
  {
    name: "an image without a source",
    fields: { model: "MiniMax-M3", messages: [{ role: "user", content: [{ type: "image" }] }] },
    message: "image source is not valid",
  },
  {
    name: "a document",
    fields: { messages: [{ role: "user", content: [{ type: "document" }] }] },
    message: "content type document is not supported",
  },
  {
    name: "redacted thinking",
    fields: history([{ type: "redacted_thinking", data: "x" }], "hi"),
    message: "content type redacted_thinking is not supported",
  },
  {
    name: "a tool call of the user's",
    fields: { messages: [{ role: "user", content: [CALL] }] },
    message: "content type tool_use is not supported",
  },
  {
    name: "arguments as text",
    fields: history([{ ...CALL, input: "{}" }], [RESULT]),
    message: "invalid function arguments json string",
  },
  {
    name: "a call without a name",
    fields: history([{ ...CALL, name: "" }], [RESULT]),
    message: "function name is empty",
  },
  {
    name: "a call with a strange id",
    fields: history([{ ...CALL, id: "a b" }], [{ ...RESULT, tool_use_id: "a b" }]),
    message: "tool_use id is not valid",
  },
  {
    name: "a result without its call",
    fields: { messages: [{ role: "user", content: [RESULT] }] },
    message: "tool result's tool id(call_function_a_1) not found",
  },
  {
    name: "a result one turn late",
    fields: {
      messages: [
        ...history([CALL], [RESULT]).messages,
        { role: "assistant", content: [TEXT] },
        { role: "user", content: [RESULT] },
      ],
    },
    message: "tool result's tool id(call_function_a_1) not found",
  },
  {
    name: "a result twice",
    fields: history([CALL], [RESULT, RESULT]),
    message: "tool result's tool id(call_function_a_1) is repeated",
  },
  {
    name: "a call twice",
    fields: history([CALL, CALL], [RESULT, RESULT]),
    message: "tool call id(call_function_a_1) is repeated",
  },
  {
    name: "a call without its result",
    fields: history([CALL], "hi"),
    message: "tool call id(call_function_a_1) has no tool result",
  },
  {
    name: "a result after text",
    fields: history([CALL], [TEXT, RESULT]),
    message: "tool results must come first",
  },
  {
    name: "a result with a document",
    fields: history([CALL], [{ ...RESULT, content: [{ type: "document" }] }]),
    message: "tool result content type is not supported",
  },
  {
    name: "a result without an id",
    fields: history([CALL], [{ type: "tool_result", content: "12" }]),
    message: "tool_use_id is required",
  },
  { name: "tools no array", fields: { tools: {} }, message: "tools must be an array" },
  {
    name: "a tool without a schema",
    fields: { tools: [{ name: "get_weather" }] },
    message: "function name or parameters is empty",
  },
  {
    name: "a tool with a schema of no object",
    fields: { tools: [{ ...WEATHER_TOOL, input_schema: {} }] },
    message: "function name or parameters is empty",
  },
  {
    name: "a tool without a name",
    fields: { tools: [{ ...WEATHER_TOOL, name: "" }] },
    message: "function name or parameters is empty",
  },
  {
    name: "a server tool",
    fields: { tools: [{ type: "web_search_20250305", name: "web_search" }] },
    message: "function name or parameters is empty",
  },
  {
    name: "a tool name with a dot",
    fields: { tools: [{ ...WEATHER_TOOL, name: "a.b" }] },
    message: 'function name "a.b" is not valid',
  },
  {
    name: "a tool without a type, where it is required",
    fields: { tools: [{ ...WEATHER_TOOL, type: undefined }] },
    message: "invalid tool type: ",
    quirks: { toolTypeRequired: true },
  },
  {
    name: "tool_choice of an unknown type",
    fields: { tools: [WEATHER_TOOL], tool_choice: { type: "required" } },
    message: "tool_choice type is not valid",
  },
  {
    name: "tool_choice as text",
    fields: { tools: [WEATHER_TOOL], tool_choice: "auto" },
    message: "tool_choice must be an object",
  },
  {
    name: "tool_choice of an absent tool",
    fields: { tools: [WEATHER_TOOL], tool_choice: { type: "tool", name: "x" } },
    message: "tool_choice names no tool on offer",
  },
  {
    name: "tool_choice any without tools",
    fields: { tool_choice: { type: "any" } },
    message: "tool_choice needs tools",
  },
  {
    name: "thinking of an unknown type",
    fields: { thinking: { type: "auto" } },
    message: "thinking type is not valid",
  },
  {
    name: "thinking enabled for M3",
    fields: { model: "MiniMax-M3", thinking: { type: "enabled", budget_tokens: 1024 } },
    message: "thinking type is not valid",
  },
  {
    name: "a foreign signature, where they are checked",
    fields: history([{ type: "thinking", thinking: "hm", signature: "EqQB" }, TEXT], "hi"),
    message: "thinking signature is not valid",
    quirks: { checkSignatures: true },
  },
  {
    name: "more than the context window",
    fields: { messages: [{ role: "user", content: "x".repeat(820_000) }] },
    message: "context window exceeds limit",
  },
];
for (const { name, fields, message, quirks } of REFUSED) {
  Deno.test(`messages refuses ${name}`, async () => {
    const { sandbox } = testSandbox({ quirks });
    const response = await postMessages(sandbox, messagesBody("hi", fields));
    assertEquals(response.status, 400);
    const { error } = await response.json();
    assertEquals([error.type, error.http_code], ["bad_request_error", "400"]);
    assertStringIncludes(error.message, message);
    assertEquals(error.message.endsWith("(2013)"), true);
  });
}

const ACCEPTED: {
  name: string;
  fields: Record<string, unknown>;
  quirks?: Partial<SandboxQuirks>;
}[] = [
  { name: "ignored fields", fields: { top_k: 5, stop_sequences: ["x"], service_tier: "auto" } },
  { name: "temperature 1", fields: { temperature: 1, top_p: 0.01 } },
  {
    name: "system blocks",
    fields: { system: [{ ...TEXT, cache_control: { type: "ephemeral" } }] },
  },
  { name: "a call and its result", fields: history([TEXT, CALL], [RESULT, TEXT]) },
  {
    name: "results over two messages",
    fields: {
      messages: [
        ...history([CALL, { ...CALL, id: "b" }], [RESULT]).messages,
        { role: "user", content: [{ ...RESULT, tool_use_id: "b" }] },
      ],
    },
  },
  {
    name: "a result without content",
    fields: history([CALL], [{ ...RESULT, content: undefined }]),
  },
  { name: "an empty prefill", fields: history([], undefined) },
  {
    name: "an unsigned thought",
    fields: history([{ type: "thinking", thinking: "hm" }, TEXT], "hi"),
  },
  {
    name: "a foreign signature",
    fields: history([{ type: "thinking", thinking: "hm", signature: "EqQB" }, TEXT], "hi"),
  },
  {
    name: "an unsigned thought, where signatures are checked",
    fields: history([{ type: "thinking", thinking: "hm" }, TEXT], "hi"),
    quirks: { checkSignatures: true },
  },
  { name: "a tool without a type", fields: { tools: [{ ...WEATHER_TOOL, type: undefined }] } },
  {
    name: "thinking enabled for M2.x",
    fields: { thinking: { type: "enabled", budget_tokens: 1024 } },
  },
];
for (const { name, fields, quirks } of ACCEPTED) {
  Deno.test(`messages accepts ${name}`, async () => {
    const { sandbox } = testSandbox({ quirks });
    const response = await postMessages(sandbox, messagesBody("hi", fields));
    assertEquals([response.status, (await response.json()).type], [200, "message"]);
  });
}

Deno.test("messages accepts its own thinking where signatures are checked", async () => {
  const { sandbox } = testSandbox({ quirks: { checkSignatures: true } });
  const { content } = await (await postMessages(sandbox, messagesBody("hi"))).json();
  const response = await postMessages(sandbox, messagesBody("", history(content, "go on")));
  assertEquals(response.status, 200);
  await response.body?.cancel();
});

Deno.test("messages refuses a body that is not JSON", async () => {
  const { sandbox } = testSandbox();
  const response = await sandbox.fetch("https://api.minimax.io/anthropic/v1/messages", {
    method: "POST",
    headers: { authorization: "Bearer sandbox-key" },
    body: "{",
  });
  assertStringIncludes((await response.json()).error.message, "body is not JSON (2013)");
});
