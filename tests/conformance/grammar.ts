/**
 * What a stream of each dialect must look like to the clients that exist. Each function throws an
 * `Error` that says what is wrong, and returns what the stream has said.
 *
 * @module
 */

import type { Dialect } from "../../src/protocols/event.ts";

// deno-lint-ignore no-explicit-any -- bodies of three dialects
export type Json = any;

/** What an answer has said, in any dialect. */
export interface Said {
  text: string;
  calls: { id: string; name: string; arguments: string }[];
  model: string;
  /** Input and output tokens. */
  usage: [input: number, output: number];
}

/** Throws unless `condition` holds. */
export function must(condition: unknown, problem: string): asserts condition {
  if (!condition) throw new Error(problem);
}

/** The frames of an SSE body; comments are left out. */
export function readFrames(body: string): { event: string | undefined; data: string }[] {
  must(body.endsWith("\n\n"), "the last frame has no blank line");
  return body.split("\n\n").filter((frame) => frame !== "").flatMap((frame) => {
    const lines = frame.split("\n").filter((line) => !line.startsWith(":"));
    if (lines.length === 0) return [];
    const of = (name: string) =>
      lines.filter((line) => line.startsWith(`${name}: `)).map((line) =>
        line.slice(name.length + 2)
      );
    must(of("data").length === 1, `a frame does not have one data line: ${frame.slice(0, 80)}`);
    return [{ event: of("event")[0], data: of("data")[0]! }];
  });
}

function integer(value: unknown, name: string): number {
  must(Number.isInteger(value) && (value as number) >= 0, `${name} is no count`);
  return value as number;
}

function checkMessagesUsage(usage: Json): [number, number] {
  const input = integer(usage?.input_tokens, "usage.input_tokens") +
    integer(usage.cache_read_input_tokens ?? 0, "usage.cache_read_input_tokens") +
    integer(usage.cache_creation_input_tokens ?? 0, "usage.cache_creation_input_tokens");
  return [input, integer(usage.output_tokens, "usage.output_tokens")];
}

function checkOpenAiUsage(usage: Json, input: string, output: string): [number, number] {
  const counts: [number, number] = [
    integer(usage?.[input], `usage.${input}`),
    integer(usage[output], `usage.${output}`),
  ];
  must(usage.total_tokens === counts[0] + counts[1], "usage.total_tokens is not the sum");
  integer(usage[`${input}_details`]?.cached_tokens, `usage.${input}_details.cached_tokens`);
  integer(usage[`${output}_details`]?.reasoning_tokens, `usage.${output}_details.reasoning_tokens`);
  return counts;
}

function checkMessagesBody(body: Json): Said {
  must(body.type === "message" && body.role === "assistant", "it is no message");
  must(String(body.id).startsWith("msg_"), "the id does not start with msg_");
  must(Array.isArray(body.content), "content is no array");
  must(typeof body.stop_reason === "string", "there is no stop_reason");
  must("stop_sequence" in body, "there is no stop_sequence");
  const calls = body.content.filter((block: Json) => block.type === "tool_use");
  must((body.stop_reason === "tool_use") === (calls.length > 0), "stop_reason and calls disagree");
  for (const { id } of calls) must(/^[A-Za-z0-9_-]+$/.test(id), `the id of a call is ${id}`);
  return {
    text: body.content.map((block: Json) => block.type === "text" ? block.text : "").join(""),
    calls: calls.map(({ id, name, input }: Json) => ({
      id,
      name,
      arguments: JSON.stringify(input),
    })),
    model: body.model,
    usage: checkMessagesUsage(body.usage),
  };
}

const DELTAS: Readonly<Record<string, readonly string[]>> = {
  text: ["text_delta", "citations_delta"],
  thinking: ["thinking_delta", "signature_delta"],
  tool_use: ["input_json_delta"],
  redacted_thinking: [],
};

function checkMessagesStream(text: string): Said {
  const frames = readFrames(text);
  const content: Json[] = [];
  let message: Json;
  let open: Json;
  let stopped = false;
  let json = "";
  for (const { event, data } of frames) {
    must(!stopped, "something follows message_stop");
    const value = JSON.parse(data);
    must(event === value.type, `the event line of ${value.type} says ${event}`);
    must(message !== undefined || event === "message_start", `${event} comes first`);
    switch (event) {
      case "message_start":
        must(message === undefined, "message_start comes twice");
        message = value.message;
        break;
      case "content_block_start":
        must(open === undefined, "two blocks are open");
        must(value.index === content.length, `block ${value.index} comes out of order`);
        open = { ...value.content_block };
        content.push(open);
        json = "";
        break;
      case "content_block_delta": {
        const { delta } = value;
        must(open !== undefined && value.index === content.length - 1, "a delta without its block");
        must(
          DELTAS[open.type]?.includes(delta.type) ?? true,
          `${delta.type} in a block of ${open.type}`,
        );
        if (delta.type === "text_delta") open.text += delta.text;
        if (delta.type === "thinking_delta") open.thinking += delta.thinking;
        if (delta.type === "signature_delta") open.signature = delta.signature;
        if (delta.type === "input_json_delta") json += delta.partial_json;
        break;
      }
      case "content_block_stop":
        must(open !== undefined, "a block ends that is not open");
        if (open.type === "tool_use") open.input = JSON.parse(json || "{}");
        if (open.type === "thinking") {
          must(open.thinking && open.signature, "thinking is not whole");
        }
        open = undefined;
        break;
      case "message_delta":
        must(open === undefined, "a block is open at the end");
        message = { ...message, ...value.delta, usage: { ...message.usage, ...value.usage } };
        break;
      case "message_stop":
        stopped = true;
        break;
      case "error":
        must(false, `the stream fails: ${data}`);
    }
  }
  must(stopped, "there is no message_stop");
  return checkMessagesBody({ ...message, content });
}

function checkChatBody(body: Json): Said {
  must(body.object === "chat.completion", "it is no chat.completion");
  must(Number.isInteger(body.created), "created is no integer");
  const [choice] = body.choices;
  const { message } = choice;
  must(message.role === "assistant" && "content" in message, "there is no message");
  const calls = message.tool_calls ?? [];
  must(
    (choice.finish_reason === "tool_calls") === (calls.length > 0),
    "finish_reason and calls disagree",
  );
  for (const call of calls) JSON.parse(call.function.arguments);
  return {
    text: message.content ?? "",
    calls: calls.map(({ id, function: { name, arguments: text } }: Json) => ({
      id,
      name,
      arguments: text,
    })),
    model: body.model,
    usage: checkOpenAiUsage(body.usage, "prompt_tokens", "completion_tokens"),
  };
}

function checkChatStream(text: string): Said {
  const frames = readFrames(text);
  must(frames.at(-1)?.data === "[DONE]", "it does not end with [DONE]");
  const chunks = frames.slice(0, -1).map(({ data }) => JSON.parse(data));
  const message: Json = { role: undefined, content: "", tool_calls: [] };
  let finish: string | undefined;
  let usage: Json;
  for (const chunk of chunks) {
    must(chunk.object === "chat.completion.chunk", `a frame is no chunk: ${JSON.stringify(chunk)}`);
    must(chunk.id === chunks[0].id && chunk.model === chunks[0].model, "id or model changes");
    if (chunk.usage) usage = chunk.usage;
    const [choice] = chunk.choices;
    if (choice === undefined) continue;
    must(finish === undefined, "a choice follows its finish_reason");
    finish = choice.finish_reason ?? undefined;
    message.role ??= choice.delta.role;
    message.content += choice.delta.content ?? "";
    for (const { index, ...call } of choice.delta.tool_calls ?? []) {
      must(Number.isInteger(index), "a call has no index");
      const known = message.tool_calls[index];
      if (known === undefined) {
        must(index === message.tool_calls.length, `call ${index} comes out of order`);
        must(
          call.id && call.type === "function" && call.function?.name,
          "a call has no id or name",
        );
        message.tool_calls[index] = { ...call, function: { arguments: "", ...call.function } };
      } else known.function.arguments += call.function?.arguments ?? "";
    }
  }
  must(finish !== undefined, "there is no finish_reason");
  must(message.role === "assistant", "there is no role");
  return checkChatBody({
    ...chunks[0],
    object: "chat.completion",
    choices: [{ message, finish_reason: finish }],
    usage,
  });
}

function checkResponsesBody(body: Json): Said {
  must(body.object === "response", "it is no response");
  must(typeof body.id === "string" && body.id !== "", "there is no id");
  must(Number.isInteger(body.created_at), "created_at is no integer");
  must(body.status === "completed", `the status is ${body.status}`);
  must(body.error === null || body.error === undefined, "it has an error");
  const calls = body.output.filter((item: Json) => item.type === "function_call");
  for (const call of calls) JSON.parse(call.arguments);
  return {
    text: body.output.flatMap((item: Json) => item.type === "message" ? item.content : [])
      .map((part: Json) => part.text ?? "").join(""),
    calls: calls.map(({ call_id, name, arguments: text }: Json) => ({
      id: call_id,
      name,
      arguments: text,
    })),
    model: body.model,
    usage: checkOpenAiUsage(body.usage, "input_tokens", "output_tokens"),
  };
}

function checkResponsesStream(text: string): Said {
  const frames = readFrames(text).filter(({ data }) => data !== "[DONE]");
  const items = new Map<number, { done: boolean; text: string }>();
  let number = -1;
  let last: Json;
  for (const { event, data } of frames) {
    const value = JSON.parse(data);
    must(
      event === undefined || event === value.type,
      `the event line of ${value.type} says ${event}`,
    );
    must(last === undefined, `${value.type} follows the terminal event`);
    must(value.sequence_number > number, "sequence_number does not grow");
    must(number >= 0 || value.type === "response.created", `${value.type} comes first`);
    number = value.sequence_number;
    must(value.delta === undefined || typeof value.delta === "string", "a delta is no string");
    const item = items.get(value.output_index);
    switch (value.type) {
      case "response.output_item.added":
        must(item === undefined, `item ${value.output_index} is added twice`);
        items.set(value.output_index, { done: false, text: "" });
        break;
      case "response.output_text.delta":
        must(item !== undefined && !item.done, "a delta of text has no item");
        item.text += value.delta;
        break;
      case "response.output_item.done": {
        must(item !== undefined && !item.done, "an item is done that was not added");
        item.done = true;
        if (value.item.type !== "message") break;
        const whole = value.item.content.map((part: Json) => part.text ?? "").join("");
        must(whole === item.text, "the deltas of an item are not its text");
        break;
      }
      case "response.completed":
      case "response.incomplete":
      case "response.failed":
        last = value.response;
    }
  }
  must(last !== undefined, "there is no terminal event");
  must([...items.values()].every(({ done }) => done), "an item is never done");
  return checkResponsesBody(last);
}

/** The checks of each dialect. */
export const GRAMMARS: Readonly<
  Record<Dialect, { body: (body: Json) => Said; stream: (text: string) => Said }>
> = {
  messages: { body: checkMessagesBody, stream: checkMessagesStream },
  chat: { body: checkChatBody, stream: checkChatStream },
  responses: { body: checkResponsesBody, stream: checkResponsesStream },
};
