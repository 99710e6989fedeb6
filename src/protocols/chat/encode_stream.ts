/**
 * A streamed answer for a Chat Completions client: canonical events in, text out.
 *
 * Tool calls leave whole, each in one chunk: clients put fragments together in many ways, not all of
 * them right. Texts follow one another, so that what upstream writes side by side is not mixed.
 *
 * @module
 */

import { isJsonObject } from "../../core/http.ts";
import { encodeSseComment } from "../../core/sse.ts";
import { encodeOpenAiErrorObject } from "../answer_error.ts";
import { createBlockOrder } from "../block_order.ts";
import type { AnswerContext, StreamEncoder } from "../codec.ts";
import type { BlockDelta, OpeningBlock, StreamEvent } from "../event.ts";
import { answerId } from "../ids.ts";
import { encodeAnnotations, encodeToolCall, SEPARATOR } from "./encode_content.ts";
import { fieldsOf } from "./fields.ts";
import { encodeFinishReason, encodeUsage } from "./usage.ts";

/** Creates the encoder of one answer. */
export function createChatStreamEncoder(context: AnswerContext): StreamEncoder {
  return new ChatStreamEncoder(context);
}

/** The block that is open upstream. */
interface OpenBlock {
  block: OpeningBlock;
  /** Arguments of a call, or what of a text its citations refer to. */
  text: string;
  citations: unknown[];
}

/** What has been written into one field of the message. */
interface Field {
  length: number;
  /** The block written last was another's. */
  parted: boolean;
}

class ChatStreamEncoder implements StreamEncoder {
  readonly #context: AnswerContext;
  readonly #push = createBlockOrder(
    (event) => this.#onEvent(event),
    (block) => block.type === "opaque" && block.dialect !== "chat",
  );
  readonly #includesUsage: boolean;
  /** What each chunk begins and ends with. */
  #head = "";
  #tail = "}\n\n";
  #open: OpenBlock | undefined;
  readonly #content: Field = { length: 0, parted: false };
  readonly #reasoning: Field = { length: 0, parted: false };
  #calls = 0;
  #hasRefusal = false;
  #out = "";
  #done = false;

  constructor(context: AnswerContext) {
    this.#context = context;
    const options = fieldsOf(context.request.extensions)["stream_options"];
    this.#includesUsage = isJsonObject(options) && options["include_usage"] === true;
  }

  write(events: readonly StreamEvent[]): string {
    for (const event of events) if (!this.#done) this.#push(event);
    const out = this.#out;
    this.#out = "";
    return out;
  }

  #onEvent(event: StreamEvent): void {
    switch (event.type) {
      case "block_delta":
        if (this.#open !== undefined) this.#onDelta(this.#open, event.delta);
        return;
      case "block_start":
        this.#open = { block: event.block, text: "", citations: [] };
        if (event.block.type !== "text") this.#content.parted = true;
        if (event.block.type === "thinking") this.#reasoning.parted = true;
        return;
      case "block_end":
        if (this.#open !== undefined) this.#onBlockEnd(this.#open);
        this.#open = undefined;
        return;
      case "message_start":
        return this.#onMessageStart(event);
      case "message_end":
        return this.#onMessageEnd(event);
      case "error":
        this.#out += `data: ${JSON.stringify({ error: encodeOpenAiErrorObject(event.error) })}\n\n`;
        this.#done = true;
        return;
      case "ping":
        // A chunk without content would be news to some clients.
        this.#out += encodeSseComment("keepalive");
    }
  }

  #onMessageStart(event: StreamEvent & { type: "message_start" }): void {
    const { choice: _choice, ...fields } = fieldsOf(event.extensions);
    const head = JSON.stringify({
      created: Math.floor(this.#context.createdAt / 1000),
      ...fields,
      id: answerId("chatcmpl-", event.id),
      object: "chat.completion.chunk",
      model: this.#context.request.model,
    });
    this.#head = `data: ${head.slice(0, -1)},"choices":[`;
    this.#tail = this.#includesUsage ? '],"usage":null}\n\n' : "]}\n\n";
    this.#delta('{"role":"assistant","content":""}');
  }

  #onDelta(open: OpenBlock, delta: BlockDelta): void {
    switch (delta.type) {
      case "text":
        open.text += delta.text;
        return this.#piece("content", this.#content, delta.text);
      case "thinking":
        return this.#piece("reasoning_content", this.#reasoning, delta.text);
      case "refusal":
        this.#hasRefusal = true;
        return this.#delta(`{"refusal":${JSON.stringify(delta.text)}}`);
      case "arguments":
        open.text += delta.text;
        return;
      case "citation":
        open.citations.push(delta.citation);
        return;
      case "opaque": {
        const logprobs = delta.dialect === "chat" ? delta.value["logprobs"] : undefined;
        if (logprobs !== undefined) this.#choice("{}", "null", JSON.stringify(logprobs));
      }
    }
  }

  /** A piece of text. Most of a stream is these: they are written without a detour by objects. */
  #piece(name: string, field: Field, text: string): void {
    if (text === "") return;
    const whole = field.parted && field.length > 0 ? SEPARATOR + text : text;
    field.parted = false;
    field.length += whole.length;
    this.#delta(`{"${name}":${JSON.stringify(whole)}}`);
  }

  #onBlockEnd({ block, text, citations }: OpenBlock): void {
    switch (block.type) {
      case "text": {
        const all = [...block.citations ?? [], ...citations];
        const annotations = encodeAnnotations(
          { text, citations: all },
          this.#content.length - text.length,
        );
        if (annotations.length > 0) this.#delta(JSON.stringify({ annotations }));
        return;
      }
      case "tool_use": {
        const call = encodeToolCall({
          ...block,
          arguments: text === "" && !block.custom ? "{}" : text,
        });
        return this.#delta(JSON.stringify({ tool_calls: [{ index: this.#calls++, ...call }] }));
      }
      case "opaque":
        this.#delta(JSON.stringify({ tool_calls: [{ ...block.value, index: this.#calls++ }] }));
    }
  }

  #onMessageEnd(event: StreamEvent & { type: "message_end" }): void {
    this.#choice("{}", JSON.stringify(encodeFinishReason(event.stopReason, this.#hasRefusal)));
    if (this.#includesUsage) {
      this.#out += `${this.#head}],"usage":${JSON.stringify(encodeUsage(event.usage))}}\n\n`;
    }
    this.#out += "data: [DONE]\n\n";
    this.#done = true;
  }

  #delta(delta: string): void {
    this.#choice(delta, "null");
  }

  #choice(delta: string, finishReason: string, logprobs = "null"): void {
    this.#out += `${this.#head}{"index":0,"delta":${delta},"logprobs":${logprobs},` +
      `"finish_reason":${finishReason}}${this.#tail}`;
  }
}
