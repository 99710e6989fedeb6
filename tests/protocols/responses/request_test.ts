import { assertEquals } from "@std/assert";
import type {
  ContentBlock,
  GenerateRequest,
  Message,
  ToolChoice,
} from "../../../src/protocols/event.ts";
import { encodeResponsesRequest } from "../../../src/protocols/responses/encode_request.ts";

const BASE = { model: "grok-4.3", store: false, include: ["reasoning.encrypted_content"] };
const HELLO: Message = { role: "user", content: [{ type: "text", text: "Hello" }] };
const HELLO_ITEM = {
  type: "message",
  role: "user",
  content: [{ type: "input_text", text: "Hello" }],
};

function encode(request: Partial<GenerateRequest>) {
  return encodeResponsesRequest({
    model: "grok-4.3",
    messages: [HELLO],
    stream: false,
    ...request,
  });
}

Deno.test("encodeResponsesRequest() keeps nothing on the server, and asks for sealed reasoning", () => {
  assertEquals(encode({}), { ...BASE, input: [HELLO_ITEM] });
  assertEquals(
    encode({
      stream: true,
      maxOutputTokens: 5,
      temperature: 0.5,
      topP: 0.9,
      topK: 4,
      stopSequences: ["x"],
      userId: "u",
      promptCacheKey: "k",
      serviceTier: "default",
      reasoning: { effort: "low", summary: "summarized" },
      extensions: {
        dialect: "responses",
        fields: { include: ["a", "reasoning.encrypted_content"], store: true, max_turns: 3 },
      },
    }),
    {
      ...BASE,
      include: ["a", "reasoning.encrypted_content"],
      input: [HELLO_ITEM],
      stream: true,
      max_output_tokens: 5,
      temperature: 0.5,
      top_p: 0.9,
      user: "u",
      prompt_cache_key: "k",
      service_tier: "default",
      reasoning: { effort: "low", summary: "auto" },
      max_turns: 3,
    },
  );
});

const text = (words: string): ContentBlock => ({ type: "text", text: words });
const use = (
  id: string,
  more: Partial<ContentBlock & { type: "tool_use" }> = {},
): ContentBlock => ({
  type: "tool_use",
  id,
  name: "f",
  arguments: "{}",
  ...more,
});
const result = (
  toolUseId: string,
  content: (ContentBlock & { type: "text" | "image" })[],
  isError?: boolean,
): ContentBlock => ({ type: "tool_result", toolUseId, content, isError });
const say = (words: string) => ({ type: "text" as const, text: words });
const input = (...texts: string[]) => texts.map((text) => ({ type: "input_text", text }));
const user = (...texts: string[]) => ({ type: "message", role: "user", content: input(...texts) });
const assistant = (...texts: string[]) => ({
  type: "message",
  role: "assistant",
  content: texts.map((text) => ({ type: "output_text", text })),
});
const call = (call_id: string, more = {}) => ({
  type: "function_call",
  call_id,
  name: "f",
  arguments: "{}",
  ...more,
});
const output = (call_id: string, output: unknown) => ({
  type: "function_call_output",
  call_id,
  output,
});
const PNG = {
  type: "image" as const,
  source: { kind: "base64" as const, mediaType: "image/png", data: "AA==" },
};
const PNG_PART = { type: "input_image", image_url: "data:image/png;base64,AA==", detail: "auto" };
const LONG = "x".repeat(70);

/** Each row: turns, as `[role, ...blocks]`, and the items that they become. */
const TURNS: {
  name: string;
  turns: [Message["role"], ...ContentBlock[]][];
  system?: string[];
  input: unknown[];
}[] = [
  {
    name: "the system prompt leads, one part per block, without empty ones",
    system: ["a", "", "b"],
    turns: [["user", text("c")]],
    input: [{ type: "message", role: "system", content: input("a", "b") }, user("c")],
  },
  {
    name: "instructions between the turns stay where they are",
    turns: [["user", text("a")], ["developer", text("b")], ["system", text("c")]],
    input: [
      user("a"),
      { type: "message", role: "developer", content: input("b") },
      { type: "message", role: "system", content: input("c") },
    ],
  },
  {
    name: "no empty message",
    turns: [["user", text("")], ["assistant"], ["assistant", text("")], ["user", text("a")]],
    input: [user("a")],
  },
  {
    name: "media",
    turns: [[
      "user",
      { ...PNG, detail: "low" },
      { type: "image", source: { kind: "url", url: "https://a/b.png" } },
      { type: "document", source: { kind: "url", url: "https://a/b.pdf" } },
      { type: "document", title: "T", source: { kind: "text", text: "words" } },
      {
        type: "document",
        title: "a.pdf",
        source: { kind: "base64", mediaType: "application/pdf", data: "AA==" },
      },
      { type: "image", source: { kind: "file", fileId: "file-1" } },
    ]],
    input: [{
      type: "message",
      role: "user",
      content: [
        { ...PNG_PART, detail: "low" },
        { type: "input_image", image_url: "https://a/b.png", detail: "auto" },
        { type: "input_file", file_url: "https://a/b.pdf" },
        { type: "input_text", text: "T\n\nwords" },
        { type: "input_file", filename: "a.pdf", file_data: "data:application/pdf;base64,AA==" },
        { type: "input_image", file_id: "file-1", detail: "auto" },
      ],
    }],
  },
  {
    name: "a turn's items in their order",
    turns: [
      ["assistant", text("a"), { type: "refusal", text: "no" }, use("1"), text("b"), use("2")],
      ["user", text("c"), result("1", [say("x")]), result("2", [say("y")])],
    ],
    input: [
      {
        type: "message",
        role: "assistant",
        content: [{ type: "output_text", text: "a" }, { type: "refusal", refusal: "no" }],
      },
      call("1"),
      assistant("b"),
      call("2"),
      output("1", "x"),
      output("2", "y"),
      user("c"),
    ],
  },
  {
    name: "sealed reasoning before what it led to",
    turns: [
      [
        "assistant",
        { type: "thinking", text: "T", signature: "s" },
        use("1"),
      ],
      ["user", result("1", [say("x")])],
      [
        "assistant",
        {
          type: "thinking",
          text: "A\n\nB",
          signature: "t",
          extensions: { dialect: "responses", fields: { summary: ["as", "it was"] } },
        },
        { type: "thinking", text: "", signature: "u", redacted: true },
        text("z"),
      ],
    ],
    input: [
      {
        type: "reasoning",
        summary: [{ type: "summary_text", text: "T" }],
        encrypted_content: "s",
      },
      call("1"),
      output("1", "x"),
      { type: "reasoning", summary: ["as", "it was"], encrypted_content: "t" },
      { type: "reasoning", summary: [], encrypted_content: "u" },
      assistant("z"),
    ],
  },
  {
    name: "no reasoning that led to nothing",
    turns: [
      ["assistant", { type: "thinking", text: "T", signature: "s" }],
      ["user", text("a")],
      ["assistant", text("b"), { type: "thinking", text: "U", signature: "t" }],
    ],
    input: [user("a"), assistant("b")],
  },
  {
    name: "results of every form",
    turns: [
      ["assistant", use("1"), use("2"), use("3"), use("4"), use("5")],
      [
        "user",
        result("1", []),
        result("2", [say("a"), say("b")]),
        result("3", [say("bad")], true),
        result("4", [say("see"), PNG]),
        result("5", [PNG], true),
      ],
    ],
    input: [
      ...["1", "2", "3", "4", "5"].map((id) => call(id)),
      output("1", "(no output)"),
      output("2", "a\nb"),
      output("3", "Error: bad"),
      output("4", [...input("see"), PNG_PART]),
      output("5", [...input("Error:"), PNG_PART]),
    ],
  },
  {
    name: "arguments are JSON objects, whatever they were",
    turns: [
      [
        "assistant",
        use("1", { arguments: "" }),
        use("2", { arguments: "null" }),
        use("3", { arguments: '{"cut' }),
        use("4", { arguments: '{ "kept": 1.0 }' }),
      ],
      ["user", ...["1", "2", "3", "4"].map((id) => result(id, [say("x")]))],
    ],
    input: [
      call("1"),
      call("2"),
      call("3", { arguments: '{"_raw":"{\\"cut"}' }),
      call("4", { arguments: '{ "kept": 1.0 }' }),
      ...["1", "2", "3", "4"].map((id) => output(id, "x")),
    ],
  },
  {
    name: "a call without a result gets one, a result without a call is told",
    turns: [
      ["user", result("0", [say("lost")])],
      ["assistant", use("1"), use("2")],
      ["user", result("2", [say("x")]), text("a")],
      ["assistant", use("3")],
    ],
    input: [
      user("[Result of tool call 0]", "lost"),
      call("1"),
      call("2"),
      output("1", "(no output)"),
      output("2", "x"),
      user("a"),
      call("3"),
      output("3", "(no output)"),
    ],
  },
  {
    name: "a result told twice counts once, the last one, in the first place",
    turns: [
      ["assistant", use("1")],
      ["user", result("1", [say("old")])],
      ["user", text("a"), result("1", [say("new")])],
    ],
    input: [call("1"), output("1", "new"), user("a")],
  },
  {
    name: "an id that is used again",
    turns: [
      ["assistant", use("1")],
      ["user", result("1", [say("a")])],
      ["assistant", use("1")],
      ["user", result("1", [say("b")])],
    ],
    input: [call("1"), output("1", "a"), call("1"), output("1", "b")],
  },
  {
    name: "ids that are too long",
    turns: [["assistant", use(LONG)], ["user", result(LONG, [say("a")])]],
    input: [
      call(`${"x".repeat(55)}_77f3c97d`),
      output(`${"x".repeat(55)}_77f3c97d`, "a"),
    ],
  },
  {
    name: "calls of tools that take free text",
    turns: [
      ["assistant", use("1", { custom: true, arguments: "*** patch" })],
      ["user", result("1", [say("a")])],
    ],
    input: [
      { type: "custom_tool_call", call_id: "1", name: "f", input: "*** patch" },
      { type: "custom_tool_call_output", call_id: "1", output: "a" },
    ],
  },
  {
    name: "items of this dialect alone, and none of another's",
    turns: [[
      "assistant",
      {
        type: "opaque",
        dialect: "responses",
        kind: "web_search_call",
        value: { type: "web_search_call", id: "w" },
      },
      {
        type: "opaque",
        dialect: "messages",
        kind: "server_tool_use",
        value: { type: "server_tool_use" },
      },
      text("a"),
    ]],
    input: [{ type: "web_search_call", id: "w" }, assistant("a")],
  },
];
for (const { name, turns, system, input } of TURNS) {
  Deno.test(`encodeResponsesRequest() writes ${name}`, () => {
    const encoded = encode({
      system: system?.map(say),
      messages: turns.map(([role, ...content]) => ({ role, content })),
    });
    assertEquals(encoded["input"], input);
  });
}

const TOOL = {
  type: "function" as const,
  name: "f",
  description: "d",
  parameters: { type: "object" },
};
const WIRE_TOOL = {
  type: "function",
  name: "f",
  description: "d",
  parameters: { type: "object" },
  strict: false,
};

/** Each row: a choice, and how it is written. */
const CHOICES: [ToolChoice | undefined, unknown][] = [
  [undefined, undefined],
  [{ kind: "auto" }, "auto"],
  [{ kind: "required" }, "required"],
  [{ kind: "none" }, "none"],
  [{ kind: "tool", name: "f" }, { type: "function", name: "f" }],
  [{ kind: "tool", name: "c" }, { type: "custom", name: "c" }],
  [
    { kind: "allowed", mode: "required", names: ["f"] },
    { type: "allowed_tools", mode: "required", tools: [{ type: "function", name: "f" }] },
  ],
  [{ kind: "opaque", dialect: "responses", value: { type: "mcp" } }, { type: "mcp" }],
  [{ kind: "opaque", dialect: "chat", value: { type: "mcp" } }, undefined],
];
for (const [toolChoice, expected] of CHOICES) {
  Deno.test(`encodeResponsesRequest() writes the tool choice ${JSON.stringify(toolChoice)}`, () => {
    const tools = [TOOL, { type: "function" as const, name: "c", custom: true }];
    const encoded = encode({ tools, toolChoice, parallelToolCalls: false });
    assertEquals(encoded["tools"], [WIRE_TOOL, { type: "custom", name: "c" }]);
    assertEquals(encoded["tool_choice"], expected);
    assertEquals(encoded["parallel_tool_calls"], false);
    // Both are refused without tools.
    const without = encode({ tools: [], toolChoice, parallelToolCalls: false });
    assertEquals("tool_choice" in without || "parallel_tool_calls" in without, false);
  });
}

Deno.test("encodeResponsesRequest() writes tools of every kind", () => {
  const encoded = encode({
    tools: [
      { type: "function", name: "g", strict: true },
      { type: "opaque", dialect: "responses", kind: "web_search", value: { type: "web_search" } },
      {
        type: "opaque",
        dialect: "messages",
        kind: "bash_20250124",
        value: { type: "bash_20250124" },
      },
    ],
  });
  assertEquals(encoded["tools"], [
    { type: "function", name: "g", parameters: { type: "object", properties: {} }, strict: true },
    { type: "web_search" },
  ]);
});

Deno.test("encodeResponsesRequest() writes the form of the answer", () => {
  assertEquals(encode({ outputFormat: { kind: "json_object" } })["text"], {
    format: { type: "json_object" },
  });
  assertEquals(
    encode({
      outputFormat: { kind: "json_schema", schema: { type: "object" }, strict: true },
    })["text"],
    {
      format: { type: "json_schema", name: "response", schema: { type: "object" }, strict: true },
    },
  );
});

Deno.test("encodeResponsesRequest() asks for no reasoning where it is switched off", () => {
  assertEquals(encode({ reasoning: { mode: "disabled" } })["reasoning"], { effort: "none" });
  assertEquals(
    "reasoning" in encode({ reasoning: { mode: "adaptive", summary: "omitted" } }),
    false,
  );
});
