/**
 * A streamed answer of a Messages server: bytes in, canonical events out.
 *
 * Lenient where servers differ: unknown events and fields ride along, blocks that were never closed
 * are closed, missing counts are zero. Strict where an answer would be wrong: one that ends without
 * `message_stop`, holds what is not JSON, or starts over, ends with an error.
 *
 * @module
 */

import { isJsonObject, type JsonObject } from "../../core/http.ts";
import type { StreamDecoder, UpstreamContext } from "../codec.ts";
import type { BlockDelta, OpeningBlock } from "../event.ts";
import { JsonStreamDecoder } from "../stream_decoder.ts";
import {
  decodeAnswerBlock,
  decodeStopReason,
  decodeUsage,
  MESSAGE_FIELDS,
} from "./decode_content.ts";
import { judgeFailure, readFailure } from "./decode_failure.ts";
import { optional, readNumber, readString, restOf } from "./fields.ts";

/** A block that is open. */
interface OpenBlock {
  /** Its place in the canonical order, which has no gaps. */
  index: number;
  type: OpeningBlock["type"];
  /** Arguments to deliver when a tool call closes without having sent any. */
  defaultArguments?: string | undefined;
}

/** Creates the decoder of one answer. */
export function createMessagesStreamDecoder(context: UpstreamContext): StreamDecoder {
  return new MessagesStreamDecoder(context);
}

class MessagesStreamDecoder extends JsonStreamDecoder {
  readonly #context: UpstreamContext;
  /** By the server's own index. */
  readonly #open = new Map<number, OpenBlock>();
  #nextIndex = 0;
  #model = "";
  #usage: JsonObject = {};
  #hasToolUse = false;
  #stopReason: unknown = null;
  #stopSequence: string | undefined;
  #endFields: JsonObject = {};

  constructor(context: UpstreamContext) {
    super();
    this.#context = context;
  }

  protected override onEvent(value: JsonObject, name: string | undefined): void {
    const type = readString(value["type"]) ?? name;
    switch (type) {
      case "content_block_delta":
        return this.#onDelta(value);
      case "content_block_start":
        return this.#onBlockStart(value);
      case "content_block_stop":
        return this.#close(this.#indexOf(value));
      case "ping":
        this.push({ type: "ping" });
        return;
    }
    // Any other event may have a field called `error`, but only MiniMax's envelope fails it.
    if (type === "error" || type === undefined || value["base_resp"] !== undefined) {
      const failure = readFailure({ ...value, type });
      if (failure !== undefined) return this.fail(judgeFailure(failure, this.#context));
    }
    switch (type) {
      case "message_start":
        return this.#onMessageStart(value);
      case "message_delta":
        return this.#onMessageDelta(value);
      case "message_stop":
        return this.#onMessageStop();
      case undefined:
        return;
      default:
        this.push({ type: "opaque", dialect: "messages", name: type, value });
    }
  }

  #onMessageStart(value: JsonObject): void {
    const message = isJsonObject(value["message"]) ? value["message"] : {};
    if (this.#nextIndex > 0) {
      // The server has given up one attempt and begun another. What was sent cannot be taken back,
      // and two attempts must not be joined.
      return this.fail({ code: "stream_interrupted", message: "the answer started over" });
    }
    this.#usage = isJsonObject(message["usage"]) ? message["usage"] : {};
    if (this.started) return;
    this.started = true;
    this.#model = readString(message["model"]) ?? "";
    this.push({
      type: "message_start",
      id: readString(message["id"]) ?? "",
      model: this.#model,
      usage: decodeUsage(this.#usage),
      ...optional("extensions", restOf(message, MESSAGE_FIELDS)),
    });
  }

  #onBlockStart(value: JsonObject): void {
    const raw = value["content_block"];
    if (!isJsonObject(raw)) return;
    const wireIndex = readNumber(value["index"]) ?? this.#nextIndex;
    const block = decodeAnswerBlock(raw, { origin: this.#context.origin, model: this.#model });
    switch (block.type) {
      case "text": {
        const { text, ...rest } = block;
        const open = this.#openBlock(wireIndex, { ...rest, text: "" });
        if (text !== "") this.#pushDelta(open, { type: "text", text });
        return;
      }
      case "thinking": {
        if (block.redacted) {
          this.#openBlock(wireIndex, block);
          return;
        }
        const { text, signature, ...rest } = block;
        const open = this.#openBlock(wireIndex, { ...rest, text: "" });
        if (text !== "") this.#pushDelta(open, { type: "thinking", text });
        if (signature !== undefined) this.#pushDelta(open, { type: "signature", signature });
        return;
      }
      case "tool_use": {
        const open = this.#openBlock(wireIndex, { ...block, arguments: "" });
        // `input` is a placeholder here, never a prefix; a server that sends no pieces has put the
        // whole of it there.
        open.defaultArguments = block.arguments;
        this.#hasToolUse = true;
        return;
      }
      default:
        this.#openBlock(wireIndex, block);
    }
  }

  #onDelta(value: JsonObject): void {
    const delta = value["delta"];
    if (!isJsonObject(delta)) return;
    const wireIndex = this.#indexOf(value);
    const open = this.#open.get(wireIndex);
    if (open?.type === "opaque") {
      return this.#pushDelta(open, { type: "opaque", dialect: "messages", value: delta });
    }
    switch (delta["type"]) {
      case "text_delta": {
        const text = readString(delta["text"]) ?? "";
        if (text !== "") this.#pushDelta(this.#ensure(wireIndex, "text"), { type: "text", text });
        return;
      }
      case "thinking_delta": {
        const text = readString(delta["thinking"]) ?? "";
        if (text !== "") {
          this.#pushDelta(this.#ensure(wireIndex, "thinking"), { type: "thinking", text });
        }
        return;
      }
      case "signature_delta": {
        const signature = readString(delta["signature"]) ?? "";
        if (signature !== "") {
          this.#pushDelta(this.#ensure(wireIndex, "thinking"), { type: "signature", signature });
        }
        return;
      }
      case "citations_delta":
        return this.#pushDelta(this.#ensure(wireIndex, "text"), {
          type: "citation",
          citation: delta["citation"],
        });
      case "input_json_delta": {
        const text = readString(delta["partial_json"]) ?? "";
        if (text === "" || open?.type !== "tool_use") return;
        open.defaultArguments = undefined;
        return this.#pushDelta(open, { type: "arguments", text });
      }
      default:
        if (open !== undefined) {
          this.#pushDelta(open, { type: "opaque", dialect: "messages", value: delta });
        }
    }
  }

  #onMessageDelta(value: JsonObject): void {
    const delta = isJsonObject(value["delta"]) ? value["delta"] : {};
    this.#stopReason = delta["stop_reason"] ?? this.#stopReason;
    this.#stopSequence = readString(delta["stop_sequence"]) ?? this.#stopSequence;
    const fields = {
      ...restOf(value, ["type", "delta", "usage", "base_resp"])?.fields,
      ...restOf(delta, ["stop_reason", "stop_sequence"])?.fields,
    };
    this.#endFields = { ...this.#endFields, ...fields };
    if (isJsonObject(value["usage"])) {
      // Counts are cumulative: they replace, and never add up.
      const counts = Object.entries(value["usage"]).filter(([, count]) => count !== null);
      this.#usage = { ...this.#usage, ...Object.fromEntries(counts) };
    }
  }

  #onMessageStop(): void {
    this.#ensureStarted();
    for (const wireIndex of [...this.#open.keys()]) this.#close(wireIndex);
    this.finish({
      type: "message_end",
      stopReason: decodeStopReason(this.#stopReason, this.#hasToolUse),
      ...optional("stopSequence", this.#stopSequence),
      usage: decodeUsage(this.#usage),
      ...optional("extensions", restOf(this.#endFields, [])),
    });
  }

  #ensureStarted(): void {
    if (!this.started) this.#onMessageStart({});
  }

  /** The block that a delta of `type` belongs to: a new one where the server opened none or another kind. */
  #ensure(wireIndex: number, type: "text" | "thinking"): OpenBlock {
    const open = this.#open.get(wireIndex);
    if (open?.type === type) return open;
    return this.#openBlock(
      wireIndex,
      type === "text" ? { type, text: "" } : {
        type,
        text: "",
        provenance: { origin: this.#context.origin, model: this.#model },
      },
    );
  }

  #openBlock(wireIndex: number, block: OpeningBlock): OpenBlock {
    this.#ensureStarted();
    this.#close(wireIndex);
    const open: OpenBlock = { index: this.#nextIndex++, type: block.type };
    this.#open.set(wireIndex, open);
    this.push({ type: "block_start", index: open.index, block });
    return open;
  }

  #pushDelta(open: OpenBlock, delta: BlockDelta): void {
    this.push({ type: "block_delta", index: open.index, delta });
  }

  #close(wireIndex: number): void {
    const open = this.#open.get(wireIndex);
    if (open === undefined) return;
    if (open.defaultArguments !== undefined) {
      this.#pushDelta(open, { type: "arguments", text: open.defaultArguments });
    }
    this.#open.delete(wireIndex);
    this.push({ type: "block_end", index: open.index });
  }

  /** The server's index of a block; without one, the block opened last. */
  #indexOf(value: JsonObject): number {
    return readNumber(value["index"]) ?? [...this.#open.keys()].at(-1) ?? this.#nextIndex;
  }
}
