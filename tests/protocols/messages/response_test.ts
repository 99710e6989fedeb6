import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import type { JsonObject } from "../../../src/core/http.ts";
import { openSeal } from "../../../src/protocols/envelope.ts";
import type { GenerateResponse, StopReason } from "../../../src/protocols/event.ts";
import { ZERO_USAGE } from "../../../src/protocols/event.ts";
import { messagesClientCodec } from "../../../src/protocols/messages/client_codec.ts";
import { decodeMessagesBody } from "../../../src/protocols/messages/decode_response.ts";
import { encodeMessagesResponse } from "../../../src/protocols/messages/encode_response.ts";
import { createMessagesStreamDecoder } from "../../../src/protocols/messages/decode_stream.ts";
import { collectStream, replayResponse } from "../../../src/transports/collect.ts";
import { answerContext, CONTEXT, encodeStream } from "./support.ts";

const { record, constant, array, string, nat, constantFrom, oneof, option } = fc;

const id = fc.stringMatching(/^[A-Za-z0-9_-]{1,20}$/);
const json = fc.dictionary(string(), fc.jsonValue({ maxDepth: 2 }), { maxKeys: 3 });
const words = string({ minLength: 1 });
const more = (fields: Record<string, fc.Arbitrary<unknown>>) =>
  record(fields, { requiredKeys: [] });
const unknown = { x_vendor: fc.jsonValue({ maxDepth: 1 }) };
const merged = ([a, b]: [object, object]): JsonObject => ({ ...a, ...b });
const citation = fc.tuple(
  record({ type: constantFrom("char_location", "web_search_result_location") }),
  more(unknown),
).map(merged);
const block = oneof(
  fc.tuple(
    record({ type: constant("text"), text: words }),
    more({ citations: array(citation, { maxLength: 2 }), ...unknown }),
  ).map(merged),
  record({ type: constant("thinking"), thinking: words, signature: words }),
  record({ type: constant("redacted_thinking"), data: words }),
  fc.tuple(
    record({ type: constant("tool_use"), id, name: id, input: json }),
    more({ caller: json }),
  ).map(merged),
  record({ type: constantFrom("server_tool_use", "web_search_tool_result"), input: json }),
);
const body = fc.tuple(
  record({
    id: id.map((id) => `msg_${id}`),
    type: constant("message"),
    role: constant("assistant"),
    model: constant("client-model"),
    content: array(block, { maxLength: 5 }),
    stop_sequence: option(words),
    usage: fc.tuple(
      record({
        input_tokens: nat(),
        cache_creation_input_tokens: nat(),
        cache_read_input_tokens: nat(),
        output_tokens: nat(),
      }),
      more({
        output_tokens_details: record({ thinking_tokens: nat() }),
        server_tool_use: json,
        service_tier: constant("standard"),
      }),
    ).map(merged),
  }),
  more({ container: json, stop_details: json, ...unknown }),
  constantFrom("max_tokens", "refusal", "pause_turn", "model_context_window_exceeded", "natural"),
).map(([body, rest, reason]): JsonObject => ({
  ...body,
  ...rest,
  stop_reason: reason !== "natural"
    ? reason
    : body.content.some((block: JsonObject) => block["type"] === "tool_use")
    ? "tool_use"
    : "end_turn",
}));
const plainJson = (value: unknown) => JSON.parse(JSON.stringify(value));

/** An answer whose seals are out of their envelopes. */
function unsealed(body: JsonObject): JsonObject {
  const content = (body["content"] as JsonObject[]).map((block) => {
    const field = block["type"] === "thinking" ? "signature" : "data";
    if (!String(block["type"]).endsWith("thinking")) return block;
    const seal = openSeal({ type: "thinking", text: "", signature: block[field] as string });
    assertEquals(seal.provenance?.origin, "minimax");
    return { ...block, [field]: seal.signature };
  });
  return { ...body, content };
}

Deno.test("encodeMessagesResponse() writes what decodeMessagesBody() read, seals in envelopes", () => {
  fc.assert(
    fc.property(body, (body) => {
      const wire = plainJson(body);
      const decoded = decodeMessagesBody(wire, CONTEXT);
      assert(decoded.kind === "response");
      const encoded = plainJson(encodeMessagesResponse(decoded.response, answerContext()));
      assertEquals(unsealed(encoded), wire);
    }),
    { seed: 9, numRuns: 1000 },
  );
});

Deno.test("an encoded Messages stream decodes to the same answer, seals in envelopes", async () => {
  await fc.assert(
    fc.asyncProperty(body, async (body) => {
      const decoded = decodeMessagesBody(plainJson(body), CONTEXT);
      assert(decoded.kind === "response");
      const text = encodeStream(replayResponse(decoded.response));
      const decoder = createMessagesStreamDecoder(CONTEXT);
      const events = [...decoder.feed(new TextEncoder().encode(text)), ...decoder.end()];
      const again = await collectStream(events);
      const content = again.content.map((block) =>
        block.type === "thinking" ? openSeal(block) : block
      );
      assertEquals(
        plainJson({ ...again, content }),
        plainJson(decoded.response),
      );
    }),
    { seed: 10, numRuns: 300 },
  );
});

const RESPONSE: GenerateResponse = {
  id: "3f2b",
  model: "grok-4.3",
  content: [],
  stopReason: "end_turn",
  usage: ZERO_USAGE,
};

/** Blocks of other dialects, and how they are said here. */
const BLOCKS: { name: string; block: GenerateResponse["content"][number]; encoded: unknown[] }[] = [
  { name: "an empty text", block: { type: "text", text: "" }, encoded: [] },
  { name: "thinking of which nothing is left", block: { type: "thinking", text: "" }, encoded: [] },
  {
    name: "a refusal",
    block: { type: "refusal", text: "No" },
    encoded: [{ type: "text", text: "No" }],
  },
  {
    name: "a text with another dialect's citations",
    block: { type: "text", text: "a", citations: [{ type: "url_citation" }] },
    encoded: [{ type: "text", text: "a" }],
  },
  {
    name: "a call whose arguments are no object",
    block: { type: "tool_use", id: "c", name: "f", arguments: "[1" },
    encoded: [{ type: "tool_use", id: "c", name: "f", input: { _raw: "[1" } }],
  },
  {
    name: "a call that takes free text",
    block: { type: "tool_use", id: "c", name: "f", arguments: "a", custom: true },
    encoded: [{ type: "tool_use", id: "c", name: "f", input: { input: "a" } }],
  },
  {
    name: "an item of Responses",
    block: { type: "opaque", dialect: "responses", kind: "web_search_call", value: {} },
    encoded: [],
  },
];
for (const { name, block, encoded } of BLOCKS) {
  Deno.test(`encodeMessagesResponse() on ${name}`, () => {
    const { content, id, model } = encodeMessagesResponse(
      { ...RESPONSE, content: [block] },
      answerContext(),
    );
    assertEquals(content, encoded);
    assertEquals([id, model], ["msg_3f2b", "client-model"]);
  });
}

const REASONS: [StopReason | null, string][] = [
  ["end_turn", "end_turn"],
  ["max_tokens", "max_tokens"],
  ["stop_sequence", "stop_sequence"],
  ["tool_use", "tool_use"],
  ["pause_turn", "pause_turn"],
  ["refusal", "refusal"],
  ["context_window_exceeded", "model_context_window_exceeded"],
  [null, "end_turn"],
];
for (const [stopReason, encoded] of REASONS) {
  Deno.test(`encodeMessagesResponse() says ${encoded} for ${stopReason}`, () => {
    const body = encodeMessagesResponse({ ...RESPONSE, stopReason }, answerContext());
    assertEquals(body["stop_reason"], encoded);
  });
}

Deno.test("checkMessagesTranslation() has a word for each wish that no other dialect has", () => {
  const { decodeRequest, checkTranslation } = messagesClientCodec;
  const notes = (body: JsonObject) =>
    checkTranslation(decodeRequest({ model: "m", max_tokens: 1, messages: [], ...body })).length;
  assertEquals(notes({ service_tier: "auto", cache_control: {}, container: "c" }), 0);
  assertEquals(notes({ top_k: 1, mcp_servers: [{}] }), 2);
  assertEquals(notes({ tools: [{ type: "web_search_20250305", name: "web_search" }] }), 1);
  const document = {
    type: "document",
    source: { type: "text", media_type: "text/plain", data: "a" },
    citations: { enabled: true },
  };
  const blocks = [document, { type: "search_result" }, {
    type: "tool_result",
    tool_use_id: "t",
    content: [{ type: "tool_reference" }],
  }];
  assertEquals(notes({ messages: [{ role: "user", content: blocks }] }), 3);
});
