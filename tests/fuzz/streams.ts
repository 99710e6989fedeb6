/**
 * What an upstream streams or answers: read without ever throwing, the same however the bytes are cut,
 * ended by exactly one last event, and with nothing in its errors that a terminal would obey.
 *
 * @module
 */

import fc from "fast-check";
import { assert, assertEquals } from "@std/assert";
import { GrantwayError } from "../../src/core/errors.ts";
import type { JsonObject } from "../../src/core/http.ts";
import { createSseDecoder, encodeSseFrame } from "../../src/core/sse.ts";
import type { AccessTokenSource } from "../../src/credentials/access_token.ts";
import type { StreamEvent } from "../../src/protocols/event.ts";
import { messagesCodec, responsesCodec } from "../../src/protocols/mod.ts";
import { findProvider, resolveEndpoints } from "../../src/providers/mod.ts";
import { createTransport } from "../../src/transports/mod.ts";
import { damaged, hostileAnswer, hostileText, jsonText, respond } from "./hostile.ts";
import { fuzz, type FuzzProperty } from "./property.ts";
import { assertPrintable } from "./terminal.ts";

const TOKEN = "at-Zk92UHpXdGhLcUJtTnNKd1JjRXlB";

const CODECS = [
  { codec: messagesCodec, folder: "minimax/messages", provider: findProvider("minimax-oauth")! },
  { codec: responsesCodec, folder: "xai/responses", provider: findProvider("xai-oauth")! },
];

/** The frames of the recorded streams, each once. */
function recordedFrames(folder: string): string[] {
  const root = new URL(`../fixtures/${folder}/`, import.meta.url);
  const names = [...Deno.readDirSync(root)].map(({ name }) => name)
    .filter((name) => name.endsWith(".sse")).sort();
  const frames = names.flatMap((name) =>
    Deno.readTextFileSync(new URL(name, root)).split(/\r\n\r\n|\n\n|\r\r/)
      .map((frame) => `${frame}\n\n`)
  );
  return [...new Set(frames)];
}

/** A frame whose JSON has another value somewhere. */
function withOtherValue(frame: string, json: string, place: number): string {
  const values = [...frame.matchAll(/"[^"\\]*"(?!:)|\d+|true|false|null|\[\]|\{\}/g)];
  if (values.length === 0) return frame;
  const { 0: { length }, index } = values[place % values.length]!;
  return frame.slice(0, index) + json + frame.slice(index + length);
}

function hostileStream(folder: string): fc.Arbitrary<string> {
  const recorded = fc.constantFrom(...recordedFrames(folder));
  const frame = fc.oneof(
    { arbitrary: recorded, weight: 12 },
    {
      arbitrary: fc.tuple(recorded, jsonText, fc.nat()).map(([frame, json, place]) =>
        withOtherValue(frame, json, place)
      ),
      weight: 6,
    },
    { arbitrary: damaged(recorded), weight: 3 },
    hostileText.map((data) => encodeSseFrame({ event: "message", data })),
    jsonText.map((data) => encodeSseFrame({ data })),
    fc.constantFrom("data: [DONE]\n\n", ": ping\n\n", "event: x\ndata\n\n", "retry: 0\n\n", "\r"),
  );
  return fc.array(frame, { maxLength: 12 }).map((frames) => frames.join(""));
}

const STREAMS = CODECS.map(({ folder }) => hostileStream(folder));
const RECORDED_BODIES = CODECS.map(({ folder }) =>
  recordedFrames(folder).flatMap((frame) => /^data: (.*)$/m.exec(frame)?.[1] ?? [])
);

/** A deep or wide value in the place of another, which recursion would not survive. */
const DEEP = [
  "[".repeat(50_000) + "]".repeat(50_000),
  '{"a":'.repeat(50_000) + "1" + "}".repeat(50_000),
];

function decode(codec: (typeof CODECS)[number]["codec"], chunks: readonly Uint8Array[]) {
  const decoder = codec.createStreamDecoder({ origin: "fuzz" });
  const events: StreamEvent[] = [];
  for (const chunk of chunks) events.push(...decoder.feed(chunk));
  events.push(...decoder.end());
  return events;
}

function cut(bytes: Uint8Array, places: readonly number[]): Uint8Array[] {
  const cuts = [...new Set(places.map((place) => place % (bytes.length + 1)))].sort((a, b) =>
    a - b
  );
  return [0, ...cuts].map((start, i) => bytes.slice(start, cuts[i] ?? bytes.length));
}

/** Blocks open, change and close in order; one event ends it all. */
function assertWellFormed(events: readonly StreamEvent[]): void {
  const last = events.at(-1);
  assert(last?.type === "message_end" || last?.type === "error", `ends with ${last?.type}`);
  const open = new Set<number>();
  let started = false;
  for (const [i, event] of events.entries()) {
    switch (event.type) {
      case "message_start":
        assert(!started, "two starts");
        started = true;
        break;
      case "block_start":
        assert(started && !open.has(event.index), `block ${event.index} twice`);
        open.add(event.index);
        break;
      case "block_delta":
        assert(open.has(event.index), `delta of ${event.index}, which is not open`);
        break;
      case "block_end":
        assert(open.delete(event.index), `end of ${event.index}, which is not open`);
        break;
      case "message_end":
        assertEquals(i, events.length - 1);
        assertEquals([...open], [], "blocks left open");
        break;
      case "error":
        assertEquals(i, events.length - 1);
        assertPrintable(event.error.message);
        assertPrintable(event.error.upstreamCode ?? "");
        assertPrintable(event.error.requestId ?? "");
    }
  }
}

function createFuzzTransport(world: (typeof CODECS)[number], response: () => Response) {
  const { provider } = world;
  const source: AccessTokenSource = {
    get: () =>
      Promise.resolve({
        value: TOKEN,
        generation: 1,
        expiresAt: null,
        credential: { provider: provider.id, id: "one", label: "me", region: "global" },
      }),
  };
  return createTransport({
    provider,
    source,
    endpoints: resolveEndpoints(provider, provider.regions[0]!),
    // deno-lint-ignore require-await -- a broken connection rejects
    fetch: async () => response(),
    now: () => 1_800_000_000_000,
    sleep: () => Promise.resolve(),
    startTimer: () => () => {},
  });
}

const errorBody = fc.oneof(
  fc.tuple(jsonText, jsonText, jsonText, jsonText).map(([type, message, code, rest]) =>
    `{"type":"error","error":{"type":${type},"message":${message},"code":${code}},"x":${rest}}`
  ),
  fc.constantFrom(TOKEN, `Bearer ${TOKEN}`, `${TOKEN.slice(0, 20)}…`).map((said) =>
    `{"error":{"message":"no: ${said}"},"code":"${said}"}`
  ),
  fc.tuple(jsonText, jsonText).map(([a, b]) => `{"code":${a},"error":${b},"detail":${a}}`),
  jsonText,
);

export const UPSTREAM: readonly FuzzProperty[] = [
  ...CODECS.map(({ codec }, i) =>
    fuzz(
      `a ${codec.dialect} stream is read the same however it is cut, and ends once (G14, G17)`,
      fc.tuple(STREAMS[i]!, fc.array(fc.nat(), { maxLength: 5 })),
      ([text, places]) => {
        const bytes = new TextEncoder().encode(text);
        const events = decode(codec, [bytes]);
        assertWellFormed(events);
        assertEquals(decode(codec, cut(bytes, places)), events);
      },
      { cost: 2 },
    )
  ),
  ...CODECS.map(({ codec }, i) =>
    fuzz(
      `a ${codec.dialect} body is read, or is an error`,
      fc.tuple(
        fc.oneof(
          { arbitrary: fc.constantFrom(...RECORDED_BODIES[i]!), weight: 10 },
          { arbitrary: errorBody, weight: 10 },
        ),
        fc.oneof({ arbitrary: jsonText, weight: 200 }, fc.constantFrom(...DEEP)),
        fc.nat(),
        fc.integer({ min: 100, max: 599 }),
      ),
      ([text, json, place, status]) => {
        let body: unknown;
        try {
          body = JSON.parse(withOtherValue(text, json, place));
        } catch {
          return;
        }
        const isObject = typeof body === "object" && body !== null && !Array.isArray(body);
        if (isObject) {
          const inner = (body as JsonObject)["response"] ?? (body as JsonObject)["message"];
          for (const value of [body, inner]) {
            if (typeof value !== "object" || value === null || Array.isArray(value)) continue;
            const decoded = codec.decodeBody(value as JsonObject, { origin: "fuzz" });
            if (decoded.kind === "error") assertPrintable(decoded.error.message);
          }
        }
        const failure = codec.decodeFailure({
          status,
          body: isObject ? body as JsonObject : typeof body === "string" ? body : undefined,
        }, { origin: "fuzz" });
        assertPrintable(failure.message);
        assertPrintable(failure.upstreamCode ?? "");
      },
    )
  ),
  fuzz(
    "an upstream's answer is read or refused, and never tells the bearer (X52)",
    fc.record({ answer: hostileAnswer(errorBody), which: fc.nat(CODECS.length - 1) }),
    async ({ answer, which }) => {
      const transport = createFuzzTransport(CODECS[which]!, () => respond(answer));
      const messages = [{
        role: "user" as const,
        content: [{ type: "text" as const, text: "hi" }],
      }];
      const said: string[] = [];
      try {
        const model = CODECS[which]!.provider.defaultModel;
        const stream = await transport.stream({ model, stream: true, messages });
        for await (const event of stream) {
          if (event.type === "error") said.push(event.error.message);
        }
      } catch (error) {
        assert(error instanceof GrantwayError, `not ours: ${error}`);
        said.push(error.message, error.hint ?? "", error.requestId ?? "");
        for (let e: unknown = error.cause; e instanceof Error; e = e.cause) said.push(e.message);
      }
      for (const text of said) {
        assertPrintable(text);
        for (let at = 3; at + 8 <= TOKEN.length; at++) {
          assert(!text.includes(TOKEN.slice(at, at + 8)), text);
        }
      }
    },
    { cost: 3 },
  ),
  fuzz(
    "frames are the same however their bytes are cut",
    fc.tuple(
      fc.array(fc.oneof(hostileText, fc.constantFrom("data:", "\n\n", "\r\n", "\r", "event:")), {
        maxLength: 12,
      }).map((parts) => parts.join("")),
      fc.array(fc.nat(), { maxLength: 6 }),
    ),
    ([text, places]) => {
      const read = (chunks: Uint8Array[]) => {
        const frames: unknown[] = [];
        const decoder = createSseDecoder((frame) => void frames.push({ ...frame }));
        for (const chunk of chunks) decoder.feed(chunk);
        decoder.end();
        return frames;
      };
      const bytes = new TextEncoder().encode(text);
      assertEquals(read(cut(bytes, places)), read([bytes]));
    },
  ),
  fuzz(
    "a written frame is one frame, whatever is in it",
    fc.tuple(hostileText, hostileText),
    ([event, data]) => {
      const frames: { event?: string | undefined; data: string }[] = [];
      const decoder = createSseDecoder((frame) => void frames.push({ ...frame }));
      const lines = data.toWellFormed().replace(/\r\n|\r/g, "\n");
      decoder.feed(new TextEncoder().encode(encodeSseFrame({ event, data })));
      assertEquals(frames.map(({ data }) => data), [lines]);
    },
  ),
];
