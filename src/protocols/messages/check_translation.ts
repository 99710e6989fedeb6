/**
 * What of a Messages request no other dialect can say.
 *
 * Caching marks, beta features and priority classes tune a request for one vendor, and go without a
 * word; so does what stands in for nothing (a setting at its default).
 *
 * @module
 */

import type { ContentBlock, GenerateRequest } from "../event.ts";
import { fieldsOf } from "./fields.ts";

/** A sentence for each wish that is left out. Nothing in this dialect makes an answer impossible. */
export function checkMessagesTranslation(request: GenerateRequest): readonly string[] {
  const notes = new Set<string>();
  const { topK, tools = [], messages, extensions } = request;
  if (topK !== undefined) notes.add("top_k has no counterpart and was left out");
  for (const tool of tools) {
    if (tool.type === "opaque") {
      notes.add(`The tool type ${tool.kind} is Anthropic's own and was left out`);
    }
  }
  if (fieldsOf(extensions)["mcp_servers"] !== undefined) {
    notes.add("mcp_servers has no counterpart and was left out");
  }
  for (const block of messages.flatMap(({ content }) => content)) noteBlock(block, notes);
  return [...notes];
}

function noteBlock(block: ContentBlock, notes: Set<string>): void {
  switch (block.type) {
    case "opaque":
      notes.add(`Blocks of type ${block.kind} have no counterpart and were left out`);
      break;
    case "document":
      if (fieldsOf(block.extensions)["citations"] !== undefined) {
        notes.add("Citations cannot be asked for: answers come without them");
      }
      break;
    case "tool_result":
      block.content.forEach((inner) => noteBlock(inner, notes));
  }
}
