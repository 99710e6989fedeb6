/**
 * What a chat asks its own model.
 *
 * @module
 */

import type { TestMachine } from "./platform.ts";

/**
 * The bodies of a machine's streamed requests from now on: those of the chat's own model, without
 * titles, summaries and sign-ins.
 */
// deno-lint-ignore no-explicit-any -- request bodies whose shape the test states
export function recordBodies(machine: TestMachine): any[] {
  // deno-lint-ignore no-explicit-any -- as above
  const bodies: any[] = [];
  const { fetch } = machine;
  machine.fetch = async (input, init) => {
    const request = new Request(input, init);
    if (request.headers.get("accept") === "text/event-stream") {
      bodies.push(JSON.parse(await request.text()));
    }
    return await fetch(input, init);
  };
  return bodies;
}
