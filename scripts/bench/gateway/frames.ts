/**
 * An answer of a Messages server, as HTTP/1.1 sends it: one chunk per event.
 *
 * @module
 */

const event = (name: string, data: unknown) =>
  `event: ${name}\ndata: ${JSON.stringify({ type: name, ...data as object })}\n\n`;

const chunk = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n`;

/** What the answer cost. */
export const USAGE = {
  input_tokens: 1200,
  cache_creation_input_tokens: 0,
  cache_read_input_tokens: 1000,
  output_tokens: 42,
};
/** The message without its content. */
export const MESSAGE = { id: "msg_1", type: "message", role: "assistant", model: "mock" };

/** Head, and all that comes before the text. */
export const START = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n" +
  "transfer-encoding: chunked\r\n\r\n" +
  chunk(event("message_start", {
    message: { ...MESSAGE, content: [], stop_reason: null, stop_sequence: null, usage: USAGE },
  })) +
  chunk(event("content_block_start", { index: 0, content_block: { type: "text", text: "" } }));
/** `@@` marks a delta for whoever counts them. */
export const DELTA = chunk(
  event("content_block_delta", {
    index: 0,
    delta: {
      type: "text_delta",
      text: "@@ sixty-four bytes of an answer, or about as many as that",
    },
  }),
);
/** All that comes after the text. */
export const END = chunk(event("content_block_stop", { index: 0 })) +
  chunk(event("message_delta", {
    delta: { stop_reason: "end_turn", stop_sequence: null },
    usage: { output_tokens: 42 },
  })) + chunk(event("message_stop", {})) + "0\r\n\r\n";
