/**
 * Long streamed answers to measure with: the same ones in every run.
 *
 * @module
 */

const WORDS =
  'the quick brown fox jumps over a lazy dog while const x = await fetch(url); returns "ünïcode" → text\n'
    .split(" ");
const encoder = new TextEncoder();

/** `count` deltas of one to four words. */
function deltas(count: number): string[] {
  let state = 42;
  const next = () => (state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff) / 0x7fffffff;
  return Array.from({ length: count }, () => {
    const words = Array.from(
      { length: 1 + Math.floor(next() * 4) },
      () => WORDS[Math.floor(next() * WORDS.length)],
    );
    return ` ${words.join(" ")}`;
  });
}

/** A stream, one event per chunk. */
export interface Input {
  chunks: Uint8Array<ArrayBuffer>[];
  bytes: number;
}

function input(frames: string[]): Input {
  const chunks = frames.map((frame) => encoder.encode(frame));
  return { chunks, bytes: chunks.reduce((bytes, chunk) => bytes + chunk.length, 0) };
}

/** A Messages stream. */
export function messagesInput(count: number): Input {
  const frame = (type: string, fields: object) =>
    `event: ${type}\ndata: ${JSON.stringify({ type, ...fields })}\n\n`;
  return input([
    frame("message_start", {
      message: {
        id: "msg_01",
        type: "message",
        role: "assistant",
        model: "m",
        content: [],
        stop_reason: null,
        stop_sequence: null,
        usage: {
          input_tokens: 1200,
          cache_creation_input_tokens: 0,
          cache_read_input_tokens: 1000,
          output_tokens: 1,
        },
      },
    }),
    frame("content_block_start", { index: 0, content_block: { type: "text", text: "" } }),
    frame("ping", {}),
    ...deltas(count).map((text) =>
      frame("content_block_delta", { index: 0, delta: { type: "text_delta", text } })
    ),
    frame("content_block_stop", { index: 0 }),
    frame("message_delta", {
      delta: { stop_reason: "end_turn", stop_sequence: null },
      usage: { output_tokens: count },
    }),
    frame("message_stop", {}),
  ]);
}

/** A Responses stream. */
export function responsesInput(count: number): Input {
  let sequence_number = 0;
  const frame = (type: string, fields: object) =>
    `event: ${type}\ndata: ${
      JSON.stringify({ sequence_number: sequence_number++, type, ...fields })
    }\n\n`;
  const item_id = "msg_7d0c3c52-9a41-4f7e-8b8e-6f0f2a1b3c4d";
  const place = { output_index: 0, content_index: 0, item_id };
  const item = { id: item_id, type: "message", role: "assistant" };
  const response = { id: "7d0c3c52", object: "response", created_at: 1_700_000_000, model: "m" };
  const texts = deltas(count);
  const part = { type: "output_text", text: texts.join(""), annotations: [], logprobs: [] };
  const usage = {
    input_tokens: 2200,
    input_tokens_details: { cached_tokens: 1000 },
    output_tokens: count,
    output_tokens_details: { reasoning_tokens: 0 },
    total_tokens: 2200 + count,
  };
  return input([
    frame("response.created", { response: { ...response, status: "in_progress", output: [] } }),
    frame("response.output_item.added", {
      output_index: 0,
      item: { ...item, status: "in_progress", content: [] },
    }),
    frame("response.content_part.added", {
      ...place,
      part: { type: "output_text", text: "", annotations: [], logprobs: [] },
    }),
    ...texts.map((delta) => frame("response.output_text.delta", { ...place, delta, logprobs: [] })),
    frame("response.output_text.done", { ...place, text: part.text, logprobs: [] }),
    frame("response.content_part.done", { ...place, part }),
    frame("response.output_item.done", {
      output_index: 0,
      item: { ...item, status: "completed", content: [part] },
    }),
    frame("response.completed", {
      response: {
        ...response,
        status: "completed",
        output: [{ ...item, status: "completed", content: [part] }],
        usage,
      },
    }),
  ]);
}

/** A Chat Completions stream. */
export function chatInput(count: number): Input {
  const frame = (choice: object) =>
    `data: ${
      JSON.stringify({
        id: "chatcmpl-1",
        object: "chat.completion.chunk",
        created: 1_700_000_000,
        model: "m",
        choices: [choice],
      })
    }\n\n`;
  return input([
    frame({ index: 0, delta: { role: "assistant", content: "" }, finish_reason: null }),
    ...deltas(count).map((content) => frame({ index: 0, delta: { content }, finish_reason: null })),
    frame({ index: 0, delta: {}, finish_reason: "stop" }),
    "data: [DONE]\n\n",
  ]);
}
