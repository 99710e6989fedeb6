import { assertEquals } from "@std/assert";
import type { ContentBlock, Message } from "../../src/protocols/event.ts";
import { pairToolCalls } from "../../src/providers/tool_pairs.ts";

const say = (text: string): ContentBlock => ({ type: "text", text });
const call = (id: string): ContentBlock => ({ type: "tool_use", id, name: "f", arguments: "{}" });
const result = (toolUseId: string, text: string): ContentBlock => ({
  type: "tool_result",
  toolUseId,
  content: [{ type: "text", text }],
});
const user = (...content: ContentBlock[]): Message => ({ role: "user", content });
const model = (...content: ContentBlock[]): Message => ({ role: "assistant", content });
const system = (...content: ContentBlock[]): Message => ({ role: "system", content });

const CASES: { name: string; messages: Message[]; paired: Message[] }[] = [
  {
    name: "leaves pairs as they are",
    messages: [user(say("a")), model(call("1")), user(result("1", "r"), say("b")), model(say("c"))],
    paired: [user(say("a")), model(call("1")), user(result("1", "r"), say("b")), model(say("c"))],
  },
  {
    name: "gathers results in the order of their calls, before the words of the turn",
    messages: [
      model(call("1"), call("2")),
      user(say("b"), result("2", "s")),
      user(result("1", "r")),
    ],
    paired: [model(call("1"), call("2")), user(result("1", "r"), result("2", "s"), say("b"))],
  },
  {
    name: "takes a result told twice as told last",
    messages: [model(call("1")), user(result("1", "old")), user(result("1", "new"))],
    paired: [model(call("1")), user(result("1", "new"))],
  },
  {
    name: "makes up a result that never came",
    messages: [model(call("1"), call("2")), user(result("1", "r")), model(say("a"))],
    paired: [
      model(call("1"), call("2")),
      user(result("1", "r"), result("2", "(no output)")),
      model(say("a")),
    ],
  },
  {
    name: "makes up results where the user spoke instead, or nobody did",
    messages: [model(call("1")), user(say("stop")), model(call("2")), model(say("a"))],
    paired: [
      model(call("1")),
      user(result("1", "(no output)"), say("stop")),
      model(call("2"), say("a")),
    ],
  },
  {
    name: "tells a result without a call",
    messages: [user(result("9", "r")), model(say("a"))],
    paired: [user(say("[Result of tool call 9]"), say("r")), model(say("a"))],
  },
  {
    name: "finds a result behind another turn",
    messages: [model(call("1")), system(say("s")), user(result("1", "r"))],
    paired: [model(call("1")), user(result("1", "r")), system(say("s"))],
  },
  {
    name: "joins a turn that came in pieces",
    messages: [model(call("1")), model(call("2")), user(result("2", "s"), result("1", "r"))],
    paired: [model(call("1"), call("2")), user(result("1", "r"), result("2", "s"))],
  },
  {
    name: "takes one id that is used in two turns",
    messages: [model(call("1")), user(result("1", "a")), model(call("1")), user(result("1", "b"))],
    paired: [model(call("1")), user(result("1", "a")), model(call("1")), user(result("1", "b"))],
  },
  {
    name: "leaves the calls of a last turn open",
    messages: [user(say("a")), model(call("1"))],
    paired: [user(say("a")), model(call("1"))],
  },
];
for (const { name, messages, paired } of CASES) {
  Deno.test(`pairToolCalls() ${name}`, () => {
    const before = structuredClone(messages);
    assertEquals(pairToolCalls(messages), paired);
    assertEquals(messages, before, "the caller's own");
    assertEquals(pairToolCalls(paired), paired, "once more");
  });
}
