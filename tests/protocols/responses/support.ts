/**
 * What the tests of the Responses codec share: decoding in every cut, the recorded
 * answers, and what the official SDK makes of a stream.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import OpenAI from "openai";
import { encodeSseFrame } from "../../../src/core/sse.ts";
import type { GenerateRequest, StreamEvent } from "../../../src/protocols/event.ts";
import type { AnswerContext, UpstreamContext } from "../../../src/protocols/codec.ts";
import { createResponsesStreamDecoder } from "../../../src/protocols/responses/decode_stream.ts";
import { createResponsesStreamEncoder } from "../../../src/protocols/responses/encode_stream.ts";

export { insideCharacters, randomCuts, RECORDED } from "../messages/support.ts";

export const CONTEXT: UpstreamContext = { origin: "xai" };

/** Decodes `bytes` cut at `cuts`, which rise. */
export function decodeStream(
  bytes: Uint8Array,
  cuts: Iterable<number> = [],
  context: UpstreamContext = CONTEXT,
): StreamEvent[] {
  const decoder = createResponsesStreamDecoder(context);
  const events: StreamEvent[] = [];
  let start = 0;
  for (const end of [...cuts, bytes.length]) {
    events.push(...decoder.feed(bytes.subarray(start, end)));
    start = end;
  }
  events.push(...decoder.end());
  return events;
}

const encoder = new TextEncoder();

/** An answer from its events; one without a `type` gets no event line either. */
export function sse(...events: Record<string, unknown>[]): Uint8Array {
  return encoder.encode(
    events.map((event) =>
      encodeSseFrame({ event: event["type"] as string | undefined, data: JSON.stringify(event) })
    ).join(""),
  );
}

/** The events of a recorded file, one list for each answer in it. */
export function readRecorded(path: string): Record<string, unknown>[][] {
  const answers: Record<string, unknown>[][] = [];
  for (const line of Deno.readTextFileSync(path).split("\n")) {
    if (line.trim() === "") continue;
    const event = JSON.parse(line);
    // A tool loop is recorded into one file.
    if (event.type === "response.created") answers.push([]);
    answers.at(-1)!.push(event);
  }
  return answers;
}

/** The context of an answer to a client that asked for sealed reasoning. */
export function answerContext(request: Partial<GenerateRequest> = {}): AnswerContext {
  return {
    request: {
      model: "client-model",
      messages: [],
      stream: true,
      extensions: { dialect: "responses", fields: { include: ["reasoning.encrypted_content"] } },
      ...request,
    },
    createdAt: 1_700_000_000_500,
  };
}

/** `events` as a client reads them. */
export function encodeStream(events: readonly StreamEvent[], context = answerContext()): string {
  const encoder = createResponsesStreamEncoder(context);
  return events.map((event) => encoder.write([event])).join("");
}

/** The frames of an encoded stream, without comments. Each has its name twice. */
// deno-lint-ignore no-explicit-any -- what the test expects it to be
export function framesOf(text: string): any[] {
  return text.split("\n\n").filter((frame) => frame.startsWith("event: ")).map((frame) => {
    const [, name, data] = /^event: (.*)\ndata: (.*)$/.exec(frame)!;
    const event = JSON.parse(data!);
    assertEquals(event.type, name);
    return event;
  });
}

/** What the official SDK's stream helper makes of `body`. */
// deno-lint-ignore no-explicit-any -- read field by field
export async function sdkResponse(body: string | Uint8Array): Promise<any> {
  const client = new OpenAI({
    apiKey: "key",
    baseURL: "http://sdk.invalid/v1",
    maxRetries: 0,
    fetch: () =>
      Promise.resolve(
        new Response(body as BodyInit, { headers: { "content-type": "text/event-stream" } }),
      ),
  });
  return await client.responses.stream({ model: "m", input: "" }).finalResponse();
}
