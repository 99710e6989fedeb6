/**
 * Every recorded stream of every dialect, written again for clients of Messages and Chat Completions,
 * whose official SDKs must read the same answer from it.
 *
 * The recordings are not part of this repository: `GRANTWAY_FIXTURES` names their folder.
 */

import { assert, assertEquals } from "@std/assert";
import { encodeChatResponse } from "../../src/protocols/chat/encode_response.ts";
import { openSeal } from "../../src/protocols/envelope.ts";
import type { ContentBlock, GenerateResponse } from "../../src/protocols/event.ts";
import { encodeMessagesResponse } from "../../src/protocols/messages/encode_response.ts";
import { collectStream } from "../../src/transports/collect.ts";
import * as chat from "./chat/support.ts";
import * as messages from "./messages/support.ts";
import { recordedTest } from "./recorded_answers.ts";

/** What every dialect can say of an answer, as one text each. */
function texts(content: readonly ContentBlock[]) {
  const of = (type: string) =>
    content.flatMap((block) => block.type === type ? [(block as { text: string }).text] : [])
      .filter((text) => text !== "");
  return { text: of("text"), thinking: of("thinking"), refusal: of("refusal") };
}

function calls(content: readonly ContentBlock[]) {
  return content.flatMap((block) =>
    block.type === "tool_use" ? [{ id: block.id, name: block.name, input: inputOf(block) }] : []
  );
}

function inputOf(block: ContentBlock & { type: "tool_use" }): unknown {
  return block.custom ? { input: block.arguments } : parsed(block.arguments);
}

/** Cut arguments are passed on as they are; what a client makes of them is its own. */
const CUT = "cut short";

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return CUT;
  }
}

/** Without what is written so: lines between texts that something had parted. */
const squeeze = (value: string) => value.replaceAll("\n\n", "");

recordedTest("recorded streams for Messages clients", async ({ events }) => {
  const ours = await collectStream(events);
  const text = messages.encodeStream(events);
  assertOneBlockAtATime(text);
  const message = await messages.sdkMessage(text);
  assertEquals(message.model, "client-model");
  assert(message.id.startsWith("msg_"));
  const ofType = (type: string) =>
    // deno-lint-ignore no-explicit-any -- told apart by type
    message.content.filter((block: any) => block.type === type) as any[];
  const { text: wanted, refusal, thinking } = texts(ours.content);
  assertEquals(ofType("text").map((block) => block.text), [...wanted, ...refusal]);
  assertEquals(ofType("thinking").map((block) => block.thinking), thinking);
  // Every seal is there, and can be opened.
  const sealed = ours.content.filter((block) => block.type === "thinking")
    .filter((block) => block.text !== "" || block.signature !== undefined);
  const carried = message.content.flatMap((block) =>
    block.type === "thinking"
      ? [openSeal({ type: "thinking", text: "", signature: block.signature })]
      : block.type === "redacted_thinking"
      ? [openSeal({ type: "thinking", text: "", signature: block.data, redacted: true })]
      : []
  );
  assertEquals(
    carried.map(({ signature, redacted, provenance }) => ({ signature, redacted, provenance })),
    sealed.map(({ signature, redacted, provenance }) => ({ signature, redacted, provenance })),
  );
  const wantedCalls = calls(ours.content);
  const isCut = wantedCalls.some(({ input }) => input === CUT);
  assertEquals(
    ofType("tool_use").map(({ id, name, input }) => ({ id, name, input: isCut ? CUT : input })),
    wantedCalls,
  );
  const { usage } = message;
  assertEquals(
    [
      usage.input_tokens,
      usage.cache_read_input_tokens,
      usage.cache_creation_input_tokens,
      usage.output_tokens,
    ],
    [
      ours.usage.inputTokens,
      ours.usage.cacheReadTokens,
      ours.usage.cacheWriteTokens,
      ours.usage.outputTokens,
    ],
  );
  assertEquals<string | null>(
    message.stop_reason,
    ours.stopReason === "context_window_exceeded"
      ? "model_context_window_exceeded"
      : ours.stopReason,
  );
  if (!isCut) assertLikeStreamed(encodeMessagesResponse(ours, messages.answerContext()), message);
});

/** A whole answer says the same as the stream. */
// deno-lint-ignore no-explicit-any -- two forms of one thing
function assertLikeStreamed(whole: any, streamed: any): void {
  const plain = (value: unknown) => JSON.parse(JSON.stringify(value));
  const { id: _1, usage, ...rest } = plain(whole);
  const { id: _2, usage: streamedUsage, ...streamedRest } = plain(streamed);
  // The SDK does not know this field of the beta.
  delete usage.iterations;
  assertEquals({ ...streamedUsage, ...usage }, streamedUsage);
  assertEquals(rest.content.map(asRead), streamedRest.content.map(asRead));
  assertEquals(rest.stop_reason, streamedRest.stop_reason);
}

// deno-lint-ignore no-explicit-any -- a block as the SDK has it
function asRead({ citations, input, ...block }: any): unknown {
  return { ...block, citations: citations ?? [], input: input ?? {} };
}

/** Blocks come one after another, without gaps, with a name on every frame. */
function assertOneBlockAtATime(text: string): void {
  let open: number | undefined;
  let next = 0;
  for (const frame of text.split("\n\n").filter((frame) => frame !== "")) {
    const [, name, data] = /^event: (.*)\ndata: (.*)$/.exec(frame)!;
    const event = JSON.parse(data!);
    assertEquals(event.type, name);
    switch (name) {
      case "content_block_start":
        assertEquals(open, undefined);
        assertEquals(event.index, next++);
        open = event.index;
        break;
      case "content_block_delta":
        assertEquals(event.index, open);
        break;
      case "content_block_stop":
        assertEquals(event.index, open);
        open = undefined;
        break;
      case "message_delta":
        assertEquals(open, undefined);
    }
  }
}

recordedTest("recorded streams for Chat clients", async ({ events }) => {
  const ours = await collectStream(events);
  const text = chat.encodeStream(events);
  assert(text.endsWith("data: [DONE]\n\n"));
  for (const chunk of chat.chunksOf(text)) {
    for (const call of chunk.choices[0]?.delta.tool_calls ?? []) {
      // Whole in one chunk.
      assert(call.id && call.type && (call.function ?? call.custom).name);
    }
  }
  const completion = await chat.sdkCompletion(text);
  assertLikeAnswer(ours, completion);
  assertEquals(reasoningOf(text), texts(ours.content).thinking.join("\n\n"));
  assertLikeAnswer(ours, encodeChatResponse(ours, chat.answerContext()));
});

/** The SDK keeps the last piece alone of a field that it does not know. */
function reasoningOf(text: string): string {
  return chat.chunksOf(text).map((chunk) => chunk.choices[0]?.delta.reasoning_content ?? "")
    .join("");
}

// deno-lint-ignore no-explicit-any -- from the SDK or from us
function assertLikeAnswer(ours: GenerateResponse, completion: any): void {
  assertEquals(completion.model, "client-model");
  assert(completion.id.startsWith("chatcmpl-"));
  const [{ message, finish_reason }] = completion.choices;
  const { text, refusal } = texts(ours.content);
  assertEquals(squeeze(message.content ?? ""), squeeze(text.join("")));
  assertEquals(message.refusal ?? "", refusal.join(""));
  assertEquals(
    // deno-lint-ignore no-explicit-any -- see above
    (message.tool_calls ?? []).map((call: any) => ({
      id: call.id,
      name: (call.function ?? call.custom).name,
      input: call.custom ? { input: call.custom.input } : parsed(call.function.arguments),
    })),
    calls(ours.content),
  );
  const input = ours.usage.inputTokens + ours.usage.cacheReadTokens + ours.usage.cacheWriteTokens;
  const { usage } = completion;
  assertEquals(
    [
      usage.prompt_tokens,
      usage.prompt_tokens_details.cached_tokens,
      usage.completion_tokens,
      usage.completion_tokens_details.reasoning_tokens,
      usage.total_tokens,
    ],
    [
      input,
      ours.usage.cacheReadTokens,
      ours.usage.outputTokens,
      ours.usage.reasoningTokens ?? 0,
      input + ours.usage.outputTokens,
    ],
  );
  assertEquals(
    finish_reason,
    ours.stopReason === "tool_use"
      ? "tool_calls"
      : ours.stopReason === "max_tokens" || ours.stopReason === "context_window_exceeded"
      ? "length"
      : ours.stopReason === "refusal" && refusal.length === 0
      ? "content_filter"
      : "stop",
  );
}
