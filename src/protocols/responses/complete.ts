/**
 * Fields that strict clients demand of a response, and that a server has left out.
 *
 * The published schema wants every field, null where it is empty; xAI leaves out what it has no word
 * for. What is there stays as it is.
 *
 * @see {@link https://www.openresponses.org | Open Responses}
 * @module
 */

import { isJsonObject, type JsonObject } from "../../core/http.ts";
import type { AnswerContext } from "../codec.ts";
import { answerId } from "../ids.ts";
import { encodeSkeleton } from "./encode_answer.ts";
import { readString } from "./fields.ts";

/** Completes the responses of one answer. */
export function createCompletion(
  answer: AnswerContext,
): (response: JsonObject) => JsonObject {
  let id: string | undefined;
  return (response) => {
    id ??= readString(response["id"]) || answerId("resp_", "");
    const skeleton = encodeSkeleton(id, answer, undefined);
    const kept = Object.entries(response).filter(([name, value]) =>
      value !== undefined && (value !== null || skeleton[name] === undefined)
    );
    const { reasoning, text, tools } = response;
    return {
      ...skeleton,
      // Whether it is kept is upstream's to say.
      store: null,
      ...Object.fromEntries(kept),
      id,
      reasoning: { ...objectOf(skeleton["reasoning"]), ...objectOf(reasoning) },
      text: { ...objectOf(skeleton["text"]), ...objectOf(text) },
      ...(Array.isArray(tools) ? { tools: tools.map(completeTool) } : {}),
    };
  };
}

function objectOf(value: unknown): JsonObject {
  return isJsonObject(value) ? value : {};
}

function completeTool(tool: unknown): unknown {
  return isJsonObject(tool) && tool["type"] === "function"
    ? { description: null, parameters: null, strict: null, ...tool }
    : tool;
}

/** An item as it is when it has ended; the same object where nothing is missing. */
export function completeItem(item: JsonObject, status: "in_progress" | "completed"): JsonObject {
  switch (item["type"]) {
    case "message": {
      const { content } = item;
      const parts = Array.isArray(content) ? content : [];
      const isWhole = item["status"] != null && item["role"] != null && Array.isArray(content) &&
        parts.every((part) => completePart(part) === part);
      return isWhole
        ? item
        : { status, role: "assistant", ...withoutNull(item), content: parts.map(completePart) };
    }
    case "function_call":
      return item["status"] == null ? { ...item, status } : item;
    case "reasoning":
      return Array.isArray(item["summary"]) ? item : { ...item, summary: [] };
    default:
      return item;
  }
}

function withoutNull(item: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(item).filter(([, value]) => value !== null));
}

function completePart(part: unknown): unknown {
  if (!isJsonObject(part) || part["type"] !== "output_text") return part;
  return Array.isArray(part["annotations"]) && Array.isArray(part["logprobs"])
    ? part
    : { ...part, annotations: part["annotations"] ?? [], logprobs: part["logprobs"] ?? [] };
}

/** So far an event says what kind of item it is about, in all that has been seen. */
const HEAD_LENGTH = 300;

/** Whether the text of an item's event shows that {@linkcode completeItem} would change nothing. */
export function isCompleteItem(data: string): boolean {
  const head = data.slice(0, HEAD_LENGTH);
  if (head.includes('"function_call"')) return data.includes('"status"');
  if (head.includes('"reasoning"')) return data.includes('"summary"');
  return data.includes('"status"') && data.includes('"annotations"') &&
    data.includes('"logprobs"');
}
