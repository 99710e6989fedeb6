/**
 * Every recorded Chat Completions stream, in many cuts, and the official SDK's accumulator as the
 * oracle.
 *
 * The recordings are not part of this repository: `GRANTWAY_FIXTURES` names their folder.
 */

import { assert, assertEquals } from "@std/assert";
import { decodeChatBody } from "../../../src/protocols/chat/decode_response.ts";
import { decodeUsage } from "../../../src/protocols/chat/usage.ts";
import type { ContentBlock, GenerateResponse } from "../../../src/protocols/event.ts";
import { collectStream } from "../../../src/transports/collect.ts";
import { assertWellFormed } from "../well_formed.ts";
import {
  CONTEXT,
  decodeStream,
  insideCharacters,
  randomCuts,
  readRecorded,
  RECORDED,
  sdkCompletion,
} from "./support.ts";

// deno-lint-ignore no-explicit-any -- recorded JSON
type Json = any;

/** The SDK does not take content in parts, calls without a type or a first index, turns without a role. */
const SDK_REFUSES = [
  "anthropic-fallback-tool-call.sse",
  "mistral-incremental-tool-call.chunks.txt",
  "mistral-reasoning.chunks.txt",
  "mistral-tool-call.chunks.txt",
];

const streams: string[] = [];
const bodies: string[] = [];
if (RECORDED !== undefined) {
  for (const protocol of ["openai-chat", "xai-chat"]) {
    for (const folder of Deno.readDirSync(`${RECORDED}/${protocol}`)) {
      for (const { name } of Deno.readDirSync(`${RECORDED}/${protocol}/${folder.name}`)) {
        const path = `${RECORDED}/${protocol}/${folder.name}/${name}`;
        (name.endsWith(".json") ? bodies : streams).push(path);
      }
    }
  }
}

const skipped = RECORDED === undefined ? " (skipped: GRANTWAY_FIXTURES is not set)" : "";

Deno.test({
  name: `recorded Chat streams${skipped}`,
  ignore: RECORDED === undefined,
  fn: async (t) => {
    assert(streams.length >= 15, `only ${streams.length} streams`);
    for (const path of streams.sort()) {
      const name = path.split("/").at(-1)!;
      await t.step(name, async () => {
        const bytes = readRecorded(path);
        const events = decodeStream(bytes);
        assertWellFormed(events);
        assertEquals(decodeStream(bytes, bytes.keys()), events, "byte by byte");
        for (let seed = 1; seed <= 5; seed++) {
          const cuts = randomCuts(seed, 20 * seed, bytes.length);
          assertEquals(decodeStream(bytes, cuts), events, `seed ${seed}`);
        }
        for (const cut of insideCharacters(bytes).slice(0, 20)) {
          assertEquals(decodeStream(bytes, [cut]), events, `cut at ${cut}`);
        }
        assertEquals(events.at(-1)?.type, "message_end");
        const ours = await collectStream(events);
        assertEquals(ours.usage, decodeUsage(usageOf(bytes)));
        if (!SDK_REFUSES.includes(name)) {
          const { id, model, choices: [choice] } = await sdkCompletion(bytes);
          assertEquals([ours.id, ours.model], [id, model]);
          assertLikeChoice(ours, choice);
        }
      });
    }
  },
});

Deno.test({
  name: `recorded Chat streams without their end${skipped}`,
  ignore: RECORDED === undefined,
  fn: () => {
    for (const path of streams) {
      const text = new TextDecoder().decode(readRecorded(path));
      const frames = text.split("\n\n").filter((frame) => frame.startsWith("data: {"));
      const finish = frames.findIndex((frame) => /"finish_reason": ?"/.test(frame));
      for (let length = 0; length < finish; length += 1 + Math.floor(finish / 20)) {
        const cut = frames.slice(0, length).map((frame) => `${frame}\n\n`).join("");
        const last = decodeStream(new TextEncoder().encode(cut)).at(-1)!;
        assertEquals<unknown>(last.type === "error" && last.error.code, "stream_interrupted", path);
      }
      // Not every server says `[DONE]`: a finish reason will do.
      const undone = frames.map((frame) => `${frame}\n\n`).join("");
      assertEquals(
        decodeStream(new TextEncoder().encode(undone)),
        decodeStream(readRecorded(path)),
      );
    }
  },
});

Deno.test({
  name: `recorded Chat bodies${skipped}`,
  ignore: RECORDED === undefined,
  fn: async (t) => {
    assert(bodies.length >= 12, `only ${bodies.length} bodies`);
    for (const path of bodies.sort()) {
      await t.step(path.split("/").at(-1)!, () => {
        const body = JSON.parse(Deno.readTextFileSync(path));
        const decoded = decodeChatBody(body, CONTEXT);
        assert(decoded.kind === "response");
        assertEquals([decoded.response.id, decoded.response.model], [body.id, body.model]);
        assertLikeChoice(decoded.response, body.choices[0]);
        assertEquals(decoded.response.usage, decodeUsage(body.usage));
      });
    }
  },
});

/** The last usage that a stream tells. */
function usageOf(bytes: Uint8Array): Json {
  return new TextDecoder().decode(bytes).split("\n")
    .filter((line) => line.startsWith("data: {"))
    .map((line) => JSON.parse(line.slice(6)).usage).findLast((usage) => usage != null);
}

function textOf(blocks: readonly ContentBlock[], type: "text" | "thinking" | "refusal"): string {
  return blocks.flatMap((block) => block.type === type ? [(block as { text: string }).text] : [])
    .join("");
}

function assertLikeChoice(ours: GenerateResponse, { message, finish_reason }: Json): void {
  const parts: Json[] = Array.isArray(message.content)
    ? message.content
    : [{ type: "text", text: message.content ?? "" }];
  const partsOf = (type: string) =>
    parts.filter((part) => part.type === type).map((part) => part.text ?? part.thinking[0].text);
  assertEquals(textOf(ours.content, "text"), partsOf("text").join(""));
  assertEquals(textOf(ours.content, "refusal"), message.refusal ?? "");
  const thinking = textOf(ours.content, "thinking");
  // The SDK keeps the last piece alone of a field that it does not know.
  assert(thinking.endsWith(message.reasoning_content ?? partsOf("thinking").join("")));
  const calls = ours.content.filter((block) => block.type === "tool_use");
  assertEquals(
    calls.map(({ id, name, arguments: text }) => [id, name, text]),
    (message.tool_calls ?? []).map((call: Json) => [
      call.id,
      call.function.name,
      call.function.arguments,
    ]),
  );
  assertEquals(
    ours.stopReason,
    finish_reason === "length"
      ? "max_tokens"
      : calls.length > 0
      ? "tool_use"
      : message.refusal
      ? "refusal"
      : "end_turn",
  );
}
