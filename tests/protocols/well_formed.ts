/**
 * The order of events that the canonical model promises.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import type { StreamEvent } from "../../src/protocols/event.ts";

/** Checks the order of the events of one answer. */
export function assertWellFormed(events: readonly StreamEvent[]): void {
  assertEquals(events.find((event) => event.type !== "ping")?.type, "message_start");
  const open = new Set<number>();
  let next = 0;
  for (const [i, event] of events.entries()) {
    switch (event.type) {
      case "message_start":
        assertEquals(next, 0);
        break;
      case "block_start":
        assertEquals(event.index, next++);
        open.add(event.index);
        break;
      case "block_delta":
        assert(open.has(event.index));
        break;
      case "block_end":
        assert(open.delete(event.index));
        break;
      case "message_end":
        assertEquals(open.size, 0);
        assertEquals(i, events.length - 1);
        break;
      case "error":
        assertEquals(i, events.length - 1);
        break;
    }
  }
}
