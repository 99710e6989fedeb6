/**
 * What every stream for a Responses client has to be: the order that strict clients need, and objects
 * with all their fields.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";

// deno-lint-ignore no-explicit-any -- frames as they are
type Json = any;

/** The fields that the Open Responses schema demands of a response. */
const RESPONSE_FIELDS = [
  "id",
  "object",
  "created_at",
  "completed_at",
  "status",
  "incomplete_details",
  "model",
  "previous_response_id",
  "instructions",
  "output",
  "error",
  "tools",
  "tool_choice",
  "truncation",
  "parallel_tool_calls",
  "text",
  "top_p",
  "presence_penalty",
  "frequency_penalty",
  "top_logprobs",
  "temperature",
  "reasoning",
  "user",
  "usage",
  "max_output_tokens",
  "max_tool_calls",
  "store",
  "background",
  "service_tier",
  "metadata",
  "safety_identifier",
  "prompt_cache_key",
];

const ITEM_FIELDS: Record<string, readonly string[]> = {
  message: ["id", "status", "role", "content"],
  reasoning: ["id", "summary"],
  function_call: ["id", "call_id", "name", "arguments", "status"],
  custom_tool_call: ["id", "call_id", "name", "input"],
  local_shell_call: ["id", "call_id", "action", "status"],
};

function assertFields(value: Json, names: readonly string[]): void {
  for (const name of names) assert(value[name] !== undefined, `${name} is missing`);
}

/** Checks that a response has every field, in the type that the schema wants. */
export function assertResponse(response: Json): void {
  assertFields(response, RESPONSE_FIELDS);
  for (const name of ["temperature", "top_p", "presence_penalty", "frequency_penalty"]) {
    assertEquals(typeof response[name], "number", name);
  }
  for (const name of ["created_at", "top_logprobs"]) assert(Number.isInteger(response[name]), name);
  assertEquals(typeof response.service_tier, "string");
  assertEquals(response.store, false);
  assert(response.text.format.type);
  assertFields(response.reasoning, ["effort", "summary"]);
  for (const tool of response.tools) {
    if (tool.type === "function") {
      assertFields(tool, ["name", "description", "parameters", "strict"]);
    }
  }
  response.output.forEach(assertItem);
  if (response.usage !== null) {
    const { usage } = response;
    for (
      const count of [
        usage.input_tokens,
        usage.input_tokens_details.cached_tokens,
        usage.output_tokens,
        usage.output_tokens_details.reasoning_tokens,
        usage.total_tokens,
      ]
    ) assert(Number.isInteger(count));
  }
}

function assertItem(item: Json): void {
  assert(typeof item.id === "string" && item.id !== "");
  assertFields(item, ITEM_FIELDS[item.type] ?? []);
  if (item.type !== "message") return;
  for (const part of item.content) {
    if (part.type === "output_text") assertFields(part, ["text", "annotations", "logprobs"]);
  }
}

/** Checks a whole stream, and gives its last frame. */
export function assertLegalStream(frames: readonly Json[]): Json {
  assertEquals(frames.map((frame) => frame.sequence_number), [...frames.keys()]);
  assertEquals(frames.slice(0, 2).map((frame) => frame.type), [
    "response.created",
    "response.in_progress",
  ]);
  const last = frames.at(-1);
  const ids = new Set<string>();
  const done: Json[] = [];
  let open: { item: Json; index: number; part?: string; text: string } | undefined;
  for (const frame of frames) {
    if (frame.response !== undefined) {
      assertResponse(frame.response);
      assertEquals(frame.response.id, frames[0].response.id);
    }
    // Upstream's own items may have deltas of their own.
    if (frame.delta !== undefined && open !== undefined && open.item.type in ITEM_FIELDS) {
      assertEquals(typeof frame.delta, "string");
    }
    switch (frame.type) {
      case "response.created":
      case "response.in_progress":
        assertEquals([frame.response.status, frame.response.output], ["in_progress", []]);
        continue;
      case "response.output_item.added":
        // One after another, numbered without gaps, each with an id of its own.
        assertEquals(open?.part, undefined);
        assertEquals(frame.output_index, ids.size);
        assertItem(frame.item);
        assert(!ids.has(frame.item.id));
        ids.add(frame.item.id);
        open = { item: frame.item, index: frame.output_index, text: "" };
        continue;
      case "response.output_item.done":
        assertItem(frame.item);
        assertEquals([frame.item.id, frame.output_index], [open?.item.id, open?.index]);
        assertEquals(frame.item.type, open?.item.type);
        assertEquals(open?.part, undefined);
        done.push(frame.item);
        open = undefined;
        continue;
    }
    if (frame.output_index === undefined) continue;
    assert(open !== undefined, `${frame.type} without an item`);
    assertEquals(frame.output_index, open.index);
    if (frame.item_id !== undefined) assertEquals(frame.item_id, open.item.id);
    switch (frame.type.replace("response.", "")) {
      case "content_part.added":
      case "reasoning_summary_part.added":
        assertEquals(open.part, undefined);
        open.part = frame.part.type;
        open.text = "";
        break;
      case "content_part.done":
      case "reasoning_summary_part.done":
        assertEquals(frame.part.type, open.part);
        assertEquals(frame.part.text ?? frame.part.refusal, open.text);
        delete open.part;
        break;
      case "output_text.delta":
        assertEquals(open.part, "output_text");
        open.text += frame.delta;
        break;
      case "refusal.delta":
        assertEquals(open.part, "refusal");
        open.text += frame.delta;
        break;
      case "reasoning_summary_text.delta":
        assertEquals(open.part, "summary_text");
        open.text += frame.delta;
        break;
      case "function_call_arguments.delta":
      case "custom_tool_call_input.delta":
        open.text += frame.delta;
        break;
      case "output_text.done":
      case "reasoning_summary_text.done":
        assertEquals(frame.text, open.text);
        break;
      case "refusal.done":
        assertEquals(frame.refusal, open.text);
        break;
      case "function_call_arguments.done":
        assert(frame.name);
        assertEquals(frame.arguments, open.text || "{}");
        break;
      case "custom_tool_call_input.done":
        assertEquals(frame.input, open.text);
    }
  }
  assert(["response.completed", "response.incomplete", "response.failed"].includes(last.type));
  assertEquals(last.type, `response.${last.response.status}`);
  // What has been reported as done is in the answer as it was; a call that was cut off may follow.
  assertEquals(last.response.output.slice(0, done.length), done);
  if (last.type === "response.completed") assertEquals(last.response.output.length, done.length);
  return last;
}
