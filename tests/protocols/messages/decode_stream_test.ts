import { assert, assertEquals } from "@std/assert";
import { encodeSseFrame } from "../../../src/core/sse.ts";
import type { StreamEvent } from "../../../src/protocols/event.ts";
import { decodeStream, insideCharacters } from "./support.ts";

const FIXTURES = new URL("../../fixtures/minimax/messages/", import.meta.url);
const encoder = new TextEncoder();

/** An answer from its events; one without a `type` gets no event line either. */
function sse(...events: Record<string, unknown>[]): Uint8Array {
  return encoder.encode(
    events.map((event) =>
      encodeSseFrame({ event: event["type"] as string | undefined, data: JSON.stringify(event) })
    ).join(""),
  );
}
const START = {
  type: "message_start",
  message: {
    id: "a",
    model: "m",
    content: [],
    usage: { input_tokens: 5, output_tokens: 1, cache_creation_input_tokens: 8 },
  },
};
const TEXT = [
  { type: "content_block_start", index: 0, content_block: { type: "text", text: "" } },
  { type: "content_block_delta", index: 0, delta: { type: "text_delta", text: "hi" } },
  { type: "content_block_stop", index: 0 },
];
const END = [
  { type: "message_delta", delta: { stop_reason: "end_turn" }, usage: { output_tokens: 2 } },
  { type: "message_stop" },
];

for (const { name } of Deno.readDirSync(FIXTURES)) {
  if (!name.endsWith(".stream.sse")) continue;
  const stem = name.slice(0, -".stream.sse".length);
  Deno.test(`createMessagesStreamDecoder() decodes ${stem}, however it is cut`, () => {
    const bytes = Deno.readFileSync(new URL(name, FIXTURES));
    const expected = JSON.parse(Deno.readTextFileSync(new URL(`${stem}.events.json`, FIXTURES)));
    assertEquals(decodeStream(bytes), expected);
    assertEquals(decodeStream(bytes, bytes.keys()), expected, "byte by byte");
    for (const cut of insideCharacters(bytes)) {
      assertEquals(decodeStream(bytes, [cut]), expected, `cut at ${cut}`);
    }
  });
}

Deno.test("createMessagesStreamDecoder() ends every truncated answer with an error", () => {
  for (const stem of ["text", "tool_use_parallel", "cr_padded"]) {
    const bytes = Deno.readFileSync(new URL(`${stem}.stream.sse`, FIXTURES));
    const whole = decodeStream(bytes);
    for (const end of bytes.keys()) {
      const events = decodeStream(bytes.subarray(0, end));
      const last = events.pop();
      if (last?.type === "message_end") {
        // Only the last blank line was cut.
        assertEquals([...events, last], whole, `${stem} at ${end}`);
        assert(end > bytes.length - 30, `${stem} at ${end}`);
        continue;
      }
      assertEquals(
        last?.type === "error" && last.error.code,
        "stream_interrupted",
        `${stem} at ${end}`,
      );
      assertEquals(events, whole.slice(0, events.length), `${stem} at ${end}`);
    }
  }
});

const ends = (events: StreamEvent[]) => {
  const end = events.at(-1);
  return end?.type === "error"
    ? { error: end.error.code }
    : end?.type === "message_end"
    ? { stop: end.stopReason }
    : end;
};
const TOOL = [
  {
    type: "content_block_start",
    index: 1,
    content_block: { type: "tool_use", id: "t", name: "f", input: {} },
  },
  { type: "content_block_stop", index: 1 },
];
const stop = (reason: string | null) => [
  { type: "message_delta", delta: { stop_reason: reason } },
  { type: "message_stop" },
];
const ENDS: { name: string; events: Record<string, unknown>[]; end: unknown }[] = [
  { name: "max_tokens", events: [START, ...stop("max_tokens")], end: { stop: "max_tokens" } },
  {
    name: "model_context_window_exceeded",
    events: [START, ...stop("model_context_window_exceeded")],
    end: { stop: "context_window_exceeded" },
  },
  { name: "a reason nobody knows", events: [START, ...stop("bored")], end: { stop: "end_turn" } },
  {
    name: "a reason named like a property",
    events: [START, ...stop("toString")],
    end: { stop: "end_turn" },
  },
  { name: "no reason", events: [START, ...stop(null)], end: { stop: null } },
  {
    name: "a call and end_turn",
    events: [START, ...TOOL, ...stop("end_turn")],
    end: { stop: "tool_use" },
  },
  {
    name: "a call cut by max_tokens",
    events: [START, ...TOOL, ...stop("max_tokens")],
    end: { stop: "max_tokens" },
  },
  {
    name: "tool_use without a call",
    events: [START, ...TEXT, ...stop("tool_use")],
    end: { stop: "end_turn" },
  },
  {
    name: "the same start twice",
    events: [START, START, ...TEXT, ...END],
    end: { stop: "end_turn" },
  },
  {
    name: "a second start after content",
    events: [START, ...TEXT, START, ...TEXT, ...END],
    end: { error: "stream_interrupted" },
  },
  {
    name: "an error without a type",
    events: [{ error: { type: "overloaded_error", message: "busy" } }],
    end: { error: "overloaded" },
  },
  { name: "a flat error", events: [{ type: "error", message: "no" }], end: { error: "upstream" } },
  {
    name: "base_resp beside a start",
    events: [{ ...START, base_resp: { status_code: 1008, status_msg: "insufficient balance" } }],
    end: { error: "quota_exhausted" },
  },
  {
    name: "base_resp that says success",
    events: [{ ...START, base_resp: { status_code: 0, status_msg: "" } }, ...END],
    end: { stop: "end_turn" },
  },
  {
    name: "an unknown event with an error field",
    events: [START, { type: "vendor_note", error: { type: "x" } }, ...END],
    end: { stop: "end_turn" },
  },
];
for (const { name, events, end } of ENDS) {
  Deno.test(`createMessagesStreamDecoder() ends rightly after ${name}`, () => {
    const decoded = decodeStream(sse(...events));
    assertEquals(ends(decoded), end);
    assert(decoded.filter(({ type }) => type === "message_start").length <= 1);
  });
}

Deno.test("createMessagesStreamDecoder() takes an error's type from the event line", () => {
  const events = decodeStream(
    encoder.encode('event: error\ndata: {"message":"no \\u001b[31mway"}\n\n'),
  );
  assertEquals(events, [{ type: "error", error: { code: "upstream", message: "no [31mway" } }]);
});

Deno.test("createMessagesStreamDecoder() fails on an event that is not JSON", () => {
  const events = decodeStream(encoder.encode("event: x\ndata: {oops\n\nevent: y\ndata: {}\n\n"));
  assertEquals(ends(events), { error: "upstream" });
  assertEquals(events.length, 1);
});

Deno.test("createMessagesStreamDecoder() replaces counts, and never adds them", () => {
  const events = decodeStream(sse(START, {
    type: "message_delta",
    delta: {},
    usage: { input_tokens: 7, output_tokens: 3, cache_creation_input_tokens: null },
  }, {
    type: "message_delta",
    delta: { stop_reason: "end_turn" },
    usage: {
      output_tokens: 9,
      cache_read_input_tokens: 4,
      output_tokens_details: { thinking_tokens: 2 },
      service_tier: "standard",
    },
  }, { type: "message_stop" }));
  assertEquals(events.at(-1), {
    type: "message_end",
    stopReason: "end_turn",
    usage: {
      inputTokens: 7,
      cacheReadTokens: 4,
      cacheWriteTokens: 8,
      outputTokens: 9,
      reasoningTokens: 2,
      extensions: { dialect: "messages", fields: { service_tier: "standard" } },
    },
  });
});

Deno.test("createMessagesStreamDecoder() keeps what it does not name", () => {
  const events = decodeStream(sse(
    START,
    {
      type: "content_block_start",
      index: 0,
      content_block: { type: "server_tool_use", id: "s", name: "web_search", input: {} },
    },
    {
      type: "content_block_delta",
      index: 0,
      delta: { type: "input_json_delta", partial_json: '{"q":' },
    },
    { type: "content_block_stop", index: 0 },
    {
      type: "content_block_start",
      index: 1,
      content_block: { type: "redacted_thinking", data: "xyz" },
    },
    { type: "content_block_stop", index: 1 },
    {
      type: "content_block_start",
      index: 2,
      content_block: { type: "text", text: "pre", citations: [] },
    },
    {
      type: "content_block_delta",
      index: 2,
      delta: { type: "citations_delta", citation: { n: 1 } },
    },
    { type: "content_block_stop", index: 2 },
    {
      type: "message_delta",
      delta: { stop_reason: "refusal", stop_sequence: null, stop_details: { type: "refusal" } },
      usage: {},
      context_management: {},
    },
    { type: "message_stop" },
  ));
  assertEquals(events.slice(1), [
    {
      type: "block_start",
      index: 0,
      block: {
        type: "opaque",
        dialect: "messages",
        kind: "server_tool_use",
        value: { type: "server_tool_use", id: "s", name: "web_search", input: {} },
      },
    },
    {
      type: "block_delta",
      index: 0,
      delta: {
        type: "opaque",
        dialect: "messages",
        value: { type: "input_json_delta", partial_json: '{"q":' },
      },
    },
    { type: "block_end", index: 0 },
    {
      type: "block_start",
      index: 1,
      block: {
        type: "thinking",
        text: "",
        signature: "xyz",
        redacted: true,
        provenance: { origin: "minimax", model: "m" },
      },
    },
    { type: "block_end", index: 1 },
    { type: "block_start", index: 2, block: { type: "text", text: "", citations: [] } },
    { type: "block_delta", index: 2, delta: { type: "text", text: "pre" } },
    { type: "block_delta", index: 2, delta: { type: "citation", citation: { n: 1 } } },
    { type: "block_end", index: 2 },
    {
      type: "message_end",
      stopReason: "refusal",
      usage: { inputTokens: 5, cacheReadTokens: 0, cacheWriteTokens: 8, outputTokens: 1 },
      extensions: {
        dialect: "messages",
        fields: { context_management: {}, stop_details: { type: "refusal" } },
      },
    },
  ]);
});

Deno.test("createMessagesStreamDecoder() joins long arguments exactly", () => {
  const argument = JSON.stringify({ text: 'quote " backslash \\ 👩‍🚀 '.repeat(40_000) });
  const pieces = argument.match(/[\s\S]{1,97}/g)!;
  const events = decodeStream(sse(
    START,
    {
      type: "content_block_start",
      index: 0,
      content_block: { type: "tool_use", id: "t", name: "f", input: {} },
    },
    ...pieces.map((partial_json) => ({
      type: "content_block_delta",
      index: 0,
      delta: { type: "input_json_delta", partial_json },
    })),
    { type: "content_block_stop", index: 0 },
    ...END,
  ));
  const joined = events.map((event) =>
    event.type === "block_delta" && event.delta.type === "arguments" ? event.delta.text : ""
  ).join("");
  assert(pieces.length > 10_000);
  assert(joined === argument);
});
