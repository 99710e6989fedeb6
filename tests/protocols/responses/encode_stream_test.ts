import { assert, assertEquals } from "@std/assert";
import { openSeal } from "../../../src/protocols/envelope.ts";
import {
  type BlockDelta,
  type GenerateRequest,
  type OpeningBlock,
  type StreamErrorCode,
  type StreamEvent,
  type Usage,
  ZERO_USAGE,
} from "../../../src/protocols/event.ts";
import { decodeResponsesRequest } from "../../../src/protocols/responses/decode_request.ts";
import { encodeResponsesResponse } from "../../../src/protocols/responses/encode_response.ts";
import { collectStream } from "../../../src/transports/collect.ts";
import { assertLegalStream, assertResponse } from "./legal_stream.ts";
import { answerContext, decodeStream, encodeStream, framesOf, sdkResponse } from "./support.ts";

const START: StreamEvent = { type: "message_start", id: "msg_1", model: "up", usage: ZERO_USAGE };

function end(stopReason: (StreamEvent & { type: "message_end" })["stopReason"]): StreamEvent {
  return { type: "message_end", stopReason, usage: ZERO_USAGE };
}

let index = 0;
function block(opening: OpeningBlock, ...deltas: BlockDelta[]): StreamEvent[] {
  const at = index++;
  return [
    { type: "block_start", index: at, block: opening },
    ...deltas.map((delta) => ({ type: "block_delta" as const, index: at, delta })),
    { type: "block_end", index: at },
  ];
}

const text = (...pieces: string[]) =>
  block(
    { type: "text", text: "" },
    ...pieces.map((piece) => ({ type: "text" as const, text: piece })),
  );
const call = (id: string, name: string, ...pieces: string[]) =>
  block(
    { type: "tool_use", id, name, arguments: "" },
    ...pieces.map((piece) => ({ type: "arguments" as const, text: piece })),
  );
const thinking = (thought: string, signature?: string) =>
  block(
    { type: "thinking", text: "", provenance: { origin: "minimax", model: "M3" } },
    { type: "thinking", text: thought },
    ...(signature === undefined ? [] : [{ type: "signature" as const, signature }]),
  );

function frames(events: readonly StreamEvent[], request?: Partial<GenerateRequest>) {
  return framesOf(encodeStream(events, answerContext(request)));
}

/** The names of the frames, without their common part and repetition. */
function names(events: readonly StreamEvent[], request?: Partial<GenerateRequest>): string[] {
  return frames(events, request).map((frame) => frame.type.replace("response.", ""));
}

// deno-lint-ignore no-explicit-any -- items as they are
function output(events: readonly StreamEvent[], request?: Partial<GenerateRequest>): any[] {
  return assertLegalStream(frames(events, request)).response.output;
}

const ORDERS: { name: string; events: StreamEvent[]; frames: string[] }[] = [
  {
    name: "text",
    events: [START, ...text("a", "", "b"), end("end_turn")],
    frames: [
      "created",
      "in_progress",
      "output_item.added",
      "content_part.added",
      "output_text.delta",
      "output_text.delta",
      "output_text.done",
      "content_part.done",
      "output_item.done",
      "completed",
    ],
  },
  {
    name: "a call",
    events: [START, ...call("c", "f", '{"a"', ":1}"), end("tool_use")],
    frames: [
      "created",
      "in_progress",
      "output_item.added",
      "function_call_arguments.delta",
      "function_call_arguments.delta",
      "function_call_arguments.done",
      "output_item.done",
      "completed",
    ],
  },
  {
    name: "reasoning",
    events: [START, ...thinking("hm", "seal"), end("end_turn")],
    frames: [
      "created",
      "in_progress",
      "output_item.added",
      "reasoning_summary_part.added",
      "reasoning_summary_text.delta",
      "reasoning_summary_text.done",
      "reasoning_summary_part.done",
      "output_item.done",
      "completed",
    ],
  },
  {
    name: "a call of a tool that takes free text",
    events: [
      START,
      ...block(
        { type: "tool_use", id: "c", name: "patch", arguments: "", custom: true },
        { type: "arguments", text: "***" },
      ),
      end("tool_use"),
    ],
    frames: [
      "created",
      "in_progress",
      "output_item.added",
      "custom_tool_call_input.delta",
      "custom_tool_call_input.done",
      "output_item.done",
      "completed",
    ],
  },
  {
    name: "a refusal",
    events: [
      START,
      ...block({ type: "refusal", text: "" }, { type: "refusal", text: "no" }),
      end("refusal"),
    ],
    frames: [
      "created",
      "in_progress",
      "output_item.added",
      "content_part.added",
      "refusal.delta",
      "refusal.done",
      "content_part.done",
      "output_item.done",
      "completed",
    ],
  },
  {
    name: "nothing",
    events: [START, ...text(""), ...thinking(""), end("end_turn")],
    frames: ["created", "in_progress", "completed"],
  },
];
for (const { name, events, frames: wanted } of ORDERS) {
  Deno.test(`createResponsesStreamEncoder() writes ${name} in the legal order`, async () => {
    assertEquals(names(events), wanted);
    assertLegalStream(frames(events));
    assertEquals((await sdkResponse(encodeStream(events))).status, "completed");
  });
}

Deno.test("texts in a row are parts of one message; something between parts them", () => {
  const items = output([
    START,
    ...text("a"),
    ...text("b"),
    ...call("c", "f"),
    ...text("d"),
    end("tool_use"),
  ]);
  assertEquals(
    items.map(({ type, content }) => content?.length ?? type),
    [2, "function_call", 1],
  );
  // A call without arguments has an empty object.
  assertEquals(items[1].arguments, "{}");
});

Deno.test("ids are made from the answer's, each one once, and are the same again", () => {
  const twice = { dialect: "responses" as const, fields: { id: "rs_up" } };
  const events = [
    START,
    ...block({ type: "thinking", text: "", extensions: twice }, { type: "thinking", text: "a" }),
    ...block({ type: "thinking", text: "", extensions: twice }, { type: "thinking", text: "b" }),
    ...text("c"),
    ...call("x".repeat(70), "f"),
    end("tool_use"),
  ];
  const items = output(events);
  assertEquals(items.map(({ id }) => id), ["rs_up", "rs_1_1", "msg_1_2", "fc_1_3"]);
  assert(items[3].call_id.length <= 64);
  assertEquals(encodeStream(events), encodeStream(events));
  assertEquals(frames(events)[0].response.id, "resp_1");
});

Deno.test("blocks side by side become items one after another", () => {
  const events: StreamEvent[] = [
    START,
    {
      type: "block_start",
      index: 0,
      block: { type: "tool_use", id: "a", name: "f", arguments: "" },
    },
    {
      type: "block_start",
      index: 1,
      block: { type: "tool_use", id: "b", name: "g", arguments: "" },
    },
    { type: "block_delta", index: 1, delta: { type: "arguments", text: '{"b":' } },
    { type: "block_delta", index: 0, delta: { type: "arguments", text: '{"a":1}' } },
    { type: "block_delta", index: 1, delta: { type: "arguments", text: "2}" } },
    { type: "block_end", index: 1 },
    { type: "block_end", index: 0 },
    end("tool_use"),
  ];
  assertEquals(
    output(events).map((item) => [item.call_id, item.arguments]),
    [["a", '{"a":1}'], ["b", '{"b":2}']],
  );
});

Deno.test("sealed reasoning is for those who have asked for it", () => {
  const events = [
    START,
    ...thinking("hm", "seal"),
    ...block({ type: "thinking", text: "", redacted: true, signature: "blob" }),
    ...text("a"),
    end("end_turn"),
  ];
  const [clear, redacted, message] = output(events);
  assertEquals([clear.summary[0].text, redacted.summary, message.type], ["hm", [], "message"]);
  const opened = openSeal({ type: "thinking", text: "", signature: clear.encrypted_content });
  assertEquals([opened.signature, opened.provenance?.origin], ["seal", "minimax"]);
  assertEquals(
    openSeal({ type: "thinking", text: "", signature: redacted.encrypted_content }).signature,
    "blob",
  );
  // Nobody can replay the other one: what cannot be seen either is left out.
  const open = output(events, { extensions: undefined });
  assertEquals(open.map(({ type }) => type), ["reasoning", "message"]);
  assertEquals(open[0].encrypted_content, undefined);
});

const CUTS: { name: string; events: StreamEvent[]; done: string[]; statuses: string[] }[] = [
  {
    name: "a text",
    events: text("half"),
    done: ["message"],
    statuses: ["incomplete"],
  },
  {
    name: "a call",
    events: [...text("a"), ...call("c", "f", '{"path":"/et')],
    done: ["message"],
    statuses: ["completed", "incomplete"],
  },
  {
    name: "a call after a whole one",
    events: [...call("b", "f", "{}"), ...call("c", "f", '{"a')],
    done: ["function_call"],
    statuses: ["completed", "incomplete"],
  },
  {
    name: "free text",
    events: block(
      { type: "tool_use", id: "c", name: "patch", arguments: "", custom: true },
      { type: "arguments", text: "*** Beg" },
    ),
    done: [],
    statuses: ["incomplete"],
  },
  {
    name: "something after a whole call",
    events: call("c", "f", '{"a":1}'),
    done: ["function_call"],
    statuses: ["completed"],
  },
];
for (const { name, events, done, statuses } of CUTS) {
  for (const reason of ["max_tokens", "context_window_exceeded"] as const) {
    Deno.test(`${reason} in ${name} is no end of it`, async () => {
      const all = [START, ...renumbered(events), end(reason)];
      const sent = frames(all);
      const last = assertLegalStream(sent);
      assertEquals(last.response.incomplete_details, { reason: "max_output_tokens" });
      assertEquals(
        sent.filter(({ type }) => type === "response.output_item.done").map(({ item }) =>
          item.type
        ),
        done,
      );
      // deno-lint-ignore no-explicit-any -- items as they are
      assertEquals(last.response.output.map(({ status }: any) => status), statuses);
      assertEquals((await sdkResponse(encodeStream(all))).status, "incomplete");
      const whole = encodeResponsesResponse(await collectStream(all), answerContext());
      assertEquals(JSON.parse(JSON.stringify(whole)), last.response);
    });
  }
}

function renumbered(events: readonly StreamEvent[]): StreamEvent[] {
  const first = Math.min(...events.map((event) => "index" in event ? event.index : Infinity));
  return events.map((event) => "index" in event ? { ...event, index: event.index - first } : event);
}

Deno.test("an answer that was filtered is incomplete", () => {
  const { response } = assertLegalStream(frames([START, ...text("a"), end("refusal")]));
  assertEquals(response.status, "incomplete");
  assertEquals(response.incomplete_details, { reason: "content_filter" });
});

const ERRORS: [StreamErrorCode, string][] = [
  ["invalid_request", "invalid_prompt"],
  ["content_filter", "invalid_prompt"],
  ["context_overflow", "context_length_exceeded"],
  ["unauthorized", "invalid_api_key"],
  ["not_entitled", "permission_denied"],
  ["quota_exhausted", "insufficient_quota"],
  ["not_found", "model_not_found"],
  ["rate_limited", "rate_limit_exceeded"],
  ["overloaded", "server_is_overloaded"],
  ["timeout", "server_error"],
  ["upstream", "server_error"],
  ["stream_interrupted", "server_error"],
];
for (const [code, wanted] of ERRORS) {
  Deno.test(`an error ${code} in an answer fails it as ${wanted}`, () => {
    const opened = text("half").slice(0, -1);
    const last = assertLegalStream(frames([
      START,
      ...call("c", "f"),
      ...opened,
      { type: "error", error: { code, message: "words", retryAfterMs: 1500 } },
      { type: "ping" },
    ]));
    assertEquals(last.type, "response.failed");
    assertEquals(last.response.error, {
      code: wanted,
      message: code === "rate_limited" ? "words. Please try again in 1.5s." : "words",
    });
    // What was whole stays; what was not is no part of it.
    // deno-lint-ignore no-explicit-any -- items as they are
    assertEquals(last.response.output.map(({ type }: any) => type), ["function_call"]);
  });
}

Deno.test("an answer that fails before it begins is a failed answer", async () => {
  const events: StreamEvent[] = [{
    type: "error",
    error: { code: "overloaded", message: "busy" },
  }];
  assertEquals(names(events), ["created", "in_progress", "failed"]);
  const response = await sdkResponse(encodeStream(events));
  assertEquals([response.status, response.error.code], ["failed", "server_is_overloaded"]);
});

Deno.test("signs of life are comments, and take no number", () => {
  const out = encodeStream([
    { type: "ping" },
    START,
    { type: "ping" },
    ...text("a"),
    { type: "ping" },
    end("end_turn"),
  ]);
  assertEquals(out.match(/^: keepalive$/gm)?.length, 3);
  assertLegalStream(framesOf(out));
});

Deno.test("calls go back to tools in the forms in which they were declared", () => {
  const request = decodeResponsesRequest({
    model: "m",
    input: "x",
    tools: [
      { type: "namespace", name: "mcp__files", tools: [{ type: "function", name: "read" }] },
      { type: "local_shell" },
      { type: "custom", name: "patch" },
    ],
  });
  const events = [
    START,
    ...call("1", "mcp__files__read", '{"a":1}'),
    ...call("2", "local_shell", '{"command":["ls"],', '"timeout_ms":5}'),
    ...call("3", "unknown", "{}"),
    end("tool_use"),
  ];
  const items = output(events, request);
  assertEquals(items.map(({ id: _id, status, ...item }) => [status, item]), [
    ["completed", {
      type: "function_call",
      call_id: "1",
      name: "read",
      namespace: "mcp__files",
      arguments: '{"a":1}',
    }],
    ["completed", {
      type: "local_shell_call",
      call_id: "2",
      action: { type: "exec", command: ["ls"], env: {}, timeout_ms: 5 },
    }],
    ["completed", { type: "function_call", call_id: "3", name: "unknown", arguments: "{}" }],
  ]);
  // The shell has no deltas.
  assertEquals(
    frames(events, request).filter(({ output_index }) => output_index === 1)
      .map(({ type }) => type),
    ["response.output_item.added", "response.output_item.done"],
  );
});

Deno.test("citations of web pages become annotations", () => {
  const at = { type: "web_search_result_location", url: "https://a.example", title: "A" };
  const own = { type: "file_citation", file_id: "f", index: 1, filename: "n" };
  const events = [
    START,
    ...block(
      { type: "text", text: "" },
      { type: "text", text: "fact" },
      { type: "citation", citation: at },
      { type: "citation", citation: { type: "char_location", document_index: 0 } },
      { type: "citation", citation: own },
    ),
    end("end_turn"),
  ];
  const wanted = [
    { type: "url_citation", url: "https://a.example", title: "A", start_index: 0, end_index: 4 },
    own,
  ];
  assertEquals(output(events)[0].content[0].annotations, wanted);
  assertEquals(
    frames(events).filter(({ annotation }) => annotation).map((frame) => frame.annotation),
    wanted,
  );
});

Deno.test("usage is whole, whatever upstream has told", () => {
  const usage: Usage = {
    inputTokens: 1,
    cacheReadTokens: 20,
    cacheWriteTokens: 300,
    outputTokens: 7,
    reasoningTokens: 5,
  };
  const { response } = assertLegalStream(
    frames([START, { type: "message_end", stopReason: "end_turn", usage }]),
  );
  assertEquals(response.usage, {
    input_tokens: 321,
    input_tokens_details: { cached_tokens: 20, cache_write_tokens: 300 },
    output_tokens: 7,
    output_tokens_details: { reasoning_tokens: 5 },
    total_tokens: 328,
  });
});

Deno.test("the answer repeats what its client has asked for", () => {
  const asked = {
    model: "m",
    input: "x",
    instructions: "be brief",
    tools: [
      { type: "function", name: "f" },
      { type: "namespace", name: "ns", tools: [{ type: "function", name: "g" }] },
      { type: "web_search" },
    ],
    tool_choice: { type: "function", name: "f" },
    parallel_tool_calls: false,
    temperature: 0.5,
    top_p: 0.9,
    max_output_tokens: 9,
    reasoning: { effort: "low" },
    text: { format: { type: "json_schema", name: "n", schema: {} }, verbosity: "low" },
    metadata: { a: "b" },
    user: "u",
    prompt_cache_key: "k",
    service_tier: "priority",
    store: true,
  };
  const request = decodeResponsesRequest(asked);
  const { response } = assertLegalStream(frames([START, ...text("a"), end("end_turn")], request));
  const parameters = { type: "object", properties: {} };
  const { output: _output, usage: _usage, id: _id, ...rest } = response;
  assertEquals(rest, {
    object: "response",
    created_at: 1_700_000_000,
    completed_at: null,
    status: "completed",
    background: false,
    error: null,
    frequency_penalty: 0,
    incomplete_details: null,
    instructions: "be brief",
    max_output_tokens: 9,
    max_tool_calls: null,
    metadata: { a: "b" },
    model: "m",
    presence_penalty: 0,
    previous_response_id: null,
    prompt_cache_key: "k",
    reasoning: { effort: "low", summary: null },
    safety_identifier: null,
    service_tier: "priority",
    store: false,
    temperature: 0.5,
    text: {
      format: { type: "json_schema", name: "n", schema: {}, description: null, strict: false },
      verbosity: "low",
    },
    tools: [
      { type: "function", name: "f", description: null, parameters, strict: false },
      {
        type: "namespace",
        name: "ns",
        tools: [{ type: "function", name: "g", parameters, strict: false }],
      },
      { type: "web_search" },
    ],
    tool_choice: { type: "function", name: "f" },
    parallel_tool_calls: false,
    top_logprobs: 0,
    top_p: 0.9,
    truncation: "disabled",
    user: "u",
  });
});

Deno.test("a whole answer is what its stream ends with", async () => {
  const events = renumbered([
    ...thinking("hm", "seal"),
    ...text("a"),
    ...text("b"),
    ...call("c", "f", '{"a":1}'),
    ...call("d", "f", '{"a'),
  ]);
  for (const reason of ["max_tokens", "tool_use"] as const) {
    const all = [START, ...events, end(reason)];
    const whole = encodeResponsesResponse(await collectStream(all), answerContext());
    assertResponse(whole);
    assertEquals(JSON.parse(JSON.stringify(whole)), assertLegalStream(frames(all)).response);
    const again = await collectStream(decodeStream(new TextEncoder().encode(encodeStream(all))));
    assertEquals(again.content.map(({ type }) => type), [
      "thinking",
      "text",
      "text",
      "tool_use",
      "tool_use",
    ]);
    assertEquals(again.stopReason, reason);
  }
});
