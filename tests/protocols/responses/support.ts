/**
 * What the tests of the Responses codec share: decoding in every cut, and the recorded answers.
 *
 * @module
 */

import { encodeSseFrame } from "../../../src/core/sse.ts";
import type { StreamEvent } from "../../../src/protocols/event.ts";
import type { UpstreamContext } from "../../../src/protocols/codec.ts";
import { createResponsesStreamDecoder } from "../../../src/protocols/responses/decode_stream.ts";

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
