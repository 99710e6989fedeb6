import { assertEquals, assertStrictEquals } from "@std/assert";
import type { GenerateRequest, Message } from "../../src/protocols/event.ts";
import { limitSeals, MAX_SEAL_BYTES } from "../../src/protocols/seal_limit.ts";

const turn = (text: string, seal: string): Message => ({
  role: "assistant",
  content: [{ type: "thinking", text, signature: seal }, { type: "text", text: "said" }],
});
const request = (messages: Message[]): GenerateRequest => ({ model: "m", messages, stream: true });
const HALF = "x".repeat(MAX_SEAL_BYTES / 2);

Deno.test("limitSeals() leaves a request alone up to the limit", () => {
  const full = request([turn("a", HALF), turn("b", HALF)]);
  assertStrictEquals(limitSeals(full), full);
});

Deno.test("limitSeals() drops the oldest seals, and keeps what can be read", () => {
  const only: Message = {
    role: "assistant",
    content: [{ type: "thinking", text: "", signature: "y", redacted: true }],
  };
  const { messages } = limitSeals(
    request([only, turn("a", "z"), turn("b", HALF), turn("c", HALF)]),
  );
  assertEquals(messages, [
    {
      role: "assistant",
      content: [{ type: "thinking", text: "a" }, { type: "text", text: "said" }],
    },
    turn("b", HALF),
    turn("c", HALF),
  ]);
});

Deno.test("limitSeals() lets nothing older through once one did not fit", () => {
  const { messages } = limitSeals(request([turn("a", "small"), turn("b", HALF + HALF + "x")]));
  assertEquals(messages.map(({ content }) => content[0]), [
    { type: "thinking", text: "a" },
    { type: "thinking", text: "b" },
  ]);
});
