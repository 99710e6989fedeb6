import { assertEquals, assertRejects } from "@std/assert";
import { TransportError } from "../../src/core/errors.ts";
import type { GenerateResponse, StreamEvent } from "../../src/protocols/event.ts";
import { collectStream, replayResponse } from "../../src/transports/collect.ts";

const RESPONSE: GenerateResponse = {
  id: "a",
  model: "m",
  content: [
    { type: "thinking", text: "hm", signature: "s", provenance: { origin: "minimax", model: "m" } },
    { type: "thinking", text: "", signature: "sealed", redacted: true },
    { type: "thinking", text: "unsigned" },
    { type: "text", text: "hello", citations: [{ n: 1 }] },
    { type: "text", text: "" },
    { type: "refusal", text: "no" },
    { type: "tool_use", id: "t", name: "f", arguments: '{ "a": 1 }' },
    { type: "tool_use", id: "u", name: "g", arguments: "free text", custom: true },
    {
      type: "opaque",
      dialect: "messages",
      kind: "server_tool_use",
      value: { type: "server_tool_use", input: { q: 1 } },
    },
  ],
  stopReason: "stop_sequence",
  stopSequence: "END",
  usage: { inputTokens: 1, cacheReadTokens: 2, cacheWriteTokens: 3, outputTokens: 4 },
  extensions: { dialect: "messages", fields: { container: null } },
};

Deno.test("collectStream() folds what replayResponse() makes", async () => {
  assertEquals(await collectStream(replayResponse(RESPONSE)), RESPONSE);
});

Deno.test("collectStream() folds the pieces of a server tool's input", async () => {
  const piece = (partial_json: string): StreamEvent => ({
    type: "block_delta",
    index: 0,
    delta: {
      type: "opaque",
      dialect: "messages",
      value: { type: "input_json_delta", partial_json },
    },
  });
  const block = {
    type: "opaque",
    dialect: "messages",
    kind: "server_tool_use",
    value: { type: "x", input: {} },
  } as const;
  const fold = async (pieces: string[]) => {
    const [start, end] = [replayResponse(RESPONSE)[0]!, replayResponse(RESPONSE).at(-1)!];
    const { content } = await collectStream([
      start,
      { type: "block_start", index: 0, block },
      ...pieces.map(piece),
      { type: "block_end", index: 0 },
      end,
    ]);
    return content[0]?.type === "opaque" && content[0].value["input"];
  };
  assertEquals<unknown>(await fold(['{"q":', '"x"}']), { q: "x" });
  assertEquals<unknown>(await fold(['{"q":']), '{"q":');
  assertEquals<unknown>(await fold([]), {});
});

Deno.test("collectStream() rejects with the stream's error", async () => {
  const error: StreamEvent = {
    type: "error",
    error: { code: "overloaded", message: "busy", status: 529, retryAfterMs: 5, requestId: "r" },
  };
  const failure = await assertRejects(() => collectStream([error]), TransportError);
  assertEquals(
    [
      failure.code,
      failure.message,
      failure.status,
      failure.retryAfterMs,
      failure.requestId,
      failure.retryable,
    ],
    ["overloaded", "Cannot get an answer: busy", 529, 5, "r", true],
  );
});

Deno.test("collectStream() rejects a stream without an end", async () => {
  const failure = await assertRejects(
    () => collectStream(replayResponse(RESPONSE).slice(0, -1)),
    TransportError,
  );
  assertEquals(failure.code, "stream_interrupted");
});
