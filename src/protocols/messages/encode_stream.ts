/**
 * A streamed answer for a Messages client: canonical events in, text out.
 *
 * Here only one block is open at a time, and they are numbered without gaps. Blocks that upstream
 * fills side by side wait for their turn; one that turns out empty is never opened.
 *
 * @module
 */

import { encodeSseFrame } from "../../core/sse.ts";
import type { AnswerContext, StreamEncoder } from "../codec.ts";
import { createBlockOrder } from "../block_order.ts";
import { encodeSeal } from "../envelope.ts";
import type { BlockDelta, OpeningBlock, StreamEvent, ThinkingBlock } from "../event.ts";
import { answerId, plainCallId } from "../ids.ts";
import { encodeAnswerText, encodeStopReason, encodeUsage, isOwnCitation } from "./encode_answer.ts";
import { encodeMessagesErrorBody } from "./encode_error.ts";
import { fieldsOf } from "./fields.ts";

/** The block that is open upstream. */
interface OpenBlock {
  block: OpeningBlock;
  /** Its `content_block_start` is out. */
  started: boolean;
  /** A thinking block's seal; it comes last. */
  signature: string | undefined;
  /** The text so far of a call whose arguments have to be wrapped. */
  text: string;
}

/** Creates the encoder of one answer. */
export function createMessagesStreamEncoder(context: AnswerContext): StreamEncoder {
  return new MessagesStreamEncoder(context);
}

class MessagesStreamEncoder implements StreamEncoder {
  readonly #context: AnswerContext;
  readonly #push = createBlockOrder(
    (event) => this.#onEvent(event),
    (block) => block.type === "opaque" && block.dialect !== "messages",
  );
  #open: OpenBlock | undefined;
  #nextIndex = 0;
  #out = "";
  #done = false;

  constructor(context: AnswerContext) {
    this.#context = context;
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
      case "block_start": {
        const { block } = event;
        this.#open = { block, started: false, signature: undefined, text: "" };
        // Calls and whole blocks show at once; the others with their first text.
        if (block.type === "tool_use" || block.type === "opaque") this.#start(this.#open);
        return;
      }
      case "block_end":
        if (this.#open !== undefined) this.#end(this.#open);
        this.#open = undefined;
        return;
      case "message_start":
        return this.#onMessageStart(event);
      case "message_end":
        return this.#onMessageEnd(event);
      case "error":
        if (this.#open?.started) this.#stop();
        this.#send("error", encodeMessagesErrorBody(event.error));
        this.#done = true;
        return;
      case "ping":
        return this.#send("ping", {});
      case "opaque":
        if (event.dialect === "messages") this.#send(event.name, event.value);
    }
  }

  #onMessageStart(event: StreamEvent & { type: "message_start" }): void {
    this.#send("message_start", {
      message: {
        ...fieldsOf(event.extensions),
        id: answerId("msg_", event.id),
        type: "message",
        role: "assistant",
        model: this.#context.request.model,
        content: [],
        stop_reason: null,
        stop_sequence: null,
        usage: encodeUsage(event.usage),
      },
    });
  }

  #onMessageEnd(event: StreamEvent & { type: "message_end" }): void {
    const { context_management, ...fields } = fieldsOf(event.extensions);
    this.#send("message_delta", {
      delta: {
        ...fields,
        stop_reason: encodeStopReason(event.stopReason),
        stop_sequence: event.stopSequence ?? null,
      },
      usage: encodeUsage(event.usage),
      ...(context_management === undefined ? {} : { context_management }),
    });
    this.#send("message_stop", {});
    this.#done = true;
  }

  #start(open: OpenBlock): void {
    if (open.started) return;
    open.started = true;
    this.#send("content_block_start", {
      index: this.#nextIndex,
      content_block: openingOf(open.block),
    });
  }

  #end({ block, started, signature, text }: OpenBlock): void {
    if (block.type === "thinking") {
      const sealed: ThinkingBlock = { ...block, signature: signature ?? block.signature };
      if (started) this.#delta({ type: "signature_delta", signature: encodeSeal(sealed) });
      else if (sealed.signature !== undefined) {
        this.#send("content_block_start", {
          index: this.#nextIndex,
          content_block: {
            type: "redacted_thinking",
            data: encodeSeal(sealed),
            ...fieldsOf(block.extensions),
          },
        });
        started = true;
      }
    } else if (block.type === "tool_use" && block.custom) {
      this.#delta({ type: "input_json_delta", partial_json: JSON.stringify({ input: text }) });
    }
    if (started) this.#stop();
  }

  #stop(): void {
    this.#send("content_block_stop", { index: this.#nextIndex++ });
  }

  #onDelta(open: OpenBlock, delta: BlockDelta): void {
    switch (delta.type) {
      case "text":
      case "refusal":
        this.#start(open);
        return this.#piece("text_delta", "text", delta.text);
      case "thinking":
        this.#start(open);
        return this.#piece("thinking_delta", "thinking", delta.text);
      case "arguments":
        if (open.block.type === "tool_use" && open.block.custom) open.text += delta.text;
        else this.#piece("input_json_delta", "partial_json", delta.text);
        return;
      case "signature":
        open.signature = delta.signature;
        return;
      case "citation":
        if (!isOwnCitation(delta.citation)) return;
        this.#start(open);
        return this.#delta({ type: "citations_delta", citation: delta.citation });
      case "opaque":
        if (delta.dialect !== "messages") return;
        this.#start(open);
        this.#delta(delta.value);
    }
  }

  /** A delta of text. Most of a stream is these: they are written without a detour by objects. */
  #piece(type: string, field: string, text: string): void {
    this.#out += 'event: content_block_delta\ndata: {"type":"content_block_delta","index":' +
      `${this.#nextIndex},"delta":{"type":"${type}","${field}":${JSON.stringify(text)}}}\n\n`;
  }

  #delta(delta: object): void {
    this.#send("content_block_delta", { index: this.#nextIndex, delta });
  }

  #send(event: string, fields: object): void {
    this.#out += encodeSseFrame({ event, data: JSON.stringify({ type: event, ...fields }) });
  }
}

/** A block as it opens. */
function openingOf(block: OpeningBlock): object {
  switch (block.type) {
    case "text":
      return encodeAnswerText({ ...block, text: "" });
    case "refusal":
      return { type: "text", text: "" };
    case "thinking":
      return { ...fieldsOf(block.extensions), type: "thinking", thinking: "", signature: "" };
    case "tool_use":
      return {
        ...fieldsOf(block.extensions),
        type: "tool_use",
        id: plainCallId(block.id),
        name: block.name,
        input: {},
      };
    case "opaque":
      return block.value;
  }
}
