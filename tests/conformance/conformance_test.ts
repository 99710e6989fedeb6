/** The router keeps to the cases that `deno task conformance` puts to any gateway; and these can fail. */

import { assertEquals, assertThrows } from "@std/assert";
import { CASES } from "./cases.ts";
import { GRAMMARS } from "./grammar.ts";
import { createOwnGateway, OWN_MODELS } from "./own_gateway.ts";

for (const model of OWN_MODELS) {
  for (const { name, run } of CASES) {
    Deno.test(`conformance of the router, ${model}: ${name}`, () => run(createOwnGateway(), model));
  }
}

const sse = (...events: object[]) =>
  events.map((event) => {
    const { type } = event as { type?: string };
    return `${type === undefined ? "" : `event: ${type}\n`}data: ${JSON.stringify(event)}\n\n`;
  }).join("");
const START = {
  type: "message_start",
  message: {
    id: "msg_1",
    type: "message",
    role: "assistant",
    model: "m",
    usage: { input_tokens: 1, output_tokens: 1 },
  },
};
const open = (index: number, type = "text") => ({
  type: "content_block_start",
  index,
  content_block: { type, text: "" },
});
const END = [
  { type: "message_delta", delta: { stop_reason: "end_turn", stop_sequence: null }, usage: {} },
  { type: "message_stop" },
];
const BROKEN: { name: string; dialect: keyof typeof GRAMMARS; stream: string; problem: string }[] =
  [
    { name: "no end", dialect: "messages", stream: sse(START), problem: "no message_stop" },
    {
      name: "two open blocks",
      dialect: "messages",
      stream: sse(START, open(0), open(1)),
      problem: "two blocks are open",
    },
    {
      name: "a delta of another kind",
      dialect: "messages",
      stream: sse(START, open(0), {
        type: "content_block_delta",
        index: 0,
        delta: { type: "thinking_delta", thinking: "x" },
      }),
      problem: "thinking_delta in a block of text",
    },
    {
      name: "a reason without a call",
      dialect: "messages",
      stream: sse(
        START,
        { ...END[0], delta: { stop_reason: "tool_use", stop_sequence: null } },
        END[1]!,
      ),
      problem: "disagree",
    },
    {
      name: "an event line is missing",
      dialect: "messages",
      stream: `data: ${JSON.stringify(START)}\n\n`,
      problem: "event line",
    },
    { name: "no [DONE]", dialect: "chat", stream: "data: {}\n\n", problem: "[DONE]" },
    {
      name: "a call without a name",
      dialect: "chat",
      stream: sse({
        object: "chat.completion.chunk",
        choices: [{ delta: { tool_calls: [{ index: 0, id: "c" }] } }],
      }) + "data: [DONE]\n\n",
      problem: "no id or name",
    },
    {
      name: "no terminal event",
      dialect: "responses",
      stream: sse({ type: "response.created", sequence_number: 0 }),
      problem: "no terminal event",
    },
    {
      name: "numbers that stand still",
      dialect: "responses",
      stream: sse(
        { type: "response.created", sequence_number: 0 },
        { type: "response.in_progress", sequence_number: 0 },
      ),
      problem: "does not grow",
    },
  ];
for (const { name, dialect, stream, problem } of BROKEN) {
  Deno.test(`conformance finds in ${dialect}: ${name}`, () => {
    const error = assertThrows(() => GRAMMARS[dialect].stream(stream)) as Error;
    assertEquals(error.message.includes(problem), true, error.message);
  });
}
