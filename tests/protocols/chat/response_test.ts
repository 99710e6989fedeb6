import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import type { JsonObject } from "../../../src/core/http.ts";
import type { ContentBlock, GenerateResponse, Usage } from "../../../src/protocols/event.ts";
import { ZERO_USAGE } from "../../../src/protocols/event.ts";
import { decodeChatBody } from "../../../src/protocols/chat/decode_response.ts";
import { encodeChatResponse } from "../../../src/protocols/chat/encode_response.ts";
import { decodeUsage, encodeUsage } from "../../../src/protocols/chat/usage.ts";
import { createChatStreamDecoder } from "../../../src/protocols/chat/decode_stream.ts";
import { collectStream, replayResponse } from "../../../src/transports/collect.ts";
import { answerContext, CONTEXT, encodeStream } from "./support.ts";

const { record, constant, array, string, nat, oneof, option } = fc;

const id = fc.stringMatching(/^[A-Za-z0-9_-]{1,20}$/);
const json = fc.dictionary(string(), fc.jsonValue({ maxDepth: 2 }), { maxKeys: 3 });
const words = string({ minLength: 1 });
const unknown = { x_vendor: fc.jsonValue({ maxDepth: 1 }).filter((value) => value !== null) };
const call = oneof(
  record({
    id,
    type: constant("function"),
    function: record({ name: id, arguments: json.map((value) => JSON.stringify(value)) }),
  }),
  record({ id, type: constant("custom"), custom: record({ name: id, input: string() }) }),
);
const more = (fields: Record<string, fc.Arbitrary<unknown>>) =>
  record(fields, { requiredKeys: [] });
const message = oneof(
  fc.tuple(
    record({ role: constant("assistant"), content: words, refusal: constant(null) }),
    more({
      tool_calls: array(call, { minLength: 1, maxLength: 3 }),
      reasoning_content: words,
      annotations: array(
        record({ type: constant("url_citation"), url_citation: record({ url: fc.webUrl() }) }),
        { minLength: 1, maxLength: 2 },
      ),
      ...unknown,
    }),
  ),
  fc.tuple(
    record({
      role: constant("assistant"),
      content: constant(null),
      refusal: constant(null),
      tool_calls: array(call, { minLength: 1, maxLength: 3 }),
    }),
    more({ reasoning_content: words }),
  ),
  fc.tuple(
    record({ role: constant("assistant"), content: constant(null), refusal: words }),
    constant({}),
  ),
).map(([a, b]): JsonObject => ({ ...a, ...b }));
const usage = fc.tuple(nat(), nat(), nat(), nat(), nat(), more(unknown)).map(
  ([fresh, cached, written, completion, reasoning, rest]) => ({
    ...rest,
    prompt_tokens: fresh + cached + written,
    completion_tokens: completion + reasoning,
    total_tokens: fresh + cached + written + completion + reasoning,
    prompt_tokens_details: {
      cached_tokens: cached,
      audio_tokens: 0,
      ...(written === 0 ? {} : { cache_write_tokens: written }),
    },
    completion_tokens_details: {
      reasoning_tokens: reasoning,
      audio_tokens: 0,
      accepted_prediction_tokens: 1,
      rejected_prediction_tokens: 0,
    },
  }),
);
const body = fc.tuple(
  record({ id, created: nat(), usage, message, cut: fc.boolean() }),
  more({ system_fingerprint: id, service_tier: id, ...unknown }),
  option(record({ content: array(json) })),
).map(([{ id, created, usage, message, cut }, rest, logprobs]): JsonObject => ({
  ...rest,
  id: `chatcmpl-${id}`,
  object: "chat.completion",
  created,
  model: "client-model",
  choices: [{
    index: 0,
    message,
    logprobs,
    finish_reason: cut ? "length" : message["tool_calls"] ? "tool_calls" : "stop",
  }],
  usage,
}));
const plainJson = (value: unknown) => JSON.parse(JSON.stringify(value));

Deno.test("encodeChatResponse() writes what decodeChatBody() read", () => {
  fc.assert(
    fc.property(body, (body) => {
      const wire = plainJson(body);
      const decoded = decodeChatBody(wire, CONTEXT);
      assert(decoded.kind === "response");
      assertEquals(plainJson(encodeChatResponse(decoded.response, answerContext())), wire);
    }),
    { seed: 7, numRuns: 1000 },
  );
});

Deno.test("an encoded Chat stream decodes to the same answer", async () => {
  await fc.assert(
    fc.asyncProperty(body, async (body) => {
      const decoded = decodeChatBody(plainJson(body), CONTEXT);
      assert(decoded.kind === "response");
      const text = encodeStream(replayResponse(decoded.response));
      const decoder = createChatStreamDecoder(CONTEXT);
      const events = [...decoder.feed(new TextEncoder().encode(text)), ...decoder.end()];
      const { extensions: _1, content, ...rest } = await collectStream(events);
      const { extensions: _2, content: wanted, ...wantedRest } = decoded.response;
      // `usage` differs in nothing but how it is kept.
      assertEquals(plainJson(rest), plainJson(wantedRest));
      assertEquals(plainJson(content.map(bare)), plainJson(wanted.map(bare)));
    }),
    { seed: 8, numRuns: 300 },
  );
});

function bare(block: ContentBlock): unknown {
  if (block.type === "opaque") return block;
  const { extensions: _extensions, ...rest } = block;
  return rest;
}

/** What servers say of usage, and what it means. */
const USAGES: { name: string; usage: unknown; decoded: Partial<Usage> }[] = [
  { name: "none", usage: undefined, decoded: {} },
  { name: "null", usage: null, decoded: {} },
  {
    name: "without details",
    usage: { prompt_tokens: 5, completion_tokens: 7 },
    decoded: { inputTokens: 5, outputTokens: 7 },
  },
  {
    name: "cached tokens, a part of the prompt",
    usage: { prompt_tokens: 10, completion_tokens: 1, prompt_tokens_details: { cached_tokens: 4 } },
    decoded: { inputTokens: 6, cacheReadTokens: 4, outputTokens: 1 },
  },
  {
    name: "cached tokens beside the prompt",
    usage: { prompt_tokens: 3, completion_tokens: 1, prompt_tokens_details: { cached_tokens: 9 } },
    decoded: { inputTokens: 3, cacheReadTokens: 9, outputTokens: 1 },
  },
  {
    name: "written tokens",
    usage: {
      prompt_tokens: 10,
      prompt_tokens_details: { cached_tokens: 4, cache_write_tokens: 5 },
    },
    decoded: { inputTokens: 1, cacheReadTokens: 4, cacheWriteTokens: 5 },
  },
  {
    name: "xAI's, with reasoning beside the completion",
    usage: {
      prompt_tokens: 291,
      completion_tokens: 26,
      total_tokens: 513,
      completion_tokens_details: { reasoning_tokens: 196 },
    },
    decoded: { inputTokens: 291, outputTokens: 222, reasoningTokens: 196 },
  },
  {
    name: "OpenAI's, with reasoning in the completion",
    usage: {
      prompt_tokens: 15,
      completion_tokens: 78,
      total_tokens: 93,
      completion_tokens_details: { reasoning_tokens: 64 },
    },
    decoded: { inputTokens: 15, outputTokens: 78, reasoningTokens: 64 },
  },
];
for (const { name, usage, decoded } of USAGES) {
  Deno.test(`decodeUsage() of a Chat server on ${name}`, () => {
    assertEquals(decodeUsage(usage), { ...ZERO_USAGE, ...decoded });
  });
}

Deno.test("encodeUsage() for a Chat client is complete, whatever is known", () => {
  assertEquals(encodeUsage(ZERO_USAGE), {
    prompt_tokens: 0,
    completion_tokens: 0,
    total_tokens: 0,
    prompt_tokens_details: { cached_tokens: 0, audio_tokens: 0 },
    completion_tokens_details: {
      reasoning_tokens: 0,
      audio_tokens: 0,
      accepted_prediction_tokens: 0,
      rejected_prediction_tokens: 0,
    },
  });
});

const RESPONSE: GenerateResponse = {
  id: "msg_1",
  model: "upstream-model",
  content: [],
  stopReason: "end_turn",
  usage: {
    ...ZERO_USAGE,
    inputTokens: 1,
    cacheReadTokens: 2,
    cacheWriteTokens: 3,
    outputTokens: 4,
  },
};
const call1 = { type: "tool_use", id: "c1", name: "f", arguments: '{"a":1}' } as const;
const wireCall1 = { id: "c1", type: "function", function: { name: "f", arguments: '{"a":1}' } };

/** Answers of other dialects, and how they are said here. */
const ENCODED: {
  name: string;
  response: Partial<GenerateResponse>;
  message?: JsonObject;
  finish?: string;
}[] = [
  { name: "nothing", response: {}, message: { content: "" } },
  {
    name: "a call alone",
    response: { content: [call1], stopReason: "tool_use" },
    message: { content: null, tool_calls: [wireCall1] },
    finish: "tool_calls",
  },
  {
    name: "texts that are one, and one that is not",
    response: {
      content: [
        { type: "text", text: "a" },
        { type: "text", text: "b" },
        { type: "opaque", dialect: "messages", kind: "server_tool_use", value: {} },
        { type: "text", text: "" },
        { type: "text", text: "c" },
      ],
    },
    message: { content: "ab\n\nc" },
  },
  {
    name: "two thoughts, one of them sealed",
    response: {
      content: [
        { type: "thinking", text: "a", signature: "s" },
        { type: "thinking", text: "", signature: "s", redacted: true },
        { type: "thinking", text: "b" },
        { type: "text", text: "c" },
      ],
    },
    message: { content: "c", reasoning_content: "a\n\nb" },
  },
  {
    name: "a refusal in words",
    response: { content: [{ type: "refusal", text: "No" }], stopReason: "refusal" },
    message: { content: null, refusal: "No" },
  },
  {
    name: "a refusal of Messages",
    response: { content: [{ type: "text", text: "No" }], stopReason: "refusal" },
    message: { content: "No" },
    finish: "content_filter",
  },
  {
    name: "pages that a second text refers to",
    response: {
      content: [
        { type: "text", text: "abc" },
        {
          type: "text",
          text: "de",
          citations: [
            { type: "web_search_result_location", url: "https://a.example/", title: "A" },
            { type: "url_citation", url: "https://b.example/", start_index: 0, end_index: 1 },
            { type: "char_location", document_index: 0 },
          ],
        },
      ],
    },
    message: {
      content: "abcde",
      annotations: [
        {
          type: "url_citation",
          url_citation: { url: "https://a.example/", title: "A", start_index: 3, end_index: 5 },
        },
        {
          type: "url_citation",
          url_citation: { url: "https://b.example/", title: "", start_index: 3, end_index: 4 },
        },
      ],
    },
  },
  { name: "a stop sequence", response: { stopReason: "stop_sequence", stopSequence: "x" } },
  { name: "a pause", response: { stopReason: "pause_turn" } },
  { name: "no reason", response: { stopReason: null } },
  { name: "an end for want of tokens", response: { stopReason: "max_tokens" }, finish: "length" },
  {
    name: "an end for want of room",
    response: { stopReason: "context_window_exceeded" },
    finish: "length",
  },
];
for (const { name, response, message, finish = "stop" } of ENCODED) {
  Deno.test(`encodeChatResponse() on ${name}`, () => {
    const encoded = encodeChatResponse({ ...RESPONSE, ...response }, answerContext());
    assertEquals(plainJson(encoded), {
      id: "chatcmpl-1",
      object: "chat.completion",
      created: 1_700_000_000,
      model: "client-model",
      choices: [{
        index: 0,
        message: { role: "assistant", refusal: null, content: "", ...message },
        logprobs: null,
        finish_reason: finish,
      }],
      usage: {
        prompt_tokens: 6,
        completion_tokens: 4,
        total_tokens: 10,
        prompt_tokens_details: { cached_tokens: 2, cache_write_tokens: 3, audio_tokens: 0 },
        completion_tokens_details: {
          reasoning_tokens: 0,
          audio_tokens: 0,
          accepted_prediction_tokens: 0,
          rejected_prediction_tokens: 0,
        },
      },
    });
  });
}

/** Bodies under a status that says success. */
const FAILED: { body: JsonObject; code: string }[] = [
  { body: {}, code: "upstream" },
  { body: { choices: [] }, code: "upstream" },
  {
    body: { error: { message: "no", type: "x", code: "context_length_exceeded" } },
    code: "context_overflow",
  },
  { body: { code: "c", error: "The service is currently unavailable" }, code: "upstream" },
  {
    body: { choices: null, base_resp: { status_code: 1002, status_msg: "slow" } },
    code: "upstream",
  },
];
for (const { body, code } of FAILED) {
  Deno.test(`decodeChatBody() on ${JSON.stringify(body)}`, () => {
    const decoded = decodeChatBody(body, CONTEXT);
    assertEquals<unknown>(decoded.kind === "error" && decoded.error.code, code);
  });
}

for (
  const [said, meant] of [
    ["stop", "end_turn"],
    ["eos", "end_turn"],
    ["anything", "end_turn"],
    ["constructor", "end_turn"],
    ["length", "max_tokens"],
    ["insufficient_system_resource", "max_tokens"],
    ["tool_calls", "end_turn"],
    ["content_filter", "refusal"],
    ["sensitive", "refusal"],
    [null, null],
  ] as const
) {
  Deno.test(`decodeChatBody() takes finish reason ${said} without a call for ${meant}`, () => {
    const decoded = decodeChatBody({
      choices: [{ message: { content: "a" }, finish_reason: said }],
    }, CONTEXT);
    assertEquals<unknown>(decoded.kind === "response" && decoded.response.stopReason, meant);
  });
}

for (const [said, meant] of [["stop", "tool_use"], ["length", "max_tokens"], [null, "tool_use"]]) {
  Deno.test(`decodeChatBody() takes finish reason ${said} with a call for ${meant}`, () => {
    const decoded = decodeChatBody({
      choices: [{ message: { tool_calls: [wireCall1] }, finish_reason: said }],
    }, CONTEXT);
    assertEquals<unknown>(decoded.kind === "response" && decoded.response.stopReason, meant);
  });
}
