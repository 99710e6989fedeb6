/**
 * A streamed answer of a Responses server: bytes in, canonical events out.
 *
 * Items are told apart by `output_index`: their ids rotate on some hosts, they interleave, and their
 * numbers have gaps. What an item's last event or the final snapshot shows completes what its deltas
 * have left out. Unknown events are passed over or ride along. An answer that ends without its
 * terminal event ends with an error.
 *
 * @module
 */

import { isJsonObject, type JsonObject } from "../../core/http.ts";
import type { StreamDecoder, UpstreamContext } from "../codec.ts";
import { type OpeningBlock, ZERO_USAGE } from "../event.ts";
import { JsonStreamDecoder } from "../stream_decoder.ts";
import {
  decodeStopReason,
  decodeUsage,
  type ItemContext,
  type ItemKind,
  RESPONSE_FIELDS,
} from "./decode_content.ts";
import { judgeFailure, readFailure } from "./decode_failure.ts";
import { optional, readNumber, readString, restOf } from "./fields.ts";
import { type ItemSink, OpenItem } from "./open_item.ts";

/** Creates the decoder of one answer. */
export function createResponsesStreamDecoder(context: UpstreamContext): StreamDecoder {
  return new ResponsesStreamDecoder(context);
}

class ResponsesStreamDecoder extends JsonStreamDecoder implements ItemSink {
  readonly #upstream: UpstreamContext;
  /** By output index. */
  readonly #items = new Map<number, OpenItem>();
  #last: OpenItem | undefined;
  #nextIndex = 0;
  #delivered = { call: false, refusal: false };
  context: ItemContext;

  constructor(upstream: UpstreamContext) {
    super();
    this.#upstream = upstream;
    this.context = {
      provenance: { origin: upstream.origin, model: "" },
      customTools: upstream.customTools,
    };
  }

  open(block: OpeningBlock, item: OpenItem): number {
    this.#start({});
    // Reasoning that has shown nothing yet comes before what it has led to.
    for (const other of this.#items.values()) {
      if (
        other.kind === "reasoning" && !other.done && !other.started &&
        other.outputIndex < item.outputIndex
      ) other.startReasoning();
    }
    if (block.type === "tool_use") this.#delivered.call = true;
    if (block.type === "refusal") this.#delivered.refusal = true;
    const index = this.#nextIndex++;
    this.push({ type: "block_start", index, block });
    return index;
  }

  contradiction(): void {
    this.fail({ code: "upstream", message: "the answer contradicts itself" });
  }

  protected override onEvent(event: JsonObject, name: string | undefined): void {
    const type = readString(event["type"]) ?? name;
    switch (type) {
      case "response.output_text.delta":
        return this.#message(event)?.addText(contentIndex(event), "text", text(event, "delta"));
      case "response.refusal.delta":
        return this.#message(event)?.addText(contentIndex(event), "refusal", text(event, "delta"));
      case "response.reasoning_summary_text.delta":
        return this.#reasoning(event)
          ?.addReasoning("summary", summaryIndex(event), text(event, "delta"));
      case "response.reasoning_text.delta":
        return this.#reasoning(event)
          ?.addReasoning("content", contentIndex(event), text(event, "delta"));
      case "response.function_call_arguments.delta":
        return this.#call(event, "function_call")?.addArguments(text(event, "delta"));
      case "response.function_call_arguments.done":
        return this.#call(event, "function_call")?.completeArguments(text(event, "arguments"));
      case "response.custom_tool_call_input.delta":
        return this.#call(event, "custom_tool_call")?.addArguments(text(event, "delta"));
      case "response.custom_tool_call_input.done":
        return this.#call(event, "custom_tool_call")?.completeArguments(text(event, "input"));
      case "response.output_text.done":
        return this.#message(event)?.completeText(contentIndex(event), "text", text(event, "text"));
      case "response.refusal.done":
        return this.#message(event)
          ?.completeText(contentIndex(event), "refusal", text(event, "refusal"));
      case "response.output_text.annotation.added":
        return this.#message(event)?.addCitation(contentIndex(event), event["annotation"]);
      case "response.reasoning_summary_text.done":
        return this.#reasoning(event)
          ?.completeReasoning("summary", summaryIndex(event), text(event, "text"));
      case "response.reasoning_text.done":
        return this.#reasoning(event)
          ?.completeReasoning("content", contentIndex(event), text(event, "text"));
      case "response.output_item.added":
        return this.#onItemAdded(event);
      case "response.output_item.done":
        return this.#onItemDone(event);
      case "response.created":
        if (this.#nextIndex > 0) {
          // What was sent cannot be taken back, and two attempts must not be joined.
          return this.fail({ code: "stream_interrupted", message: "the answer started over" });
        }
        return this.#start(responseOf(event));
      case "response.queued":
      case "response.in_progress":
        return this.#start(responseOf(event));
      case "response.completed":
      case "response.incomplete":
      case "response.failed":
      case "response.cancelled":
      case "response.done":
        return this.#onTerminal(type, event);
      // Their content comes with the events of the text or the item.
      case "response.content_part.added":
      case "response.content_part.done":
      case "response.reasoning_summary_part.added":
      case "response.reasoning_summary_part.done":
        return;
      case "keepalive":
      case "ping":
        return this.push({ type: "ping" });
      default:
        return this.#onOther(type, event);
    }
  }

  #onItemAdded(event: JsonObject): void {
    const item = event["item"];
    if (!isJsonObject(item)) return;
    const outputIndex = this.#outputIndexOf(event);
    if (this.#items.has(outputIndex)) return;
    this.#add(outputIndex, item);
  }

  #onItemDone(event: JsonObject): void {
    const item = event["item"];
    if (!isJsonObject(item)) return;
    (this.#find(event) ?? this.#add(this.#outputIndexOf(event), item)).finish(item);
  }

  #onOther(type: string | undefined, event: JsonObject): void {
    // Any other event may have a field called `error`, as may an item of it.
    if (type === "error" || type === undefined) {
      const failure = readFailure({ ...event, type });
      if (failure !== undefined) return this.fail(judgeFailure(failure, this.#upstream));
    }
    if (type === undefined) return;
    const item = this.#find(event);
    if (item?.kind === "other") return item.addOpaque(event);
    // Before the answer has begun, an event of its own would pass for its beginning.
    if (this.started) {
      this.push({ type: "opaque", dialect: "responses", name: type, value: event });
    }
  }

  #onTerminal(type: string, event: JsonObject): void {
    const response = responseOf(event);
    const status = readString(response["status"]) ?? type.slice("response.".length);
    if (status === "failed" || status === "cancelled" || type === "response.failed") {
      return this.fail(
        judgeFailure(
          readFailure(response) ?? { message: `the answer has ${status}` },
          this.#upstream,
        ),
      );
    }
    this.#start(response);
    this.#finishFrom(response["output"]);
    this.finish({
      type: "message_end",
      stopReason: decodeStopReason(
        { ...response, status: type === "response.incomplete" ? "incomplete" : status },
        this.#delivered,
      ),
      usage: decodeUsage(response["usage"]),
      ...optional("extensions", restOf(response, RESPONSE_FIELDS)),
    });
  }

  /**
   * Completes the items from the final snapshot. It has no output indexes, and its ids need not be
   * those of the events; but it has the items in their order.
   */
  #finishFrom(output: unknown): void {
    const items = [...this.#items.values()].sort((a, b) => a.outputIndex - b.outputIndex);
    for (const item of Array.isArray(output) ? output.filter(isJsonObject) : []) {
      const at = items.findIndex(({ value }) => value["type"] === item["type"]);
      if (at === -1) this.#add(this.#nextOutputIndex(), item).finish(item);
      else items.splice(at, 1)[0]!.finish(item);
    }
    for (const item of items) item.abandon();
  }

  #start(response: JsonObject): void {
    if (this.started) return;
    this.started = true;
    const model = readString(response["model"]) ?? "";
    this.context = { ...this.context, provenance: { origin: this.#upstream.origin, model } };
    this.push({
      type: "message_start",
      id: readString(response["id"]) ?? "",
      model,
      usage: ZERO_USAGE,
      ...optional("extensions", restOf(response, RESPONSE_FIELDS)),
    });
  }

  #add(outputIndex: number, value: JsonObject): OpenItem {
    this.#start({});
    const item = new OpenItem(this, outputIndex, value);
    this.#items.set(outputIndex, item);
    this.#last = item;
    return item;
  }

  #message(event: JsonObject): OpenItem | undefined {
    return this.#itemFor(event, "message", "message");
  }

  #reasoning(event: JsonObject): OpenItem | undefined {
    return this.#itemFor(event, "reasoning", "reasoning");
  }

  /** Events of calls that the server runs itself ride along with those. */
  #call(event: JsonObject, type: string): OpenItem | undefined {
    const item = this.#itemFor(event, "call", type);
    if (item === undefined) this.#find(event, type)?.addOpaque(event);
    return item;
  }

  /** The item whose content an event brings, made up where none was announced; none once it is over. */
  #itemFor(event: JsonObject, kind: ItemKind, type: string): OpenItem | undefined {
    const item = this.#find(event, type) ?? this.#add(this.#outputIndexOf(event), { type });
    return item.kind === kind && !item.done ? item : undefined;
  }

  /**
   * The item that an event belongs to: by its output index; else by id, else the latest of its type.
   */
  #find(event: JsonObject, type?: string): OpenItem | undefined {
    const outputIndex = readNumber(event["output_index"]);
    if (outputIndex !== undefined) return this.#items.get(outputIndex);
    const id = event["item_id"] ?? (isJsonObject(event["item"]) ? event["item"]["id"] : undefined);
    if (id !== undefined) {
      for (const item of this.#items.values()) if (item.value["id"] === id) return item;
    }
    return type !== undefined && this.#last?.value["type"] === type ? this.#last : undefined;
  }

  #outputIndexOf(event: JsonObject): number {
    return readNumber(event["output_index"]) ?? this.#nextOutputIndex();
  }

  #nextOutputIndex(): number {
    return Math.max(-1, ...this.#items.keys()) + 1;
  }
}

function responseOf(event: JsonObject): JsonObject {
  return isJsonObject(event["response"]) ? event["response"] : {};
}

/** A field that must be a string; anything else counts as nothing. */
function text(event: JsonObject, name: string): string {
  return readString(event[name]) ?? "";
}

function contentIndex(event: JsonObject): number {
  return readNumber(event["content_index"]) ?? 0;
}

function summaryIndex(event: JsonObject): number {
  return readNumber(event["summary_index"]) ?? 0;
}
