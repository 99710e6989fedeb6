/**
 * Calls and their results side by side, each call with one result: what most servers insist on and
 * many clients do not keep to.
 *
 * @module
 */

import type { ContentBlock, Message, ToolResultBlock } from "../protocols/event.ts";

/** What stands for a result that never came. */
const NO_OUTPUT = "(no output)";

/**
 * The conversation with every turn of calls followed by a turn of their results, in the order of the
 * calls. A result told twice counts as told last. A call without a result gets one that says so; a
 * result without a call becomes words of the user.
 *
 * The calls of a last turn wait for nothing: nobody has answered it yet.
 */
export function pairToolCalls(messages: readonly Message[]): Message[] {
  const paired: Message[] = [];
  /** Results by the place of the turn whose calls they answer. */
  let waiting: { at: number; ids: string[]; results: Map<string, ToolResultBlock> } | undefined;
  const settle = (isLast: boolean) => {
    if (waiting === undefined) return;
    const { at, ids, results } = waiting;
    waiting = undefined;
    if (isLast && results.size === 0 && at === paired.length - 1) return;
    const content = ids.map((toolUseId): ToolResultBlock =>
      results.get(toolUseId) ?? {
        type: "tool_result",
        toolUseId,
        content: [{ type: "text", text: NO_OUTPUT }],
      }
    );
    const next = paired[at + 1];
    if (next?.role === "user") {
      paired[at + 1] = { ...next, content: [...content, ...next.content] };
    } else paired.splice(at + 1, 0, { role: "user", content });
  };
  for (const message of messages) {
    if (message.role === "assistant") {
      const ids = message.content.flatMap((block) => block.type === "tool_use" ? [block.id] : []);
      const previous = paired.at(-1);
      // One turn that came in pieces.
      if (waiting !== undefined && waiting.results.size === 0 && previous?.role === "assistant") {
        waiting.ids.push(...ids);
        paired[paired.length - 1] = {
          ...previous,
          content: [...previous.content, ...message.content],
        };
        continue;
      }
      settle(false);
      paired.push(message);
      if (ids.length > 0) {
        waiting = { at: paired.length - 1, ids: [...new Set(ids)], results: new Map() };
      }
      continue;
    }
    const content: ContentBlock[] = [];
    for (const block of message.content) {
      if (block.type !== "tool_result") content.push(block);
      else if (waiting?.ids.includes(block.toolUseId)) {
        waiting.results.set(block.toolUseId, block);
      } else content.push(...told(block));
    }
    if (content.length > 0) paired.push({ ...message, content });
  }
  settle(true);
  return paired;
}

function told(block: ToolResultBlock): ContentBlock[] {
  return [{ type: "text", text: `[Result of tool call ${block.toolUseId}]` }, ...block.content];
}
