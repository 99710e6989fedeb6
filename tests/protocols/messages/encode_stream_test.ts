import { assert, assertEquals } from "@std/assert";
import type { BlockDelta, OpeningBlock, StreamEvent } from "../../../src/protocols/event.ts";
import { ZERO_USAGE } from "../../../src/protocols/event.ts";
import { openSeal } from "../../../src/protocols/envelope.ts";
import { encodeStream } from "./support.ts";

const START: StreamEvent = {
  type: "message_start",
  id: "resp_1",
  model: "grok-4.3",
  usage: ZERO_USAGE,
};
const END: StreamEvent = { type: "message_end", stopReason: "end_turn", usage: ZERO_USAGE };
const begin = (index: number, block: OpeningBlock): StreamEvent => ({
  type: "block_start",
  index,
  block,
});
const text = (index: number) => begin(index, { type: "text", text: "" });
const thinking = (index: number) =>
  begin(index, {
    type: "thinking",
    text: "",
    provenance: { origin: "xai", model: "grok-4.3" },
  });
const call = (index: number, custom?: true) =>
  begin(index, {
    type: "tool_use",
    id: `c.${index}`,
    name: `f${index}`,
    arguments: "",
    ...(custom ? { custom } : {}),
  });
const delta = (index: number, delta: BlockDelta): StreamEvent => ({
  type: "block_delta",
  index,
  delta,
});
const words = (index: number, text: string) => delta(index, { type: "text", text });
const thought = (index: number, text: string) => delta(index, { type: "thinking", text });
const args = (index: number, text: string) => delta(index, { type: "arguments", text });
const seal = (index: number, signature: string) => delta(index, { type: "signature", signature });
const end = (index: number): StreamEvent => ({ type: "block_end", index });

// deno-lint-ignore no-explicit-any -- what the test expects it to be
function frames(events: StreamEvent[]): any[] {
  return encodeStream(events).split("\n\n").filter((frame) => frame !== "").map((frame) => {
    const [, name, data] = /^event: (.*)\ndata: (.*)$/.exec(frame)!;
    const value = JSON.parse(data!);
    assertEquals(value.type, name);
    return value;
  });
}

/** The frames between start and end, each in a few words; seals opened. */
function told(events: StreamEvent[]): string[] {
  return frames([START, ...events, END]).slice(1, -2).map((frame) => {
    const { type, index, content_block: block, delta } = frame;
    switch (type) {
      case "content_block_start":
        return `${index} ${block.type}${opened(block.data)}`;
      case "content_block_stop":
        return `${index} stop`;
      case "content_block_delta":
        return `${index} ${delta.text ?? delta.thinking ?? delta.partial_json ?? "seal"}` +
          opened(delta.signature);
      default:
        return type;
    }
  });
}

function opened(signature: string | undefined): string {
  if (signature === undefined) return "";
  assert(signature !== "");
  const { signature: seal, provenance } = openSeal({ type: "thinking", text: "", signature });
  assertEquals(provenance, { origin: "xai", model: "grok-4.3" });
  return ` of ${seal ?? "nothing"}`;
}

/** Events of upstreams, and the frames that they become. */
const CASES: { name: string; events: StreamEvent[]; frames: string[] }[] = [
  {
    name: "a text",
    events: [text(0), words(0, "a"), words(0, "b"), end(0)],
    frames: ["0 text", "0 a", "0 b", "0 stop"],
  },
  { name: "a text in which nothing is", events: [text(0), end(0)], frames: [] },
  {
    name: "thinking, its seal last",
    events: [thinking(0), seal(0, "s"), thought(0, "a"), seal(0, "t"), end(0)],
    frames: ["0 thinking", "0 a", "0 seal of t", "0 stop"],
  },
  {
    name: "thinking without a seal",
    events: [thinking(0), thought(0, "a"), end(0)],
    frames: ["0 thinking", "0 a", "0 seal of nothing", "0 stop"],
  },
  {
    name: "a seal without thinking, before a call",
    events: [thinking(0), seal(0, "s"), end(0), call(1), args(1, "{}"), end(1)],
    frames: ["0 redacted_thinking of s", "0 stop", "1 tool_use", "1 {}", "1 stop"],
  },
  {
    name: "thinking in which nothing is",
    events: [thinking(0), end(0), text(1), words(1, "a"), end(1)],
    frames: ["0 text", "0 a", "0 stop"],
  },
  {
    name: "two calls side by side",
    events: [
      call(0),
      call(1),
      args(1, '{"y"'),
      args(0, '{"x":'),
      args(1, ":2}"),
      end(1),
      args(0, "1}"),
      end(0),
    ],
    frames: [
      "0 tool_use",
      '0 {"x":',
      "0 1}",
      "0 stop",
      "1 tool_use",
      '1 {"y"',
      "1 :2}",
      "1 stop",
    ],
  },
  {
    name: "a text that goes on beside a call, and a thought after both",
    events: [
      text(0),
      words(0, "a"),
      call(1),
      args(1, "{}"),
      words(0, "b"),
      thinking(2),
      thought(2, "c"),
      end(0),
      words(0, "never"),
      end(1),
      end(2),
    ],
    frames: [
      "0 text",
      "0 a",
      "0 b",
      "0 stop",
      "1 tool_use",
      "1 {}",
      "1 stop",
      "2 thinking",
      "2 c",
      "2 seal of nothing",
      "2 stop",
    ],
  },
  {
    name: "blocks that upstream never ended",
    events: [text(0), words(0, "a"), call(1), args(1, "{}")],
    frames: ["0 text", "0 a", "0 stop", "1 tool_use", "1 {}", "1 stop"],
  },
  {
    name: "a call that takes free text",
    events: [call(0, true), args(0, 'a"'), args(0, "b"), end(0)],
    frames: ["0 tool_use", '0 {"input":"a\\"b"}', "0 stop"],
  },
  {
    name: "a refusal in words",
    events: [
      begin(0, { type: "refusal", text: "" }),
      delta(0, { type: "refusal", text: "No" }),
      end(0),
    ],
    frames: ["0 text", "0 No", "0 stop"],
  },
  {
    name: "what only other dialects can say",
    events: [
      begin(0, { type: "opaque", dialect: "responses", kind: "web_search_call", value: {} }),
      delta(0, { type: "opaque", dialect: "responses", value: {} }),
      text(1),
      words(1, "a"),
      delta(1, { type: "citation", citation: { type: "url_citation", url: "u" } }),
      delta(1, { type: "opaque", dialect: "chat", value: {} }),
      end(0),
      end(1),
      { type: "opaque", dialect: "responses", name: "x", value: {} },
    ],
    frames: ["0 text", "0 a", "0 stop"],
  },
  {
    name: "pings, between blocks and within them",
    events: [{ type: "ping" }, text(0), words(0, "a"), { type: "ping" }, end(0)],
    frames: ["ping", "0 text", "0 a", "ping", "0 stop"],
  },
];
for (const { name, events, frames } of CASES) {
  Deno.test(`createMessagesStreamEncoder() on ${name}`, () => assertEquals(told(events), frames));
}

Deno.test("createMessagesStreamEncoder() begins and ends with all that clients read", () => {
  const usage = { ...ZERO_USAGE, inputTokens: 5, cacheReadTokens: 6, outputTokens: 7 };
  const counts = (input: number, read: number, output: number) => ({
    input_tokens: input,
    cache_creation_input_tokens: 0,
    cache_read_input_tokens: read,
    output_tokens: output,
  });
  assertEquals(frames([START, { ...END, stopReason: "stop_sequence", stopSequence: "x", usage }]), [
    {
      type: "message_start",
      message: {
        id: "msg_1",
        type: "message",
        role: "assistant",
        model: "client-model",
        content: [],
        stop_reason: null,
        stop_sequence: null,
        usage: counts(0, 0, 0),
      },
    },
    {
      type: "message_delta",
      delta: { stop_reason: "stop_sequence", stop_sequence: "x" },
      usage: counts(5, 6, 7),
    },
    { type: "message_stop" },
  ]);
});

Deno.test("createMessagesStreamEncoder() gives calls ids of its alphabet, and an empty input", () => {
  const [, start] = frames([START, call(0), end(0), END]);
  assert(/^c_0_[0-9a-f]{8}$/.test(start.content_block.id));
  assertEquals(start.content_block, {
    type: "tool_use",
    id: start.content_block.id,
    name: "f0",
    input: {},
  });
});

Deno.test("createMessagesStreamEncoder() closes what is open, tells the error, and says no more", () => {
  const error: StreamEvent = { type: "error", error: { code: "overloaded", message: "busy" } };
  const all = frames([START, text(0), words(0, "a"), call(1), error, words(0, "b"), END]);
  assertEquals(all.slice(3), [
    { type: "content_block_stop", index: 0 },
    { type: "error", error: { type: "overloaded_error", message: "busy" } },
  ]);
  assertEquals(frames([START, text(0), error]).slice(1).map(({ type }) => type), ["error"]);
});

Deno.test("createMessagesStreamEncoder() passes on what is its own", () => {
  const value = { type: "server_tool_use", id: "s", name: "web_search", input: {} };
  const piece = { type: "input_json_delta", partial_json: "{}" };
  const citation = { type: "char_location", cited_text: "a" };
  const all = frames([
    START,
    begin(0, { type: "opaque", dialect: "messages", kind: "server_tool_use", value }),
    delta(0, { type: "opaque", dialect: "messages", value: piece }),
    end(0),
    text(1),
    delta(1, { type: "citation", citation }),
    words(1, "a"),
    end(1),
    { type: "opaque", dialect: "messages", name: "future", value: { type: "future", x: 1 } },
    {
      ...END,
      extensions: {
        dialect: "messages",
        fields: { stop_details: { type: "refusal" }, context_management: { edits: [] } },
      },
    },
  ]);
  assertEquals(all[1].content_block, value);
  assertEquals(all[2].delta, piece);
  assertEquals(all[5].delta, { type: "citations_delta", citation });
  assertEquals(all[8], { type: "future", x: 1 });
  assertEquals(all[9].delta.stop_details, { type: "refusal" });
  assertEquals(all[9].context_management, { edits: [] });
});
