import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import Anthropic from "@anthropic-ai/sdk";
import type { SandboxQuirks } from "../../src/sandbox/mod.ts";
import {
  type Json,
  messagesBody,
  parseFrames,
  postMessages,
  streamEvents,
  testSandbox,
  WEATHER_TOOL,
} from "./support.ts";

const BETA = "fine-grained-tool-streaming-2025-05-14";

function types(events: Json[]): string[] {
  return events.map((event) => event.type);
}

/** What a client makes of the events, put together without any check. */
function assemble(events: Json[]): Json[] {
  const blocks: Json[] = [];
  for (const { type, index, content_block, delta } of events) {
    if (type === "content_block_start") blocks[index] = { ...content_block, json: "" };
    if (type !== "content_block_delta") continue;
    const block = blocks[index];
    if (delta.type === "text_delta") block.text += delta.text;
    if (delta.type === "thinking_delta") block.thinking += delta.thinking;
    if (delta.type === "signature_delta") block.signature = delta.signature;
    if (delta.type === "input_json_delta") block.json += delta.partial_json;
  }
  return blocks.map(({ json, ...block }) =>
    block.type === "tool_use" ? { ...block, input: JSON.parse(json) } : block
  );
}

Deno.test("stream: the grammar, and the same content as without streaming", async () => {
  const { sandbox } = testSandbox();
  const events = await streamEvents(sandbox, "[thinking] Grüße, 世界 👋🏽");
  assertEquals(types(events).slice(0, 3), ["message_start", "ping", "content_block_start"]);
  assertEquals(types(events).slice(-3), ["content_block_stop", "message_delta", "message_stop"]);
  const { message } = events[0];
  assertMatch(message.id, /^[0-9a-f]{32}$/);
  assertEquals([message.content, message.stop_reason, message.usage.output_tokens], [[], null, 0]);
  assertEquals(message.base_resp, { status_code: 0, status_msg: "" });
  const whole = await (await postMessages(
    sandbox,
    messagesBody("[thinking] Grüße, 世界 👋🏽"),
  )).json();
  assertEquals(assemble(events), whole.content);
  const delta = events.at(-2);
  assertEquals(delta.delta, { stop_reason: "end_turn", stop_sequence: null });
  assertEquals(delta.usage, whole.usage);
});

Deno.test("stream: several tool calls, the first piece of input empty", async () => {
  const { sandbox } = testSandbox();
  const events = await streamEvents(sandbox, "[tools:2]", { tools: [WEATHER_TOOL] });
  const [, first, second] = assemble(events);
  assertEquals([first.input, second.input], [{ place: "sandbox" }, { place: "sandbox" }]);
  assertEquals(events.at(-2).delta.stop_reason, "tool_use");
  const pieces = events.filter((event) => event.delta?.type === "input_json_delta");
  assertEquals(pieces[0].delta.partial_json, "");
});

Deno.test("stream: the beta for fine-grained tools streams the name", async () => {
  const { sandbox } = testSandbox();
  const events = await streamEvents(sandbox, "[tool]", { tools: [WEATHER_TOOL] }, {
    "anthropic-beta": `other-2025-01-01, ${BETA}`,
  });
  const start = events.find((event) => event.content_block?.type === "tool_use");
  assertEquals(start.content_block.name, "");
  assert(events.some((event) => event.delta?.name === "get_weather"));
});

Deno.test("stream: [max_tokens] breaks a tool's input off", async () => {
  const { sandbox } = testSandbox();
  const events = await streamEvents(sandbox, "[tool][max_tokens]", { tools: [WEATHER_TOOL] });
  assertEquals(events.at(-2).delta.stop_reason, "max_tokens");
  const json = events.map((event) => event.delta?.partial_json ?? "").join("");
  assertEquals(json, '{"place":"');
});

Deno.test("stream: [refusal] has no block", async () => {
  const events = await streamEvents(testSandbox().sandbox, "[refusal]");
  assertEquals(types(events), ["message_start", "ping", "message_delta", "message_stop"]);
  assertEquals(events[2].delta.stop_details.type, "refusal");
});

const ENDINGS = [
  { text: "[midstream-error]", last: "error", message: "unknown error (1000)" },
  { text: "[midstream-error:529]", last: "error", message: "error 529 was asked for" },
  { text: "[cut:stop]", last: "message_delta" },
];
for (const { text, last, message } of ENDINGS) {
  Deno.test(`stream: ${text}`, async () => {
    const events = await streamEvents(testSandbox().sandbox, text);
    assertEquals(types(events).at(-1), last);
    assertEquals(events.at(-1).error?.message, message);
    assert(!types(events).includes("message_stop"));
    assert(types(events).includes("content_block_delta"));
  });
}

Deno.test("stream: [cut] ends inside a block", async () => {
  const sequence = types(await streamEvents(testSandbox().sandbox, "[cut]"));
  const count = (type: string) => sequence.filter((other) => other === type).length;
  assert(count("content_block_start") > count("content_block_stop"));
  assert(!sequence.includes("message_delta"));
});

Deno.test("stream: [hang] falls silent until the client leaves", async () => {
  const { sandbox } = testSandbox();
  const controller = new AbortController();
  const response = await sandbox.fetch(
    new Request("https://api.minimax.io/anthropic/v1/messages", {
      method: "POST",
      headers: { authorization: "Bearer sandbox-key" },
      body: JSON.stringify(messagesBody("[hang]", { stream: true })),
      signal: controller.signal,
    }),
  );
  const reader = response.body!.getReader();
  const decoder = new TextDecoder();
  const whole = await streamEvents(sandbox, "[midstream-error]");
  let text = "";
  for (let i = 0; i < whole.length - 1; i++) text += decoder.decode((await reader.read()).value);
  assertEquals(types(parseFrames(text)), types(whole).slice(0, -1));
  const silence = reader.read();
  const reason = new Error("left");
  controller.abort(reason);
  assertEquals(await assertRejects(() => silence), reason);
  assertEquals(sandbox.counters.cancelledStreams, 1);
});

Deno.test("stream: a client that cancels is counted, one that reads to the end is not", async () => {
  const { sandbox } = testSandbox();
  const open = () => postMessages(sandbox, messagesBody("hi", { stream: true }));
  await (await open()).text();
  assertEquals(sandbox.counters.cancelledStreams, 0);
  await (await open()).body?.cancel();
  assertEquals(sandbox.counters.cancelledStreams, 1);
});

Deno.test("stream: [slow] and chunkDelayMs wait before each frame", async () => {
  const { sandbox, waits } = testSandbox();
  const slow = await streamEvents(sandbox, "[slow]");
  assertEquals(waits, slow.map(() => 500));
  waits.length = 0;
  sandbox.setQuirks({ chunkDelayMs: 20, chunkBytes: 10 });
  const events = await streamEvents(sandbox, "hi");
  assertEquals(waits, events.map(() => 20));
});

const SHAPES: { quirks: Partial<SandboxQuirks>; check: (text: string) => boolean }[] = [
  { quirks: { pings: false }, check: (text) => !text.includes("event: ping") },
  { quirks: { baseResp: false }, check: (text) => !text.includes("base_resp") },
  { quirks: { dataPadding: 3 }, check: (text) => text.endsWith("}   \n\n") },
  {
    quirks: { lineEnd: "crlf" },
    check: (text) => !/[^\r]\n/.test(text) && text.endsWith("\r\n\r\n"),
  },
  { quirks: { lineEnd: "cr" }, check: (text) => !text.includes("\n") && text.endsWith("\r\r") },
  {
    quirks: { unknownEvents: true },
    check: (text) => text.includes("event: trace\n") && text.includes("annotation_delta"),
  },
  {
    quirks: { deltaUsage: "output_only" },
    check: (text) => /"stop_sequence":null\},"usage":\{"output_tokens":\d+\}\}/.test(text),
  },
  {
    quirks: { deltaUsage: "missing" },
    check: (text) => text.includes('"stop_sequence":null}}\n'),
  },
  { quirks: { ignoreStream: true }, check: (text) => text.startsWith("{") },
];
for (const { quirks, check } of SHAPES) {
  Deno.test(`stream with ${JSON.stringify(quirks)}`, async () => {
    const body = messagesBody("hi", { stream: true });
    const text = await (await postMessages(testSandbox({ quirks }).sandbox, body)).text();
    assert(check(text), text.slice(-300));
    assert(!check(await (await postMessages(testSandbox().sandbox, body)).text()));
  });
}

Deno.test("stream with chunkBytes 1: single bytes, the same text", async () => {
  const { sandbox } = testSandbox({ quirks: { chunkBytes: 1 } });
  const response = await postMessages(sandbox, messagesBody("Grüße 👋", { stream: true }));
  const sizes = new Set<number>();
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of response.body!) {
    sizes.add(chunk.byteLength);
    text += decoder.decode(chunk, { stream: true });
  }
  assertEquals([...sizes], [1]);
  assert(assemble(parseFrames(text)).at(-1).text.includes("“Grüße 👋”"));
});

Deno.test("the vendor's SDK reads an answer, a stream and an error", async () => {
  const { sandbox } = testSandbox();
  const client = new Anthropic({
    baseURL: "https://api.minimax.io/anthropic",
    apiKey: null,
    authToken: "sandbox-key",
    fetch: sandbox.fetch,
    maxRetries: 0,
  });
  const request = {
    model: "MiniMax-M2.7",
    max_tokens: 1000,
    tools: [{
      ...WEATHER_TOOL,
      type: "custom" as const,
      input_schema: { type: "object" as const },
    }],
    messages: [{ role: "user" as const, content: "[thinking][tools:2]" }],
  };
  const whole = await client.messages.create(request);
  const streamed = await client.messages.stream(request).finalMessage();
  const kinds = (content: { type: string }[]) => content.map(({ type }) => type);
  assertEquals(kinds(whole.content), ["thinking", "tool_use", "tool_use"]);
  assertEquals(kinds(streamed.content), kinds(whole.content));
  assertEquals(streamed.usage.input_tokens, whole.usage.input_tokens);
  assertEquals(
    (await client.messages.countTokens({ model: request.model, messages: request.messages }))
      .input_tokens > 0,
    true,
  );
  await assertRejects(
    () =>
      client.messages.create({ ...request, messages: [{ role: "user", content: "[error:429]" }] }),
    Anthropic.RateLimitError,
  );
});
