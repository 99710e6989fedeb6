/**
 * An answer as stream events, and as a stream.
 *
 * @module
 */

import { type EventFrame, streamResponse } from "../event_stream.ts";
import type { JsonObject } from "../../core/http.ts";
import type { SandboxQuirks } from "../quirks.ts";
import type { World } from "../world.ts";
import { errorEvent, requestHeaders } from "./errors.ts";
import { itemEvents, type StreamEvent } from "./item_events.ts";
import type { ResponsesRequest } from "./request.ts";
import { finalResponse, initialResponse } from "./response.ts";
import type { Answer } from "./script.ts";

/** What a stream says where it breaks off by an error. */
export const MIDSTREAM_MESSAGE = "The sandbox was asked to fail half-way";

/** All events of an answer, as far as its ending lets them come. */
export function responseEvents(
  request: ResponsesRequest,
  answer: Answer,
  quirks: SandboxQuirks,
  options: { now: number; checksDoomLoop: boolean },
): StreamEvent[] {
  const response = initialResponse(request, answer, options.now);
  const keepalive = answer.hasKeepalives ? [{ type: "keepalive" }] : [];
  const doomLoop = options.checksDoomLoop ? { doom_loop_check: { triggers: [] } } : undefined;
  const middle = outputEvents(request, answer, quirks);
  const half = Math.ceil(middle.length / 2);
  const events: StreamEvent[] = [
    { type: "response.created", response },
    { type: "response.in_progress", response },
    ...keepalive,
    ...(quirks.unknownEvents ? [{ type: "response.trace", trace_id: answer.id }] : []),
    ...middle.slice(0, half),
    ...keepalive,
    // A failed response has no end of what it began.
    ...(answer.status === "failed" ? [] : middle.slice(half)),
    ...(doomLoop === undefined ? [] : [{ type: "response.doom_loop_check", ...doomLoop }]),
    {
      type: answer.status === "completed" ? quirks.finalEvent : `response.${answer.status}`,
      response: { ...snapshot(request, answer, quirks, options.now), ...doomLoop },
    },
  ];
  const { ending } = answer;
  switch (ending.kind) {
    case "complete":
      return events;
    case "cut":
      return events.slice(0, ending.where === "half_way" ? Math.ceil(events.length / 2) : -1);
    case "hang":
    case "error":
      return events.slice(0, Math.ceil(events.length / 2));
  }
}

function snapshot(
  request: ResponsesRequest,
  answer: Answer,
  quirks: SandboxQuirks,
  now: number,
): JsonObject {
  const response = finalResponse(request, answer, quirks, now);
  switch (quirks.finalOutput) {
    case "full":
      return response;
    case "empty":
      return { ...response, output: [] };
    case "missing":
      return { ...response, output: undefined };
  }
}

function outputEvents(
  request: ResponsesRequest,
  answer: Answer,
  quirks: SandboxQuirks,
): StreamEvent[] {
  const lists = answer.output.map((item, index) =>
    itemEvents(item, answer.isInterleaved ? index * 2 : index, {
      isSilent: answer.isSilent || quirks.reasoningEvents === "item_only",
      argumentEvents: answer.argumentsDoneOnly ? "done_only" : quirks.argumentEvents,
      streamsArguments: request.streamsArguments,
    })
  );
  if (answer.isInterleaved) return interleave(lists);
  const isHosted = (index: number) => {
    const type = answer.output[index]?.type;
    return type !== "reasoning" && type !== "message" && type !== "function_call";
  };
  const first = lists.findIndex((_, index) => isHosted(index));
  if (first === -1) return lists.flat();
  const end = lists.findLastIndex((_, index) => isHosted(index)) + 1;
  return [
    ...lists.slice(0, first).flat(),
    ...outOfOrder(lists.slice(first, end)),
    ...lists.slice(end).flat(),
  ];
}

/** All begin in their order, and end in the reverse order. */
function outOfOrder(lists: readonly StreamEvent[][]): StreamEvent[] {
  return [
    ...lists.flatMap((events) => events.slice(0, 1)),
    ...lists.toReversed().flatMap((events) => events.slice(1)),
  ];
}

/** One event of each in turn, the later items first once all have begun. */
function interleave(lists: readonly StreamEvent[][]): StreamEvent[] {
  const mixed = lists.flatMap((events) => events.slice(0, 1));
  const longest = Math.max(0, ...lists.map((events) => events.length));
  for (let at = 1; at < longest; at++) {
    for (const events of lists.toReversed()) mixed.push(...events.slice(at, at + 1));
  }
  return mixed;
}

/** Numbers the events and writes them as frames. */
function* frames(
  events: readonly StreamEvent[],
  answer: Answer,
  quirks: SandboxQuirks,
): Generator<EventFrame> {
  let sequence_number = 0;
  for (const event of events) {
    const numbered = { sequence_number: sequence_number++, ...event };
    yield {
      event: event.type,
      data: JSON.stringify(quirks.rotatingIds ? withNewIds(numbered) : numbered),
    };
  }
  if (answer.ending.kind === "error") {
    yield { event: "error", data: errorEvent(MIDSTREAM_MESSAGE) };
  } else if (answer.ending.kind === "complete" && quirks.doneFrame) yield { data: "[DONE]" };
}

function withNewIds(event: JsonObject): JsonObject {
  const item = event["item"] as JsonObject | undefined;
  return {
    ...event,
    ...(event["item_id"] === undefined ? {} : { item_id: crypto.randomUUID() }),
    ...(item === undefined ? {} : { item: { ...item, id: crypto.randomUUID() } }),
  };
}

/** The events as a response. */
export function responseStream(
  world: World,
  events: readonly StreamEvent[],
  answer: Answer,
): Response {
  return streamResponse(world, frames(events, answer, { ...world.quirks }), {
    slow: answer.slow,
    hangs: answer.ending.kind === "hang",
    headers: requestHeaders(),
  });
}
