/**
 * Answers of a Messages server for a Messages client.
 *
 * What changes: the model and the id are the client's kind of, what only the vendor says is left out,
 * counts are complete, and failures are those of the dialect.
 *
 * @module
 */

import type { JsonObject } from "../../core/http.ts";
import { encodeSseFrame } from "../../core/sse.ts";
import type { StreamError } from "../event.ts";
import { answerId } from "../ids.ts";
import {
  FrameRelay,
  type FrameVerdict,
  objectField,
  type RelayCodec,
  type RelayContext,
  type RelayedBody,
} from "../relay.ts";
import { decodeStopReason, decodeUsage } from "./decode_content.ts";
import { judgeFailure, readFailure } from "./decode_failure.ts";
import { encodeStopReason, encodeUsage } from "./encode_answer.ts";
import { encodeMessagesErrorBody } from "./encode_error.ts";
import { readString } from "./fields.ts";

const DELTA_LINE = new TextEncoder().encode("event: content_block_delta");
const PING = new TextEncoder().encode(encodeSseFrame({ event: "ping", data: '{"type":"ping"}' }));

function isDelta(bytes: Uint8Array, start: number, lineEnd: number): boolean {
  if (lineEnd - start !== DELTA_LINE.length) return false;
  // From the end: that is where the names of events differ.
  for (let i = DELTA_LINE.length - 1; i >= 0; i--) {
    if (bytes[start + i] !== DELTA_LINE[i]) return false;
  }
  return true;
}

class MessagesRelay extends FrameRelay {
  #usage: JsonObject = {};
  #hasToolUse = false;
  #hasBlocks = false;

  constructor(context: RelayContext) {
    super(context, isDelta);
  }

  protected onFrame(event: string | undefined, value: JsonObject): FrameVerdict {
    const type = readString(value["type"]) ?? event;
    if (type === "ping") return "keep";
    if (type === "error" || type === undefined || value["base_resp"] !== undefined) {
      const failure = readFailure({ ...value, type });
      if (failure !== undefined) return this.failWith(judgeFailure(failure, this.context));
    }
    this.frames++;
    switch (type) {
      case "message_start":
        return this.#onStart(value);
      case "message_delta":
        return this.#onDelta(value);
      case "message_stop":
        this.done = true;
        return { event: type, value: { type } };
      case "content_block_start":
        this.#hasBlocks = true;
        this.#hasToolUse ||= objectField(value, "content_block")["type"] === "tool_use";
        return "keep";
      default:
        return "keep";
    }
  }

  #onStart(value: JsonObject): FrameVerdict {
    // Upstream has begun a second attempt: two must not be joined, and one cannot be taken back.
    if (this.#hasBlocks) {
      return this.failWith({ code: "stream_interrupted", message: "the answer started over" });
    }
    const isFirst = this.usage === undefined;
    const message = objectField(value, "message");
    this.#usage = objectField(message, "usage");
    this.usage = decodeUsage(this.#usage);
    if (!isFirst) return "drop";
    const { base_resp: _mark, ...kept } = message;
    return {
      event: "message_start",
      value: {
        ...value,
        message: {
          ...kept,
          id: answerId("msg_", readString(message["id"]) ?? ""),
          model: this.context.model,
          usage: encodeUsage(this.usage),
        },
      },
    };
  }

  #onDelta(value: JsonObject): FrameVerdict {
    const { base_resp: _mark, ...kept } = value;
    const counts = Object.entries(objectField(value, "usage"))
      .filter(([, count]) => count !== null);
    // Counts are cumulative: they replace, and never add up.
    this.#usage = { ...this.#usage, ...Object.fromEntries(counts) };
    this.usage = decodeUsage(this.#usage);
    const delta = objectField(value, "delta");
    const reason = decodeStopReason(delta["stop_reason"], this.#hasToolUse);
    return {
      event: "message_delta",
      value: {
        ...kept,
        delta: {
          stop_sequence: null,
          ...delta,
          ...(delta["stop_reason"] == null ? {} : { stop_reason: encodeStopReason(reason) }),
        },
        usage: encodeUsage(this.usage),
      },
    };
  }

  protected encodeError(error: StreamError): string {
    return encodeSseFrame({ event: "error", data: JSON.stringify(encodeMessagesErrorBody(error)) });
  }

  heartbeat(): Uint8Array {
    return PING;
  }
}

function relayBody(body: JsonObject, { model }: RelayContext): RelayedBody {
  const { base_resp: _mark, ...kept } = body;
  const usage = decodeUsage(objectField(body, "usage"));
  const content = Array.isArray(body["content"]) ? body["content"] : [];
  const hasToolUse = content.some((block) => block?.type === "tool_use");
  return {
    body: {
      ...kept,
      id: answerId("msg_", readString(body["id"]) ?? ""),
      model,
      stop_reason: encodeStopReason(decodeStopReason(body["stop_reason"], hasToolUse)),
      usage: encodeUsage(usage),
    },
    usage,
  };
}

/** Messages from end to end. */
export const messagesRelayCodec: RelayCodec = {
  createStreamRelay: (context) => new MessagesRelay(context),
  relayBody,
};
