/**
 * Every recorded stream of every dialect, written again for Responses clients: the order is legal, the
 * official SDK reads the same answer from it, and so do we.
 *
 * The recordings are not part of this repository: `GRANTWAY_FIXTURES` names their folder.
 */

import { assert, assertEquals } from "@std/assert";
import { openSeal } from "../../../src/protocols/envelope.ts";
import type { ContentBlock, GenerateResponse } from "../../../src/protocols/event.ts";
import { encodeResponsesResponse } from "../../../src/protocols/responses/encode_response.ts";
import { collectStream } from "../../../src/transports/collect.ts";
import { recordedTest } from "../recorded_answers.ts";
import { assertLegalStream, assertResponse } from "./legal_stream.ts";
import * as responses from "./support.ts";

const encoder = new TextEncoder();

// deno-lint-ignore no-explicit-any -- from the SDK or from us
type Json = any;

recordedTest("recorded streams for Responses clients", async ({ name, events }) => {
  const ours = await collectStream(events);
  const text = responses.encodeStream(events);
  const { response } = assertLegalStream(responses.framesOf(text));
  assertLikeAnswer(ours, response);
  assertLikeAnswer(ours, await responses.sdkResponse(text));
  const whole = encodeResponsesResponse(ours, responses.answerContext());
  assertResponse(whole);
  assertEquals(plain(whole, name), plain(response, name));
  // Read again by us, it is the same answer still.
  const again = await collectStream(responses.decodeStream(encoder.encode(text)));
  assertEquals(
    [textOf(again.content), callsOf(again.content), again.stopReason, again.usage],
    [textOf(ours.content), callsOf(ours.content), ...asRead(ours)],
  );
});

/** As JSON; without the ids of items where each event had others. */
function plain(response: Json, name: string): Json {
  const { output, ...rest } = JSON.parse(JSON.stringify(response));
  const isRotating = name.includes("id-rotation");
  return { ...rest, output: output.map((item: Json) => isRotating ? { ...item, id: "" } : item) };
}

/** What the dialect keeps of the end. */
function asRead({ stopReason, usage, content }: GenerateResponse): unknown[] {
  const { extensions, reasoningTokens = 0, ...counts } = usage;
  const refused = content.some((block) => block.type === "refusal");
  const reasons: Record<string, string> = {
    stop_sequence: "end_turn",
    pause_turn: "end_turn",
    context_window_exceeded: "max_tokens",
  };
  return [
    reasons[stopReason ?? ""] ?? (stopReason === null && !refused ? "end_turn" : stopReason),
    {
      ...counts,
      reasoningTokens,
      ...(extensions?.dialect === "responses" ? { extensions } : {}),
    },
  ];
}

function textOf(content: readonly ContentBlock[]) {
  const of = (type: string) =>
    content.flatMap((block) => block.type === type ? [(block as { text: string }).text] : [])
      .filter((text) => text !== "");
  return { text: of("text"), refusal: of("refusal"), thinking: of("thinking") };
}

function callsOf(content: readonly ContentBlock[]) {
  return content.flatMap((block) =>
    block.type === "tool_use"
      ? [{ id: block.id, name: block.name, input: block.arguments, custom: block.custom ?? false }]
      : []
  );
}

function assertLikeAnswer(ours: GenerateResponse, response: Json): void {
  assertEquals(response.model, "client-model");
  assert(response.id.startsWith("resp_"));
  const parts = response.output.flatMap((item: Json) =>
    item.type === "message" ? item.content : []
  );
  const { text, refusal, thinking } = textOf(ours.content);
  const ofType = (type: string) => parts.filter((part: Json) => part.type === type);
  assertEquals(ofType("output_text").map((part: Json) => part.text), text);
  assertEquals(ofType("refusal").map((part: Json) => part.refusal), refusal);
  const reasoning = response.output.filter((item: Json) => item.type === "reasoning");
  assertEquals(
    reasoning.flatMap(({ summary, content = [] }: Json) =>
      [...(summary.length > 0 ? summary : content)].map((part: Json) => part.text).join("\n\n") ||
      []
    ),
    thinking,
  );
  // Every seal is there, and can be opened.
  assertEquals(
    reasoning.filter((item: Json) => item.encrypted_content).map((item: Json) => {
      const opened = openSeal({ type: "thinking", text: "", signature: item.encrypted_content });
      return [opened.signature, opened.provenance];
    }),
    ours.content.flatMap((block) =>
      block.type === "thinking" && (block.text !== "" || block.signature !== undefined)
        ? [[block.signature, block.provenance]]
        : []
    ),
  );
  assertEquals(
    response.output.flatMap((item: Json) =>
      item.type === "function_call" || item.type === "custom_tool_call"
        ? [{
          id: item.call_id,
          name: item.name,
          input: item.arguments ?? item.input,
          custom: item.type === "custom_tool_call",
        }]
        : []
    ),
    callsOf(ours.content),
  );
  const input = ours.usage.inputTokens + ours.usage.cacheReadTokens + ours.usage.cacheWriteTokens;
  const { usage } = response;
  assertEquals(
    [
      usage.input_tokens,
      usage.input_tokens_details.cached_tokens,
      usage.output_tokens,
      usage.output_tokens_details.reasoning_tokens,
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
}
