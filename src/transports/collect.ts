/**
 * Whole answers from streams, and streams from whole answers.
 *
 * @module
 */

import type { JsonObject } from "../core/http.ts";
import type {
  BlockDelta,
  ContentBlock,
  Dialect,
  Extensions,
  GenerateResponse,
  OpeningBlock,
  StreamEvent,
} from "../protocols/event.ts";
import { foldMessagesDeltas } from "../protocols/messages/fold.ts";
import { foldResponsesDeltas } from "../protocols/responses/fold.ts";
import { TransportError } from "../core/errors.ts";
import { streamErrorToTransportError } from "../requests/failure.ts";

/** How each dialect's own deltas change its own blocks. */
const FOLDS: { readonly [D in Dialect]?: typeof foldMessagesDeltas } = {
  messages: foldMessagesDeltas,
  responses: foldResponsesDeltas,
};

/** A block and what has arrived in it. */
interface Collected {
  block: OpeningBlock;
  /** Pieces of text, or of arguments. */
  text: string[];
  citations: unknown[];
  signature: string | undefined;
  opaque: JsonObject[];
}

/**
 * Folds a stream into the answer it carries.
 *
 * @throws {TransportError} The stream's error, or `stream_interrupted` when it has no end.
 */
export async function collectStream(
  events: AsyncIterable<StreamEvent> | Iterable<StreamEvent>,
): Promise<GenerateResponse> {
  const blocks: Collected[] = [];
  let start: StreamEvent & { type: "message_start" } | undefined;
  for await (const event of events) {
    switch (event.type) {
      case "message_start":
        start = event;
        break;
      case "block_start":
        blocks[event.index] = {
          block: event.block,
          text: [],
          citations: [],
          signature: undefined,
          opaque: [],
        };
        break;
      case "block_delta": {
        const collected = blocks[event.index];
        if (collected !== undefined) addDelta(collected, event.delta);
        break;
      }
      case "block_end": {
        const collected = blocks[event.index];
        if (collected !== undefined) addExtensions(collected, event.extensions);
        break;
      }
      case "message_end":
        return {
          id: start?.id ?? "",
          model: start?.model ?? "",
          content: blocks.map(foldBlock),
          stopReason: event.stopReason,
          ...(event.stopSequence === undefined ? {} : { stopSequence: event.stopSequence }),
          usage: event.usage,
          ...joinExtensions(start?.extensions, event.extensions),
        };
      case "error":
        throw streamErrorToTransportError(event.error);
    }
  }
  throw new TransportError("stream_interrupted", "Cannot read the answer: it has no end", {
    retryable: true,
  });
}

function joinExtensions(
  start: GenerateResponse["extensions"],
  end: GenerateResponse["extensions"],
): { extensions?: GenerateResponse["extensions"] } {
  if (start === undefined || end === undefined) {
    const extensions = start ?? end;
    return extensions === undefined ? {} : { extensions };
  }
  return { extensions: { dialect: end.dialect, fields: { ...start.fields, ...end.fields } } };
}

function addDelta(collected: Collected, delta: BlockDelta): void {
  switch (delta.type) {
    case "text":
    case "thinking":
    case "arguments":
    case "refusal":
      collected.text.push(delta.text);
      break;
    case "signature":
      collected.signature = delta.signature;
      break;
    case "citation":
      collected.citations.push(delta.citation);
      break;
    case "opaque":
      collected.opaque.push(delta.value);
  }
}

function addExtensions(collected: Collected, late: Extensions | undefined): void {
  const { block } = collected;
  if (block.type === "opaque") return;
  collected.block = { ...block, ...joinExtensions(block.extensions, late) };
}

function foldBlock({ block, text, citations, signature, opaque }: Collected): ContentBlock {
  const joined = text.join("");
  switch (block.type) {
    case "text":
      return citations.length === 0
        ? { ...block, text: joined }
        : { ...block, text: joined, citations: [...block.citations ?? [], ...citations] };
    case "thinking":
      return signature === undefined
        ? { ...block, text: joined }
        : { ...block, text: joined, signature };
    case "refusal":
      return { ...block, text: joined };
    case "tool_use":
      return { ...block, arguments: joined === "" && !block.custom ? "{}" : joined };
    case "opaque":
      return FOLDS[block.dialect]?.(block, opaque) ?? block;
  }
}

/** The stream that {@linkcode collectStream} folds into `response`. */
export function replayResponse(response: GenerateResponse): StreamEvent[] {
  const events: StreamEvent[] = [{
    type: "message_start",
    id: response.id,
    model: response.model,
    usage: response.usage,
  }];
  let index = 0;
  for (const block of response.content) {
    const replayed = replayBlock(block);
    if (replayed === undefined) continue;
    events.push(
      { type: "block_start", index, block: replayed.block },
      ...replayed.deltas.map((delta) => ({ type: "block_delta" as const, index, delta })),
      { type: "block_end", index },
    );
    index++;
  }
  events.push({
    type: "message_end",
    stopReason: response.stopReason,
    ...(response.stopSequence === undefined ? {} : { stopSequence: response.stopSequence }),
    usage: response.usage,
    ...(response.extensions === undefined ? {} : { extensions: response.extensions }),
  });
  return events;
}

/** A block as its opening and its deltas; `undefined` for what only requests hold. */
function replayBlock(
  block: ContentBlock,
): { block: OpeningBlock; deltas: BlockDelta[] } | undefined {
  switch (block.type) {
    case "text":
      return {
        block: { ...block, text: "" },
        deltas: block.text === "" ? [] : [{ type: "text", text: block.text }],
      };
    case "thinking": {
      if (block.redacted) return { block, deltas: [] };
      const { text, signature, ...rest } = block;
      return {
        block: { ...rest, text: "" },
        deltas: [
          ...(text === "" ? [] : [{ type: "thinking" as const, text }]),
          ...(signature === undefined ? [] : [{ type: "signature" as const, signature }]),
        ],
      };
    }
    case "tool_use":
      return {
        block: { ...block, arguments: "" },
        deltas: [{ type: "arguments", text: block.arguments }],
      };
    case "refusal":
      return {
        block: { ...block, text: "" },
        deltas: [{ type: "refusal", text: block.text }],
      };
    case "opaque":
      return { block, deltas: [] };
    default:
      return undefined;
  }
}
