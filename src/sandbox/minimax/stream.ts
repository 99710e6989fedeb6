/**
 * An answer as a JSON body, as stream events, and as a stream.
 *
 * @module
 */

import { streamResponse } from "../event_stream.ts";
import { estimateTokens, pieces } from "../prose.ts";
import type { SandboxQuirks } from "../quirks.ts";
import type { World } from "../world.ts";
import { errorObject, hexId, MIDSTREAM_CODE } from "./errors.ts";
import type { MessagesRequest } from "./request.ts";
import type { Answer, AnswerBlock } from "./script.ts";

/** A stream event; its `type` is also its name. */
export type StreamEvent = { type: string } & Record<string, unknown>;

function usage(request: MessagesRequest, blocks: readonly AnswerBlock[]): Record<string, unknown> {
  return {
    input_tokens: request.inputTokens - request.cachedTokens,
    cache_creation_input_tokens: 0,
    cache_read_input_tokens: request.cachedTokens,
    output_tokens: blocks.length === 0 ? 0 : estimateTokens(blocks),
    service_tier: "standard",
  };
}

function stopFields(answer: Answer): Record<string, unknown> {
  return {
    stop_reason: answer.stopReason,
    stop_sequence: null,
    ...(answer.stopReason === "refusal"
      ? { stop_details: { type: "refusal", category: null, explanation: null } }
      : {}),
  };
}

function messageFields(
  request: MessagesRequest,
  quirks: SandboxQuirks,
): Record<string, unknown> & { id: string } {
  return {
    id: hexId(),
    type: "message",
    role: "assistant",
    model: request.model.id,
    ...(quirks.baseResp ? { base_resp: { status_code: 0, status_msg: "" } } : {}),
  };
}

/** The body of an answer that is not streamed. */
export function messageBody(
  request: MessagesRequest,
  answer: Answer,
  quirks: SandboxQuirks,
): Record<string, unknown> {
  return {
    ...messageFields(request, quirks),
    content: answer.blocks,
    ...stopFields(answer),
    usage: usage(request, answer.blocks),
  };
}

/** All events of an answer, as far as its ending lets them come. */
export function messageEvents(
  request: MessagesRequest,
  answer: Answer,
  quirks: SandboxQuirks,
  options: { streamsToolNames: boolean },
): StreamEvent[] {
  const counts = usage(request, answer.blocks);
  const events: StreamEvent[] = [{
    type: "message_start",
    message: {
      ...messageFields(request, quirks),
      content: [],
      stop_reason: null,
      stop_sequence: null,
      usage: { ...counts, output_tokens: 0 },
    },
  }];
  if (quirks.pings) events.push({ type: "ping" });
  if (quirks.unknownEvents) events.push({ type: "trace", trace_id: hexId() });
  answer.blocks.forEach((block, index) => {
    const isBroken = answer.stopReason === "max_tokens" && index === answer.blocks.length - 1;
    events.push(...blockEvents(block, index, quirks, { ...options, isBroken }));
  });
  const deltaUsage = {
    full: { usage: counts },
    output_only: { usage: { output_tokens: counts["output_tokens"] } },
    missing: {},
  }[quirks.deltaUsage];
  events.push({ type: "message_delta", delta: stopFields(answer), ...deltaUsage });
  events.push({ type: "message_stop" });

  const { ending } = answer;
  const halfWay = Math.ceil(events.length / 2);
  switch (ending.kind) {
    case "complete":
      return events;
    case "cut":
      return events.slice(0, ending.where === "half_way" ? halfWay : -1);
    case "hang":
      return events.slice(0, halfWay);
    case "error":
      return [...events.slice(0, halfWay), {
        type: "error",
        error: errorObject(ending.code ?? MIDSTREAM_CODE),
      }];
  }
}

function blockEvents(
  block: AnswerBlock,
  index: number,
  quirks: SandboxQuirks,
  options: { streamsToolNames: boolean; isBroken: boolean },
): StreamEvent[] {
  const start = (content_block: unknown): StreamEvent => ({
    type: "content_block_start",
    index,
    content_block,
  });
  const delta = (value: unknown): StreamEvent => ({
    type: "content_block_delta",
    index,
    delta: value,
  });
  const unknown = quirks.unknownEvents ? [delta({ type: "annotation_delta", annotation: {} })] : [];
  const stop: StreamEvent = { type: "content_block_stop", index };
  switch (block.type) {
    case "thinking":
      return [
        start({ type: "thinking", thinking: "", signature: "" }),
        ...pieces(block.thinking).map((thinking) => delta({ type: "thinking_delta", thinking })),
        delta({ type: "signature_delta", signature: block.signature }),
        stop,
      ];
    case "text":
      return [
        start({ type: "text", text: "" }),
        ...unknown,
        ...pieces(block.text).map((text) => delta({ type: "text_delta", text })),
        stop,
      ];
    case "tool_use": {
      const { id, name } = block;
      const json = JSON.stringify(block.input);
      const sent = options.isBroken ? json.slice(0, Math.ceil(json.length / 2)) : json;
      const middle = Math.ceil(sent.length / 2);
      const isNameStreamed = options.streamsToolNames;
      return [
        start({ type: "tool_use", id, name: isNameStreamed ? "" : name, input: {} }),
        ...(isNameStreamed ? [delta({ type: "input_json_delta", name, partial_json: "" })] : []),
        ...["", sent.slice(0, middle), sent.slice(middle)]
          .map((partial_json) => delta({ type: "input_json_delta", partial_json })),
        stop,
      ];
    }
  }
}

/** The events as a response. */
export function messageStream(
  world: World,
  events: readonly StreamEvent[],
  answer: Answer,
): Response {
  const frames = events.map((event) => ({ event: event.type, data: JSON.stringify(event) }));
  return streamResponse(world, frames, {
    slow: answer.slow,
    hangs: answer.ending.kind === "hang",
    headers: { "request-id": hexId() },
  });
}
