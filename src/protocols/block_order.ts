/**
 * Blocks one after another, for dialects in which only one can be open.
 *
 * @module
 */

import type { OpeningBlock, StreamEvent } from "./event.ts";

/**
 * Creates a function that takes the events of one answer and hands them on to `emit`, those of a block
 * together: while one is open, the events of those begun after it wait. Every block is ended before
 * `message_end`; after `error` nothing waits any longer.
 *
 * @param skips Blocks that are left out, and take no turn.
 */
export function createBlockOrder(
  emit: (event: StreamEvent) => void,
  skips: (block: OpeningBlock) => boolean,
): (event: StreamEvent) => void {
  /** The events that wait, by block, in the order of their turns. The first block's turn it is. */
  const waiting = new Map<number, StreamEvent[]>();
  let turn: number | undefined;

  /** Hands on what waits, up to the first block that has not ended. */
  const advance = () => {
    for (const [index, events] of waiting) {
      turn = index;
      for (const event of events.splice(0)) {
        emit(event);
        if (event.type === "block_end") turn = undefined;
      }
      if (turn !== undefined) return;
      waiting.delete(index);
    }
  };

  return (event) => {
    switch (event.type) {
      case "block_delta":
        // Nearly every event is one of these, and nearly always it is its block's turn.
        if (event.index === turn) return emit(event);
        waiting.get(event.index)?.push(event);
        return;
      case "block_start":
        if (skips(event.block)) return;
        waiting.set(event.index, [event]);
        if (turn === undefined) advance();
        return;
      case "block_end":
        waiting.get(event.index)?.push(event);
        if (event.index === turn) advance();
        return;
      case "message_end":
        for (const [index, events] of waiting) events.push({ type: "block_end", index });
        advance();
    }
    emit(event);
  };
}
