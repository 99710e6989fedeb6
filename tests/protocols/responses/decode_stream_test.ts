import { assert, assertEquals } from "@std/assert";
import type { StreamEvent } from "../../../src/protocols/event.ts";
import { collectStream, replayResponse } from "../../../src/transports/collect.ts";
import { decodeResponsesBody } from "../../../src/protocols/responses/decode_response.ts";
import { CONTEXT, decodeStream, insideCharacters, sse } from "./support.ts";

const FIXTURES = new URL("../../fixtures/xai/responses/", import.meta.url);

type Json = Record<string, unknown>;

const CREATED = { type: "response.created", response: { id: "r", model: "grok-4.3", output: [] } };
const completed = (output: Json[] = [], more: Json = {}) => ({
  type: "response.completed",
  response: { id: "r", model: "grok-4.3", status: "completed", output, ...more },
});
const added = (output_index: number, item: Json) => ({
  type: "response.output_item.added",
  output_index,
  item,
});
const done = (output_index: number, item: Json) => ({
  type: "response.output_item.done",
  output_index,
  item,
});
const delta = (type: string, output_index: number, text: unknown, more: Json = {}) => ({
  type: `response.${type}.delta`,
  output_index,
  delta: text,
  ...more,
});
const message = (text: string, more: Json = {}) => ({
  type: "message",
  id: "msg",
  role: "assistant",
  content: [{ type: "output_text", text, annotations: [] }],
  ...more,
});
const call = (args: string, more: Json = {}) => ({
  type: "function_call",
  id: "fc",
  call_id: "call_1",
  name: "now",
  arguments: args,
  ...more,
});
const reasoning = (more: Json = {}) => ({ type: "reasoning", id: "rs", summary: [], ...more });
const summary = (...texts: string[]) => texts.map((text) => ({ type: "summary_text", text }));

for (const { name } of Deno.readDirSync(FIXTURES)) {
  if (!name.endsWith(".stream.sse")) continue;
  const stem = name.slice(0, -".stream.sse".length);
  Deno.test(`createResponsesStreamDecoder() decodes ${stem}, however it is cut`, () => {
    const bytes = Deno.readFileSync(new URL(name, FIXTURES));
    const expected = JSON.parse(Deno.readTextFileSync(new URL(`${stem}.events.json`, FIXTURES)));
    assertEquals(decodeStream(bytes), expected);
    assertEquals(decodeStream(bytes, bytes.keys()), expected, "byte by byte");
    const cuts = insideCharacters(bytes);
    assert(cuts.length > 0 || stem.startsWith("incomplete") || stem.startsWith("reasoning_sealed"));
    for (const cut of cuts) assertEquals(decodeStream(bytes, [cut]), expected, `cut at ${cut}`);
  });
}

Deno.test("createResponsesStreamDecoder() ends every truncated answer with an error", () => {
  for (const stem of ["text", "parallel_interleaved", "reasoning"]) {
    const bytes = Deno.readFileSync(new URL(`${stem}.stream.sse`, FIXTURES));
    const whole = decodeStream(bytes);
    for (const end of bytes.keys()) {
      const events = decodeStream(bytes.subarray(0, end));
      const last = events.at(-1)!;
      // Only the blank line at the end may be missing.
      if (end >= bytes.length - 2) assertEquals(events, whole);
      else assertEquals<unknown>(last.type === "error" && last.error.code, "stream_interrupted");
    }
  }
});

/** Each row: the events of an answer, and the content that comes of them. */
const ANSWERS: { name: string; events: Json[]; content: unknown[]; stopReason?: string }[] = [
  {
    name: "text that only its last event has whole",
    events: [
      added(0, message("", { content: [] })),
      delta("output_text", 0, "Hel", { content_index: 0 }),
      { type: "response.output_text.done", output_index: 0, content_index: 0, text: "Hello" },
      done(0, message("Hello, you")),
    ],
    content: [{ type: "text", text: "Hello, you" }],
  },
  {
    name: "text that was taken back: what was sent stays",
    events: [delta("output_text", 0, "Hi"), done(0, message("Hello"))],
    content: [{ type: "text", text: "Hi" }],
  },
  {
    name: "an item that was only ever shown whole",
    events: [done(0, message("Hello"))],
    content: [{ type: "text", text: "Hello" }],
  },
  {
    name: "deltas of an item that was never announced",
    events: [delta("output_text", 3, "Hello")],
    content: [{ type: "text", text: "Hello" }],
  },
  {
    name: "deltas that are no strings",
    events: [delta("output_text", 0, { text: "no" }), delta("output_text", 0, "yes")],
    content: [{ type: "text", text: "yes" }],
  },
  {
    name: "several parts and several messages",
    events: [
      added(0, message("", { content: [], phase: "commentary" })),
      delta("output_text", 0, "a", { content_index: 0 }),
      delta("output_text", 0, "b", { content_index: 1 }),
      done(
        0,
        message("", {
          content: [{ type: "output_text", text: "a" }, { type: "output_text", text: "b" }],
        }),
      ),
      done(1, message("c")),
    ],
    content: [{ type: "text", text: "a" }, { type: "text", text: "b" }, {
      type: "text",
      text: "c",
    }],
  },
  {
    name: "a citation that only the last event has, and no other twice",
    events: [
      delta("output_text", 0, "x"),
      { type: "response.output_text.annotation.added", output_index: 0, annotation: { url: "a" } },
      done(
        0,
        message("", {
          content: [{ type: "output_text", text: "x", annotations: [{ url: "a" }, { url: "b" }] }],
        }),
      ),
    ],
    content: [{ type: "text", text: "x", citations: [{ url: "a" }, { url: "b" }] }],
  },
  {
    name: "arguments that only the item has",
    events: [added(0, call("")), done(0, call('{"a":1}'))],
    content: [{ type: "tool_use", id: "call_1", name: "now", arguments: '{"a":1}' }],
    stopReason: "tool_use",
  },
  {
    name: "arguments that only their own event has",
    events: [
      added(0, call("")),
      { type: "response.function_call_arguments.done", output_index: 0, arguments: '{"a":1}' },
    ],
    content: [{ type: "tool_use", id: "call_1", name: "now", arguments: '{"a":1}' }],
    stopReason: "tool_use",
  },
  {
    name: "a call without arguments",
    events: [added(0, call("")), done(0, call(""))],
    content: [{ type: "tool_use", id: "call_1", name: "now", arguments: "{}" }],
    stopReason: "tool_use",
  },
  {
    name: "arguments that are the same in other words",
    events: [
      added(0, call("")),
      delta("function_call_arguments", 0, '{"a": 1}'),
      done(0, call('{"a":1}')),
    ],
    content: [{ type: "tool_use", id: "call_1", name: "now", arguments: '{"a": 1}' }],
    stopReason: "tool_use",
  },
  {
    name: "a call that has no name at first",
    events: [
      added(0, call("", { name: "", call_id: "" })),
      delta("function_call_arguments", 0, '{"a"'),
      delta("function_call_arguments", 0, ":1}"),
      done(0, call('{"a":1}')),
    ],
    content: [{ type: "tool_use", id: "call_1", name: "now", arguments: '{"a":1}' }],
    stopReason: "tool_use",
  },
  {
    name: "a call that never has a name",
    events: [delta("function_call_arguments", 0, '{"a":1}')],
    content: [{ type: "tool_use", id: "call_0", name: "unknown_tool", arguments: '{"a":1}' }],
    stopReason: "tool_use",
  },
  {
    name: "events that repeat",
    events: [
      added(0, call("")),
      added(0, call("")),
      delta("function_call_arguments", 0, "{}"),
      done(0, call("{}")),
      done(0, call("{}")),
      delta("function_call_arguments", 0, "{}"),
      { type: "response.function_call_arguments.done", output_index: 0, arguments: "{}" },
    ],
    content: [{ type: "tool_use", id: "call_1", name: "now", arguments: "{}" }],
    stopReason: "tool_use",
  },
  {
    name: "events that name their item by its id alone",
    events: [
      added(0, call("")),
      added(1, call("", { id: "fd", call_id: "call_2" })),
      { type: "response.function_call_arguments.delta", item_id: "fc", delta: '{"a":1}' },
      { type: "response.function_call_arguments.delta", item_id: "??", delta: '{"b":1}' },
    ],
    content: [
      { type: "tool_use", id: "call_1", name: "now", arguments: '{"a":1}' },
      { type: "tool_use", id: "call_2", name: "now", arguments: '{"b":1}' },
    ],
    stopReason: "tool_use",
  },
  {
    name: "a call of a tool that takes free text",
    events: [
      added(0, { type: "custom_tool_call", call_id: "call_1", name: "patch", input: "" }),
      delta("custom_tool_call_input", 0, "*** "),
      done(0, { type: "custom_tool_call", call_id: "call_1", name: "patch", input: "*** End" }),
    ],
    content: [
      { type: "tool_use", id: "call_1", name: "patch", arguments: "*** End", custom: true },
    ],
    stopReason: "tool_use",
  },
  {
    name: "a search of xAI's own, which is nothing to be run",
    events: [
      added(0, { type: "custom_tool_call", call_id: "xs_call1", name: "x_user_search", input: "" }),
      delta("custom_tool_call_input", 0, "who"),
      done(0, {
        type: "custom_tool_call",
        call_id: "xs_call1",
        name: "x_user_search",
        input: "who",
      }),
      done(1, {
        type: "custom_tool_call",
        call_id: "xs_call2",
        name: "x_user_search",
        input: "me",
      }),
      done(2, message("You")),
    ],
    content: ["custom_tool_call", "custom_tool_call", { type: "text", text: "You" }],
    stopReason: "end_turn",
  },
  {
    name: "reasoning in its raw form, and of two forms the first",
    events: [
      added(0, reasoning()),
      delta("reasoning_text", 0, "I think", { content_index: 0 }),
      delta("reasoning_summary_text", 0, "Thought", { summary_index: 0 }),
      done(
        0,
        reasoning({
          summary: summary("Thought"),
          content: [{ type: "reasoning_text", text: "I think so" }],
        }),
      ),
    ],
    content: [{ type: "thinking", text: "I think so" }],
  },
  {
    name: "parts of reasoning, one of them only in its last event",
    events: [
      added(0, reasoning()),
      delta("reasoning_summary_text", 0, "One", { summary_index: 0 }),
      {
        type: "response.reasoning_summary_text.done",
        output_index: 0,
        summary_index: 1,
        text: "Two",
      },
      done(0, reasoning({ summary: summary("One", "Two"), encrypted_content: "seal" })),
    ],
    content: [{ type: "thinking", text: "One\n\nTwo", signature: "seal" }],
  },
  {
    name: "sealed reasoning after the call that it led to: in the order of the items",
    events: [
      added(0, reasoning()),
      added(1, call("")),
      done(1, call("{}")),
      done(0, reasoning({ encrypted_content: "seal" })),
    ],
    content: [
      { type: "thinking", text: "", signature: "seal" },
      { type: "tool_use", id: "call_1", name: "now", arguments: "{}" },
    ],
    stopReason: "tool_use",
  },
  {
    name: "reasoning of which nothing is shown",
    events: [added(0, reasoning()), done(0, reasoning()), done(1, message("x"))],
    content: ["reasoning", { type: "text", text: "x" }],
  },
  {
    name: "an empty message",
    events: [added(0, message("", { content: [] })), done(0, message(""))],
    content: [],
  },
];
for (const { name, events, content, stopReason = "end_turn" } of ANSWERS) {
  Deno.test(`createResponsesStreamDecoder() reads ${name}`, async () => {
    const decoded = decodeStream(sse(CREATED, ...events, completed()));
    const response = await collectStream(decoded);
    assertEquals(response.stopReason, stopReason);
    assertEquals<unknown>(
      response.content.map((block) => {
        if (block.type === "opaque") return block.kind;
        const { extensions: _extensions, ...rest } = block;
        if (rest.type === "thinking") delete rest.provenance;
        return rest;
      }),
      content,
    );
  });
}

/** Each row: what the events have left out, and the final snapshot fills in. */
const SNAPSHOTS: { name: string; events: Json[]; output: Json[]; texts: string[] }[] = [
  { name: "everything", events: [], output: [message("a"), call("{}")], texts: ["a", "{}"] },
  {
    name: "what came after the first item",
    events: [done(0, message("a"))],
    output: [message("a"), message("b")],
    texts: ["a", "b"],
  },
  {
    name: "the end of an item, whatever its id",
    events: [delta("output_text", 2, "a")],
    output: [message("ab", { id: "other" })],
    texts: ["ab"],
  },
  { name: "nothing", events: [done(0, message("a"))], output: [], texts: ["a"] },
];
for (const { name, events, output, texts } of SNAPSHOTS) {
  Deno.test(`createResponsesStreamDecoder() takes from the snapshot: ${name}`, async () => {
    const { content } = await collectStream(
      decodeStream(sse(CREATED, ...events, completed(output))),
    );
    assertEquals(
      content.map((block) =>
        block.type === "text" ? block.text : block.type === "tool_use" ? block.arguments : ""
      ),
      texts,
    );
  });
}

/** Each row: the last events of an answer, and how it ends. */
const ENDS: { name: string; events: Json[]; end: unknown }[] = [
  {
    name: "too long",
    events: [{ type: "response.incomplete", response: {} }],
    end: "max_tokens",
  },
  {
    name: "filtered",
    events: [{
      type: "response.incomplete",
      response: { incomplete_details: { reason: "content_filter" } },
    }],
    end: "refusal",
  },
  {
    name: "cut within a call",
    events: [added(0, call("")), completed([], { status: "incomplete" })],
    end: "max_tokens",
  },
  { name: "response.done", events: [{ type: "response.done", response: {} }], end: "end_turn" },
  {
    name: "response.done that has failed",
    events: [{ type: "response.done", response: { status: "failed" } }],
    end: { code: "upstream", message: "the answer has failed" },
  },
  {
    name: "failed, with a code",
    events: [{
      type: "response.failed",
      response: { error: { code: "context_length_exceeded", message: "long" } },
    }],
    end: { code: "context_overflow", message: "long", upstreamCode: "context_length_exceeded" },
  },
  {
    name: "a flat error",
    events: [{ type: "error", code: "rate_limit_exceeded", message: "slow" }],
    end: { code: "rate_limited", message: "slow", upstreamCode: "rate_limit_exceeded" },
  },
  {
    name: "a nested error",
    events: [{ type: "error", error: { type: "server_error", code: null, message: "oh" } }],
    end: { code: "upstream", message: "oh", upstreamCode: "server_error" },
  },
  {
    name: "an error without a type",
    events: [{ code: "The service is currently unavailable", error: "busy" }],
    end: {
      code: "upstream",
      message: "busy",
      upstreamCode: "The service is currently unavailable",
    },
  },
  {
    name: "arguments that contradict themselves",
    events: [
      added(0, call("")),
      delta("function_call_arguments", 0, '{"rm":1}'),
      done(0, call('{"ls":1}')),
      completed(),
    ],
    end: { code: "upstream", message: "the answer contradicts itself" },
  },
  {
    name: "a second beginning",
    events: [delta("output_text", 0, "a"), CREATED, completed()],
    end: { code: "stream_interrupted", message: "the answer started over" },
  },
  {
    name: "[DONE] without an end",
    events: [delta("output_text", 0, "a")],
    end: { code: "stream_interrupted", message: "the answer stopped before its end" },
  },
];
for (const { name, events, end } of ENDS) {
  Deno.test(`createResponsesStreamDecoder() ends: ${name}`, () => {
    const bytes = sse(CREATED, ...events);
    const done = new TextEncoder().encode("data: [DONE]\n\n");
    const decoded = decodeStream(new Uint8Array([...bytes, ...done]));
    const last = decoded.at(-1)!;
    assertEquals<unknown>(
      last.type === "message_end" ? last.stopReason : last.type === "error" && last.error,
      end,
    );
    const endings = decoded.filter(({ type }) => type === "message_end" || type === "error");
    assertEquals(endings.length, 1);
  });
}

Deno.test("createResponsesStreamDecoder() passes over what it does not know", () => {
  const types = (events: StreamEvent[]) => events.map(({ type }) => type);
  const unknown = { type: "response.moonphase", phase: 3 };
  assertEquals(types(decodeStream(sse(unknown, CREATED, { type: "keepalive" }, completed()))), [
    "message_start",
    "ping",
    "message_end",
  ]);
  assertEquals(types(decodeStream(sse(CREATED, unknown, completed()))), [
    "message_start",
    "opaque",
    "message_end",
  ]);
});

Deno.test("createResponsesStreamDecoder() reads names from the event line, and refuses what is no JSON", () => {
  const encode = (text: string) => new TextEncoder().encode(text);
  assertEquals(decodeStream(encode('event: error\ndata: {"message":"no"}\n\n')), [
    { type: "error", error: { code: "upstream", message: "no" } },
  ]);
  assertEquals(decodeStream(encode("data: <html>\n\n")), [
    {
      type: "error",
      error: { code: "upstream", message: "the answer holds an event that is not JSON" },
    },
  ]);
});

Deno.test("createResponsesStreamDecoder() leaves a declared free-text tool to its client", () => {
  const item = { type: "custom_tool_call", call_id: "xs_call1", name: "patch", input: "x" };
  const events = decodeStream(sse(CREATED, done(0, item), completed()), [], {
    ...CONTEXT,
    customTools: ["patch"],
  });
  const start = events.find((event) => event.type === "block_start");
  assertEquals(start?.block.type, "tool_use");
});

/** Each row: a usage, and input, cached, written, output. */
const USAGES: { name: string; usage: unknown; counts: number[] }[] = [
  { name: "none", usage: null, counts: [0, 0, 0, 0] },
  { name: "zeros", usage: { input_tokens: 0, output_tokens: 0 }, counts: [0, 0, 0, 0] },
  {
    name: "cached tokens as a part",
    usage: {
      input_tokens: 100,
      input_tokens_details: { cached_tokens: 80, cache_write_tokens: 10 },
      output_tokens: 7,
    },
    counts: [10, 80, 10, 7],
  },
  {
    name: "more cached tokens than input",
    usage: { input_tokens: 10, input_tokens_details: { cached_tokens: 80 }, output_tokens: 7 },
    counts: [10, 80, 0, 7],
  },
];
for (const { name, usage, counts } of USAGES) {
  Deno.test(`createResponsesStreamDecoder() counts ${name}`, async () => {
    const response = await collectStream(decodeStream(sse(CREATED, completed([], { usage }))));
    const { inputTokens, cacheReadTokens, cacheWriteTokens, outputTokens } = response.usage;
    assertEquals([inputTokens, cacheReadTokens, cacheWriteTokens, outputTokens], counts);
  });
}

/** Each row: a body, and what it is. */
const BODIES: { name: string; body: Json; code: string }[] = [
  { name: "an error", body: { code: "x", error: "busy" }, code: "upstream" },
  { name: "a failed response", body: { status: "failed", output: [] }, code: "upstream" },
  {
    name: "a failed response with its reason",
    body: { status: "failed", error: { code: "rate_limit_exceeded", message: "m" }, output: [] },
    code: "rate_limited",
  },
  { name: "anything else", body: { choices: [] }, code: "upstream" },
];
for (const { name, body, code } of BODIES) {
  Deno.test(`decodeResponsesBody() knows ${name}`, () => {
    const decoded = decodeResponsesBody(body, CONTEXT);
    assertEquals<unknown>(decoded.kind === "error" && decoded.error.code, code);
  });
}

Deno.test("decodeResponsesBody() reads what a stream would have told", async () => {
  for (const stem of ["reasoning", "function_call", "server_tools", "refusal", "incomplete"]) {
    const bytes = Deno.readFileSync(new URL(`${stem}.stream.sse`, FIXTURES));
    const terminal = new TextDecoder().decode(bytes).trim().split("\n").at(-1)!;
    const body = JSON.parse(terminal.replace(/^data: /, "")).response;
    const decoded = decodeResponsesBody({ ...body, error: null }, CONTEXT);
    assert(decoded.kind === "response");
    const streamed = await collectStream(decodeStream(bytes));
    assertEquals(decoded.response, streamed, stem);
    assertEquals(await collectStream(replayResponse(decoded.response)), streamed, stem);
  }
});
