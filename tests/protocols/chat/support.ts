/**
 * What the tests of the Chat Completions codec share: decoding in every cut, the recorded answers, and
 * what the official SDK makes of a stream.
 *
 * @module
 */

import OpenAI from "openai";
import type { AnswerContext, UpstreamContext } from "../../../src/protocols/codec.ts";
import type { GenerateRequest, StreamEvent } from "../../../src/protocols/event.ts";
import { createChatStreamDecoder } from "../../../src/protocols/chat/decode_stream.ts";
import { createChatStreamEncoder } from "../../../src/protocols/chat/encode_stream.ts";

export { insideCharacters, randomCuts, RECORDED } from "../messages/support.ts";

export const CONTEXT: UpstreamContext = { origin: "other" };

const encoder = new TextEncoder();

/** Decodes `bytes` cut at `cuts`, which rise. */
export function decodeStream(bytes: Uint8Array, cuts: Iterable<number> = []): StreamEvent[] {
  const decoder = createChatStreamDecoder(CONTEXT);
  const events: StreamEvent[] = [];
  let start = 0;
  for (const end of [...cuts, bytes.length]) {
    events.push(...decoder.feed(bytes.subarray(start, end)));
    start = end;
  }
  events.push(...decoder.end());
  return events;
}

/** An answer from its chunks. */
export function sse(...chunks: unknown[]): Uint8Array {
  return encoder.encode(
    chunks.map((chunk) => `data: ${typeof chunk === "string" ? chunk : JSON.stringify(chunk)}\n\n`)
      .join(""),
  );
}

/** A recorded answer as SSE bytes. */
export function readRecorded(path: string): Uint8Array {
  const text = Deno.readTextFileSync(path);
  if (!path.endsWith(".chunks.txt")) return encoder.encode(text);
  return sse(...text.split("\n").filter((line) => line.trim() !== ""), "[DONE]");
}

/** The context of an answer to a client that asked for usage. */
export function answerContext(request: Partial<GenerateRequest> = {}): AnswerContext {
  return {
    request: {
      model: "client-model",
      messages: [],
      stream: true,
      extensions: { dialect: "chat", fields: { stream_options: { include_usage: true } } },
      ...request,
    },
    createdAt: 1_700_000_000_500,
  };
}

/** `events` as a client reads them. */
export function encodeStream(events: readonly StreamEvent[], context = answerContext()): string {
  const encoder = createChatStreamEncoder(context);
  return events.map((event) => encoder.write([event])).join("");
}

/** The chunks of an encoded stream, without comments and `[DONE]`. */
// deno-lint-ignore no-explicit-any -- what the test expects it to be
export function chunksOf(text: string): any[] {
  return text.split("\n\n").filter((frame) => /^data: \{/.test(frame))
    .map((frame) => JSON.parse(frame.slice("data: ".length)));
}

/** What the official SDK's stream helper makes of `body`. */
export async function sdkCompletion(
  body: string | Uint8Array,
): Promise<OpenAI.Chat.ChatCompletion> {
  const client = new OpenAI({
    apiKey: "key",
    baseURL: "http://sdk.invalid/v1",
    maxRetries: 0,
    fetch: () =>
      Promise.resolve(
        new Response(body as BodyInit, { headers: { "content-type": "text/event-stream" } }),
      ),
  });
  return await client.chat.completions.stream({ model: "m", messages: [] }).finalChatCompletion();
}
