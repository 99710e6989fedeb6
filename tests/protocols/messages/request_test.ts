import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { GrantwayError } from "../../../src/core/errors.ts";
import type { JsonObject } from "../../../src/core/http.ts";
import type { GenerateRequest, Message } from "../../../src/protocols/event.ts";
import { decodeMessagesRequest } from "../../../src/protocols/messages/decode_request.ts";
import {
  encodeMessagesCountTokens,
  encodeMessagesRequest,
} from "../../../src/protocols/messages/encode_request.ts";

const { record, constant, option, array, string, integer, constantFrom, oneof, boolean, double } =
  fc;

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
// Vendor fields that nobody knows yet must not be lost either.
const unknown = { x_vendor: fc.jsonValue({ maxDepth: 1 }) };
const cached = { cache_control: constant({ type: "ephemeral" }), ...unknown };
const id = fc.stringMatching(/^[A-Za-z0-9_-]{1,20}$/);
const textOnly = shape({ type: constant("text"), text: string() }, {
  citations: array(json, { maxLength: 2 }),
  ...cached,
});
const base64 = shape({
  type: constant("base64"),
  media_type: constantFrom("image/png", "application/pdf"),
  data: fc.base64String(),
});
const url = shape({ type: constant("url"), url: fc.webUrl() });
const file = shape({ type: constant("file"), file_id: id });
const plain = shape({ type: constant("text"), media_type: constant("text/plain"), data: string() });
const image = shape({ type: constant("image"), source: oneof(base64, url, file) }, cached);
const document = shape({ type: constant("document"), source: oneof(base64, url, file, plain) }, {
  title: string(),
  context: string(),
  ...cached,
});
const opaque = shape(
  { type: constantFrom("search_result", "tool_reference", "container_upload") },
  unknown,
);
/** A `content` field in the one form that the encoder writes. */
const content = (blocks: fc.Arbitrary<JsonObject>) =>
  oneof(
    string({ minLength: 1 }),
    array(blocks, { minLength: 1, maxLength: 4 }).filter(([first, ...rest]) =>
      rest.length > 0 || first?.["type"] !== "text" || Object.keys(first).length > 2
    ),
  );
const resultContent = oneof(constant(""), content(oneof(textOnly, image, document, opaque)));
const toolResult = shape(
  { type: constant("tool_result"), tool_use_id: id, content: resultContent },
  { is_error: boolean(), ...cached },
);
const toolUse = shape({ type: constant("tool_use"), id, name: id, input: json }, {
  caller: json,
  ...cached,
});
const thinking = shape({ type: constant("thinking"), thinking: string() }, {
  signature: string({ minLength: 1 }),
});
const redacted = shape({ type: constant("redacted_thinking"), data: string() });
const serverUse = shape({ type: constantFrom("server_tool_use", "web_search_tool_result") }, {
  id,
  input: json,
});

const userContent = content(oneof(textOnly, image, document, opaque, toolResult)).map((value) =>
  typeof value === "string" ? value : [
    ...value.filter((block) => block["type"] === "tool_result"),
    ...value.filter((block) => block["type"] !== "tool_result"),
  ]
);
const assistantContent = content(oneof(textOnly, thinking, redacted, toolUse, serverUse));
const messages = array(fc.tuple(userContent, assistantContent, option(string({ minLength: 1 }))), {
  minLength: 1,
  maxLength: 3,
})
  .map((turns) =>
    turns.flatMap(([user, assistant, system]) => [
      { role: "user", content: user },
      { role: "assistant", content: assistant },
      ...(system === null ? [] : [{ role: "system", content: system }]),
    ])
  );
const tool = oneof(
  shape({ name: id, input_schema: json }, {
    description: string(),
    strict: boolean(),
    type: constant("custom"),
    defer_loading: boolean(),
    ...cached,
  }),
  shape({ type: constantFrom("web_search_20260209", "bash_20250124"), name: id }, {
    max_uses: integer(),
  }),
);
const flag = { disable_parallel_tool_use: boolean() };
const toolChoice = oneof(
  shape({ type: constantFrom("auto", "any") }, flag),
  shape({ type: constant("tool"), name: id }, flag),
  constant({ type: "none" }),
);
const tools = oneof(
  constant({}),
  shape({ tools: array(tool, { minLength: 1, maxLength: 3 }) }, { tool_choice: toolChoice }),
);
const display = { display: constantFrom("summarized", "omitted") };
const request = fc.tuple(
  shape({ model: id, max_tokens: integer({ min: 2000, max: 100_000 }), messages }, {
    system: array(textOnly, { minLength: 1, maxLength: 3 }),
    temperature: double({ min: 0, max: 1, noNaN: true }),
    top_p: double({ min: 0, max: 1, noNaN: true }),
    top_k: integer({ min: 1 }),
    stop_sequences: array(string({ minLength: 1 }).filter((stop) => stop.trim() !== ""), {
      minLength: 1,
      maxLength: 3,
    }),
    stream: constant(true),
    thinking: oneof(
      shape(
        { type: constant("enabled"), budget_tokens: integer({ min: 1024, max: 1999 }) },
        display,
      ),
      shape({ type: constant("adaptive") }, display),
      constant({ type: "disabled" }),
    ),
    output_config: shape(
      { effort: constantFrom("low", "medium", "high", "xhigh", "max") },
      { format: shape({ type: constant("json_schema"), schema: json }), ...unknown },
    ),
    metadata: shape({ user_id: string() }, unknown),
    service_tier: constantFrom("auto", "standard_only"),
    cache_control: constant({ type: "ephemeral" }),
    container: fc.uuid(),
    context_management: json,
    mcp_servers: array(json, { maxLength: 1 }),
    ...unknown,
  }),
  tools,
).map(([rest, withTools]): JsonObject => ({ ...rest, ...withTools }));

const plainJson = (value: unknown) => JSON.parse(JSON.stringify(value));

Deno.test("encodeMessagesRequest() writes what decodeMessagesRequest() read", () => {
  fc.assert(
    fc.property(request, (body) => {
      const wire = plainJson(body);
      assertEquals(plainJson(encodeMessagesRequest(decodeMessagesRequest(wire))), wire);
    }),
    { seed: 3, numRuns: 1000 },
  );
});

const HELLO: Message = { role: "user", content: [{ type: "text", text: "Hi" }] };
const BASE: GenerateRequest = {
  model: "m",
  messages: [HELLO],
  maxOutputTokens: 10_000,
  stream: false,
};
const tool1 = { type: "function", name: "f", parameters: { type: "object" } } as const;
const wireTool1 = { name: "f", input_schema: { type: "object" } };

/** What other dialects can say, and how it is said here. */
const ENCODED: { name: string; request: Partial<GenerateRequest>; body: JsonObject }[] = [
  { name: "no max tokens", request: { maxOutputTokens: undefined }, body: { max_tokens: 32_000 } },
  {
    name: "a plain system prompt",
    request: { system: [{ type: "text", text: "s" }] },
    body: { system: [{ type: "text", text: "s" }] },
  },
  {
    name: "blank stop sequences",
    request: { stopSequences: ["", " \n", "x"] },
    body: { stop_sequences: ["x"] },
  },
  { name: "a foreign service tier", request: { serviceTier: "priority" }, body: {} },
  { name: "a choice without tools", request: { toolChoice: { kind: "required" } }, body: {} },
  {
    name: "no parallel calls, and no choice",
    request: { tools: [tool1], parallelToolCalls: false },
    body: { tools: [wireTool1], tool_choice: { type: "auto", disable_parallel_tool_use: true } },
  },
  {
    name: "parallel calls, and no choice",
    request: { tools: [tool1], parallelToolCalls: true },
    body: { tools: [wireTool1] },
  },
  {
    name: "allowed tools",
    request: {
      tools: [tool1, { type: "function", name: "g" }],
      toolChoice: { kind: "allowed", mode: "required", names: ["f"] },
    },
    body: { tools: [wireTool1], tool_choice: { type: "any" } },
  },
  {
    name: "a tool without a schema, and one that takes free text",
    request: {
      tools: [{ type: "function", name: "g" }, { type: "function", name: "h", custom: true }],
    },
    body: {
      tools: [
        { name: "g", input_schema: { type: "object", properties: {} } },
        {
          name: "h",
          input_schema: {
            type: "object",
            properties: { input: { type: "string" } },
            required: ["input"],
          },
        },
      ],
    },
  },
  {
    name: "the grammar of a tool that takes free text",
    request: {
      tools: [{
        type: "function",
        name: "h",
        description: "Patches.",
        custom: true,
        grammar: { syntax: "lark", definition: "start: /x/" },
      }],
    },
    body: {
      tools: [{
        name: "h",
        description: "Patches.\n\nThe input follows this lark grammar:\nstart: /x/",
        input_schema: {
          type: "object",
          properties: { input: { type: "string" } },
          required: ["input"],
        },
      }],
    },
  },
  {
    name: "another dialect's tools and choice",
    request: {
      tools: [{ type: "opaque", dialect: "responses", kind: "web_search", value: {} }, tool1],
      toolChoice: { kind: "opaque", dialect: "responses", value: {} },
      extensions: { dialect: "responses", fields: { store: false } },
    },
    body: { tools: [wireTool1] },
  },
  {
    name: "an effort",
    request: { reasoning: { effort: "minimal" } },
    body: { output_config: { effort: "low" } },
  },
  {
    name: "no effort",
    request: { reasoning: { effort: "none" } },
    body: { thinking: { type: "disabled" } },
  },
  {
    name: "a budget beyond max tokens",
    request: { reasoning: { mode: "enabled", budgetTokens: 20_000 } },
    body: { thinking: { type: "enabled", budget_tokens: 9_999 } },
  },
  {
    name: "thinking without a budget",
    request: { reasoning: { mode: "enabled" } },
    body: { thinking: { type: "enabled", budget_tokens: 8_192 } },
  },
  {
    name: "thinking without room",
    request: { maxOutputTokens: 1000, reasoning: { mode: "enabled", budgetTokens: 2000 } },
    body: { max_tokens: 1000 },
  },
  {
    name: "turns of one role, with results after text",
    request: {
      messages: [
        HELLO,
        {
          role: "assistant",
          content: [
            { type: "tool_use", id: "call:1", name: "f", arguments: '{"a":1}' },
            { type: "tool_use", id: "2", name: "f", arguments: "" },
            { type: "tool_use", id: "3", name: "f", arguments: '{"cut' },
            { type: "tool_use", id: "4", name: "f", arguments: "[1]" },
            { type: "tool_use", id: "5", name: "h", arguments: "free", custom: true },
          ],
        },
        { role: "user", content: [{ type: "text", text: "and" }] },
        { role: "user", content: [{ type: "tool_result", toolUseId: "call:1", content: [] }] },
        { role: "assistant", content: [] },
        {
          role: "assistant",
          content: [{ type: "refusal", text: "no" }, {
            type: "opaque",
            dialect: "chat",
            kind: "x",
            value: {},
          }],
        },
      ],
    },
    body: {
      messages: [
        { role: "user", content: "Hi" },
        {
          role: "assistant",
          content: [
            { type: "tool_use", id: "call_1_b1635388", name: "f", input: { a: 1 } },
            { type: "tool_use", id: "2", name: "f", input: {} },
            { type: "tool_use", id: "3", name: "f", input: { _raw: '{"cut' } },
            { type: "tool_use", id: "4", name: "f", input: { _raw: "[1]" } },
            { type: "tool_use", id: "5", name: "h", input: { input: "free" } },
          ],
        },
        {
          role: "user",
          content: [
            { type: "tool_result", tool_use_id: "call_1_b1635388", content: "" },
            { type: "text", text: "and" },
          ],
        },
        { role: "assistant", content: "no" },
      ],
    },
  },
  {
    name: "a message without content",
    request: { messages: [HELLO, { role: "assistant", content: [] }] },
    body: {},
  },
];
for (const { name, request, body } of ENCODED) {
  Deno.test(`encodeMessagesRequest() writes ${name}`, () => {
    assertEquals(plainJson(encodeMessagesRequest({ ...BASE, ...request })), {
      model: "m",
      max_tokens: 10_000,
      messages: [{ role: "user", content: "Hi" }],
      ...body,
    });
  });
}

Deno.test("encodeMessagesCountTokens() leaves sampling and streaming out", () => {
  const body = encodeMessagesCountTokens({
    ...BASE,
    stream: true,
    temperature: 1,
    tools: [tool1],
    system: [{ type: "text", text: "s" }],
  });
  assertEquals(Object.keys(body).sort(), ["messages", "model", "system", "tools"]);
});

const INVALID: { name: string; body: JsonObject; field: string }[] = [
  { name: "no model", body: { messages: [] }, field: "model" },
  { name: "an empty model", body: { model: "", messages: [] }, field: "model" },
  { name: "no messages", body: { model: "m" }, field: "messages" },
  { name: "a message that is none", body: { model: "m", messages: [1] }, field: "messages[0]" },
  {
    name: "an unknown role",
    body: { model: "m", messages: [{ role: "tool", content: "" }] },
    field: "messages[0].role",
  },
  {
    name: "no content",
    body: { model: "m", messages: [{ role: "user" }] },
    field: "messages[0].content",
  },
  {
    name: "a tool that is none",
    body: { model: "m", messages: [], tools: [1] },
    field: "tools[0]",
  },
  {
    name: "a tool without a name",
    body: { model: "m", messages: [], tools: [{}] },
    field: "tools[0].name",
  },
];
for (const { name, body, field } of INVALID) {
  Deno.test(`decodeMessagesRequest() refuses ${name}`, () => {
    const error = assertThrows(
      () => decodeMessagesRequest(body),
      GrantwayError,
      `: ${field} is not `,
    );
    assertEquals(error.code, "invalid_request");
  });
}
