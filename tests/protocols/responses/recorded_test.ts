/**
 * Every recorded Responses stream, in many cuts: against the final response that the same stream
 * ends with, read here field by field, and against the official SDK's accumulator.
 *
 * The recordings are not part of this repository: `GRANTWAY_FIXTURES` names their folder.
 */

import { assert, assertEquals } from "@std/assert";
import OpenAI from "openai";
import type { ContentBlock, GenerateResponse } from "../../../src/protocols/event.ts";
import { decodeResponsesBody } from "../../../src/protocols/responses/decode_response.ts";
import { collectStream } from "../../../src/transports/collect.ts";
import { assertWellFormed } from "../well_formed.ts";
import {
  CONTEXT,
  decodeStream,
  insideCharacters,
  randomCuts,
  readRecorded,
  RECORDED,
  sse,
} from "./support.ts";

// deno-lint-ignore no-explicit-any -- recorded JSON
type Json = any;

/** Every event has other ids, which the SDK refuses and we do not. */
const ROTATING = ["github-copilot-id-rotation.1.chunks.txt"];

const streams: string[] = [];
const bodies: string[] = [];
if (RECORDED !== undefined) {
  for (const protocol of ["openai-responses", "xai-responses"]) {
    for (const folder of Deno.readDirSync(`${RECORDED}/${protocol}`)) {
      for (const { name } of Deno.readDirSync(`${RECORDED}/${protocol}/${folder.name}`)) {
        const path = `${RECORDED}/${protocol}/${folder.name}/${name}`;
        if (name.endsWith(".chunks.txt")) streams.push(path);
        else if (!name.includes("error")) bodies.push(path);
      }
    }
  }
}

const skipped = RECORDED === undefined ? " (skipped: GRANTWAY_FIXTURES is not set)" : "";

Deno.test({
  name: `recorded Responses streams${skipped}`,
  ignore: RECORDED === undefined,
  fn: async (t) => {
    assert(streams.length >= 25, `only ${streams.length} streams`);
    for (const path of streams.sort()) {
      const name = path.split("/").at(-1)!;
      await t.step(name, async () => {
        for (const answer of readRecorded(path)) {
          const bytes = sse(...answer);
          const events = decodeStream(bytes);
          assertWellFormed(events);
          assertEquals(events.at(-1)?.type, "message_end");
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
          const ours = await collectStream(events);
          const terminal = withSealsOfEvents(answer);
          assertLikeResponse(ours, terminal);
          // Whole or in pieces, an answer is the same.
          const decoded = decodeResponsesBody(terminal, CONTEXT);
          assert(decoded.kind === "response");
          if (ROTATING.includes(name)) continue;
          assertEquals(ours, decoded.response);
          assertLikeResponse(ours, withSealsOfEvents(answer, await sdkResponse(bytes)));
        }
      });
    }
  },
});

Deno.test({
  name: `recorded Responses bodies${skipped}`,
  ignore: RECORDED === undefined,
  fn: async (t) => {
    assert(bodies.length >= 20, `only ${bodies.length} bodies`);
    for (const path of bodies.sort()) {
      await t.step(path.split("/").at(-1)!, () => {
        const body = JSON.parse(Deno.readTextFileSync(path));
        const decoded = decodeResponsesBody(body, CONTEXT);
        assert(decoded.kind === "response");
        assertLikeResponse(decoded.response, body);
      });
    }
  },
});

Deno.test({
  name: `recorded Responses streams, cut short${skipped}`,
  ignore: RECORDED === undefined,
  fn: () => {
    for (const path of streams) {
      const answer = readRecorded(path)[0]!;
      for (let length = 0; length < answer.length; length += 1 + Math.floor(answer.length / 20)) {
        const last = decodeStream(sse(...answer.slice(0, length))).at(-1)!;
        assertEquals<unknown>(last.type === "error" && last.error.code, "stream_interrupted", path);
      }
    }
  },
});

/**
 * The final response of an answer. OpenAI seals an item anew for the final snapshot; either seal is
 * good, and the one that came first is taken.
 */
function withSealsOfEvents(answer: Json[], response: Json = answer.at(-1).response): Json {
  const items = answer.filter(({ type }) => type === "response.output_item.done")
    .sort((a, b) => a.output_index - b.output_index).map(({ item }) => item);
  const output = response.output.map((item: Json, i: number) => {
    const names = ["encrypted_content", "fingerprint"].filter((name) => item[name]);
    return { ...item, ...Object.fromEntries(names.map((name) => [name, items[i][name]])) };
  });
  return { ...response, output };
}

/** What the official SDK makes of the same bytes. */
async function sdkResponse(bytes: Uint8Array): Promise<Json> {
  const client = new OpenAI({
    apiKey: "key",
    baseURL: "http://sdk.invalid/v1",
    maxRetries: 0,
    fetch: () =>
      Promise.resolve(
        new Response(bytes as BodyInit, { headers: { "content-type": "text/event-stream" } }),
      ),
  });
  return await client.responses.stream({ model: "m", input: "" }).finalResponse();
}

/** Compares an answer with a response as the server wrote it. */
function assertLikeResponse(ours: GenerateResponse, response: Json): void {
  assertEquals(ours.model, response.model);
  assertEquals(
    ours.usage.inputTokens + ours.usage.cacheReadTokens,
    response.usage.input_tokens,
  );
  assertEquals(ours.usage.cacheReadTokens, response.usage.input_tokens_details.cached_tokens);
  assertEquals(ours.usage.outputTokens, response.usage.output_tokens);
  const calls = response.output.some((item: Json) =>
    item.type === "function_call" || item.type === "custom_tool_call"
  );
  assertEquals(
    ours.stopReason,
    response.status === "incomplete" ? "max_tokens" : calls ? "tool_use" : "end_turn",
  );
  const blocks: ContentBlock[] = [...ours.content];
  for (const item of response.output) {
    if (item.type === "message") {
      for (const part of item.content) assertLikePart(blocks.shift(), part);
    } else assertLikeItem(blocks.shift(), item);
  }
  assertEquals(blocks, []);
}

function assertLikePart(block: ContentBlock | undefined, part: Json): void {
  assertEquals(part.type, "output_text");
  assert(block?.type === "text");
  assertEquals(block.text, part.text);
  assertEquals([...block.citations ?? []], part.annotations ?? []);
}

function assertLikeItem(block: ContentBlock | undefined, item: Json): void {
  switch (block?.type) {
    case "thinking": {
      assertEquals(item.type, "reasoning");
      const parts: Json[] = item.summary.length > 0 ? item.summary : item.content ?? [];
      assertEquals(block.text, parts.map(({ text }) => text).join("\n\n"));
      assertEquals(block.signature ?? null, item.encrypted_content ?? null);
      break;
    }
    case "tool_use":
      assertEquals(
        [block.id, block.name, block.arguments],
        [item.call_id, item.name, item.input ?? item.arguments],
      );
      break;
    default:
      assert(block?.type === "opaque", `${block?.type} for ${item.type}`);
      assertEquals(block.kind, item.type);
      assertEquals<unknown>({ ...block.value, parsed_arguments: 0 }, {
        ...item,
        parsed_arguments: 0,
      });
  }
}
