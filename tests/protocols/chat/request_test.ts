import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { GrantwayError } from "../../../src/core/errors.ts";
import type { JsonObject } from "../../../src/core/http.ts";
import { chatClientCodec } from "../../../src/protocols/chat/codec.ts";
import { decodeChatRequest } from "../../../src/protocols/chat/decode_request.ts";
import { encodeChatRequest } from "../../../src/protocols/chat/encode_request.ts";
import type { GenerateRequest, Message } from "../../../src/protocols/event.ts";
import { encodeMessagesRequest } from "../../../src/protocols/messages/encode_request.ts";
import { encodeResponsesRequest } from "../../../src/protocols/responses/encode_request.ts";

const { record, constant, array, string, integer, constantFrom, oneof, boolean, double } = fc;

/** A record whose other fields may be absent. */
function shape<T>(
  required: { [K in keyof T]: fc.Arbitrary<T[K]> },
  more: Record<string, fc.Arbitrary<unknown>> = {},
) {
  return fc.tuple(record(required), record(more, { requiredKeys: [] })).map(([a, b]) => ({
    ...a,
    ...b,
  }));
}

const json = fc.dictionary(string(), fc.jsonValue({ maxDepth: 2 }), { maxKeys: 3 });
// Vendor fields that nobody knows yet must not be lost either, wherever they stand.
const unknown = { x_vendor: fc.jsonValue({ maxDepth: 1 }) };
const id = fc.stringMatching(/^[A-Za-z0-9_-]{1,20}$/);
const words = string({ minLength: 1 });
const text = shape({ type: constant("text"), text: words }, unknown);
const dataUrl = fc.tuple(
  constantFrom("image/png", "application/pdf"),
  fc.base64String({ minLength: 4 }),
)
  .map(([type, data]) => `data:${type};base64,${data}`);
const image = shape({
  type: constant("image_url"),
  image_url: shape({ url: oneof(fc.webUrl(), dataUrl) }, {
    detail: constantFrom("low", "high", "auto"),
    ...unknown,
  }),
}, unknown);
const file = shape({
  type: constant("file"),
  file: oneof(
    shape({ file_id: id }, { filename: words, ...unknown }),
    shape({ filename: words, file_data: dataUrl }, unknown),
  ),
}, unknown);
const audio = shape({ type: constant("input_audio"), input_audio: json });
/** A `content` field in the one form that the encoder writes. */
const content = (parts: fc.Arbitrary<JsonObject>) =>
  oneof(
    words,
    array(parts, { minLength: 1, maxLength: 4 }).filter(([first, ...rest]) =>
      rest.length > 0 || first?.["type"] !== "text" || Object.keys(first).length > 2
    ),
  );
const call = oneof(
  shape({
    id,
    type: constant("function"),
    function: shape({ name: id, arguments: json.map((value) => JSON.stringify(value)) }, unknown),
  }, unknown),
  shape({ id, type: constant("custom"), custom: shape({ name: id, input: string() }, unknown) }),
);
const annotations = array(
  shape({
    type: constant("url_citation"),
    url_citation: record({
      url: fc.webUrl(),
      title: string(),
      start_index: integer({ min: 0 }),
      end_index: integer({ min: 0 }),
    }),
  }),
  { minLength: 1, maxLength: 2 },
);
const answer = oneof(
  shape({ role: constant("assistant"), content: content(text) }, {
    annotations,
    tool_calls: array(call, { minLength: 1, maxLength: 3 }),
    reasoning_content: words,
    name: id,
    ...unknown,
  }),
  shape({
    role: constant("assistant"),
    content: constant(null),
    tool_calls: array(call, { minLength: 1, maxLength: 3 }),
  }, { reasoning_content: words }),
  shape({ role: constant("assistant"), content: constant(null), refusal: words }),
);
const message = oneof(
  shape({ role: constantFrom("system", "developer"), content: content(text) }, { name: id }),
  shape({ role: constant("user"), content: content(oneof(text, image, file, audio)) }, {
    name: id,
    ...unknown,
  }),
  answer,
  shape(
    { role: constant("tool"), tool_call_id: id, content: content(oneof(text, image)) },
    unknown,
  ),
);
const tool = oneof(
  shape({
    type: constant("function"),
    function: shape({ name: id }, {
      description: string(),
      parameters: json,
      strict: boolean(),
      ...unknown,
    }),
  }, unknown),
  shape({
    type: constant("custom"),
    custom: shape({ name: id.map((name) => `custom_${name}`) }, {
      description: string(),
      format: oneof(
        constant({ type: "text" }),
        record({
          type: constant("grammar"),
          grammar: record({ syntax: constantFrom("lark", "regex"), definition: string() }),
        }),
      ),
    }),
  }),
  shape({ type: constant("web_search"), ...unknown }),
);
const named = id.map((name) => ({ type: "function", function: { name } }));
const toolChoice = oneof(
  constantFrom("auto", "none", "required"),
  named,
  record({
    type: constant("allowed_tools"),
    allowed_tools: record({ mode: constantFrom("auto", "required"), tools: array(named) }),
  }),
);
const format = oneof(
  constantFrom({ type: "text" }, { type: "json_object" }),
  shape({
    type: constant("json_schema"),
    json_schema: shape({ name: id, schema: json }, { strict: boolean(), description: string() }),
  }, unknown),
);
const request = fc.tuple(
  shape({ model: id, messages: array(message, { minLength: 1, maxLength: 6 }) }, {
    max_completion_tokens: integer({ min: 1 }),
    temperature: double({ min: 0, max: 2, noNaN: true }),
    top_p: double({ min: 0, max: 1, noNaN: true }),
    top_k: integer({ min: 1 }),
    stop: array(string(), { minLength: 1, maxLength: 4 }),
    response_format: format,
    reasoning_effort: constantFrom("none", "minimal", "low", "medium", "high", "xhigh"),
    verbosity: constantFrom("low", "high"),
    n: constant(1),
    seed: integer(),
    logprobs: boolean(),
    logit_bias: json,
    user: string(),
    safety_identifier: string(),
    prompt_cache_key: string(),
    service_tier: constantFrom("auto", "flex"),
    metadata: json,
    modalities: constant(["text"]),
    ...unknown,
  }),
  oneof(
    constant({}),
    shape({ tools: array(tool, { minLength: 1, maxLength: 3 }) }, {
      tool_choice: toolChoice,
      parallel_tool_calls: boolean(),
    }),
  ),
  oneof(
    constant({}),
    record({
      stream: constant(true),
      stream_options: shape({ include_usage: constant(true) }, { include_obfuscation: boolean() }),
    }),
  ),
).filter(([{ user, safety_identifier: safety }]: [JsonObject, JsonObject, JsonObject]) =>
  safety === undefined || user !== safety
).map(([rest, withTools, streaming]): JsonObject => ({ ...rest, ...withTools, ...streaming }));

const plainJson = (value: unknown) => JSON.parse(JSON.stringify(value));

Deno.test("encodeChatRequest() writes what decodeChatRequest() read", () => {
  fc.assert(
    fc.property(request, (body) => {
      const wire = plainJson(body);
      assertEquals(plainJson(encodeChatRequest(decodeChatRequest(wire))), wire);
      assertEquals(wire, plainJson(body), "the caller's own");
    }),
    { seed: 5, numRuns: 1000 },
  );
});

Deno.test("whatever a Chat client says can be written in the other dialects", () => {
  fc.assert(
    fc.property(request, (body) => {
      const decoded = decodeChatRequest(plainJson(body));
      assert(Array.isArray(encodeMessagesRequest(decoded)["messages"]));
      assert(Array.isArray(encodeResponsesRequest(decoded)["input"]));
    }),
    { seed: 6, numRuns: 300 },
  );
});

const USER = { role: "user", content: "Hi" };
const HELLO: Message = { role: "user", content: [{ type: "text", text: "Hi" }] };
const BASE: GenerateRequest = { model: "m", messages: [HELLO], stream: false };

/** Forms that clients use and the encoder does not. */
const DECODED: { name: string; body: JsonObject; request: Partial<GenerateRequest> }[] = [
  { name: "max_tokens", body: { max_tokens: 5 }, request: { maxOutputTokens: 5 } },
  {
    name: "both limits",
    body: { max_tokens: 5, max_completion_tokens: 6 },
    request: { maxOutputTokens: 6 },
  },
  { name: "a bare stop sequence", body: { stop: "x" }, request: { stopSequences: ["x"] } },
  { name: "null for nothing", body: { stop: null, tools: null, max_tokens: null }, request: {} },
  {
    name: "functions",
    body: { functions: [{ name: "f", parameters: {} }], function_call: { name: "f" } },
    request: {
      tools: [{ type: "function", name: "f", parameters: {} }],
      toolChoice: { kind: "tool", name: "f" },
    },
  },
  {
    name: "a named user",
    body: { safety_identifier: "u" },
    request: { userId: "u", extensions: { dialect: "chat", fields: { safety_identifier: "u" } } },
  },
];
for (const { name, body, request } of DECODED) {
  Deno.test(`decodeChatRequest() takes ${name}`, () => {
    const wire = { model: "m", messages: [USER], ...body };
    assertEquals(decodeChatRequest(wire), {
      ...BASE,
      ...request,
    });
  });
}

const call1 = { type: "tool_use", id: "c1", name: "f", arguments: "{}" } as const;

/** Messages that clients write in forms of their own. */
const MESSAGES: { name: string; messages: unknown[]; decoded: Message[] }[] = [
  {
    name: "empty content beside calls",
    messages: [{
      role: "assistant",
      content: "",
      tool_calls: [{ id: "c1", function: { name: "f", arguments: "" } }],
    }],
    decoded: [{ role: "assistant", content: [call1] }],
  },
  {
    name: "arguments as an object",
    messages: [{
      role: "assistant",
      tool_calls: [{ id: "c1", type: "function", function: { name: "f", arguments: { a: 1 } } }],
    }],
    decoded: [{ role: "assistant", content: [{ ...call1, arguments: '{"a":1}' }] }],
  },
  {
    name: "reasoning by its other name, before the text and the calls",
    messages: [{
      role: "assistant",
      content: "b",
      reasoning: "a",
      tool_calls: [{ id: "c1", function: { name: "f", arguments: "{}" } }],
    }],
    decoded: [{
      role: "assistant",
      content: [{ type: "thinking", text: "a" }, { type: "text", text: "b" }, call1],
    }],
  },
  {
    name: "an entry of tool_calls with nothing in it",
    messages: [{ role: "assistant", content: "a", tool_calls: [{ function: {} }, {}] }],
    decoded: [{ role: "assistant", content: [{ type: "text", text: "a" }] }],
  },
  {
    name: "a data URL that is none",
    messages: [{
      role: "user",
      content: [{ type: "image_url", image_url: { url: "data:image/png;base64,ä" } }],
    }],
    decoded: [{
      role: "user",
      content: [{ type: "text", text: "[image omitted: its data URL cannot be read]" }],
    }],
  },
  {
    name: "an image as a bare URL",
    messages: [{ role: "user", content: [{ type: "image_url", image_url: "https://a.example/" }] }],
    decoded: [{
      role: "user",
      content: [{ type: "image", source: { kind: "url", url: "https://a.example/" } }],
    }],
  },
];
for (const { name, messages, decoded } of MESSAGES) {
  Deno.test(`decodeChatRequest() takes ${name}`, () => {
    assertEquals(decodeChatRequest({ model: "m", messages }).messages, decoded);
  });
}

Deno.test("decodeChatRequest() pairs calls and results of the legacy form", () => {
  const { messages } = decodeChatRequest({
    model: "m",
    messages: [
      USER,
      { role: "assistant", content: null, function_call: { name: "f", arguments: '{"a":1}' } },
      { role: "function", name: "f", content: "one" },
      { role: "assistant", content: null, function_call: { name: "f", arguments: '{"a":2}' } },
      { role: "function", name: "f", content: "two" },
    ],
  });
  const [first, firstResult, second, secondResult] = messages.slice(1)
    .map(({ content: [block] }) =>
      block?.type === "tool_use" ? block.id : block?.type === "tool_result" ? block.toolUseId : ""
    );
  assert(first !== "" && first !== second);
  assertEquals([firstResult, secondResult], [first, second]);
});

for (
  const { field, body } of [
    { field: "model", body: { messages: [] } },
    { field: "messages", body: { model: "m", messages: "Hi" } },
    { field: "messages[0]", body: { model: "m", messages: ["Hi"] } },
    { field: "messages[0].role", body: { model: "m", messages: [{ role: "bot" }] } },
    { field: "tools[0]", body: { model: "m", messages: [], tools: [1] } },
    { field: "tools[0].function.name", body: { model: "m", messages: [], tools: [{}] } },
    {
      field: "tools[0].custom.name",
      body: { model: "m", messages: [], tools: [{ type: "custom" }] },
    },
  ]
) {
  Deno.test(`decodeChatRequest() names ${field} when it is wrong`, () => {
    const error = assertThrows(() => decodeChatRequest(body), GrantwayError);
    assertEquals(error.code, "invalid_request");
    assert(error.message.includes(`${field} is not`), error.message);
  });
}

/** What other dialects can say, and how it is said here. */
const ENCODED: { name: string; request: Partial<GenerateRequest>; body: JsonObject }[] = [
  {
    name: "a system prompt",
    request: { system: [{ type: "text", text: "s" }] },
    body: { messages: [{ role: "system", content: "s" }, USER] },
  },
  {
    name: "results beside words",
    request: {
      messages: [{
        role: "user",
        content: [
          { type: "text", text: "and" },
          { type: "tool_result", toolUseId: "c1", content: [{ type: "text", text: "r" }] },
          { type: "tool_result", toolUseId: "c2", content: [], isError: true },
        ],
      }],
    },
    body: {
      messages: [
        { role: "tool", tool_call_id: "c1", content: "r" },
        { role: "tool", tool_call_id: "c2", content: "Error:" },
        { role: "user", content: "and" },
      ],
    },
  },
  {
    name: "a turn in which nothing was said",
    request: { messages: [HELLO, { role: "assistant", content: [] }] },
    body: {},
  },
  {
    name: "sealed thinking, and blocks of another dialect",
    request: {
      messages: [{
        role: "assistant",
        content: [
          { type: "thinking", text: "", signature: "s", redacted: true },
          { type: "opaque", dialect: "messages", kind: "x", value: {} },
          { type: "text", text: "a" },
        ],
      }],
    },
    body: { messages: [{ role: "assistant", content: "a" }] },
  },
  {
    name: "documents that have no counterpart",
    request: {
      messages: [{
        role: "user",
        content: [
          { type: "document", title: "T", source: { kind: "text", text: "a" } },
          { type: "document", source: { kind: "url", url: "https://a.example/" } },
          { type: "image", source: { kind: "file", fileId: "f" } },
        ],
      }],
    },
    body: {
      messages: [{
        role: "user",
        content: [
          { type: "text", text: "T\n\na" },
          { type: "text", text: "https://a.example/" },
          { type: "text", text: "[image omitted: it is kept by another provider]" },
        ],
      }],
    },
  },
  {
    name: "a custom tool that is chosen",
    request: {
      tools: [{ type: "function", name: "f", custom: true }],
      toolChoice: { kind: "tool", name: "f" },
    },
    body: {
      tools: [{ type: "custom", custom: { name: "f" } }],
      tool_choice: { type: "custom", custom: { name: "f" } },
    },
  },
  { name: "a choice without tools", request: { toolChoice: { kind: "required" } }, body: {} },
  {
    name: "no thinking",
    request: { reasoning: { mode: "disabled" } },
    body: { reasoning_effort: "none" },
  },
  {
    name: "a schema without a name",
    request: { outputFormat: { kind: "json_schema", schema: {} } },
    body: {
      response_format: { type: "json_schema", json_schema: { name: "response", schema: {} } },
    },
  },
  {
    name: "a stream",
    request: { stream: true },
    body: { stream: true, stream_options: { include_usage: true } },
  },
];
for (const { name, request, body } of ENCODED) {
  Deno.test(`encodeChatRequest() on ${name}`, () => {
    assertEquals(plainJson(encodeChatRequest({ ...BASE, ...request })), {
      model: "m",
      messages: [USER],
      ...body,
    });
  });
}

Deno.test("encodeChatRequest() cuts ids of calls and results alike", () => {
  const long = "x".repeat(100);
  const { messages } = encodeChatRequest({
    ...BASE,
    messages: [
      { role: "assistant", content: [{ ...call1, id: long }] },
      { role: "user", content: [{ type: "tool_result", toolUseId: long, content: [] }] },
    ],
    // deno-lint-ignore no-explicit-any -- as written
  }) as any;
  assertEquals(messages[0].tool_calls[0].id.length, 64);
  assertEquals(messages[1].tool_call_id, messages[0].tool_calls[0].id);
});

/** Rows of what has no counterpart: what is left out with a word, and what is refused. */
const UNTRANSLATABLE: { body: JsonObject; notes: number | "refused" }[] = [
  { body: { n: 2 }, notes: "refused" },
  { body: { modalities: ["text", "audio"], audio: { voice: "v" } }, notes: "refused" },
  {
    body: { messages: [{ role: "user", content: [{ type: "input_audio", input_audio: {} }] }] },
    notes: "refused",
  },
  { body: { seed: 1, presence_penalty: 1, frequency_penalty: 1, logit_bias: { 1: 1 } }, notes: 4 },
  { body: { logprobs: true, top_k: 5 }, notes: 2 },
  { body: { n: 1, seed: null, presence_penalty: 0, logprobs: false }, notes: 0 },
  { body: { service_tier: "flex", metadata: { a: "b" }, store: true }, notes: 0 },
  { body: { tools: [{ type: "web_search" }] }, notes: 1 },
];
for (const { body, notes } of UNTRANSLATABLE) {
  Deno.test(`checkChatTranslation() on ${JSON.stringify(body)}`, () => {
    const decoded = decodeChatRequest({ model: "m", messages: [USER], ...body });
    if (notes === "refused") {
      const error = assertThrows(() => chatClientCodec.checkTranslation(decoded), GrantwayError);
      assertEquals(error.code, "unsupported");
      assertEquals(chatClientCodec.encodeError(error).status, 400);
    } else assertEquals(chatClientCodec.checkTranslation(decoded).length, notes);
  });
}
