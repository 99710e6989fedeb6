/**
 * How much sealed reasoning one request may carry.
 *
 * Clients send back all that they were ever given. The oldest is worth the least: the model goes on
 * from the newest, and what came of the rest stands in the conversation.
 *
 * @module
 */

import type { ContentBlock, GenerateRequest, Message, ThinkingBlock } from "./event.ts";

/** The most bytes of seals in one request; they are plain ASCII. */
export const MAX_SEAL_BYTES: number = 8 * 1024 * 1024;

/**
 * The request without the oldest seals above {@linkcode MAX_SEAL_BYTES}; the same one where all fit.
 * The readable part of that thinking stays.
 */
export function limitSeals(request: GenerateRequest): GenerateRequest {
  let left = MAX_SEAL_BYTES;
  const tooMuch = new Set<ThinkingBlock>();
  for (const { content } of request.messages.toReversed()) {
    for (const block of content.toReversed()) {
      if (block.type !== "thinking" || block.signature === undefined) continue;
      left -= block.signature.length;
      if (left < 0) tooMuch.add(block);
    }
  }
  if (tooMuch.size === 0) return request;
  const unseal = (block: ContentBlock): ContentBlock[] => {
    if (block.type !== "thinking" || !tooMuch.has(block)) return [block];
    return block.text === "" ? [] : [{ type: "thinking", text: block.text }];
  };
  return {
    ...request,
    messages: request.messages
      .map((message): Message => ({ ...message, content: message.content.flatMap(unseal) }))
      .filter(({ content }) => content.length > 0),
  };
}
