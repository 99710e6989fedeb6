/**
 * A streamed answer for a Responses client: canonical events in, text out.
 *
 * One item after another, each announced before anything of it, and repeated whole at its end. An item
 * ends when the next one begins or the answer ends: only then is it known whether it is all there.
 * A call that was cut off is never reported as done, for some clients run a call at that word.
 *
 * @module
 */

import type { JsonObject } from "../../core/http.ts";
import { encodeSseComment, encodeSseFrame } from "../../core/sse.ts";
import { createBlockOrder } from "../block_order.ts";
import type { AnswerContext, StreamEncoder } from "../codec.ts";
import type {
  BlockDelta,
  Extensions,
  OpeningBlock,
  RefusalBlock,
  StreamError,
  StreamEvent,
  TextBlock,
} from "../event.ts";
import { answerId } from "../ids.ts";
import { encodeEnding, encodeSkeleton, encodeUsage } from "./encode_answer.ts";
import { encodeResponseError } from "./encode_error.ts";
import {
  encodeAnnotations,
  encodePart,
  isCutCall,
  isSameMessage,
  type ItemBlock,
  ItemEncoder,
  type ItemStatus,
} from "./encode_item.ts";
import { type OpenBlock, openBlock, setDelta, wholeBlock } from "./open_block.ts";

/** Creates the encoder of one answer. */
export function createResponsesStreamEncoder(context: AnswerContext): StreamEncoder {
  return new ResponsesStreamEncoder(context);
}

/** The item that is open downstream. */
interface OpenItem {
  id: string;
  index: number;
  /** What it is made of so far. */
  blocks: ItemBlock[];
}

class ResponsesStreamEncoder implements StreamEncoder {
  readonly #context: AnswerContext;
  readonly #items: ItemEncoder;
  readonly #push = createBlockOrder(
    (event) => this.#onEvent(event),
    (block) => block.type === "opaque" && block.dialect !== "responses",
  );
  #skeleton: JsonObject | undefined;
  #block: OpenBlock | undefined;
  #item: OpenItem | undefined;
  readonly #output: JsonObject[] = [];
  #nextIndex = 0;
  #sequence = 0;
  #hasRefusal = false;
  #out = "";
  #done = false;

  constructor(context: AnswerContext) {
    this.#context = context;
    this.#items = new ItemEncoder(context.request);
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
        if (this.#block !== undefined) this.#onDelta(this.#block, event.delta);
        return;
      case "block_start":
        return this.#onBlockStart(event.block);
      case "block_end":
        if (this.#block !== undefined) this.#onBlockEnd(this.#block, event.extensions);
        this.#block = undefined;
        return;
      case "message_start":
        this.#start(event.id, event.extensions);
        return;
      case "message_end":
        return this.#onMessageEnd(event);
      case "error":
        return this.#onError(event.error);
      case "ping":
        // A frame without meaning would be news to some clients.
        this.#out += encodeSseComment("keepalive");
        return;
      case "opaque": {
        const { sequence_number: _theirs, output_index, response, ...fields } = event.value;
        // What refers to an item or is a state of the whole is told in our own numbers.
        const isForeign = output_index !== undefined || response !== undefined;
        if (event.dialect === "responses" && !isForeign) this.#send(event.name, fields);
      }
    }
  }

  #start(upstreamId: string, extensions: Extensions | undefined): JsonObject {
    if (this.#skeleton !== undefined) return this.#skeleton;
    const id = answerId("resp_", upstreamId);
    this.#items.begin(id);
    this.#skeleton = encodeSkeleton(id, this.#context, extensions);
    const response = JSON.stringify(this.#skeleton);
    this.#sendText("response.created", `"response":${response}`);
    this.#sendText("response.in_progress", `"response":${response}`);
    return this.#skeleton;
  }

  #onBlockStart(block: OpeningBlock): void {
    this.#block = openBlock(block);
    // The others show with their first text.
    if (block.type === "tool_use" || block.type === "opaque") this.#show(this.#block);
  }

  /** Announces the block: its item, and its part of it. */
  #show(open: OpenBlock): OpenItem {
    if (open.shown && this.#item !== undefined) return this.#item;
    open.shown = true;
    const { block } = open;
    const before = this.#item;
    const last = before?.blocks.at(-1);
    const item = before !== undefined && last !== undefined && isSameMessage(block, last)
      ? before
      : this.#openItem(block);
    const at = place(item);
    switch (block.type) {
      case "text":
      case "refusal": {
        const content_index = item.blocks.length;
        const part = encodePart({ type: block.type, text: "" });
        this.#send("response.content_part.added", { ...at, content_index, part });
        setDelta(open, block.type === "text" ? "output_text" : "refusal", {
          ...at,
          content_index,
          ...(block.type === "text" ? { logprobs: [] } : {}),
        });
        break;
      }
      case "tool_use":
        setDelta(open, block.custom ? "custom_tool_call_input" : "function_call_arguments", at);
        break;
      case "thinking":
        setDelta(open, "reasoning_summary_text", { ...at, summary_index: 0 });
    }
    return item;
  }

  #openItem(block: OpeningBlock): OpenItem {
    this.#finishItem("completed");
    const index = this.#nextIndex++;
    const id = this.#items.idFor(block, index);
    this.#item = { id, index, blocks: [] };
    this.#send("response.output_item.added", {
      output_index: index,
      item: this.#items.encodeOpening(block, id),
    });
    return this.#item;
  }

  #onDelta(open: OpenBlock, delta: BlockDelta): void {
    switch (delta.type) {
      case "text":
      case "refusal":
        return this.#addText(open, delta.text);
      case "thinking":
        if (delta.text !== "" && open.text === "") {
          const part = { type: "summary_text", text: "" };
          const at = { ...place(this.#show(open)), summary_index: 0 };
          this.#send("response.reasoning_summary_part.added", { ...at, part });
        }
        return this.#addText(open, delta.text);
      case "arguments": {
        const { block } = open;
        // The shell's action has no form for pieces.
        const isWhole = block.type === "tool_use" && this.#items.isLocalShell(block);
        if (isWhole) open.text += delta.text;
        else this.#addText(open, delta.text);
        return;
      }
      case "signature":
        open.signature = delta.signature;
        return;
      case "citation":
        open.citations.push(delta.citation);
        return;
      case "opaque":
        if (delta.dialect === "responses") this.#onOpaqueDelta(open, delta.value);
    }
  }

  /** A piece of text. Most of a stream is these: they are written without a detour by objects. */
  #addText(open: OpenBlock, text: string): void {
    if (text === "") return;
    if (!open.shown) this.#show(open);
    open.text += text;
    this.#out += `event: ${open.deltaType}\ndata: {"type":"${open.deltaType}","sequence_number":` +
      `${this.#sequence++},${open.delta}${JSON.stringify(text)}}\n\n`;
  }

  /** An event of an item that only this dialect can say: with our place of it. */
  #onOpaqueDelta(open: OpenBlock, value: JsonObject): void {
    open.opaque.push(value);
    const { type, sequence_number: _theirs, item_id, ...fields } = value;
    // The end of the item comes with the end of its block.
    if (this.#item === undefined || typeof type !== "string" || fields["item"] !== undefined) {
      return;
    }
    const { id, index } = this.#item;
    this.#send(type, {
      ...fields,
      ...(item_id === undefined ? {} : { item_id: id }),
      output_index: index,
    });
  }

  #onBlockEnd(open: OpenBlock, late: Extensions | undefined): void {
    const block = wholeBlock(open, late);
    // Reasoning may be nothing but its seal.
    if (!open.shown && !this.#items.isShown(block)) return;
    const item = this.#show(open);
    const at = place(item);
    if (block.type === "text" || block.type === "refusal") this.#endPart(item, block);
    else if (block.type === "thinking" && block.text !== "") {
      const { text } = block;
      const part = { type: "summary_text", text };
      this.#send("response.reasoning_summary_text.done", { ...at, summary_index: 0, text });
      this.#send("response.reasoning_summary_part.done", { ...at, summary_index: 0, part });
    }
    item.blocks.push(block);
  }

  #endPart(item: OpenItem, block: TextBlock | RefusalBlock): void {
    const at = { ...place(item), content_index: item.blocks.length };
    const part = encodePart(block);
    if (block.type === "text") {
      for (const [annotation_index, annotation] of encodeAnnotations(block).entries()) {
        this.#send("response.output_text.annotation.added", {
          ...at,
          annotation_index,
          annotation,
        });
      }
      const { text, logprobs } = part;
      this.#send("response.output_text.done", { ...at, text, logprobs });
    } else {
      this.#hasRefusal = true;
      this.#send("response.refusal.done", { ...at, refusal: block.text });
    }
    this.#send("response.content_part.done", { ...at, part });
  }

  /** Ends the open item, if there is one. */
  #finishItem(ending: ItemStatus): void {
    const item = this.#item;
    this.#item = undefined;
    const [block] = item?.blocks ?? [];
    if (item === undefined || block === undefined) return;
    const encoded = this.#items.encode(item.blocks, item.id, ending);
    this.#output.push(encoded);
    if (isCutCall(block, ending)) return;
    if (block.type === "tool_use" && !this.#items.isLocalShell(block)) {
      const { input, name } = encoded;
      if (block.custom) {
        this.#send("response.custom_tool_call_input.done", { ...place(item), input });
      } else {
        const fields = { name, arguments: block.arguments };
        this.#send("response.function_call_arguments.done", { ...place(item), ...fields });
      }
    }
    this.#send("response.output_item.done", { output_index: item.index, item: encoded });
  }

  #onMessageEnd(event: StreamEvent & { type: "message_end" }): void {
    const ending = encodeEnding(event.stopReason, this.#hasRefusal);
    this.#finishItem(ending.status);
    const skeleton = this.#start("", undefined);
    this.#send(`response.${ending.status}`, {
      response: {
        ...encodeSkeleton(String(skeleton["id"]), this.#context, event.extensions),
        ...ending,
        output: this.#output,
        usage: encodeUsage(event.usage),
      },
    });
    this.#done = true;
  }

  #onError(error: StreamError): void {
    const response = {
      ...this.#start("", undefined),
      status: "failed",
      error: encodeResponseError(error),
      output: this.#output,
    };
    this.#send("response.failed", { response });
    this.#done = true;
  }

  #send(type: string, fields: object): void {
    this.#sendText(type, JSON.stringify(fields).slice(1, -1));
  }

  /** One frame; `fields` is JSON without its braces. */
  #sendText(type: string, fields: string): void {
    const head = `{"type":${JSON.stringify(type)},"sequence_number":${this.#sequence++}`;
    const data = fields === "" ? `${head}}` : `${head},${fields}}`;
    this.#out += encodeSseFrame({ event: type, data });
  }
}

function place({ id, index }: OpenItem): { item_id: string; output_index: number } {
  return { item_id: id, output_index: index };
}
