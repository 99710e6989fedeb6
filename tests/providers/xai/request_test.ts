import { assert, assertEquals } from "@std/assert";
import type {
  ContentBlock,
  GenerateRequest,
  Reasoning,
  Tool,
} from "../../../src/protocols/event.ts";
import { prepareXaiRequest } from "../../../src/providers/xai/request.ts";

const BASE: GenerateRequest = { model: "grok-4.3", messages: [], stream: false };
const prepare = (request: Partial<GenerateRequest>) => prepareXaiRequest({ ...BASE, ...request });
const f = (name: string, more: Partial<Tool & { type: "function" }> = {}): Tool => ({
  type: "function",
  name,
  ...more,
});

/** Each row: a model, what is asked of it, and the effort that is sent. */
const EFFORTS: [
  model: string,
  reasoning: Reasoning,
  effort: string | undefined,
  noted?: boolean,
][] = [
  ["grok-4.3", { effort: "high" }, "high"],
  ["grok-4.3", { effort: "xhigh" }, "high"],
  ["grok-4.3", { effort: "max" }, "high"],
  ["grok-4.3", { effort: "minimal" }, "low"],
  ["grok-4.3", { effort: "none" }, "none"],
  ["grok-4.3", { mode: "disabled" }, "none"],
  ["grok-4.3", { mode: "adaptive" }, undefined],
  ["grok-4.3", { mode: "enabled", budgetTokens: 0 }, "none"],
  ["grok-4.3", { mode: "enabled", budgetTokens: 512 }, "low"],
  ["grok-4.3", { mode: "enabled", budgetTokens: 1_024 }, "low"],
  ["grok-4.3", { mode: "enabled", budgetTokens: 1_025 }, "medium"],
  ["grok-4.3", { mode: "enabled", budgetTokens: 8_193 }, "high"],
  ["grok-4.3", { mode: "enabled", budgetTokens: 100_000 }, "high"],
  ["grok-4.6", { effort: "xhigh" }, "xhigh"],
  ["grok-4.6", { effort: "none" }, undefined, true],
  ["grok-4.5", { effort: "xhigh" }, "high"],
  ["grok-3-mini", { effort: "medium" }, "low"],
  ["grok-4.20-0309-reasoning", { effort: "high" }, undefined],
  ["grok-4.20-0309-reasoning", { mode: "disabled" }, undefined, true],
  ["grok-4.20-0309-non-reasoning", { mode: "disabled" }, undefined],
  ["grok-4.20-multi-agent-0309", { effort: "max" }, "xhigh"],
  ["grok-unheard-of", { effort: "low" }, undefined],
];
for (const [model, reasoning, effort, noted = false] of EFFORTS) {
  Deno.test(`prepareXaiRequest() asks ${model} for ${JSON.stringify(reasoning)}`, () => {
    const { request, notes } = prepare({ model, reasoning });
    assertEquals(request.reasoning?.effort, effort);
    assertEquals(notes.length, noted ? 1 : 0);
  });
}

Deno.test("prepareXaiRequest() gives tools names that the API takes, and knows the way back", () => {
  const long = `mcp__server__${"x".repeat(60)}`;
  const names = [
    "read",
    "web_search",
    "client_web_search",
    "a.b",
    "a_b",
    long,
    "größe",
    "read",
    "",
  ];
  const { request, tools } = prepare({ tools: names.map((name) => f(name)) });
  const sent = request.tools!.map((tool) => tool.type === "function" ? tool.name : "");
  assertEquals(sent.length, 7);
  assertEquals(new Set(sent).size, 7);
  for (const name of sent) assert(/^[A-Za-z0-9_-]{1,64}$/.test(name), name);
  assertEquals(sent.slice(0, 2), ["read", "client_web_search"]);
  assertEquals(
    sent.map((name) => tools!.get(name)?.name ?? name),
    ["read", "web_search", "client_web_search", "a.b", "a_b", long, "größe"],
  );
  // A later request with other tools gives the same names: caches and history depend on it.
  const later = prepare({ tools: [f(long), f("a.b")] }).request.tools!;
  assertEquals(later.map((tool) => tool.type === "function" ? tool.name : ""), [
    sent[5]!,
    sent[3]!,
  ]);
});

Deno.test("prepareXaiRequest() uses those names in choices and history", () => {
  const { request } = prepare({
    tools: [f("web_search"), f("read")],
    toolChoice: { kind: "tool", name: "web_search" },
    messages: [{
      role: "assistant",
      content: [{ type: "tool_use", id: "1", name: "web_search", arguments: "{}" }],
    }],
  });
  assertEquals(request.toolChoice, { kind: "tool", name: "client_web_search" });
  const [block] = request.messages[0]!.content;
  assertEquals(block?.type === "tool_use" && block.name, "client_web_search");
  const allowed = prepare({
    tools: [f("web_search"), f("read")],
    toolChoice: { kind: "allowed", mode: "auto", names: ["read", "web_search"] },
  }).request.toolChoice;
  assertEquals(allowed, { kind: "allowed", mode: "auto", names: ["read", "client_web_search"] });
});

Deno.test("prepareXaiRequest() turns tools that take free text into functions, and back", () => {
  const { request, tools } = prepare({
    tools: [f("patch", {
      custom: true,
      description: "Patch",
      extensions: {
        dialect: "responses",
        fields: { format: { type: "grammar", syntax: "lark", definition: "start: X" } },
      },
    })],
    messages: [{
      role: "assistant",
      content: [{ type: "tool_use", id: "1", name: "patch", arguments: 'a "b"', custom: true }],
    }],
  });
  assertEquals(request.tools, [{
    type: "function",
    name: "patch",
    description: "Patch\n\nThe input follows this lark grammar:\nstart: X",
    parameters: { type: "object", properties: { input: { type: "string" } }, required: ["input"] },
  }]);
  assertEquals(request.messages[0]!.content, [
    { type: "tool_use", id: "1", name: "patch", arguments: '{"input":"a \\"b\\""}' },
  ]);
  assertEquals(tools, new Map([["patch", { name: "patch", custom: true }]]));
});

const opaque = (dialect: "messages" | "responses", value: Record<string, unknown>): Tool => ({
  type: "opaque",
  dialect,
  kind: String(value["type"]),
  value,
});

/** Each row: a tool of the server's, and what is sent. */
const SERVER_TOOLS: [Tool, Record<string, unknown> | undefined][] = [
  [
    opaque("responses", {
      type: "web_search",
      filters: { allowed_domains: ["a"] },
      external_web_access: true,
      search_context_size: "low",
    }),
    { type: "web_search", filters: { allowed_domains: ["a"] } },
  ],
  [
    opaque("responses", { type: "x_search", from_date: "2026-01-01" }),
    { type: "x_search", from_date: "2026-01-01" },
  ],
  [
    opaque("responses", { type: "code_interpreter", container: { type: "auto" } }),
    { type: "code_interpreter" },
  ],
  [opaque("responses", { type: "local_shell" }), undefined],
  [opaque("responses", { type: "image_generation" }), undefined],
  [
    opaque("messages", {
      type: "web_search_20250305",
      name: "web_search",
      max_uses: 3,
      blocked_domains: ["a", "b", "c", "d", "e", "f"],
    }),
    { type: "web_search", filters: { excluded_domains: ["a", "b", "c", "d", "e"] } },
  ],
  [opaque("messages", { type: "bash_20250124", name: "bash" }), undefined],
];
for (const [tool, value] of SERVER_TOOLS) {
  Deno.test(`prepareXaiRequest() with the tool ${tool.type === "opaque" && tool.kind}`, () => {
    const { request, notes } = prepare({ tools: [tool], toolChoice: { kind: "auto" } });
    const [sent] = request.tools ?? [];
    assertEquals(sent?.type === "opaque" ? sent.value : undefined, value);
    assertEquals(notes.length, value === undefined ? 1 : 0);
    assertEquals(request.toolChoice === undefined, value === undefined);
  });
}

Deno.test("prepareXaiRequest() offers no functions to a model that takes none", () => {
  const { request, notes } = prepare({
    model: "grok-4.20-multi-agent-0309",
    tools: [f("a"), f("b")],
  });
  assertEquals(request.tools, undefined);
  assertEquals(notes.length, 1);
});

const image = (mediaType: string, length = 4): ContentBlock => ({
  type: "image",
  source: { kind: "base64", mediaType, data: "A".repeat(length) },
});
const own = { origin: "xai", model: "grok-4.3-0415" };

/** Each row: a block of the conversation, and what is sent of it. */
const BLOCKS: { name: string; block: ContentBlock; sent: unknown[]; noted?: boolean }[] = [
  { name: "empty text", block: { type: "text", text: "" }, sent: [] },
  {
    name: "text with foreign fields",
    block: {
      type: "text",
      text: "a",
      citations: [{}],
      extensions: { dialect: "responses", fields: { item: { id: "msg" } } },
    },
    sent: [{ type: "text", text: "a" }],
  },
  {
    name: "its own sealed reasoning, without the id",
    block: {
      type: "thinking",
      text: "a\n\nb",
      signature: "s",
      provenance: own,
      extensions: { dialect: "responses", fields: { id: "rs", summary: ["as it was"] } },
    },
    sent: [{
      type: "thinking",
      text: "a\n\nb",
      signature: "s",
      provenance: own,
      extensions: { dialect: "responses", fields: { summary: ["as it was"] } },
    }],
  },
  {
    name: "reasoning of its own without a seal",
    block: { type: "thinking", text: "a", provenance: own },
    sent: [],
  },
  {
    name: "reasoning of another vendor",
    block: { type: "thinking", text: "a", signature: "s", provenance: { origin: "minimax" } },
    sent: [],
  },
  {
    name: "reasoning of nobody known",
    block: { type: "thinking", text: "a", signature: "gAAAAABo" },
    sent: [],
  },
  {
    name: "reasoning of another family of models",
    block: {
      type: "thinking",
      text: "a",
      signature: "s",
      provenance: { origin: "xai", model: "grok-4.20-0309-reasoning" },
    },
    sent: [],
  },
  {
    name: "a PNG",
    block: image("image/png"),
    sent: [{ ...image("image/png"), extensions: undefined }],
  },
  {
    name: "a GIF",
    block: image("image/gif"),
    sent: [{ type: "text", text: "[image omitted: xAI takes PNG, JPEG and WebP images]" }],
    noted: true,
  },
  {
    name: "an image of more than 10 MiB",
    block: image("image/png", 14 * 1024 * 1024),
    sent: [{ type: "text", text: "[image omitted: xAI takes images up to 10 MiB]" }],
    noted: true,
  },
  {
    name: "a document",
    block: {
      type: "document",
      title: "a.pdf",
      source: { kind: "base64", mediaType: "application/pdf", data: "AA==" },
    },
    sent: [{ type: "text", text: "[document omitted: a.pdf]" }],
    noted: true,
  },
  {
    name: "a trace of a server tool",
    block: { type: "opaque", dialect: "responses", kind: "web_search_call", value: {} },
    sent: [],
  },
];
for (const { name, block, sent, noted = false } of BLOCKS) {
  Deno.test(`prepareXaiRequest() with ${name}`, () => {
    for (const wrap of [false, block.type === "text" || block.type === "image"]) {
      const content: ContentBlock[] = wrap
        ? [{
          type: "tool_result",
          toolUseId: "1",
          content: [block as ContentBlock & { type: "text" }],
        }]
        : [block];
      const { request, notes } = prepare({ messages: [{ role: "user", content }] });
      const [outer] = request.messages[0]!.content;
      assertEquals<unknown>(
        wrap ? outer?.type === "tool_result" && outer.content : request.messages[0]!.content,
        sent,
      );
      assertEquals(notes.length, noted ? 1 : 0);
    }
  });
}

/** Each row: a field, and what is sent of it. */
const FIELDS: [Partial<GenerateRequest>, Partial<GenerateRequest>, notes?: number][] = [
  [{ temperature: 0 }, { temperature: 0 }],
  [{ temperature: 3 }, { temperature: 2 }, 1],
  [{ topP: -1 }, { topP: 0 }, 1],
  [{ topK: 5 }, { topK: undefined }, 1],
  [{ userId: "account-1" }, { userId: undefined }],
  [{ serviceTier: "default" }, { serviceTier: "default" }],
  [{ serviceTier: "priority" }, { serviceTier: undefined }],
  [{ serviceTier: "flex" }, { serviceTier: undefined }],
  [{ model: "grok-4.6", serviceTier: "priority" }, { serviceTier: "priority" }],
  [{ promptCacheKey: "k" }, { promptCacheKey: "k" }],
  [{ stopSequences: ["x"] }, { stopSequences: ["x"] }],
  [
    {
      system: [{ type: "text", text: "x-anthropic-billing-header: 1" }, {
        type: "text",
        text: "a",
      }],
    },
    { system: [{ type: "text", text: "a" }] },
  ],
  [
    {
      extensions: {
        dialect: "responses",
        fields: {
          include: ["reasoning.encrypted_content", "computer_call_output.output.image_url"],
          top_logprobs: 20,
          max_turns: 3,
          metadata: {},
          truncation: "auto",
          previous_response_id: "r",
        },
      },
    },
    {
      extensions: {
        dialect: "responses",
        fields: { include: ["reasoning.encrypted_content"], top_logprobs: 8, max_turns: 3 },
      },
    },
  ],
  [{ extensions: { dialect: "messages", fields: { speed: "fast" } } }, { extensions: undefined }],
  [
    { outputFormat: { kind: "json_schema", name: "a b", schema: { type: "object", format: "x" } } },
    {
      outputFormat: {
        kind: "json_schema",
        name: "a_b",
        schema: { type: "object", properties: {} },
      },
    },
  ],
];
for (const [request, sent, count = 0] of FIELDS) {
  Deno.test(`prepareXaiRequest() with ${JSON.stringify(request)}`, () => {
    const before = JSON.stringify(request);
    const prepared = prepare(request);
    for (const [name, value] of Object.entries(sent)) {
      assertEquals<unknown>(prepared.request[name as keyof GenerateRequest], value);
    }
    assertEquals(prepared.notes.length, count);
    assertEquals(JSON.stringify(request), before, "the caller's own");
  });
}
