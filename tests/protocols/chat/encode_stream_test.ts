import { assertEquals } from "@std/assert";
import type { StreamEvent } from "../../../src/protocols/event.ts";
import { ZERO_USAGE } from "../../../src/protocols/event.ts";
import { answerContext, chunksOf, encodeStream } from "./support.ts";

const START: StreamEvent = { type: "message_start", id: "1", model: "m", usage: ZERO_USAGE };
const END: StreamEvent = { type: "message_end", stopReason: "end_turn", usage: ZERO_USAGE };
const call = (index: number, name: string): StreamEvent => ({
  type: "block_start",
  index,
  block: { type: "tool_use", id: `c${index}`, name, arguments: "" },
});
const text = (index: number): StreamEvent => ({
  type: "block_start",
  index,
  block: { type: "text", text: "" },
});
const end = (index: number): StreamEvent => ({ type: "block_end", index });
const args = (index: number, piece: string): StreamEvent => ({
  type: "block_delta",
  index,
  delta: { type: "arguments", text: piece },
});
const words = (index: number, piece: string): StreamEvent => ({
  type: "block_delta",
  index,
  delta: { type: "text", text: piece },
});

const PLAIN: StreamEvent[] = [START, text(0), words(0, "a\u2028\n"), words(0, "b"), end(0), END];

Deno.test("createChatStreamEncoder() writes the chunks of the dialect", () => {
  const head = '{"created":1700000000,"id":"chatcmpl-1","object":"chat.completion.chunk",' +
    '"model":"client-model","choices":[';
  const choice = (delta: string, finish = "null") =>
    `data: ${head}{"index":0,"delta":${delta},"logprobs":null,"finish_reason":${finish}}],` +
    '"usage":null}\n\n';
  assertEquals(
    encodeStream(PLAIN),
    choice('{"role":"assistant","content":""}') + choice('{"content":"a\u2028\\n"}') +
      choice('{"content":"b"}') + choice("{}", '"stop"') +
      `data: ${head}],"usage":{"prompt_tokens":0,"completion_tokens":0,"total_tokens":0,` +
      '"prompt_tokens_details":{"audio_tokens":0,"cached_tokens":0},' +
      '"completion_tokens_details":{"audio_tokens":0,"accepted_prediction_tokens":0,' +
      '"rejected_prediction_tokens":0,"reasoning_tokens":0}}}\n\ndata: [DONE]\n\n',
  );
});

Deno.test("createChatStreamEncoder() tells usage to who asks for it", () => {
  const chunks = chunksOf(encodeStream(PLAIN, answerContext({ extensions: undefined })));
  assertEquals(chunks.map((chunk) => "usage" in chunk), [false, false, false, false]);
});

Deno.test("createChatStreamEncoder() sends each call whole, numbered in the order of the calls", () => {
  const chunks = chunksOf(encodeStream([
    START,
    call(0, "f"),
    call(1, "g"),
    args(1, '{"y"'),
    args(0, '{"x":'),
    args(1, ":2}"),
    end(1),
    args(0, "1}"),
    end(0),
    call(2, "h"),
    end(2),
    { ...END, stopReason: "tool_use" },
  ]));
  assertEquals(
    chunks.flatMap(({ choices: [choice] }) => choice?.delta.tool_calls ?? []),
    [["c0", "f", '{"x":1}'], ["c1", "g", '{"y":2}'], ["c2", "h", "{}"]].map(
      ([id, name, text], index) => ({
        index,
        id,
        type: "function",
        function: { name, arguments: text },
      }),
    ),
  );
  assertEquals(chunks.at(-2).choices[0].finish_reason, "tool_calls");
});

Deno.test("createChatStreamEncoder() does not mix texts that come side by side", () => {
  const chunks = chunksOf(encodeStream([
    START,
    text(0),
    text(1),
    words(0, "a"),
    words(1, "c"),
    words(0, "b"),
    end(1),
    end(0),
    call(2, "f"),
    end(2),
    text(3),
    words(3, "d"),
    end(3),
    END,
  ]));
  assertEquals(
    chunks.map(({ choices: [choice] }) => choice?.delta.content ?? "").join(""),
    "abc\n\nd",
  );
});

Deno.test("createChatStreamEncoder() writes pings as comments, before the answer as well", () => {
  assertEquals(encodeStream([{ type: "ping" }]), ": keepalive\n\n");
});

Deno.test("createChatStreamEncoder() ends with an error as the dialect has it, and says no more", () => {
  const text = encodeStream([
    ...PLAIN.slice(0, 3),
    { type: "error", error: { code: "rate_limited", message: "slow down" } },
    ...PLAIN.slice(3),
  ]);
  assertEquals(JSON.parse(text.trim().split("\n\n").at(-1)!.slice(6)), {
    error: {
      message: "slow down",
      type: "rate_limit_error",
      param: null,
      code: "rate_limit_exceeded",
    },
  });
});

Deno.test("createChatStreamEncoder() gives citations once their text is whole", () => {
  const chunks = chunksOf(encodeStream([
    START,
    text(0),
    words(0, "abc"),
    end(0),
    text(1),
    {
      type: "block_delta",
      index: 1,
      delta: { type: "citation", citation: { type: "x", url: "https://a.example/", title: "A" } },
    },
    words(1, "de"),
    end(1),
    END,
  ]));
  assertEquals(chunks.flatMap(({ choices: [choice] }) => choice?.delta.annotations ?? []), [{
    type: "url_citation",
    url_citation: { url: "https://a.example/", title: "A", start_index: 3, end_index: 5 },
  }]);
});

Deno.test("createChatStreamEncoder() leaves out what only other dialects can say", () => {
  const foreign: StreamEvent[] = [
    { type: "opaque", dialect: "messages", name: "x", value: {} },
    {
      type: "block_start",
      index: 0,
      block: { type: "opaque", dialect: "messages", kind: "server_tool_use", value: {} },
    },
    { type: "block_delta", index: 0, delta: { type: "opaque", dialect: "messages", value: {} } },
    end(0),
    {
      type: "block_start",
      index: 1,
      block: { type: "thinking", text: "", signature: "s", redacted: true },
    },
    end(1),
  ];
  assertEquals(encodeStream([START, ...foreign, END]), encodeStream([START, END]));
});
