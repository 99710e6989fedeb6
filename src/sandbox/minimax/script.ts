/**
 * What the sandbox answers to a message: decided by what the last user message says, so that people
 * and tests can steer it. The same request has the same answer, ids apart.
 *
 * | in the text | answer |
 * |---|---|
 * | `[tool]`, `[tool:NAME]`, `[tool:NAME {"a":1}]` | calls the first tool, or that one, with that input |
 * | `[tools:N]` | N calls, over the tools in turn |
 * | `[thinking]` | some sentences of thinking |
 * | `[long:N]` | N words |
 * | `[max_tokens]` | breaks off with that stop reason; a tool's input breaks off too |
 * | `[refusal]` | no content, stop reason `refusal` |
 * | `[error:CODE]`, `[error:CODE,200]` | a vendor code or HTTP status; as HTTP 200 with `base_resp` |
 * | `[midstream-error]`, `[midstream-error:CODE]` | an `error` event half-way |
 * | `[cut]`, `[cut:stop]` | ends half-way; ends before `message_stop` |
 * | `[hang]` | falls silent half-way |
 * | `[slow]` | waits half a second before each frame |
 *
 * @module
 */

import { type JsonObject, parseJsonObject } from "../../core/http.ts";
import { decideCalls, type Ending, readEnding, withoutDirectives } from "../directives.ts";
import { digest } from "../ledger.ts";
import {
  describeResult,
  describeSandbox,
  limitWords,
  LONG_THOUGHT,
  longText,
  sampleObject,
  SHORT_THOUGHT,
} from "../prose.ts";
import type { SandboxQuirks } from "../quirks.ts";
import { hexId, isErrorCode } from "./errors.ts";
import type { Block, Message, MessagesRequest } from "./request.ts";

/** A content block of an answer. */
export type AnswerBlock =
  | { type: "thinking"; thinking: string; signature: string }
  | { type: "text"; text: string }
  | { type: "tool_use"; id: string; name: string; input: JsonObject };

/** A scripted answer. */
export interface Answer {
  kind: "answer";
  blocks: AnswerBlock[];
  stopReason: "end_turn" | "tool_use" | "max_tokens" | "refusal";
  ending: Ending;
  slow: boolean;
}

/** A scripted refusal before the first byte. */
export interface Failure {
  kind: "failure";
  code: number;
  /** Whether it is said as HTTP 200 with `base_resp`. */
  inBaseResp: boolean;
}

/** Decides the answer to a request. */
export async function decideAnswer(
  request: MessagesRequest,
  quirks: SandboxQuirks,
): Promise<Answer | Failure> {
  const turn = request.messages.findLast(({ role }) => role === "user");
  const texts = (turn?.blocks ?? []).filter(({ type }) => type === "text")
    .map((block) => block["text"] as string);
  const text = texts.join("\n");

  const error = /\[error:(\d{3,4})(,200)?\]/.exec(text);
  if (error && isErrorCode(Number(error[1]))) {
    return { kind: "failure", code: Number(error[1]), inBaseResp: error[2] !== undefined };
  }

  const slow = text.includes("[slow]");
  const ending = readEnding(text);
  if (text.includes("[refusal]")) {
    return { kind: "answer", blocks: [], stopReason: "refusal", ending, slow };
  }
  const calls = callTools(request, text);
  const words = calls.length > 0 ? "" : writeText(request, turn, texts.at(-1) ?? "", text);
  const cut = limitWords(words, request.maxTokens, text.includes("[max_tokens]"));
  const thought = decideThought(request, quirks, text);
  return {
    kind: "answer",
    blocks: [
      ...(thought === undefined
        ? []
        : [{ type: "thinking" as const, thinking: thought, signature: await digest(thought) }]),
      ...(cut.text === "" ? [] : [{ type: "text" as const, text: cut.text }]),
      ...calls,
    ],
    stopReason: cut.isCut ? "max_tokens" : calls.length > 0 ? "tool_use" : "end_turn",
    ending,
    slow,
  };
}

function decideThought(
  request: MessagesRequest,
  quirks: SandboxQuirks,
  text: string,
): string | undefined {
  if (text.includes("[thinking]")) return LONG_THOUGHT;
  const thinks = request.model.alwaysThinks ? quirks.alwaysThinks : request.thinking;
  return thinks ? SHORT_THOUGHT : undefined;
}

function callTools(
  { tools, toolChoice }: MessagesRequest,
  text: string,
): Extract<AnswerBlock, { type: "tool_use" }>[] {
  const { type, name } = toolChoice;
  if (type === "none") return [];
  const random = hexId().slice(0, 12);
  return decideCalls(text, tools, { isForced: type === "any" || type === "tool", name })
    .map((call, index) => ({
      type: "tool_use",
      id: `call_function_${random}_${index + 1}`,
      ...call,
    }));
}

function writeText(
  request: MessagesRequest,
  turn: Message | undefined,
  lastText: string,
  text: string,
): string {
  const long = longText(text);
  if (long !== undefined) return long;
  const results = (turn?.blocks ?? []).filter(({ type }) => type === "tool_result");
  if (results.length > 0) {
    return results.map((result) => quoteResult(request.messages, result)).join(" ");
  }
  const schema = wantedSchema(request.instructions);
  if (schema !== undefined) return JSON.stringify(sampleObject(schema));
  return describeSandbox(withoutDirectives(lastText), {
    images: (turn?.blocks ?? []).filter(({ type }) => type === "image").length,
    modelId: request.model.id,
  });
}

/** A model does as it is told: the schema that the instructions name. */
function wantedSchema(instructions: readonly string[]): JsonObject | undefined {
  const named = /\bJSON Schema\b[^{]*(\{[\s\S]*\})/i.exec(instructions.join("\n"));
  return named === null ? undefined : parseJsonObject(named[1]!);
}

function quoteResult(messages: readonly Message[], result: Block): string {
  const call = messages.flatMap(({ blocks }) => blocks)
    .find((block) => block.type === "tool_use" && block["id"] === result["tool_use_id"]);
  const { content } = result;
  const parts = Array.isArray(content)
    ? content.map((part: JsonObject) => part["type"] === "text" ? part["text"] : "(an image)")
    : [content ?? ""];
  return describeResult(call?.["name"], parts.join(" "), result["is_error"] === true);
}
