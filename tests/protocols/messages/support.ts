/**
 * What the tests of the Messages codec share: decoding in every cut, and the recorded answers.
 *
 * @module
 */

import Anthropic from "@anthropic-ai/sdk";
import type { AnswerContext } from "../../../src/protocols/codec.ts";
import type { GenerateRequest, StreamEvent } from "../../../src/protocols/event.ts";
import { createMessagesStreamDecoder } from "../../../src/protocols/messages/decode_stream.ts";
import { createMessagesStreamEncoder } from "../../../src/protocols/messages/encode_stream.ts";
import { classifyMinimaxError } from "../../../src/providers/minimax/request.ts";

export const CONTEXT = { origin: "minimax", classify: classifyMinimaxError };

/** Decodes `bytes` cut at `cuts`, which rise. */
export function decodeStream(bytes: Uint8Array, cuts: Iterable<number> = []): StreamEvent[] {
  const decoder = createMessagesStreamDecoder(CONTEXT);
  const events: StreamEvent[] = [];
  let start = 0;
  for (const end of [...cuts, bytes.length]) {
    events.push(...decoder.feed(bytes.subarray(start, end)));
    start = end;
  }
  events.push(...decoder.end());
  return events;
}

/** Every place inside a multi-byte character. */
export function insideCharacters(bytes: Uint8Array): number[] {
  return [...bytes.keys()].filter((i) => (bytes[i]! & 0xc0) === 0x80);
}

/** Numbers below `limit`, rising, the same ones for the same seed. */
export function randomCuts(seed: number, count: number, limit: number): number[] {
  let state = seed >>> 0;
  const next = () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
  return Array.from({ length: count }, () => Math.floor(next() * limit)).sort((a, b) => a - b);
}

/** The folder of recorded answers, which this repository does not hold; `undefined` where it is absent. */
export const RECORDED: string | undefined = Deno.env.get("GRANTWAY_FIXTURES");

/** The frames of a recorded answer as SSE text, one entry for each answer in the file. */
export function readRecorded(path: string): string[] {
  const text = Deno.readTextFileSync(path);
  const frames = path.endsWith(".chunks.txt")
    ? text.split("\n").filter((line) => line.trim() !== "")
      .map((line) => `event: ${JSON.parse(line).type}\ndata: ${line}\n\n`)
    : text.split(/\n\n/).filter((frame) => frame.trim() !== "").map((frame) =>
      `${frame.trim()}\n\n`
    );
  const answers: string[] = [];
  for (const frame of frames) {
    // A tool loop is recorded into one file. An answer that starts twice is one answer all the same.
    const ended = answers.length === 0 || answers.at(-1)!.includes("event: message_stop");
    if (ended) answers.push(frame);
    else answers[answers.length - 1] += frame;
  }
  return answers;
}

/** The context of an answer. */
export function answerContext(request: Partial<GenerateRequest> = {}): AnswerContext {
  return {
    request: { model: "client-model", messages: [], stream: true, ...request },
    createdAt: 1_700_000_000_500,
  };
}

/** `events` as a client reads them. */
export function encodeStream(events: readonly StreamEvent[]): string {
  const encoder = createMessagesStreamEncoder(answerContext());
  return events.map((event) => encoder.write([event])).join("");
}

/** What the official SDK's stream helper makes of `body`. */
export async function sdkMessage(body: string): Promise<Anthropic.Message> {
  const client = new Anthropic({
    apiKey: "key",
    baseURL: "http://sdk.invalid",
    maxRetries: 0,
    fetch: () =>
      Promise.resolve(
        new Response(body, { headers: { "content-type": "text/event-stream" } }),
      ),
  });
  return await client.messages.stream({ model: "m", max_tokens: 1, messages: [] }).finalMessage();
}
