/**
 * Blocks, usage and stop reasons as a Messages client reads them: what whole answers and streams
 * share.
 *
 * @module
 */

import { isJsonObject } from "../../core/http.ts";
import { encodeSeal } from "../envelope.ts";
import type { ContentBlock, StopReason, TextBlock, ThinkingBlock, Usage } from "../event.ts";
import { readString } from "../fields.ts";
import { encodeBlock, encodeText } from "./encode_content.ts";
import { fieldsOf } from "./fields.ts";
import type { WireBlock, WireUsage } from "./wire.ts";

/** Token counts, complete whatever upstream has told. */
export function encodeUsage(usage: Usage): WireUsage {
  return {
    ...fieldsOf(usage.extensions),
    input_tokens: usage.inputTokens,
    cache_creation_input_tokens: usage.cacheWriteTokens,
    cache_read_input_tokens: usage.cacheReadTokens,
    output_tokens: usage.outputTokens,
    ...(usage.reasoningTokens === undefined
      ? {}
      : { output_tokens_details: { thinking_tokens: usage.reasoningTokens } }),
  };
}

/** A stop reason. An answer that is over has one, even where upstream gave none. */
export function encodeStopReason(reason: StopReason | null): string {
  return reason === "context_window_exceeded"
    ? "model_context_window_exceeded"
    : reason ?? "end_turn";
}

/** Whether a citation is this dialect's: those of others have no place in a text block. */
export function isOwnCitation(citation: unknown): boolean {
  return isJsonObject(citation) && (readString(citation["type"]) ?? "").endsWith("_location");
}

/**
 * A thinking block. Its seal goes into an envelope, and without one too: clients drop thinking that
 * has no signature. A seal alone is redacted thinking; a thinking block without text makes clients
 * lose what follows it.
 */
function encodeThinking(block: ThinkingBlock): WireBlock | undefined {
  if (block.text !== "") {
    return {
      type: "thinking",
      thinking: block.text,
      signature: encodeSeal(block),
      ...fieldsOf(block.extensions),
    };
  }
  return block.signature === undefined
    ? undefined
    : { type: "redacted_thinking", data: encodeSeal(block), ...fieldsOf(block.extensions) };
}

/** A text block with those of its citations that this dialect can say. */
export function encodeAnswerText(block: TextBlock): WireBlock {
  const { citations, ...rest } = block;
  const own = citations?.filter(isOwnCitation);
  return encodeText(
    own === undefined || own.length < citations!.length && own.length === 0
      ? rest
      : { ...rest, citations: own },
  );
}

/** One block of an answer; `undefined` for one that is empty, or that this dialect cannot say. */
export function encodeAnswerBlock(block: ContentBlock): WireBlock | undefined {
  switch (block.type) {
    case "text":
      return block.text === "" ? undefined : encodeAnswerText(block);
    case "refusal":
      return block.text === "" ? undefined : encodeBlock(block);
    case "thinking":
      return encodeThinking(block);
    default:
      return encodeBlock(block);
  }
}
