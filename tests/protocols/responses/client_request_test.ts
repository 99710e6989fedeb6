import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { GrantwayError } from "../../../src/core/errors.ts";
import type { JsonObject } from "../../../src/core/http.ts";
import type { ThinkingBlock } from "../../../src/protocols/event.ts";
import { encodeSeal } from "../../../src/protocols/envelope.ts";
import { encodeMessagesRequest } from "../../../src/protocols/messages/encode_request.ts";
import { responsesClientCodec } from "../../../src/protocols/responses/client_codec.ts";
import { decodeResponsesRequest } from "../../../src/protocols/responses/decode_request.ts";
import { encodeResponsesRequest } from "../../../src/protocols/responses/encode_request.ts";
import { prepareMinimaxRequest } from "../../../src/providers/minimax/request.ts";
import { prepareXaiRequest } from "../../../src/providers/xai/request.ts";

const { record, constant, array, string, integer, constantFrom, oneof, double } = fc;

/** A record whose other fields may be absent. */
function shape<T>(
  required: { [K in keyof T]: fc.Arbitrary<T[K]> },
  more: Record<string, fc.Arbitrary<unknown>> = {},
) {
  return fc.tuple(record(required), record(more, { requiredKeys: [] })).map(([a, b]) => ({
    ...a,
    ...b,
  } as JsonObject));
}

const SEALED = "reasoning.encrypted_content";
const json = fc.dictionary(string(), fc.jsonValue({ maxDepth: 2 }), { maxKeys: 3 });
// Vendor fields that nobody knows yet must not be lost either, wherever they stand.
const unknown = { x_vendor: fc.jsonValue({ maxDepth: 1 }) };
const id = fc.stringMatching(/^[A-Za-z0-9_-]{1,20}$/);
const words = string({ minLength: 1 });
const status = constantFrom("completed", "incomplete");
const dataUrl = fc.tuple(
  constantFrom("image/png", "application/pdf"),
  fc.base64String({ minLength: 4 }),
).map(([type, data]) => `data:${type};base64,${data}`);
const detail = constantFrom("low", "high", "auto");
const text = shape({ type: constant("input_text"), text: words }, unknown);
const image = oneof(
  shape(
    { type: constant("input_image"), image_url: oneof(fc.webUrl(), dataUrl), detail },
    unknown,
  ),
  shape({ type: constant("input_image"), file_id: id, detail }, unknown),
);
const file = oneof(
  shape({ type: constant("input_file"), file_data: dataUrl, filename: words }, unknown),
  shape({ type: constant("input_file"), file_url: fc.webUrl() }, { filename: words, ...unknown }),
  shape({ type: constant("input_file"), file_id: id }, { filename: words, ...unknown }),
);
const audio = shape({ type: constant("input_audio"), input_audio: json });
const parts = array(oneof(text, image, file, audio), { minLength: 1, maxLength: 3 });

const userMessage = shape(
  { type: constant("message"), role: constantFrom("user", "system", "developer"), content: parts },
  { id, status, ...unknown },
);
const annotation = shape({
  type: constant("url_citation"),
  url: fc.webUrl(),
  title: string(),
  start_index: integer({ min: 0 }),
  end_index: integer({ min: 0 }),
});
const answer = shape(
  {
    type: constant("message"),
    role: constant("assistant"),
    content: array(
      oneof(
        shape({ type: constant("output_text"), text: words }, {
          annotations: array(annotation, { maxLength: 2 }),
          logprobs: array(json, { maxLength: 1 }),
          ...unknown,
        }),
        shape({ type: constant("refusal"), refusal: words }, unknown),
      ),
      { minLength: 1, maxLength: 3 },
    ),
  },
  { id, status, phase: constantFrom("commentary", "final_answer"), ...unknown },
);
const summary = array(
  shape({ type: constant("summary_text"), text: words }, unknown),
  { maxLength: 3 },
);
const reasoning = shape(
  {
    type: constant("reasoning"),
    summary,
    encrypted_content: words.map((seal) => `foreign-${seal}`),
  },
  {
    id,
    content: array(shape({ type: constant("reasoning_text"), text: words }), {
      minLength: 1,
      maxLength: 2,
    }),
    ...unknown,
  },
);
const other = shape({
  type: constantFrom("web_search_call", "mcp_call", "compaction", "shell_call", "item_reference"),
  id,
}, { action: json, ...unknown });

/** What a tool answers: text, or parts that are not all text. */
const output = oneof(
  words,
  fc.tuple(image, parts).map(([first, more]) => [first, ...more]),
);
const NAMES = ["read", "write_file", "exec"];
/** A call and its result; what stands between them is the conversation's. */
const exchange = fc.tuple(
  oneof(
    shape({
      type: constant("function_call"),
      name: constantFrom(...NAMES),
      arguments: json.map((value) => JSON.stringify(value)),
    }, { id, status, namespace: constantFrom("mcp__files", "git__"), ...unknown }),
    shape({ type: constant("custom_tool_call"), name: constant("patch"), input: string() }, {
      id,
      status,
      ...unknown,
    }),
    shape({
      type: constant("local_shell_call"),
      action: shape({
        type: constant("exec"),
        command: array(words),
        env: fc.dictionary(id, words),
      }, { timeout_ms: integer(), working_directory: words, user: words }),
    }, { id, status }),
  ),
  output,
  shape({}, { id, status, ...unknown }),
);

/** Items of a conversation, each call followed by its result at once or after the next call. */
const input = array(
  oneof(
    userMessage.map((item) => [item]),
    answer.map((item) => [item]),
    other.map((item) => [item]),
    fc.tuple(array(exchange, { minLength: 1, maxLength: 3 }), fc.option(reasoning), fc.boolean())
      .map(([exchanges, thought, isBatch]) => {
        const pairs = exchanges.map(([call, result, fields]) => {
          const custom = call["type"] === "custom_tool_call";
          const type = custom ? "custom_tool_call_output" : "function_call_output";
          return [call, { ...fields, type, output: result }];
        });
        return [
          ...(thought === null ? [] : [thought]),
          ...(isBatch
            ? [...pairs.map(([call]) => call!), ...pairs.map(([, result]) => result!)]
            : pairs.flat()),
        ];
      }),
    fc.tuple(reasoning, answer),
  ),
  { maxLength: 5 },
).map((groups) => {
  // Ids are unique, and the same for a call and its result.
  const items: JsonObject[] = [];
  let count = 0;
  for (const group of groups as JsonObject[][]) {
    const calls: string[] = [];
    for (const item of group) {
      if (/(function|custom_tool|local_shell)_call$/.test(String(item["type"]))) {
        calls.push(`call_${count++}`);
        items.push({ ...item, call_id: calls.at(-1) });
      } else if (String(item["type"]).endsWith("_output")) {
        items.push({ ...item, call_id: calls.shift() });
      } else items.push(item);
    }
  }
  return items;
});

const functionTool = (name: fc.Arbitrary<string>) =>
  shape({ type: constant("function"), name, parameters: json, strict: fc.boolean() }, {
    description: words,
    ...unknown,
  });
const customTool = shape({ type: constant("custom"), name: constant("patch") }, {
  description: words,
  format: oneof(
    constant({ type: "text" }),
    record({
      type: constant("grammar"),
      syntax: constantFrom("lark", "regex"),
      definition: words,
    }),
  ),
  ...unknown,
});
const namespaceTool = shape({
  type: constant("namespace"),
  name: constantFrom("mcp__files", "git__"),
  tools: array(functionTool(id), { minLength: 1, maxLength: 3 }),
}, { description: words, ...unknown });
const serverTool = shape({ type: constantFrom("web_search", "mcp", "code_interpreter") }, {
  filters: json,
  ...unknown,
});
const tools = array(
  oneof(
    functionTool(constantFrom(...NAMES)),
    customTool,
    namespaceTool,
    serverTool,
    shape({ type: constant("local_shell") }),
  ),
  { minLength: 1, maxLength: 4 },
);
const choice = oneof(
  constantFrom("auto", "required", "none"),
  record({ type: constant("function"), name: constantFrom(...NAMES) }),
  record({
    type: constant("allowed_tools"),
    mode: constantFrom("auto", "required"),
    tools: array(record({ type: constant("function"), name: constantFrom(...NAMES) })),
  }),
  record({ type: constant("web_search") }),
);
const toolFields = fc.tuple(
  tools,
  record({ tool_choice: choice, parallel_tool_calls: fc.boolean() }, { requiredKeys: [] }),
).map(([list, more]) => ({ tools: list, ...more }));

/** A request in the one form that the encoder writes. */
const request = fc.tuple(
  shape(
    { model: words, input, store: constant(false) },
    {
      max_output_tokens: integer({ min: 1 }),
      temperature: double({ min: 0.01, max: 2, noNaN: true }),
      top_p: double({ min: 0.01, max: 1, noNaN: true }),
      reasoning: shape({
        effort: constantFrom("none", "minimal", "low", "medium", "high", "xhigh"),
      }, { summary: constantFrom("auto", "concise", "detailed"), x_vendor: words }),
      text: oneof(
        shape({ format: constantFrom({ type: "text" }, { type: "json_object" }) }, {
          verbosity: constantFrom("low", "high"),
        }),
        record({
          format: shape({ type: constant("json_schema"), name: id, schema: json }, {
            strict: fc.boolean(),
            description: words,
          }),
        }),
      ),
      user: words,
      safety_identifier: words,
      prompt_cache_key: words,
      service_tier: words,
      metadata: json,
      previous_response_id: id,
      background: fc.boolean(),
      truncation: constantFrom("auto", "disabled"),
      top_logprobs: integer({ min: 0, max: 20 }),
      stream: constant(true),
      stream_options: json,
      x_vendor: fc.jsonValue({ maxDepth: 2 }).filter((value) => value !== null),
    },
  ),
  array(constantFrom("web_search_call.action.sources", "message.output_text.logprobs"), {
    maxLength: 2,
  }),
  fc.option(toolFields),
).map(([body, include, toolsOrNot]): JsonObject => ({
  ...body,
  ...toolsOrNot,
  include: [...new Set([...include, SEALED])],
}));

Deno.test("a Responses request is read and written again without a loss", () => {
  fc.assert(
    fc.property(request, (body) => {
      const plain = JSON.parse(JSON.stringify(body));
      const written = encodeResponsesRequest(decodeResponsesRequest(plain));
      assertEquals(JSON.parse(JSON.stringify(written)), plain);
    }),
    { numRuns: 300 },
  );
});

const user = (content: unknown) => ({ type: "message", role: "user", content });
const hello = user([{ type: "input_text", text: "hello" }]);
const EMPTY = { store: false, include: [SEALED] };

const FORMS: { name: string; sent: JsonObject; written: JsonObject }[] = [
  { name: "input as a string", sent: { input: "hello" }, written: { input: [hello] } },
  {
    name: "instructions as the first message",
    sent: { input: "hello", instructions: "be brief" },
    written: {
      input: [
        { type: "message", role: "system", content: [{ type: "input_text", text: "be brief" }] },
        hello,
      ],
    },
  },
  {
    name: "messages without a type, content as a string",
    sent: { input: [{ role: "user", content: "hello" }, { role: "assistant", content: "hi" }] },
    written: {
      input: [hello, {
        type: "message",
        role: "assistant",
        content: [{ type: "output_text", text: "hi" }],
      }],
    },
  },
  {
    name: "fields that are null",
    sent: {
      input: "hello",
      instructions: null,
      reasoning: { effort: null, summary: null },
      text: null,
      metadata: null,
      tools: null,
      tool_choice: null,
      max_output_tokens: null,
      previous_response_id: null,
    },
    written: { input: [hello] },
  },
  {
    name: "parts of a result that are all text",
    sent: {
      input: [
        { type: "function_call", call_id: "c", name: "f", arguments: "" },
        {
          type: "function_call_output",
          call_id: "c",
          output: [{ type: "input_text", text: "a" }, { type: "output_text", text: "b" }],
        },
      ],
    },
    written: {
      input: [
        { type: "function_call", call_id: "c", name: "f", arguments: "{}" },
        { type: "function_call_output", call_id: "c", output: "a\nb" },
      ],
    },
  },
  {
    name: "results that are other JSON",
    sent: {
      input: [
        { type: "custom_tool_call", call_id: "c", name: "f", input: "x" },
        { type: "custom_tool_call_output", call_id: "c", output: { ok: [1] } },
      ],
    },
    written: {
      input: [
        { type: "custom_tool_call", call_id: "c", name: "f", input: "x" },
        { type: "custom_tool_call_output", call_id: "c", output: '{"ok":[1]}' },
      ],
    },
  },
  {
    name: "the shell's own form of result",
    sent: {
      input: [
        { type: "local_shell_call", call_id: "c", action: { type: "exec", command: [], env: {} } },
        { type: "local_shell_call_output", id: "c", output: "done" },
      ],
    },
    written: {
      input: [
        { type: "local_shell_call", call_id: "c", action: { type: "exec", command: [], env: {} } },
        { type: "local_shell_call_output", id: "c", output: "done" },
      ],
    },
  },
  {
    name: "parts of the model's that nobody knows as messages of their own",
    sent: {
      input: [{
        role: "assistant",
        content: [{ type: "output_text", text: "a" }, { type: "output_audio", data: "b" }],
      }],
    },
    written: {
      input: [
        {
          type: "message",
          role: "assistant",
          content: [{ type: "output_text", text: "a" }],
        },
        { role: "assistant", content: [{ type: "output_audio", data: "b" }] },
      ],
    },
  },
  {
    name: "a data URL that cannot be read as a remark",
    sent: { input: [user([{ type: "input_image", image_url: "data:nonsense" }])] },
    written: {
      input: [
        user([{ type: "input_text", text: "[image omitted: its data URL cannot be read]" }]),
      ],
    },
  },
];
for (const { name, sent, written } of FORMS) {
  Deno.test(`decodeResponsesRequest() reads ${name}`, () => {
    const body = encodeResponsesRequest(decodeResponsesRequest({ model: "m", ...sent }));
    assertEquals(JSON.parse(JSON.stringify(body)), { model: "m", ...EMPTY, ...written });
  });
}

const INVALID: { field: string; body: JsonObject }[] = [
  { field: "model", body: { input: "x" } },
  { field: "input", body: { model: "m" } },
  { field: "input[0]", body: { model: "m", input: ["x"] } },
  { field: "input[0].role", body: { model: "m", input: [{ content: "x" }] } },
  { field: "input[0].content", body: { model: "m", input: [{ role: "user" }] } },
  { field: "input[0].name", body: { model: "m", input: [{ type: "function_call" }] } },
  { field: "input[0].call_id", body: { model: "m", input: [{ type: "function_call_output" }] } },
  { field: "instructions", body: { model: "m", input: "x", instructions: [] } },
  { field: "tools[0]", body: { model: "m", input: "x", tools: [1] } },
  { field: "tools[0].name", body: { model: "m", input: "x", tools: [{ type: "function" }] } },
  {
    field: "tools[0].tools[0].name",
    body: { model: "m", input: "x", tools: [{ type: "namespace", name: "n", tools: [{}] }] },
  },
];
for (const { field, body } of INVALID) {
  Deno.test(`decodeResponsesRequest() names ${field}`, () => {
    const error = assertThrows(() => decodeResponsesRequest(body), GrantwayError);
    assertEquals(error.code, "invalid_request");
    assert(error.message.includes(`: ${field} is not `), error.message);
  });
}

const UNSUPPORTED: { name: string; body: JsonObject }[] = [
  { name: "previous_response_id", body: { previous_response_id: "resp_1" } },
  { name: "conversation", body: { conversation: "conv_1" } },
  { name: "prompt", body: { prompt: { id: "p" } } },
  { name: "background", body: { background: true } },
  { name: "item_reference", body: { input: [{ type: "item_reference", id: "msg_1" }] } },
  {
    name: "input",
    body: { input: [{ role: "system", content: [{ type: "input_image", file_id: "f" }] }] },
  },
];
for (const { name, body } of UNSUPPORTED) {
  Deno.test(`checkResponsesTranslation() refuses ${name}`, () => {
    const decoded = decodeResponsesRequest({ model: "m", input: "x", ...body });
    const error = assertThrows(
      () => responsesClientCodec.checkTranslation(decoded),
      GrantwayError,
    );
    assertEquals(error.code, "unsupported");
    assert(error.message.includes(`: ${name} has no counterpart, `), error.message);
    assertEquals(responsesClientCodec.encodeError(error).status, 400);
  });
}

Deno.test("checkResponsesTranslation() says what is left out, and nothing of what is not", () => {
  const notes = (body: JsonObject) =>
    responsesClientCodec.checkTranslation(
      decodeResponsesRequest({ model: "m", input: "x", ...body }),
    );
  assertEquals(
    notes({
      store: true,
      background: false,
      metadata: {},
      truncation: "disabled",
      top_logprobs: 0,
      text: { verbosity: "medium" },
      include: [SEALED],
      tools: [{ type: "local_shell" }, { type: "custom", name: "c" }],
      input: [{ type: "reasoning", id: "rs_1", summary: [] }, {
        type: "additional_tools",
        tools: [],
      }],
    }),
    [],
  );
  assertEquals(
    notes({
      truncation: "auto",
      text: { verbosity: "low" },
      tools: [{ type: "web_search" }, { type: "web_search" }],
      input: [{ type: "web_search_call", id: "ws_1" }],
    }),
    [
      "truncation has no counterpart and was left out",
      "text.verbosity has no counterpart and was left out",
      "The tool type web_search has no counterpart and was left out",
      "Items of type web_search_call have no counterpart and were left out",
    ],
  );
});

/** As Codex writes it. */
const CODEX: JsonObject = {
  model: "m",
  instructions: "You are an agent.",
  store: false,
  stream: true,
  include: [SEALED],
  parallel_tool_calls: false,
  prompt_cache_key: "thread",
  prompt_cache_retention: "24h",
  prompt_cache_options: { mode: "explicit" },
  reasoning: { effort: "medium", summary: "auto" },
  tools: [
    { type: "function", name: "shell", parameters: { type: "object", properties: {} } },
    {
      type: "custom",
      name: "apply_patch",
      description: "Edits files.",
      format: { type: "grammar", syntax: "lark", definition: "start: X" },
    },
    {
      type: "namespace",
      name: "mcp__files",
      tools: [{ type: "function", name: "read", parameters: { type: "object", properties: {} } }],
    },
    { type: "local_shell" },
    { type: "web_search", external_web_access: true },
  ],
  input: [
    { type: "message", role: "developer", content: [{ type: "input_text", text: "rules" }] },
    {
      type: "message",
      role: "user",
      content: [{ type: "input_text", text: "go", prompt_cache_breakpoint: { mode: "explicit" } }],
    },
    {
      type: "additional_tools",
      role: "developer",
      tools: [{ type: "function", name: "late" }, { type: "function", name: "shell" }],
    },
    { type: "reasoning", summary: [], encrypted_content: "gAAAAforeign" },
    { type: "function_call", call_id: "1", name: "shell", arguments: '{"a":1}' },
    { type: "custom_tool_call", call_id: "2", name: "apply_patch", input: "*** Begin" },
    {
      type: "function_call",
      call_id: "3",
      name: "read",
      namespace: "mcp__files",
      arguments: "{}",
    },
    {
      type: "local_shell_call",
      call_id: "4",
      action: { type: "exec", command: ["ls"], env: {} },
    },
    { type: "function_call_output", call_id: "1", output: "first" },
    { type: "function_call_output", call_id: "2", output: "patched" },
    {
      type: "function_call_output",
      call_id: "3",
      output: [{ type: "input_text", text: "seen" }, {
        type: "input_image",
        image_url: "data:image/png;base64,AAAA",
      }],
    },
    { type: "local_shell_call_output", id: "4", output: "files" },
    { type: "function_call_output", call_id: "1", output: "again" },
  ],
};

Deno.test("a Codex request for a Messages server", () => {
  const prepared = prepareMinimaxRequest({
    ...decodeResponsesRequest(CODEX),
    model: "MiniMax-M3",
  });
  // deno-lint-ignore no-explicit-any -- read field by field
  const body: any = encodeMessagesRequest(prepared.request);
  assertEquals(body.system.map(({ text }: { text: string }) => text), [
    "You are an agent.",
    "rules",
  ]);
  // deno-lint-ignore no-explicit-any -- as above
  assertEquals(body.tools.map((tool: any) => tool.name), [
    "shell",
    "apply_patch",
    "mcp__files__read",
    "local_shell",
    "late",
  ]);
  assert(body.tools[1].description.includes("start: X"));
  assertEquals(body.tools[3].input_schema.required, ["command"]);
  assertEquals(body.tool_choice, { type: "auto", disable_parallel_tool_use: true });
  assertEquals(body.messages, [
    { role: "user", content: "go" },
    {
      role: "assistant",
      content: [
        { type: "tool_use", id: "1", name: "shell", input: { a: 1 } },
        { type: "tool_use", id: "2", name: "apply_patch", input: { input: "*** Begin" } },
        { type: "tool_use", id: "3", name: "mcp__files__read", input: {} },
        { type: "tool_use", id: "4", name: "local_shell", input: { command: ["ls"], env: {} } },
      ],
    },
    {
      role: "user",
      content: [
        { type: "tool_result", tool_use_id: "1", content: "again" },
        { type: "tool_result", tool_use_id: "2", content: "patched" },
        {
          type: "tool_result",
          tool_use_id: "3",
          content: [{ type: "text", text: "seen" }, {
            type: "image",
            source: { type: "base64", media_type: "image/png", data: "AAAA" },
          }],
        },
        { type: "tool_result", tool_use_id: "4", content: "files" },
      ],
    },
  ]);
});

Deno.test("a Codex request for xAI, which has functions alone", () => {
  const { request } = prepareXaiRequest({ ...decodeResponsesRequest(CODEX), model: "grok-4.3" });
  // deno-lint-ignore no-explicit-any -- read field by field
  const body: any = encodeResponsesRequest(request);
  // Cache marks are refused, wherever they stand; the key is known.
  assertEquals(JSON.stringify(body).match(/prompt_cache_\w+/g), ["prompt_cache_key"]);
  // deno-lint-ignore no-explicit-any -- as above
  assertEquals(body.tools.map(({ type, name }: any) => name ?? type), [
    "shell",
    "apply_patch",
    "mcp__files__read",
    "local_shell",
    "web_search",
    "late",
  ]);
  assert(body.tools[1].description.includes("start: X"));
  assertEquals(
    // deno-lint-ignore no-explicit-any -- as above
    body.input.map(({ type, role, name, namespace, output }: any) =>
      [type, role, name, namespace, output].filter((value) => value !== undefined)
    ).filter(([type]: string[]) => type !== "message").map(([type, second]: unknown[]) => [
      type,
      Array.isArray(second) ? second.length : second,
    ]),
    [
      ["function_call", "shell"],
      ["function_call", "apply_patch"],
      ["function_call", "mcp__files__read"],
      ["function_call", "local_shell"],
      ["function_call_output", "again"],
      ["function_call_output", "patched"],
      ["function_call_output", 2],
      ["function_call_output", "files"],
    ],
  );
});

Deno.test("sealed reasoning comes back out of its envelope, in its place", () => {
  const sealed: ThinkingBlock = {
    type: "thinking",
    text: "a thought",
    signature: "seal",
    provenance: { origin: "minimax", model: "MiniMax-M3" },
  };
  const { messages } = decodeResponsesRequest({
    model: "m",
    input: [
      {
        type: "reasoning",
        id: "rs_1",
        summary: [{ type: "summary_text", text: "a thought" }],
        encrypted_content: encodeSeal(sealed),
      },
      { type: "function_call", call_id: "c", name: "f", arguments: "{}" },
    ],
  });
  const [thinking, call] = messages[0]!.content;
  const { extensions, ...block } = thinking as ThinkingBlock;
  assertEquals(block, sealed);
  assertEquals(extensions?.fields, { id: "rs_1" });
  assertEquals(call?.type, "tool_use");
});
