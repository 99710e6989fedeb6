import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { encodeSeal, openSeal, openSeals } from "../../src/protocols/envelope.ts";
import type { ContentBlock, ThinkingBlock } from "../../src/protocols/event.ts";
import { decodeMessagesRequest } from "../../src/protocols/messages/decode_request.ts";
import { encodeMessagesResponse } from "../../src/protocols/messages/encode_response.ts";
import { answerContext } from "./messages/support.ts";

const { record, string, option, boolean } = fc;
/** `null` stands for a field that is absent. */
const thinking = record({
  text: string(),
  signature: option(string({ unit: "binary" })),
  redacted: boolean(),
  origin: string({ minLength: 1 }),
  model: option(string({ minLength: 1 })),
}).map(({ text, signature, redacted, origin, model }): ThinkingBlock => ({
  type: "thinking",
  text,
  ...(signature === null ? {} : { signature }),
  ...(redacted ? { redacted } : {}),
  provenance: { origin, ...(model === null ? {} : { model }) },
}));

Deno.test("openSeal() gives back what encodeSeal() was given, whoever carried it", () => {
  fc.assert(
    fc.property(thinking, boolean(), (block, redacted) => {
      const seal = encodeSeal(block);
      assert(/^grantway1-[A-Za-z0-9_-]+$/.test(seal), seal);
      const carried = { type: "thinking" as const, text: block.text, signature: seal };
      assertEquals(openSeal(redacted ? { ...carried, redacted } : carried), block);
    }),
    { seed: 11, numRuns: 1000 },
  );
});

const blob = "A+/b".repeat(2000);
const answered: ContentBlock[] = [
  {
    type: "thinking",
    text: "a",
    signature: blob,
    provenance: { origin: "xai", model: "grok-4.3" },
  },
  {
    type: "thinking",
    text: "",
    signature: blob,
    redacted: true,
    provenance: { origin: "xai", model: "grok-4.3" },
  },
  { type: "thinking", text: "b", provenance: { origin: "minimax", model: "MiniMax-M2.7" } },
  { type: "tool_use", id: "c", name: "f", arguments: "{}" },
];

Deno.test("thinking comes back from a Messages client as it was, byte for byte", () => {
  const { content } = encodeMessagesResponse({
    id: "1",
    model: "m",
    content: answered,
    stopReason: "tool_use",
    usage: { inputTokens: 0, cacheReadTokens: 0, cacheWriteTokens: 0, outputTokens: 0 },
  }, answerContext());
  const { messages } = decodeMessagesRequest({
    model: "m",
    messages: [{ role: "assistant", content: JSON.parse(JSON.stringify(content)) }],
  });
  assertEquals(messages[0]?.content, answered);
});

Deno.test("openSeals() leaves foreign seals alone, and drops what cannot be opened", () => {
  const foreign: ContentBlock[] = [
    { type: "thinking", text: "a", signature: "EqQBCkgI" },
    { type: "thinking", text: "", signature: "gAAAA", redacted: true },
    { type: "thinking", text: "b" },
    { type: "text", text: "grantway1-" },
  ];
  assertEquals(openSeals(foreign), foreign);
  assertEquals(
    openSeals([
      { type: "thinking", text: "", signature: "grantway1-%", redacted: true },
      { type: "thinking", text: "a", signature: "grantway1-e30" },
    ]),
    [{ type: "thinking", text: "a" }],
  );
});
