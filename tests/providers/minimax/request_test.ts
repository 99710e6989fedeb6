import { assert, assertEquals } from "@std/assert";
import type { ContentBlock, GenerateRequest, Message, Tool } from "../../../src/protocols/event.ts";
import {
  classifyMinimaxError,
  prepareMinimaxRequest,
} from "../../../src/providers/minimax/request.ts";

const HEX = "0123456789abcdef".repeat(4);
const REQUEST: GenerateRequest = {
  model: "MiniMax-M2.7",
  messages: [{ role: "user", content: [{ type: "text", text: "Hi" }] }],
  stream: true,
};
const own = { origin: "minimax", model: "MiniMax-M2.7" };
const foreign = { origin: "anthropic" };

/** What of `fields` is left, and how many notes there are. */
const FIELDS: {
  name: string;
  fields: Partial<GenerateRequest>;
  left: Partial<GenerateRequest>;
  notes: number;
}[] = [
  { name: "nothing", fields: {}, left: { maxOutputTokens: 32_000 }, notes: 0 },
  { name: "temperature 0", fields: { temperature: 0 }, left: { temperature: 0.01 }, notes: 1 },
  { name: "temperature 1.5", fields: { temperature: 1.5 }, left: { temperature: 1 }, notes: 1 },
  { name: "temperature 0.3", fields: { temperature: 0.3 }, left: { temperature: 0.3 }, notes: 0 },
  { name: "top_p 0", fields: { topP: 0 }, left: { topP: undefined }, notes: 1 },
  { name: "top_p 1", fields: { topP: 1 }, left: { topP: 1 }, notes: 0 },
  { name: "top_k", fields: { topK: 40 }, left: { topK: undefined }, notes: 1 },
  { name: "max tokens", fields: { maxOutputTokens: 5 }, left: { maxOutputTokens: 5 }, notes: 0 },
  {
    name: "too many max tokens",
    fields: { maxOutputTokens: 500_000 },
    left: { maxOutputTokens: 131_072 },
    notes: 0,
  },
  {
    name: "another vendor's hints",
    fields: { promptCacheKey: "k", serviceTier: "priority" },
    left: { promptCacheKey: undefined, serviceTier: undefined },
    notes: 0,
  },
  {
    name: "stop sequences",
    fields: { stopSequences: ["x"] },
    left: { stopSequences: ["x"] },
    notes: 0,
  },
  {
    name: "a budget on M2",
    fields: { reasoning: { mode: "enabled", budgetTokens: 5 } },
    left: { reasoning: undefined },
    notes: 0,
  },
  {
    name: "no thinking on M2",
    fields: { reasoning: { mode: "disabled" } },
    left: { reasoning: undefined },
    notes: 1,
  },
  {
    name: "a budget on M3",
    fields: { model: "MiniMax-M3", reasoning: { mode: "enabled", budgetTokens: 5 } },
    left: { reasoning: { mode: "adaptive" } },
    notes: 0,
  },
  {
    name: "effort none on M3",
    fields: { model: "MiniMax-M3", reasoning: { effort: "none" } },
    left: { reasoning: { mode: "disabled" } },
    notes: 0,
  },
  {
    name: "M3's default",
    fields: { model: "MiniMax-M3" },
    left: { reasoning: undefined },
    notes: 0,
  },
  {
    name: "fields of the Messages API that MiniMax refuses",
    fields: { extensions: { dialect: "messages", fields: { mcp_servers: [], container: "c" } } },
    left: { extensions: undefined },
    notes: 0,
  },
];
for (const { name, fields, left, notes } of FIELDS) {
  Deno.test(`prepareMinimaxRequest() on ${name}`, () => {
    const prepared = prepareMinimaxRequest({ ...REQUEST, ...fields });
    for (const [field, value] of Object.entries(left)) {
      assertEquals(prepared.request[field as keyof GenerateRequest], value, field);
    }
    assertEquals(prepared.notes.length, notes, prepared.notes.join("; "));
  });
}

const image = {
  type: "image",
  source: { kind: "base64", mediaType: "image/png", data: "aGk=" },
} as const;
const remark = { type: "text", text: "[image omitted: MiniMax-M2.7 cannot see images]" } as const;
const BLOCKS: {
  name: string;
  block: ContentBlock;
  left: ContentBlock[];
  notes?: number;
  model?: string;
}[] = [
  { name: "empty text", block: { type: "text", text: "" }, left: [] },
  {
    name: "cache control, which is ignored",
    block: {
      type: "text",
      text: "a",
      extensions: { dialect: "messages", fields: { cache_control: { type: "ephemeral" }, x: 1 } },
    },
    left: [{
      type: "text",
      text: "a",
      extensions: { dialect: "messages", fields: { cache_control: { type: "ephemeral" } } },
    }],
  },
  {
    name: "its own thinking",
    block: { type: "thinking", text: "a", signature: "s", provenance: own },
    left: [{ type: "thinking", text: "a", signature: "s", provenance: own }],
  },
  {
    name: "thinking with a seal like its own",
    block: { type: "thinking", text: "a", signature: HEX },
    left: [{ type: "thinking", text: "a", signature: HEX }],
  },
  {
    name: "thinking of another vendor",
    block: { type: "thinking", text: "a", signature: HEX, provenance: foreign },
    left: [{ type: "thinking", text: "a" }],
  },
  {
    name: "thinking with a seal of nobody's",
    block: { type: "thinking", text: "a", signature: "EqQBCkgI" },
    left: [{ type: "thinking", text: "a" }],
  },
  {
    name: "unsigned thinking",
    block: { type: "thinking", text: "a" },
    left: [{ type: "thinking", text: "a" }],
  },
  {
    name: "sealed thinking of another vendor",
    block: { type: "thinking", text: "", signature: "x", redacted: true, provenance: foreign },
    left: [],
  },
  { name: "empty thinking", block: { type: "thinking", text: "" }, left: [] },
  { name: "an image", block: image, left: [remark], notes: 1 },
  { name: "an image for M3", block: image, left: [image], model: "MiniMax-M3" },
  {
    name: "a text document",
    block: { type: "document", title: "T", source: { kind: "text", text: "a" } },
    left: [{ type: "text", text: "T\n\na" }],
  },
  {
    name: "a PDF",
    block: {
      type: "document",
      source: { kind: "base64", mediaType: "application/pdf", data: "x" },
    },
    left: [{ type: "text", text: "[document omitted: MiniMax-M2.7 cannot see documents]" }],
    notes: 1,
  },
  {
    name: "a server tool's call",
    block: { type: "opaque", dialect: "messages", kind: "server_tool_use", value: {} },
    left: [],
    notes: 1,
  },
  {
    name: "a tool result with an image and an empty text",
    block: {
      type: "tool_result",
      toolUseId: "t",
      content: [{ type: "text", text: "" }, image],
      isError: true,
    },
    left: [{ type: "tool_result", toolUseId: "t", content: [remark], isError: true }],
    notes: 1,
  },
];
const strip = (value: unknown) => JSON.parse(JSON.stringify(value));
for (const { name, block, left, notes = 0, model = "MiniMax-M2.7" } of BLOCKS) {
  Deno.test(`prepareMinimaxRequest() on ${name}`, () => {
    const keep = { type: "text", text: "keep" } as const;
    // A result stands after its call, and first in its turn.
    const call: Message[] = block.type === "tool_result"
      ? [{
        role: "assistant",
        content: [{ type: "tool_use", id: block.toolUseId, name: "f", arguments: "{}" }],
      }]
      : [];
    const messages: Message[] = [...call, { role: "user", content: [keep, block] }];
    const prepared = prepareMinimaxRequest({ ...REQUEST, model, messages });
    const content = block.type === "tool_result" ? [...left, keep] : [keep, ...left];
    assertEquals(
      strip(prepared.request.messages),
      strip([...call, { role: "user", content }]),
    );
    assertEquals(prepared.notes.length, notes, prepared.notes.join("; "));
  });
}

Deno.test("prepareMinimaxRequest() says once what happened to several images", () => {
  const messages: Message[] = [{ role: "user", content: [image, image] }, {
    role: "user",
    content: [image],
  }];
  const { request, notes } = prepareMinimaxRequest({ ...REQUEST, messages });
  assertEquals(notes.length, 1);
  assertEquals(strip(request.messages).flatMap((message: Message) => message.content), [
    remark,
    remark,
    remark,
  ]);
});

Deno.test("prepareMinimaxRequest() leaves out messages that become empty", () => {
  const messages: Message[] = [...REQUEST.messages, {
    role: "assistant",
    content: [{ type: "text", text: "" }],
  }];
  assertEquals(prepareMinimaxRequest({ ...REQUEST, messages }).request.messages.length, 1);
});

Deno.test("prepareMinimaxRequest() moves instructions between the turns to the system prompt", () => {
  const say = (role: Message["role"], text: string): Message => ({
    role,
    content: [{ type: "text", text }],
  });
  const { request } = prepareMinimaxRequest({
    ...REQUEST,
    system: [{ type: "text", text: "one" }, { type: "text", text: "" }],
    messages: [
      say("developer", "two"),
      say("user", "Hi"),
      say("system", "three"),
      say("user", "Ho"),
    ],
  });
  assertEquals(request.system?.map(({ text }) => text), ["one", "two", "three"]);
  assertEquals(request.messages.map(({ role }) => role), ["user", "user"]);
});

const TOOLS: { name: string; tool: Tool; left: unknown; notes?: number }[] = [
  {
    name: "without a schema",
    tool: { type: "function", name: "f" },
    left: { name: "f", parameters: { type: "object", properties: {} } },
  },
  {
    name: "with a schema that is no object",
    tool: { type: "function", name: "f", parameters: { anyOf: [] } },
    left: { name: "f", parameters: { type: "object", properties: {}, anyOf: [] } },
  },
  {
    name: "with another vendor's fields",
    tool: {
      type: "function",
      name: "f",
      strict: true,
      parameters: { type: "object" },
      extensions: {
        dialect: "messages",
        fields: { defer_loading: true, cache_control: { type: "ephemeral" } },
      },
    },
    left: {
      name: "f",
      parameters: { type: "object" },
      fields: { cache_control: { type: "ephemeral" } },
    },
  },
  {
    name: "of a server",
    tool: { type: "opaque", dialect: "messages", kind: "web_search_20260209", value: {} },
    left: undefined,
    notes: 1,
  },
  { name: "without a name", tool: { type: "function", name: "" }, left: undefined, notes: 1 },
];
for (const { name, tool, left, notes = 0 } of TOOLS) {
  Deno.test(`prepareMinimaxRequest() on a tool ${name}`, () => {
    const prepared = prepareMinimaxRequest({ ...REQUEST, tools: [tool] });
    const [first] = prepared.request.tools!;
    if (left === undefined) assertEquals(first, undefined);
    else {
      const { fields, ...rest } = left as Record<string, unknown>;
      assertEquals(strip(first), {
        type: "function",
        ...rest,
        extensions: { dialect: "messages", fields: { ...fields as object, type: "custom" } },
      });
    }
    assertEquals(prepared.notes.length, notes);
  });
}

Deno.test("prepareMinimaxRequest() asks for JSON in the instructions", () => {
  const schema = { type: "object", properties: { a: { type: "string" } } };
  const { request, notes } = prepareMinimaxRequest({
    ...REQUEST,
    outputFormat: { kind: "json_schema", schema },
  });
  assertEquals(request.outputFormat, undefined);
  assert(request.system?.at(-1)?.text.includes(JSON.stringify(schema)));
  assertEquals(notes.length, 1);
});

Deno.test("prepareMinimaxRequest() leaves its argument as it was, and changes nothing twice", () => {
  const request: GenerateRequest = {
    ...REQUEST,
    temperature: 0,
    topK: 1,
    messages: [{ role: "user", content: [image, { type: "text", text: "" }] }],
    tools: [{ type: "function", name: "f" }],
    outputFormat: { kind: "json_object" },
  };
  const copy = structuredClone(request);
  const once = prepareMinimaxRequest(request);
  assertEquals(request, copy);
  const twice = prepareMinimaxRequest(once.request);
  assertEquals(strip(twice.request), strip(once.request));
  assertEquals(twice.notes, []);
});

Deno.test("prepareMinimaxRequest() gives tools names that the API takes, wherever they stand", () => {
  const long = `mcp__server__${"x".repeat(60)}`;
  const { request, tools } = prepareMinimaxRequest({
    ...REQUEST,
    tools: [
      { type: "function", name: long },
      { type: "function", name: "a.b", custom: true },
      { type: "function", name: long, description: "the same again" },
    ],
    toolChoice: { kind: "tool", name: long },
    messages: [
      { role: "assistant", content: [{ type: "tool_use", id: "1", name: "a.b", arguments: "x" }] },
      { role: "user", content: [{ type: "tool_result", toolUseId: "1", content: [] }] },
    ],
  });
  const [first, second, ...rest] = request.tools!.map((tool) =>
    tool.type === "function" && tool.name
  );
  assertEquals(rest, []);
  assert(typeof first === "string" && /^x+_[0-9a-f]{8}$/.test(first) && first.length === 64);
  assert(typeof second === "string" && /^a_b_[0-9a-f]{8}$/.test(second));
  assertEquals(request.toolChoice, { kind: "tool", name: first });
  const [block] = request.messages[0]!.content;
  assertEquals(block?.type === "tool_use" && block.name, second);
  assertEquals([...tools!], [
    [first, { name: long, custom: false }],
    [second, { name: "a.b", custom: true }],
  ]);
});

const CODES: { facts: Parameters<typeof classifyMinimaxError>[0]; code: string | undefined }[] = [
  { facts: { code: "1002" }, code: "rate_limited" },
  { facts: { code: "2056", status: 429 }, code: "quota_exhausted" },
  { facts: { message: "invalid params (2013)" }, code: "invalid_request" },
  { facts: { message: "login fail (1004) " }, code: "unauthorized" },
  { facts: { code: "1027" }, code: "content_filter" },
  { facts: { code: "2061" }, code: "not_entitled" },
  { facts: { code: "9999" }, code: undefined },
  { facts: { code: "constructor" }, code: undefined },
  { facts: { message: "happened (2013) times" }, code: undefined },
  { facts: { status: 500 }, code: undefined },
];
for (const { facts, code } of CODES) {
  Deno.test(`classifyMinimaxError() takes ${JSON.stringify(facts)} for ${code}`, () => {
    assertEquals<string | undefined>(classifyMinimaxError(facts), code);
  });
}
