/**
 * Answers of a Responses server for a Responses client.
 *
 * What changes: the model is named as the client names it, sealed reasoning travels in its envelope,
 * calls that the server has run itself are not shown as calls, counts and fields are complete, and a
 * stream always ends with a terminal event. Everything else goes on as it came, ids and numbers included.
 *
 * @module
 */

import { isJsonObject, type JsonObject } from "../../core/http.ts";
import { encodeSseComment, encodeSseFrame, type SseFrame } from "../../core/sse.ts";
import { encodeSeal } from "../envelope.ts";
import type { StreamError } from "../event.ts";
import {
  FrameRelay,
  type FrameVerdict,
  objectField,
  type RelayCodec,
  type RelayContext,
  type RelayedBody,
} from "../relay.ts";
import { completeItem, createCompletion, isCompleteItem } from "./complete.ts";
import { decodeUsage, itemKind, reasoningText } from "./decode_content.ts";
import { judgeFailure, readFailure } from "./decode_failure.ts";
import { encodeResponseError } from "./encode_error.ts";
import { readNumber, readString } from "./fields.ts";

const HEAD = new TextEncoder().encode("event: response.");
/** Events of a piece of text, and of a text that is whole. */
const TAILS = [".delta", "_text.done", "_part.done", "_arguments.done"]
  .map((tail) => new TextEncoder().encode(tail));
const KEEPALIVE = new TextEncoder().encode(encodeSseComment("keepalive"));

/** Whether all that an event holds is text: pieces of one, or the whole of it once more. */
function isText(bytes: Uint8Array, start: number, lineEnd: number): boolean {
  for (let i = HEAD.length - 1; i >= 0; i--) if (bytes[start + i] !== HEAD[i]) return false;
  return TAILS.some((tail) => {
    const from = lineEnd - tail.length;
    if (from < start + HEAD.length) return false;
    for (let i = 0; i < tail.length; i++) if (bytes[from + i] !== tail[i]) return false;
    return true;
  });
}

class ResponsesRelay extends FrameRelay {
  /** The response as upstream told it last. */
  #snapshot: JsonObject = {};
  /** Places of items that the client is not shown. */
  readonly #hidden = new Set<number>();
  #dropped = 0;
  readonly #complete: (response: JsonObject) => JsonObject;
  /** Frames and number of the last one that was looked at. */
  #numbered = { frames: 0, number: -1 };

  constructor(context: RelayContext) {
    // With hidden items or missing numbers every frame has to be looked at.
    super(
      context,
      (bytes, start, lineEnd) => this.#dropped === 0 && isText(bytes, start, lineEnd),
    );
    this.#complete = completionFor(context);
  }

  protected override isPlain({ event, data }: SseFrame): boolean {
    return event === "response.output_item.done" && this.#dropped === 0 && isCompleteItem(data) &&
      !data.includes('"encrypted_content"') && !data.includes('"custom_tool_call"');
  }

  protected onFrame(event: string | undefined, value: JsonObject): FrameVerdict {
    const type = readString(value["type"]) ?? event;
    if (type === undefined || type === "error" || type === "response.failed") {
      const failure = readFailure(objectField(value, "response")) ??
        readFailure({ ...value, type });
      const told = failure ?? (type === undefined ? undefined : {});
      if (told !== undefined) return this.failWith(judgeFailure(told, this.context));
    }
    this.frames++;
    const number = readNumber(value["sequence_number"]);
    if (number !== undefined) this.#numbered = { frames: this.frames, number };
    const verdict = this.#judge(type!, value);
    if (verdict === "drop") {
      this.#dropped++;
      return verdict;
    }
    if (this.#dropped === 0 || number === undefined) return verdict;
    const edited = verdict === "keep" ? { event: type!, value } : verdict;
    return {
      ...edited,
      value: { ...edited.value, sequence_number: number - this.#dropped },
    };
  }

  #judge(type: string, value: JsonObject): FrameVerdict {
    if (isJsonObject(value["response"])) return this.#onResponse(type, value, value["response"]);
    const place = readNumber(value["output_index"]);
    const item = value["item"];
    if (isJsonObject(item) && place !== undefined && isInternal(item, this.context)) {
      this.#hidden.add(place);
    }
    if (place !== undefined && this.#hidden.has(place)) return "drop";
    if (!isJsonObject(item)) return "keep";
    const status = type === "response.output_item.added" ? "in_progress" : "completed";
    const edited = seal(completeItem(item, status), this.context, this.#snapshot);
    return edited === item ? "keep" : { event: type, value: { ...value, item: edited } };
  }

  #onResponse(type: string, value: JsonObject, response: JsonObject): FrameVerdict {
    this.#snapshot = { ...this.#snapshot, ...response };
    const isLast = /^response\.(completed|incomplete|done)$/.test(type);
    if (isJsonObject(response["usage"])) this.usage = decodeUsage(response["usage"]);
    if (isLast) {
      this.done = true;
      this.usage ??= decodeUsage(undefined);
    }
    const edited = edit(response, this.context, isLast, this.#complete);
    return { event: type, value: { ...value, response: edited } };
  }

  protected encodeError(error: StreamError): string {
    // Frames that were not looked at had numbers too.
    const { frames, number } = this.#numbered;
    const event = "response.failed";
    return encodeSseFrame({
      event,
      data: JSON.stringify({
        type: event,
        sequence_number: number + this.frames - frames + 1 - this.#dropped,
        response: {
          ...edit(this.#snapshot, this.context, false, this.#complete),
          status: "failed",
          error: encodeResponseError(error),
        },
      }),
    });
  }

  heartbeat(): Uint8Array {
    return KEEPALIVE;
  }
}

function isInternal(item: JsonObject, { origin, customTools }: RelayContext): boolean {
  return item["type"] === "custom_tool_call" &&
    itemKind(item, { provenance: { origin }, customTools }) === "other";
}

/** An item whose sealed reasoning says whose it is. */
function seal(item: JsonObject, { origin }: RelayContext, response: JsonObject): JsonObject {
  const signature = readString(item["encrypted_content"]);
  if (signature === undefined) return item;
  const model = readString(response["model"]);
  const provenance = { origin, model };
  const redacted = reasoningText(item) === "";
  return {
    ...item,
    encrypted_content: encodeSeal({ type: "thinking", text: "", signature, redacted, provenance }),
  };
}

function completionFor(
  { request, model, createdAt = 0 }: RelayContext,
): (response: JsonObject) => JsonObject {
  return createCompletion({
    request: { messages: [], stream: false, ...request, model },
    createdAt,
  });
}

function edit(
  response: JsonObject,
  context: RelayContext,
  isLast: boolean,
  complete: (response: JsonObject) => JsonObject,
): JsonObject {
  const { usage, output } = response;
  const shown = (Array.isArray(output) ? output : [])
    .filter((item) => !isJsonObject(item) || !isInternal(item, context))
    .map((item) =>
      isJsonObject(item) ? seal(completeItem(item, "completed"), context, response) : item
    );
  return {
    ...complete(response),
    model: context.model,
    output: shown,
    ...(isJsonObject(usage) || isLast ? { usage: completeUsage(usage) } : {}),
  };
}

/** Clients fail on an answer whose counts are not all there. */
function completeUsage(value: unknown): JsonObject {
  const usage = isJsonObject(value) ? value : {};
  const count = (name: string) => readNumber(usage[name]) ?? 0;
  const [input, output] = [count("input_tokens"), count("output_tokens")];
  return {
    ...usage,
    input_tokens: input,
    input_tokens_details: { cached_tokens: 0, ...objectField(usage, "input_tokens_details") },
    output_tokens: output,
    output_tokens_details: { reasoning_tokens: 0, ...objectField(usage, "output_tokens_details") },
    total_tokens: readNumber(usage["total_tokens"]) ?? input + output,
  };
}

function relayBody(body: JsonObject, context: RelayContext): RelayedBody {
  const edited = edit(body, context, true, completionFor(context));
  return { body: edited, usage: decodeUsage(body["usage"]) };
}

/** Responses from end to end. */
export const responsesRelayCodec: RelayCodec = {
  createStreamRelay: (context) => new ResponsesRelay(context),
  relayBody,
};
