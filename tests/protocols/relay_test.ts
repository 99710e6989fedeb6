/** Answers that pass through: every fixture, in every cut, says the same after the relay as before. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { openSeal } from "../../src/protocols/envelope.ts";
import type { JsonObject } from "../../src/core/http.ts";
import type { StreamEvent } from "../../src/protocols/event.ts";
import { messagesRelayCodec } from "../../src/protocols/messages/relay.ts";
import type { RelayCodec, StreamRelay } from "../../src/protocols/relay.ts";
import { responsesRelayCodec } from "../../src/protocols/responses/relay.ts";
import * as messages from "./messages/support.ts";
import { assertResponse } from "./responses/legal_stream.ts";
import * as responses from "./responses/support.ts";

const CONTEXT = { ...messages.CONTEXT, model: "client-model" };
const DIALECTS: Record<
  string,
  { folder: string; codec: RelayCodec; decode: (bytes: Uint8Array) => StreamEvent[] }
> = {
  Messages: {
    folder: "minimax/messages",
    codec: messagesRelayCodec,
    decode: (bytes) => messages.decodeStream(bytes),
  },
  Responses: {
    folder: "xai/responses",
    codec: responsesRelayCodec,
    decode: (bytes) => responses.decodeStream(bytes),
  },
};

function relayed(relay: StreamRelay, bytes: Uint8Array, cuts: Iterable<number> = []): Uint8Array {
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let start = 0;
  for (const end of [...cuts, bytes.length]) {
    const out = relay.feed(bytes.slice(start, end));
    if (out !== null) parts.push(out.slice());
    start = end;
  }
  const last = relay.end();
  if (last !== null) parts.push(last.slice());
  const joined = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  parts.reduce((offset, part) => (joined.set(part, offset), offset + part.length), 0);
  return joined;
}

/** What the relay changes on purpose is taken back, and what only the vendor says is left out. */
function said(events: StreamEvent[]): unknown[] {
  return events.filter(({ type }) => type !== "opaque" && type !== "ping").map((event) => {
    switch (event.type) {
      case "message_start":
        return { type: event.type };
      case "message_end":
        return {
          ...event,
          extensions: undefined,
          usage: { ...event.usage, extensions: undefined },
        };
      case "error":
        return { type: event.type };
      case "block_delta":
        return event.delta.type === "signature"
          ? openSeal({ type: "thinking", text: "", signature: event.delta.signature }).signature
          : event;
      case "block_start":
        return {
          ...event,
          block: event.block.type === "thinking"
            ? { ...openSeal(event.block), provenance: undefined, extensions: undefined }
            : { ...event.block, extensions: undefined },
        };
      default:
        return { ...event, extensions: undefined };
    }
  });
}

/** Upstream ran these itself: a client is not shown them, and the places behind them stay as they are. */
const HIDING = ["server_tools.stream.sse"];

for (const [dialect, { folder, codec, decode }] of Object.entries(DIALECTS)) {
  const root = new URL(`../fixtures/${folder}/`, import.meta.url);
  for (const { name } of [...Deno.readDirSync(root)].sort((a, b) => a.name < b.name ? -1 : 1)) {
    if (!name.endsWith(".sse")) continue;
    Deno.test(`relay of ${dialect}: ${name}`, () => {
      const bytes = Deno.readFileSync(new URL(name, root));
      const relay = codec.createStreamRelay(CONTEXT);
      const whole = relayed(relay, bytes);
      const [before, after] = [decode(bytes), decode(whole)];
      if (!HIDING.includes(name)) assertEquals(said(after), said(before));
      const [end, last] = [before.at(-1)!, after.at(-1)!];
      assertEquals(last.type, end.type);
      if (end.type === "message_end") {
        const { extensions: _1, ...usage } = end.usage;
        const { extensions: _2, ...seen } = relay.usage!;
        assertEquals(seen, usage);
      }
      if (end.type === "error" && last.type === "error") {
        assertEquals(relay.error?.code, end.error.code);
      }
      // A relay says the same, however its bytes were cut.
      const textOf = (bytes: Uint8Array) =>
        // Where upstream has told no id, each answer has a fresh one.
        new TextDecoder().decode(bytes).replaceAll(/"resp_[0-9a-f]{32}"/g, '"resp_fresh"');
      const text = textOf(whole);
      const again = (cuts: Iterable<number>) =>
        textOf(relayed(codec.createStreamRelay(CONTEXT), bytes, cuts));
      assertEquals(again(bytes.keys()), text, "byte by byte");
      for (let seed = 1; seed <= 5; seed++) {
        assertEquals(
          again(messages.randomCuts(seed, 20 * seed, bytes.length)),
          text,
          `seed ${seed}`,
        );
      }
      if (dialect === "Responses") {
        assert(!text.includes("xs_call"), "internal calls are hidden");
        const numbers = [...text.matchAll(/"sequence_number":(\d+)/g)].map((found) => +found[1]!);
        assertEquals(numbers, numbers.toSorted((a, b) => a - b));
        assertEquals(new Set(numbers).size, numbers.length);
      }
    });
  }
}

const encoder = new TextEncoder();
const DELTA = 'event: content_block_delta\ndata: {"index":0,  "unusual": [1, 2.50]}\n\n';

Deno.test("relay of Messages keeps deltas, comments and unknown events byte for byte", () => {
  const relay = messagesRelayCodec.createStreamRelay(CONTEXT);
  for (
    const frame of [DELTA, ": a comment\n\n", 'event: news\ndata: {"type":"news", "a":1.0}\n\n']
  ) {
    assertEquals(relay.feed(encoder.encode(frame)), encoder.encode(frame));
  }
});

Deno.test("relay of Messages adds the `event:` line that a server has left out", () => {
  const relay = messagesRelayCodec.createStreamRelay(CONTEXT);
  const out = relay.feed(encoder.encode('data: {"type":"content_block_stop","index":0}\n\n'));
  assertStringIncludes(new TextDecoder().decode(out!), "event: content_block_stop\ndata: ");
});

Deno.test("relay delivers nothing of a frame that is not whole", () => {
  const relay = messagesRelayCodec.createStreamRelay(CONTEXT);
  assertEquals(relay.feed(encoder.encode(DELTA.slice(0, 40))), null);
  assertEquals(
    new TextDecoder().decode(relay.feed(encoder.encode(DELTA.slice(40) + DELTA.slice(0, 9)))!),
    DELTA,
  );
});

const MINIMAL: Record<string, unknown>[] = [
  { type: "response.created", sequence_number: 0, response: { id: "r1", status: "in_progress" } },
  { type: "response.in_progress", sequence_number: 1, response: { id: "r1", temperature: null } },
  {
    type: "response.output_item.added",
    sequence_number: 2,
    output_index: 0,
    item: { type: "message", id: "i1", role: "assistant" },
  },
  {
    type: "response.output_text.delta",
    sequence_number: 3,
    item_id: "i1",
    output_index: 0,
    content_index: 0,
    delta: "Hi",
  },
  {
    type: "response.output_item.done",
    sequence_number: 4,
    output_index: 0,
    item: {
      type: "message",
      id: "i1",
      role: "assistant",
      content: [{ type: "output_text", text: "Hi" }],
    },
  },
  {
    type: "response.output_item.done",
    sequence_number: 5,
    output_index: 1,
    item: { type: "function_call", id: "i2", call_id: "c", name: "f", arguments: "{}" },
  },
  {
    type: "response.completed",
    sequence_number: 6,
    response: {
      id: "r1",
      status: "completed",
      created_at: 5,
      vendor: { kept: true },
      tools: [{ type: "function", name: "f" }],
      output: [
        { type: "message", id: "i1", content: [{ type: "output_text", text: "Hi" }] },
        { type: "function_call", id: "i2", call_id: "c", name: "f", arguments: "{}" },
        { type: "reasoning", id: "i3" },
      ],
    },
  },
];

Deno.test("relay of Responses: fields that upstream leaves out are there, and all else as it was", () => {
  const request = {
    model: "m",
    system: [{ type: "text" as const, text: "Be brief" }],
    messages: [],
    stream: true,
    maxOutputTokens: 7,
  };
  const relay = responsesRelayCodec.createStreamRelay({ ...CONTEXT, request });
  const text = new TextDecoder().decode(relayed(relay, responses.sse(...MINIMAL)));
  const frames = responses.framesOf(text);
  assertEquals(frames.length, MINIMAL.length);
  const snapshots = frames.flatMap(({ response }) => response ?? []);
  for (const response of snapshots) assertResponse({ ...response, store: false });
  const items = frames.flatMap(({ item }) => item ?? []);
  assertEquals(items.map(({ status }) => status), ["in_progress", "completed", "completed"]);
  assertEquals(items[1].content, [
    { type: "output_text", text: "Hi", annotations: [], logprobs: [] },
  ]);
  const last = snapshots.at(-1);
  assertEquals(
    [
      last.model,
      last.created_at,
      last.vendor,
      last.store,
      last.instructions,
      last.max_output_tokens,
    ],
    ["client-model", 5, { kept: true }, null, "Be brief", 7],
  );
  const delta = `event: response.output_text.delta\ndata: ${JSON.stringify(MINIMAL[3])}\n\n`;
  assertStringIncludes(text, delta);
  const body = responsesRelayCodec.relayBody(MINIMAL[6]!["response"] as JsonObject, CONTEXT).body;
  assertResponse({ ...body, store: false });
});

Deno.test("relay of Responses: a failure before any response is one with every field", () => {
  const relay = responsesRelayCodec.createStreamRelay(CONTEXT);
  const [{ response }] = responses.framesOf(
    new TextDecoder().decode(relay.fail({ code: "overloaded", message: "busy" })),
  );
  assertResponse({ ...response, store: false });
  assertEquals([response.status, response.id.startsWith("resp_")], ["failed", true]);
});
