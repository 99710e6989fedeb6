/**
 * A streamed answer of a Chat Completions server: bytes in, canonical events out.
 *
 * Lenient where servers differ, which is nearly everywhere. The answer ends with `[DONE]`, or with its
 * bytes once a finish reason was seen; without either it was cut short.
 *
 * @module
 */

import { isJsonObject, type JsonObject } from "../../core/http.ts";
import type { StreamDecoder, UpstreamContext } from "../codec.ts";
import type { BlockDelta, OpeningBlock } from "../event.ts";
import { ZERO_USAGE } from "../event.ts";
import { settleStopReason } from "../stop_reason.ts";
import { JsonStreamDecoder } from "../stream_decoder.ts";
import { ANSWER_FIELDS, thinkingText } from "./decode_content.ts";
import { judgeFailure, readFailure } from "./decode_failure.ts";
import { RESPONSE_FIELDS } from "./decode_response.ts";
import { optional, readString, restOf } from "./fields.ts";
import { type CallSink, OpenCalls } from "./open_calls.ts";
import { decodeFinishReason, decodeUsage } from "./usage.ts";

const DELTA_FIELDS: ReadonlySet<string> = new Set([...ANSWER_FIELDS, "index"]);

/** Creates the decoder of one answer. */
export function createChatStreamDecoder(context: UpstreamContext): StreamDecoder {
  return new ChatStreamDecoder(context);
}

class ChatStreamDecoder extends JsonStreamDecoder implements CallSink {
  readonly #context: UpstreamContext;
  readonly #calls = new OpenCalls(this);
  /** The text, thinking or refusal that is being written. */
  #open: { index: number; type: OpeningBlock["type"] } | undefined;
  #nextIndex = 0;
  id = "";
  #model = "";
  #finishReason: string | undefined;
  #usage: unknown;
  #delivered = { call: false, refusal: false };
  #endFields: JsonObject = {};

  constructor(context: UpstreamContext) {
    super();
    this.#context = context;
  }

  protected override onDone(): void {
    this.#finish();
  }

  protected override onEnd(): void {
    if (this.#finishReason === undefined) this.interrupt();
    else this.#finish();
  }

  protected override onEvent(chunk: JsonObject, name: string | undefined): void {
    const choices: unknown = chunk["choices"];
    if (chunk["error"] != null || chunk["base_resp"] != null || !Array.isArray(choices)) {
      const failure = readFailure({ ...chunk, type: name ?? chunk["type"] });
      if (failure !== undefined) return this.fail(judgeFailure(failure, this.#context));
    }
    if (isJsonObject(chunk["usage"])) this.#usage = chunk["usage"];
    const choice: unknown = Array.isArray(choices)
      ? choices.find((one) => isJsonObject(one) && (one["index"] ?? 0) === 0)
      : undefined;
    if (!isJsonObject(choice)) return;
    this.#start(chunk);
    this.#onChoice(choice);
    // The chunks in between repeat what the first one said.
    if (this.#finishReason !== undefined) {
      this.#endFields = { ...this.#endFields, ...restOf(chunk, RESPONSE_FIELDS)?.fields };
    }
  }

  #start(chunk: JsonObject): void {
    if (this.started) return;
    this.started = true;
    this.id = readString(chunk["id"]) ?? "";
    this.#model = readString(chunk["model"]) ?? "";
    this.push({
      type: "message_start",
      id: this.id,
      model: this.#model,
      usage: ZERO_USAGE,
      ...optional("extensions", restOf(chunk, [...RESPONSE_FIELDS, "obfuscation"])),
    });
  }

  #onChoice(choice: JsonObject): void {
    // Some servers send a last chunk that has the message as a whole answer would.
    const delta = choice["delta"];
    if (isJsonObject(delta)) this.#onDelta(delta);
    if (choice["logprobs"] != null && this.#open !== undefined) {
      const { logprobs } = choice;
      this.#pushDelta(this.#open.index, { type: "opaque", dialect: "chat", value: { logprobs } });
    }
    // Absent as well as null until the end.
    this.#finishReason = readString(choice["finish_reason"]) || this.#finishReason;
  }

  #onDelta(delta: JsonObject): void {
    this.#write("thinking", readString(delta["reasoning_content"] ?? delta["reasoning"]));
    const content: unknown = delta["content"];
    if (Array.isArray(content)) {
      for (const part of content.filter(isJsonObject)) {
        if (part["type"] === "thinking") this.#write("thinking", thinkingText(part["thinking"]));
        else if (part["type"] === "text") this.#write("text", readString(part["text"]));
      }
    } else this.#write("text", readString(content));
    this.#write("refusal", readString(delta["refusal"]));
    if (Array.isArray(delta["annotations"]) && this.#open?.type === "text") {
      for (const citation of delta["annotations"]) {
        this.#pushDelta(this.#open.index, { type: "citation", citation });
      }
    }
    if (Array.isArray(delta["tool_calls"])) {
      for (const call of delta["tool_calls"].filter(isJsonObject)) this.#calls.add(call);
    }
    if (isJsonObject(delta["function_call"])) {
      this.#calls.add({ index: "function_call", function: delta["function_call"] });
    }
    if (this.#open !== undefined && Object.keys(delta).some((name) => !DELTA_FIELDS.has(name))) {
      const value = restOf(delta, [...DELTA_FIELDS])?.fields ?? {};
      this.#pushDelta(this.#open.index, { type: "opaque", dialect: "chat", value });
    }
  }

  #write(type: "text" | "thinking" | "refusal", text: string | undefined): void {
    if (text === undefined || text === "") return;
    if (this.#open?.type !== type) {
      this.#closeOpen();
      const provenance = { origin: this.#context.origin, model: this.#model };
      this.#open = {
        type,
        index: this.openBlock(
          type === "thinking" ? { type, text: "", provenance } : { type, text: "" },
        ),
      };
      if (type === "refusal") this.#delivered.refusal = true;
    }
    this.#pushDelta(this.#open.index, { type, text });
  }

  #closeOpen(): void {
    if (this.#open !== undefined) this.closeBlock(this.#open.index);
    this.#open = undefined;
  }

  openBlock(block: OpeningBlock): number {
    if (block.type === "tool_use") {
      this.#closeOpen();
      this.#delivered.call = true;
    }
    const index = this.#nextIndex++;
    this.push({ type: "block_start", index, block });
    return index;
  }

  pushArguments(index: number, text: string): void {
    this.#pushDelta(index, { type: "arguments", text });
  }

  closeBlock(index: number): void {
    this.push({ type: "block_end", index });
  }

  #pushDelta(index: number, delta: BlockDelta): void {
    this.push({ type: "block_delta", index, delta });
  }

  #finish(): void {
    // `[DONE]` without a reason is an end, but not one in the middle of a call.
    const isCut = this.#finishReason === undefined && !this.#calls.areWhole;
    if (!this.started || isCut) return this.interrupt();
    this.#closeOpen();
    this.#calls.close();
    this.finish({
      type: "message_end",
      stopReason: settleStopReason(decodeFinishReason(this.#finishReason), this.#delivered),
      usage: decodeUsage(this.#usage),
      ...optional("extensions", restOf(this.#endFields, ["obfuscation"])),
    });
  }
}
