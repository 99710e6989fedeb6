/**
 * Every recorded Messages stream, in many cuts, and the official SDK's accumulator as the oracle.
 *
 * The recordings are not part of this repository: `GRANTWAY_FIXTURES` names their folder.
 */

import { assert, assertEquals } from "@std/assert";
import { MessageStream } from "@anthropic-ai/sdk/lib/MessageStream";
import type { StreamEvent } from "../../../src/protocols/event.ts";
import { decodeMessagesBody } from "../../../src/protocols/messages/decode_response.ts";
import { collectStream } from "../../../src/transports/collect.ts";
import { assertWellFormed } from "../well_formed.ts";
import {
  CONTEXT,
  decodeStream,
  insideCharacters,
  randomCuts,
  readRecorded,
  RECORDED,
} from "./support.ts";

const encoder = new TextEncoder();

/** What is wrong with these on purpose, and how their one answer must end. */
const HARD: Record<string, string> = {
  "spliced-message-start.chunks.txt": "stream_interrupted",
};
/** Starts twice, which the SDK refuses and we do not. */
const SDK_REFUSES = ["duplicate-message-start.chunks.txt", "spliced-message-start.chunks.txt"];

const streams: string[] = [];
const bodies: string[] = [];
if (RECORDED !== undefined) {
  for (const folder of Deno.readDirSync(`${RECORDED}/anthropic-messages`)) {
    for (const { name } of Deno.readDirSync(`${RECORDED}/anthropic-messages/${folder.name}`)) {
      const path = `${RECORDED}/anthropic-messages/${folder.name}/${name}`;
      (name.endsWith(".json") ? bodies : streams).push(path);
    }
  }
}

Deno.test({
  name: `recorded Messages streams${
    RECORDED === undefined ? " (skipped: GRANTWAY_FIXTURES is not set)" : ""
  }`,
  ignore: RECORDED === undefined,
  fn: async (t) => {
    assert(streams.length >= 20, `only ${streams.length} streams`);
    for (const path of streams.sort()) {
      const name = path.split("/").at(-1)!;
      await t.step(name, async () => {
        for (const text of readRecorded(path)) {
          const bytes = encoder.encode(text);
          const events = decodeStream(bytes);
          assertWellFormed(events);
          assertEquals(decodeStream(bytes, bytes.keys()), events, "byte by byte");
          for (let seed = 1; seed <= 5; seed++) {
            assertEquals(
              decodeStream(bytes, randomCuts(seed, 20 * seed, bytes.length)),
              events,
              `seed ${seed}`,
            );
          }
          for (const cut of insideCharacters(bytes).slice(0, 20)) {
            assertEquals(decodeStream(bytes, [cut]), events, `cut at ${cut}`);
          }
          const last = events.at(-1)!;
          if (HARD[name] !== undefined) {
            assertEquals<unknown>(last.type === "error" && last.error.code, HARD[name]);
            continue;
          }
          assertEquals(last.type, "message_end");
          if (!SDK_REFUSES.includes(name)) await assertLikeSdk(text, events);
        }
      });
    }
  },
});

Deno.test({
  name: `recorded Messages bodies${
    RECORDED === undefined ? " (skipped: GRANTWAY_FIXTURES is not set)" : ""
  }`,
  ignore: RECORDED === undefined,
  fn: async (t) => {
    assert(bodies.length >= 15, `only ${bodies.length} bodies`);
    for (const path of bodies.sort()) {
      await t.step(path.split("/").at(-1)!, () => {
        const body = JSON.parse(Deno.readTextFileSync(path));
        const decoded = decodeMessagesBody(body, CONTEXT);
        assert(decoded.kind === "response");
        const { response } = decoded;
        assertEquals(response.content.length, body.content.length);
        assertEquals(response.stopReason, body.stop_reason);
        assertEquals(response.usage.outputTokens, body.usage.output_tokens);
        for (const [i, block] of response.content.entries()) {
          const raw = body.content[i];
          if (block.type === "text") assertEquals(block.text, raw.text);
          else if (block.type === "thinking") {
            assertEquals(block.signature, raw.signature ?? raw.data);
          } else if (block.type === "tool_use") {
            assertEquals(JSON.parse(block.arguments), raw.input);
          } else assert(block.type === "opaque" && block.value === raw);
        }
      });
    }
  },
});

/** Compares the folded answer with what the SDK's accumulator makes of the same frames. */
async function assertLikeSdk(text: string, events: StreamEvent[]): Promise<void> {
  const lines = text.split("\n").filter((line) => line.startsWith("data:"))
    .map((line) => JSON.stringify(JSON.parse(line.slice(5))) + "\n")
    .filter((line) => JSON.parse(line).type !== "ping");
  const message = await MessageStream.fromReadableStream(
    ReadableStream.from(lines.map((line) => encoder.encode(line))),
  ).finalMessage();
  const ours = await collectStream(events);
  assertEquals(ours.id, message.id);
  assertEquals(ours.model, message.model);
  assertEquals(
    ours.stopReason,
    message.stop_reason as string === "model_context_window_exceeded"
      ? "context_window_exceeded"
      : message.stop_reason,
  );
  assertEquals(ours.usage.outputTokens, message.usage.output_tokens);
  assertEquals(ours.usage.inputTokens, message.usage.input_tokens);
  assertEquals(ours.usage.cacheReadTokens, message.usage.cache_read_input_tokens ?? 0);
  assertEquals(ours.usage.cacheWriteTokens, message.usage.cache_creation_input_tokens ?? 0);
  assertEquals(ours.content.length, message.content.length);
  for (const [i, block] of ours.content.entries()) {
    const theirs = message.content[i]!;
    if (block.type === "text") {
      assert(theirs.type === "text");
      assertEquals(block.text, theirs.text);
      assertEquals(block.citations?.length ?? 0, theirs.citations?.length ?? 0);
    } else if (block.type === "thinking" && !block.redacted) {
      assert(theirs.type === "thinking");
      assertEquals(block.text, theirs.thinking);
      assertEquals(block.signature ?? "", theirs.signature ?? "");
    } else if (block.type === "tool_use") {
      assert(theirs.type === "tool_use");
      assertEquals([block.id, block.name], [theirs.id, theirs.name]);
      // Cut arguments are ours to show as they came; the SDK completes them.
      if (ours.stopReason !== "max_tokens") assertEquals(JSON.parse(block.arguments), theirs.input);
    } else if (block.type === "opaque") {
      assertEquals(block.value, JSON.parse(JSON.stringify(theirs)));
    }
  }
}
