import { assert, assertEquals } from "@std/assert";
import type { JsonObject } from "../../../src/core/http.ts";
import type { ToolUseBlock } from "../../../src/protocols/event.ts";
import { collectStream } from "../../../src/transports/collect.ts";
import { assertWellFormed } from "../well_formed.ts";
import { decodeStream, sse } from "./support.ts";

/** A chunk with one delta. */
function chunk(delta: JsonObject, more: JsonObject = {}): JsonObject {
  return { id: "x", model: "m", choices: [{ index: 0, delta, ...more }] };
}

const FINISH = chunk({}, { finish_reason: "stop" });
const f = (text: string, name?: string) => ({
  function: { ...(name === undefined ? {} : { name }), arguments: text },
});
const calls = (...fragments: JsonObject[]) => chunk({ tool_calls: fragments });
type Call = [id: string, name: string, text: string];

/** Fragments as servers send them, and the calls that they are. */
const CALLS: { name: string; chunks: JsonObject[]; calls: Call[] }[] = [
  {
    name: "whole in one chunk",
    chunks: [calls({ index: 0, id: "a", type: "function", ...f('{"x":1}', "f") })],
    calls: [["a", "f", '{"x":1}']],
  },
  {
    name: "two in turns",
    chunks: [
      calls({ index: 0, id: "a", ...f("", "f") }, { index: 1, id: "b", ...f("", "g") }),
      calls({ index: 1, ...f('{"y"') }),
      calls({ index: 0, ...f('{"x":1}') }),
      calls({ index: 1, ...f(":2}") }),
    ],
    calls: [["a", "f", '{"x":1}'], ["b", "g", '{"y":2}']],
  },
  {
    name: "all on index 0, told apart by their ids",
    chunks: [
      calls({ index: 0, id: "a", ...f("{}", "f") }),
      calls({ index: 0, id: "b", ...f('{"y"', "g") }),
      calls({ index: 0, ...f(":2}") }),
    ],
    calls: [["a", "f", "{}"], ["b", "g", '{"y":2}']],
  },
  {
    name: "without an index",
    chunks: [
      calls({ id: "a", ...f("{", "f") }),
      calls(f("}")),
      calls({ id: "b", ...f("{}", "g") }),
    ],
    calls: [["a", "f", "{}"], ["b", "g", "{}"]],
  },
  {
    name: "with indexes that begin at 1 and leave some out",
    chunks: [
      calls({ index: 1, id: "a", ...f("{}", "f") }),
      calls({ index: 5, id: "b", ...f("{}", "g") }),
    ],
    calls: [["a", "f", "{}"], ["b", "g", "{}"]],
  },
  {
    name: "with an id and an empty name in every fragment",
    chunks: [
      calls({ index: 0, id: "a", ...f("", "f") }),
      calls({ index: 0, id: "a", ...f('{"x":', "") }),
      calls({ index: 0, id: "", ...f("1}", "") }),
    ],
    calls: [["a", "f", '{"x":1}']],
  },
  {
    name: "with a name that comes late",
    chunks: [
      calls({ index: 0, id: "a", ...f("", "") }),
      calls({ index: 0, ...f('{"x"') }),
      calls({ index: 0, ...f(":1}", "f") }),
    ],
    calls: [["a", "f", '{"x":1}']],
  },
  {
    name: "without a name, and with nothing at all",
    chunks: [calls({ index: 0, id: "a", ...f("{}") }, { index: 1 })],
    calls: [["a", "unknown_tool", "{}"]],
  },
  {
    name: "without arguments",
    chunks: [calls({ index: 0, id: "a", ...f("", "f") })],
    calls: [["a", "f", "{}"]],
  },
  {
    name: "with arguments as an object",
    chunks: [calls({ index: 0, id: "a", function: { name: "f", arguments: { x: 1 } } })],
    calls: [["a", "f", '{"x":1}']],
  },
  {
    name: "whose first piece is JSON by itself",
    chunks: [calls({ index: 0, id: "a", ...f("1", "f") }), calls({ index: 0, ...f("2") })],
    calls: [["a", "f", "12"]],
  },
  {
    name: "in the chunk that ends the answer",
    chunks: [
      chunk({
        tool_calls: [{ index: 0, id: "a", ...f("{}", "f") }, {
          index: 1,
          id: "b",
          ...f("{}", "g"),
        }],
      }, { finish_reason: "tool_calls" }),
    ],
    calls: [["a", "f", "{}"], ["b", "g", "{}"]],
  },
];
for (const { name, chunks, calls } of CALLS) {
  Deno.test(`createChatStreamDecoder() reads calls ${name}`, async () => {
    const events = decodeStream(sse(...chunks, FINISH, "[DONE]"));
    assertWellFormed(events);
    const { content, stopReason } = await collectStream(events);
    const found = content.filter((block): block is ToolUseBlock => block.type === "tool_use");
    assertEquals(found.map(({ id, name, arguments: text }): Call => [id, name, text]), calls);
    // Whatever the server calls the end.
    assertEquals(stopReason, "tool_use");
  });
}

Deno.test("createChatStreamDecoder() gives calls without an id the same one each time", () => {
  const bytes = sse(calls({ index: 0, ...f("{}", "f") }, { index: 1, ...f("{}", "f") }), FINISH);
  const ids = () =>
    decodeStream(bytes).flatMap((event) =>
      event.type === "block_start" && event.block.type === "tool_use" ? [event.block.id] : []
    );
  const [first, second] = ids();
  assert(first !== undefined && first !== "" && first !== second);
  assertEquals(ids(), [first, second!]);
});

Deno.test("createChatStreamDecoder() reads a custom call, and one of the legacy form", async () => {
  const events = decodeStream(sse(
    calls({ index: 0, id: "a", type: "custom", custom: { name: "c", input: "x " } }),
    calls({ index: 0, custom: { input: "y" } }),
    chunk({ function_call: { name: "f", arguments: "{" } }),
    chunk({ function_call: { arguments: "}" } }, { finish_reason: "function_call" }),
  ));
  const { content } = await collectStream(events);
  const [custom, legacy] = content as [ToolUseBlock, ToolUseBlock];
  assertEquals([custom.name, custom.arguments, custom.custom], ["c", "x y", true]);
  assertEquals([legacy.name, legacy.arguments, legacy.custom], ["f", "{}", undefined]);
});

Deno.test("createChatStreamDecoder() reads thinking by any of its names, apart from the text", async () => {
  const { content } = await collectStream(decodeStream(sse(
    chunk({ role: "assistant", content: "" }),
    chunk({ reasoning_content: "a" }),
    chunk({ reasoning: "b" }),
    chunk({ content: [{ type: "thinking", thinking: [{ type: "text", text: "c" }] }] }),
    chunk({ content: "d" }),
    chunk({ content: [{ type: "text", text: "e" }] }),
    FINISH,
  )));
  const provenance = { origin: "other", model: "m" };
  assertEquals(content, [
    { type: "thinking", text: "abc", provenance },
    { type: "text", text: "de" },
  ]);
});

/** How answers end. */
const ENDS: { name: string; frames: unknown[]; end: string }[] = [
  { name: "at [DONE]", frames: [chunk({ content: "a" }), FINISH, "[DONE]"], end: "end_turn" },
  { name: "after a finish reason", frames: [chunk({ content: "a" }), FINISH], end: "end_turn" },
  {
    name: "at [DONE] without a finish reason",
    frames: [chunk({ content: "a" }), "[DONE]"],
    end: "null",
  },
  {
    name: "at [DONE], whatever follows",
    frames: [chunk({ content: "a" }), FINISH, "[DONE]", chunk({ content: "b" }), { error: {} }],
    end: "end_turn",
  },
  { name: "with a refusal", frames: [chunk({ refusal: "No" }), FINISH], end: "refusal" },
  {
    name: "with a cut call",
    frames: [
      calls({ index: 0, id: "a", ...f('{"x', "f") }),
      chunk({}, { finish_reason: "length" }),
    ],
    end: "max_tokens",
  },
  {
    name: "at [DONE] in the middle of a call",
    frames: [calls({ index: 0, id: "a", ...f('{"x', "f") }), "[DONE]"],
    end: "stream_interrupted",
  },
  {
    name: "at [DONE] after a call",
    frames: [calls({ index: 0, id: "a", ...f("{}", "f") }), "[DONE]"],
    end: "tool_use",
  },
  { name: "in the middle", frames: [chunk({ content: "a" })], end: "stream_interrupted" },
  { name: "before it began", frames: [], end: "stream_interrupted" },
  { name: "with [DONE] alone", frames: ["[DONE]"], end: "stream_interrupted" },
  { name: "in what is not JSON", frames: [chunk({ content: "a" }), "{", FINISH], end: "upstream" },
  {
    name: "with an error frame",
    frames: [chunk({ content: "a" }), {
      error: { message: "slow down", code: "rate_limit_exceeded" },
    }],
    end: "rate_limited",
  },
  {
    name: "with an error frame of xAI's",
    frames: [{ code: "The service is currently unavailable", error: "try later" }],
    end: "upstream",
  },
  {
    name: "with MiniMax's envelope",
    frames: [{ choices: null, base_resp: { status_code: 1008, status_msg: "insufficient" } }],
    end: "upstream",
  },
  {
    name: "well beside an envelope without a failure",
    frames: [{ ...FINISH, base_resp: { status_code: 0, status_msg: "" } }],
    end: "end_turn",
  },
];
for (const { name, frames, end } of ENDS) {
  Deno.test(`createChatStreamDecoder() on an answer that ends ${name}`, () => {
    const last = decodeStream(sse(...frames)).at(-1);
    assertEquals<unknown>(
      last?.type === "error"
        ? last.error.code
        : last?.type === "message_end" && `${last.stopReason}`,
      end,
    );
  });
}

Deno.test("createChatStreamDecoder() takes the last usage, from whichever chunk", () => {
  const usage = (completion: number) => ({ prompt_tokens: 1, completion_tokens: completion });
  const bytes = sse(
    { ...chunk({ content: "a" }), usage: usage(1) },
    { ...FINISH, usage: usage(2) },
    { choices: [], usage: usage(3) },
    { choices: [], usage: null },
    "[DONE]",
  );
  const last = decodeStream(bytes).at(-1);
  assertEquals(last?.type === "message_end" && last.usage.outputTokens, 3);
});

Deno.test("createChatStreamDecoder() passes over chunks and fields that nobody knows", async () => {
  const bytes = new TextEncoder().encode(
    ": comment\n\nevent: x\ndata: " + JSON.stringify({ type: "x", choices: [] }) + "\n\n" +
      new TextDecoder().decode(sse(
        { id: "", model: "", choices: [], prompt_filter_results: [] },
        chunk({ content: "a", x_vendor: 1 }, { x_vendor: {} }),
        { ...chunk({ content: "b" }), choices: [{ index: 1, delta: { content: "other" } }] },
        { ...FINISH, x_vendor: true },
      )),
  );
  const { id, content } = await collectStream(decodeStream(bytes));
  assertEquals([id, content], ["x", [{ type: "text", text: "a" }]]);
});
