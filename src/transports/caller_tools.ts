/**
 * Gives tool calls of an answer the names and forms that the caller gave the tools.
 *
 * @module
 */

import { parseJsonObject } from "../core/http.ts";
import type { StreamEvent } from "../protocols/event.ts";
import type { CallersTool } from "../providers/provider.ts";

/** Changes the events of one answer, batch by batch. */
export type EventFilter = (events: readonly StreamEvent[]) => StreamEvent[];

/** Creates the filter of one answer; `undefined` when every tool goes by its own name. */
export function createCallerTools(
  tools: ReadonlyMap<string, CallersTool> | undefined,
): EventFilter | undefined {
  if (tools === undefined || tools.size === 0) return undefined;
  /** By block: the arguments so far of a tool that takes free text. They show it only when whole. */
  const held = new Map<number, string>();
  const restore = (event: StreamEvent): StreamEvent[] => {
    switch (event.type) {
      case "block_start": {
        if (event.block.type !== "tool_use") return [event];
        const tool = tools.get(event.block.name);
        if (tool === undefined) return [event];
        if (tool.custom) held.set(event.index, "");
        const { name, custom } = tool;
        return [{ ...event, block: { ...event.block, name, ...(custom ? { custom } : {}) } }];
      }
      case "block_delta": {
        const text = held.get(event.index);
        if (text === undefined || event.delta.type !== "arguments") return [event];
        held.set(event.index, text + event.delta.text);
        return [];
      }
      case "block_end": {
        const text = held.get(event.index);
        if (text === undefined) return [event];
        held.delete(event.index);
        const input = parseJsonObject(text)?.["input"];
        const delta = {
          type: "arguments" as const,
          text: typeof input === "string" ? input : text,
        };
        return [{ type: "block_delta", index: event.index, delta }, event];
      }
      default:
        return [event];
    }
  };
  return (events) => events.flatMap(restore);
}
