// What xAI refuses, in its words; facts of the vendor's documentation and of reports.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { Sandbox, SandboxQuirks } from "../../../src/sandbox/mod.ts";
import { type Json, testSandbox } from "../support.ts";
import { postResponses, respond, responsesBody, WEATHER_TOOL } from "./support.ts";

const NO_CONTENT = "Each message must have at least one content element";
const BAD_SCHEMA = "Invalid arguments passed to the model";
const ENCRYPTED = { include: ["reasoning.encrypted_content"] };

interface Case {
  name: string;
  fields: Record<string, unknown>;
  /** What the message contains; `undefined`: the request is accepted. */
  error?: string;
  status?: number;
  quirks?: Partial<SandboxQuirks>;
}

async function judge(
  { fields, error, status = 400, quirks = {} }: Omit<Case, "name">,
): Promise<void> {
  const { sandbox } = testSandbox({ quirks });
  const response = await postResponses(sandbox, responsesBody("hi", fields));
  const text = await response.text();
  assertEquals(response.status, error === undefined ? 200 : status, text);
  if (error !== undefined) assertStringIncludes(JSON.parse(text).error, error);
}

function cases(title: string, list: readonly Case[]): void {
  for (const { name, ...rest } of list) {
    Deno.test(`xai ${title}: ${name} is ${rest.error ? "refused" : "accepted"}`, () => judge(rest));
  }
}

cases("request", [
  { name: "no model", fields: { model: undefined }, error: "does not exist", status: 404 },
  { name: "an unknown model", fields: { model: "gpt-5" }, error: "does not exist", status: 404 },
  { name: "no input", fields: { input: undefined }, error: "input must be" },
  { name: "an empty list", fields: { input: [] }, error: "input must be" },
  { name: "an empty text", fields: { input: "" }, error: NO_CONTENT },
  { name: "instructions", fields: { instructions: "Be brief" } },
  {
    name: "instructions with previous_response_id",
    fields: { instructions: "Be brief", previous_response_id: "x" },
    error: "cannot be combined",
  },
  {
    name: "an unknown previous_response_id",
    fields: { previous_response_id: "x" },
    error: "not found",
    status: 404,
  },
  { name: "a temperature of 2", fields: { temperature: 2 } },
  { name: "a temperature above 2", fields: { temperature: 2.1 }, error: "temperature" },
  { name: "a top_p above 1", fields: { top_p: 1.1 }, error: "top_p" },
  { name: "top_logprobs of 8", fields: { top_logprobs: 8 } },
  { name: "top_logprobs of 9", fields: { top_logprobs: 9 }, error: "top_logprobs" },
  { name: "max_output_tokens of 0", fields: { max_output_tokens: 0 }, error: "max_output_tokens" },
  { name: "a broken limit", fields: { max_output_tokens: 1.5 }, error: "max_output_tokens" },
  { name: "stream as a text", fields: { stream: "yes" }, error: "stream must be a boolean" },
  { name: "null fields", fields: { tools: null, temperature: null, reasoning: null, text: null } },
  {
    name: "stop on a reasoning model",
    fields: { stop: ["x"] },
    error: "Argument not supported on this model: stop",
  },
  {
    name: "stop on one that does not reason",
    fields: { stop: ["x"], model: "grok-4.20-0309-non-reasoning" },
  },
  {
    name: "presence_penalty on a reasoning model",
    fields: { presence_penalty: 1 },
    error: "presence_penalty",
  },
  {
    name: "search_parameters",
    fields: { search_parameters: { mode: "on" } },
    error: "deprecated",
    status: 410,
  },
  {
    name: "priority on an older model",
    fields: { service_tier: "priority" },
    error: "does not support service_tier",
  },
  { name: "priority on the newest", fields: { service_tier: "priority", model: "grok-4.6" } },
  { name: "service_tier flex", fields: { service_tier: "flex" }, error: "service_tier" },
  { name: "a known include", fields: ENCRYPTED },
  { name: "an unknown include", fields: { include: ["everything"] }, error: "of include" },
  { name: "an unknown field", fields: { metadata: {} } },
  {
    name: "an unknown field where that is strict",
    fields: { metadata: {} },
    quirks: { unknownFields: "refuse" },
    error: "unknown field `metadata`",
  },
  {
    name: "verbosity where that is strict",
    fields: { text: { verbosity: "low" } },
    quirks: { unknownFields: "refuse" },
    error: "verbosity",
  },
  { name: "json_object", fields: { text: { format: { type: "json_object" } } } },
  {
    name: "json_schema without a name",
    fields: { text: { format: { type: "json_schema", schema: WEATHER_TOOL.parameters } } },
    error: "needs a name",
  },
  {
    name: "json_schema with a bad schema",
    fields: { text: { format: { type: "json_schema", name: "x", schema: { type: "array" } } } },
    error: BAD_SCHEMA,
  },
]);

const EFFORTS: [model: string, accepted: string[], refused: string[]][] = [
  ["grok-4.6", ["low", "medium", "high", "xhigh"], ["none", "minimal"]],
  ["grok-4.5", ["low", "medium", "high"], ["none", "xhigh"]],
  ["grok-4.3", ["none", "low", "medium", "high"], ["xhigh", "max"]],
  ["grok-4.20-0309-reasoning", [], ["low", "none"]],
  ["grok-4.20-0309-non-reasoning", [], ["low"]],
  ["grok-4.20-multi-agent-0309", ["low", "xhigh"], ["none"]],
  ["grok-build-0.1", [], ["high"]],
  ["grok-3-mini", ["low", "high"], ["medium"]],
  ["grok-4-0709", [], ["low"]],
];
for (const [model, accepted, refused] of EFFORTS) {
  cases("effort", [
    ...accepted.map((effort) => ({
      name: `${effort} of ${model}`,
      fields: { model, reasoning: { effort } },
    })),
    ...refused.map((effort) => ({
      name: `${effort} of ${model}`,
      fields: { model, reasoning: { effort } },
      error: accepted.length === 0
        ? "does not support parameter reasoningEffort"
        : "Invalid reasoning effort",
    })),
    { name: `a summary alone of ${model}`, fields: { model, reasoning: { summary: "auto" } } },
  ]);
}

const named = (name: string) => ({ ...WEATHER_TOOL, name });
cases("tools", [
  { name: "a function", fields: { tools: [WEATHER_TOOL] } },
  {
    name: "128 functions",
    fields: { tools: Array.from({ length: 128 }, (_, i) => named(`f${i}`)) },
  },
  {
    name: "129 functions",
    fields: { tools: Array.from({ length: 129 }, (_, i) => named(`f${i}`)) },
    error: "At most 128",
  },
  {
    name: "a nested function",
    fields: { tools: [{ type: "function", function: WEATHER_TOOL }] },
    error: "valid name",
  },
  { name: "a name with a dot", fields: { tools: [named("a.b")] }, error: "valid name" },
  {
    name: "a name of 65 characters",
    fields: { tools: [named("a".repeat(65))] },
    error: "valid name",
  },
  { name: "one name twice", fields: { tools: [WEATHER_TOOL, WEATHER_TOOL] }, error: "unique" },
  { name: "a function web_search", fields: { tools: [named("web_search")] }, error: "reserved" },
  { name: "a function x_search", fields: { tools: [named("x_search")] }, error: "reserved" },
  { name: "a custom tool", fields: { tools: [{ type: "custom", name: "a" }] }, error: "of tools" },
  { name: "local_shell", fields: { tools: [{ type: "local_shell" }] }, error: "of tools" },
  {
    name: "hosted tools beside functions",
    fields: {
      tools: [WEATHER_TOOL, { type: "web_search" }, { type: "x_search" }, {
        type: "code_execution",
      }],
    },
  },
  {
    name: "five domains",
    fields: {
      tools: [{ type: "web_search", filters: { allowed_domains: ["a", "b", "c", "d", "e"] } }],
    },
  },
  {
    name: "six domains",
    fields: {
      tools: [{ type: "web_search", filters: { allowed_domains: ["a", "b", "c", "d", "e", "f"] } }],
    },
    error: "at most 5",
  },
  {
    name: "allowed and excluded domains",
    fields: {
      tools: [{ type: "web_search", filters: { allowed_domains: ["a"], excluded_domains: ["b"] } }],
    },
    error: "exclude each other",
  },
  {
    name: "a broken date",
    fields: { tools: [{ type: "x_search", from_date: "1.1.2026" }] },
    error: "YYYY-MM-DD",
  },
  {
    name: "file_search without stores",
    fields: { tools: [{ type: "file_search" }] },
    error: "vector_store_ids",
  },
  {
    name: "mcp without a URL",
    fields: { tools: [{ type: "mcp", server_label: "a" }] },
    error: "server_url",
  },
  {
    name: "image_generation on an older model",
    fields: { tools: [{ type: "image_generation" }] },
    error: "image_generation",
  },
  {
    name: "functions on the multi-agent model",
    fields: { tools: [WEATHER_TOOL], model: "grok-4.20-multi-agent-0309" },
    error: "Client side tools",
  },
  {
    name: "cache_control on a function where that is strict",
    fields: { tools: [{ ...WEATHER_TOOL, cache_control: {} }] },
    quirks: { unknownFields: "refuse" },
    error: "cache_control",
  },
]);

const NO_TOOLS = "A tool_choice was set on the request but no tools were specified";
cases("tool_choice", [
  { name: "auto without tools", fields: { tool_choice: "auto" }, error: NO_TOOLS },
  { name: "none with an empty list", fields: { tool_choice: "none", tools: [] }, error: NO_TOOLS },
  { name: "parallel_tool_calls without tools", fields: { parallel_tool_calls: true } },
  ...["none", "auto", "required"].map((mode) => ({
    name: mode,
    fields: { tools: [WEATHER_TOOL], tool_choice: mode },
  })),
  {
    name: "a function that is there",
    fields: { tools: [WEATHER_TOOL], tool_choice: { type: "function", name: "get_weather" } },
  },
  {
    name: "a function that is not",
    fields: { tools: [WEATHER_TOOL], tool_choice: { type: "function", name: "other" } },
    error: "not there",
  },
  {
    name: "a forced hosted tool",
    fields: { tools: [{ type: "web_search" }], tool_choice: { type: "web_search" } },
    error: "of tool_choice",
  },
  {
    name: "the same as allowed_tools",
    fields: {
      tools: [{ type: "web_search" }],
      tool_choice: { type: "allowed_tools", mode: "required", tools: [{ type: "web_search" }] },
    },
  },
  {
    name: "a word of other vendors",
    fields: { tools: [WEATHER_TOOL], tool_choice: "any" },
    error: "tool_choice",
  },
]);

const object = (properties: Json, rest: Json = {}) => ({ type: "object", properties, ...rest });
const SCHEMAS: {
  name: string;
  schema: unknown;
  isRefused: boolean;
  quirks?: Partial<SandboxQuirks>;
}[] = [
  { name: "none", schema: undefined, isRefused: true },
  { name: "an empty object", schema: {}, isRefused: true },
  { name: "no properties", schema: { type: "object" }, isRefused: true },
  { name: "empty properties", schema: object({}), isRefused: false },
  { name: "an array", schema: { type: "array", items: {} }, isRefused: true },
  {
    name: "anyOf typed objects",
    schema: { anyOf: [object({}), object({ a: { type: "string" } })] },
    isRefused: false,
  },
  {
    name: "anyOf with a string",
    schema: { anyOf: [object({}), { type: "string" }] },
    isRefused: true,
  },
  {
    name: "const, enum and null",
    schema: object({ a: { const: 1 }, b: { enum: ["x", null] } }),
    isRefused: false,
  },
  {
    name: "allOf of one",
    schema: object({ a: { allOf: [{ type: "string" }] } }),
    isRefused: false,
  },
  {
    name: "allOf of two",
    schema: object({ a: { allOf: [{ type: "string" }, {}] } }),
    isRefused: true,
  },
  {
    name: "a $ref",
    schema: object({ a: { $ref: "#/$defs/x" } }, { $defs: { x: { type: "string" } } }),
    isRefused: false,
  },
  {
    name: "a circular $ref",
    schema: object({ a: { $ref: "#/$defs/x" } }, {
      $defs: { x: object({ x: { $ref: "#/$defs/x" } }) },
    }),
    isRefused: true,
  },
  { name: "a $ref to nothing", schema: object({ a: { $ref: "#/$defs/x" } }), isRefused: true },
  ...["pattern", "format", "minLength", "maxLength", "minItems", "maxItems"].flatMap((keyword) => {
    const schema = object({ a: { type: "array", items: { [keyword]: 1 } } });
    return [
      { name: keyword, schema, isRefused: true },
      {
        name: `${keyword} where that is accepted`,
        schema,
        isRefused: false,
        quirks: { schemaKeywords: "accept" as const },
      },
    ];
  }),
  {
    name: "a property named pattern",
    schema: object({ pattern: { type: "string" } }),
    isRefused: false,
  },
  { name: "an enum with a slash", schema: object({ a: { enum: ["a/b"] } }), isRefused: true },
];
cases(
  "schema",
  SCHEMAS.map(({ name, schema, isRefused, quirks = {} }) => ({
    name,
    quirks,
    fields: { tools: [{ ...WEATHER_TOOL, parameters: schema }] },
    ...(isRefused ? { error: BAD_SCHEMA } : {}),
  })),
);

Deno.test("xai schema: an enum with a slash, streamed, is HTTP 200 and an error frame", async () => {
  const { sandbox } = testSandbox();
  const parameters = object({ a: { enum: ["a/b"] } });
  const response = await postResponses(
    sandbox,
    responsesBody("hi", { stream: true, tools: [{ ...WEATHER_TOOL, parameters }] }),
  );
  assertEquals(response.status, 200);
  assertStringIncludes(response.headers.get("content-type")!, "text/event-stream");
  assertEquals(
    await response.text(),
    `event: error\ndata: {"type":"error","message":"${BAD_SCHEMA}","code":null,"param":null}\n\n`,
  );
});

const PNG = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAE=";
const WEBP = "data:image/webp;base64,UklGRiQAAABXRUJQVlA4";
const call = { type: "function_call", call_id: "c1", name: "get_weather", arguments: "{}" };
const output = { type: "function_call_output", call_id: "c1", output: "sunny" };
const user = (content: unknown) => ({ role: "user", content });
const image = (image_url: unknown, rest: Json = {}) =>
  user([{ type: "input_image", image_url, ...rest }]);
const INPUTS: {
  name: string;
  input: unknown[];
  error?: string;
  status?: number;
  model?: string;
  quirks?: Partial<SandboxQuirks>;
}[] = [
  ...["system", "developer", "user", "assistant"].map((role) => ({
    name: `role ${role}`,
    input: [{ role, content: "a" }],
  })),
  { name: "role tool", input: [{ role: "tool", content: "a" }], error: "unknown role" },
  { name: "role __proto__", input: [{ role: "__proto__", content: "a" }], error: "unknown role" },
  {
    name: "an empty message",
    input: [user("a"), { role: "assistant", content: "" }],
    error: NO_CONTENT,
  },
  {
    name: "an empty list of parts",
    input: [user("a"), { role: "assistant", content: [] }],
    error: NO_CONTENT,
  },
  { name: "no content", input: [{ role: "user" }], error: NO_CONTENT },
  {
    name: "an empty part alone",
    input: [user([{ type: "input_text", text: "" }])],
    error: NO_CONTENT,
  },
  {
    name: "parts",
    input: [user([{ type: "input_text", text: "a" }, { type: "input_text", text: "" }])],
  },
  {
    name: "input_text under assistant",
    input: [{ role: "assistant", content: [{ type: "input_text", text: "a" }] }],
    error: "not allowed under the role assistant",
  },
  {
    name: "output_text under user",
    input: [user([{ type: "output_text", text: "a" }])],
    error: "not allowed under the role user",
  },
  {
    name: "a refusal",
    input: [user("a"), { role: "assistant", content: [{ type: "refusal", refusal: "no" }] }],
  },
  { name: "an https image", input: [image("https://example.com/a.png", { detail: "high" })] },
  { name: "an http image", input: [image("http://example.com/a.png")], error: "https URL" },
  { name: "a PNG", input: [image(PNG)] },
  {
    name: "a PNG that is none",
    input: [image("data:image/png;base64,AAAA")],
    error: "could not be read",
  },
  { name: "a GIF", input: [image("data:image/gif;base64,R0lGODlh")], error: "JPEG or PNG" },
  { name: "WebP on an older model", input: [image(WEBP)], error: "WebP" },
  { name: "WebP on the newest", input: [image(WEBP)], model: "grok-4.6" },
  { name: "an unknown detail", input: [image(PNG, { detail: "max" })], error: "detail" },
  {
    name: "an image above 20 MiB",
    input: [image(`${PNG.slice(0, 40)}${"A".repeat(28_000_000)}`)],
    error: "larger than 20 MiB",
  },
  { name: "a file by id", input: [user([{ type: "input_file", file_id: "f" }])] },
  {
    name: "a file inline",
    input: [user([{ type: "input_file", file_data: "x" }])],
    error: "file_data",
  },
  { name: "a call and its output", input: [user("a"), call, output] },
  { name: "a call without output", input: [user("a"), call] },
  { name: "an output without a call", input: [user("a"), output], error: "call_id c1" },
  { name: "an output twice", input: [user("a"), call, output, output], error: "call_id c1" },
  {
    name: "empty arguments",
    input: [user("a"), { ...call, arguments: "" }],
    error: "must be JSON",
  },
  {
    name: "arguments as an object",
    input: [user("a"), { ...call, arguments: {} }],
    error: "must be JSON",
  },
  {
    name: "an output of parts",
    input: [user("a"), call, {
      ...output,
      output: [{ type: "input_text", text: "a" }, { type: "input_image", image_url: PNG }],
    }],
  },
  {
    name: "an output of output_text",
    input: [user("a"), call, { ...output, output: [{ type: "output_text", text: "a" }] }],
    error: "output takes",
  },
  {
    name: "a custom call",
    input: [user("a"), { type: "custom_tool_call", call_id: "c", name: "x", input: "" }],
    error: "not supported",
  },
  {
    name: "the server's own trace",
    input: [user("a"), {
      type: "custom_tool_call",
      call_id: "xs_call_1",
      name: "x_user_search",
      input: "",
    }],
  },
  {
    name: "a hosted call",
    input: [user("a"), { type: "web_search_call", id: "ws_1", action: {} }],
  },
  {
    name: "an item reference",
    input: [{ type: "item_reference", id: "x" }],
    error: "not found",
    status: 404,
  },
  { name: "a compaction", input: [{ type: "compaction" }], error: "of input" },
  { name: "additional_tools", input: [{ type: "additional_tools", tools: [] }], error: "of input" },
  { name: "no type", input: [{}], error: "needs a type" },
  { name: "a text", input: ["a"], error: "must be an object" },
  { name: "reasoning with a summary", input: [user("a"), { type: "reasoning", summary: [] }] },
  {
    name: "reasoning without one",
    input: [user("a"), { type: "reasoning" }],
    error: "compaction blob",
  },
  {
    name: "a foreign blob",
    input: [user("a"), { type: "reasoning", summary: [], encrypted_content: "gAAAAABoISQ_x-8" }],
    error: "Could not decrypt",
  },
  { name: "status on an item", input: [{ ...user("a"), status: "completed" }] },
  {
    name: "status where that is strict",
    input: [{ ...user("a"), status: "completed" }],
    quirks: { unknownFields: "refuse" },
    error: "status",
  },
  {
    name: "null fields where that is strict",
    input: [user("a"), { type: "reasoning", summary: [], encrypted_content: null }],
    quirks: { unknownFields: "refuse" },
    error: "encrypted_content",
  },
];
cases(
  "input",
  INPUTS.map(({ input, model = "grok-4.3", ...rest }) => ({ ...rest, fields: { input, model } })),
);

/** A conversation whose second turn carries the reasoning of the first. */
async function reasoningOf(sandbox: Sandbox, model = "grok-4.3"): Promise<Json> {
  const { output } = await respond(sandbox, "hi", { model, ...ENCRYPTED });
  return output.find((item: Json) => item.type === "reasoning");
}

Deno.test("xai encrypted_content: opaque, fresh each time, good again after a restart", async () => {
  const { sandbox } = testSandbox();
  const reasoning = await reasoningOf(sandbox);
  const blob: string = reasoning.encrypted_content;
  assert(blob.length > 2000 && /^[A-Za-z0-9+/]+$/.test(blob));
  assert(!atob(blob).includes("sandbox"));
  assert((await reasoningOf(sandbox)).encrypted_content !== blob);
  const restarted = testSandbox({ state: JSON.parse(JSON.stringify(sandbox.state)) }).sandbox;
  const input = [user("hi"), reasoning, { role: "assistant", content: "Hello." }, user("again")];
  for (const server of [sandbox, restarted]) {
    assertEquals((await respond(server, input)).status, "completed");
  }
});

const TAMPERED: { name: string; change: (blob: string) => string; model?: string }[] = [
  { name: "a changed character", change: (blob) => `${blob.slice(0, -8)}AAAAAAAA` },
  { name: "a cut blob", change: (blob) => blob.slice(0, -4) },
  { name: "an empty blob", change: () => "" },
  { name: "base64url", change: (blob) => `${blob}-_` },
  { name: "another model", change: (blob) => blob, model: "grok-4.5" },
];
for (const { name, change, model = "grok-4.3" } of TAMPERED) {
  Deno.test(`xai encrypted_content: ${name} cannot be decrypted`, async () => {
    const { sandbox } = testSandbox();
    const reasoning = await reasoningOf(sandbox);
    const item = { ...reasoning, encrypted_content: change(reasoning.encrypted_content) };
    const body = responsesBody([user("hi"), item, user("again")], { model });
    const response = await postResponses(sandbox, body);
    const answer = await response.json();
    assertEquals([response.status, Object.keys(answer)], [400, ["error"]]);
    assertStringIncludes(answer.error, "Could not decrypt the provided encrypted_content.");
  });
}

Deno.test("xai encrypted_content of another sandbox cannot be decrypted", async () => {
  const reasoning = await reasoningOf(testSandbox().sandbox);
  const body = responsesBody([user("hi"), reasoning, user("again")]);
  assertEquals((await postResponses(testSandbox().sandbox, body)).status, 400);
});

Deno.test("xai request: bodies that are none, and nested errors", async () => {
  const { sandbox } = testSandbox();
  for (const body of ["", "[]", "{"]) {
    const response = await sandbox.fetch("https://api.x.ai/v1/responses", {
      method: "POST",
      headers: { authorization: "Bearer xai-sandbox-1" },
      body,
    });
    assertEquals([response.status, (await response.json()).code], [400, "invalid-argument"]);
  }
  sandbox.setQuirks({ xaiErrors: "nested" });
  const nested = await (await postResponses(sandbox, responsesBody(""))).json();
  assertEquals(nested.error, {
    message: NO_CONTENT,
    type: "invalid_request_error",
    param: null,
    code: "invalid-argument",
  });
});

Deno.test("xai request: more than the window is a matter of the prompt", () =>
  judge({
    fields: { model: "grok-3-mini", input: "x ".repeat(270_000) },
    error: "maximum prompt length is 131072",
  }));

Deno.test("xai request: more than 50 MiB is HTTP 413", () =>
  judge({ fields: { input: "x".repeat(51 * 1024 * 1024) }, error: "too large", status: 413 }));
