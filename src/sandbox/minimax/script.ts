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
 * | `[slow]` | waits {@linkcode SLOW_FRAME_MS} before each frame |
 *
 * @module
 */

import { isJsonObject, type JsonObject, parseJsonObject } from "../../core/http.ts";
import { digest } from "../ledger.ts";
import type { SandboxQuirks } from "../quirks.ts";
import { isErrorCode } from "./errors.ts";
import type { Block, Message, MessagesRequest, Tool } from "./request.ts";

/** Wait before each frame of a `[slow]` answer, ms. */
export const SLOW_FRAME_MS = 500;

/** A content block of an answer. */
export type AnswerBlock =
  | { type: "thinking"; thinking: string; signature: string }
  | { type: "text"; text: string }
  | { type: "tool_use"; id: string; name: string; input: JsonObject };

/** How an answer ends. */
export type Ending =
  | { kind: "complete" }
  | { kind: "error"; code: number }
  | { kind: "cut"; where: "half_way" | "before_stop" }
  | { kind: "hang" };

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

const DIRECTIVE =
  /\[(?:tool(?::[\w-]+)?(?:\s+\{[\s\S]*?\})?|(?:tools|long|error|midstream-error|cut):[\w,]+|thinking|max_tokens|refusal|midstream-error|cut|hang|slow)\]/g;
const TOOL = /\[tool(?::([\w-]+))?(?:\s+(\{[\s\S]*?\}))?\]/;
const MOST_WORDS = 100_000;
const MOST_CALLS = 32;
const ECHOED = 300;

const WORDS = "the quick brown fox jumps over the lazy dog while seven calm wizards read on".split(
  " ",
);
const SHORT_THOUGHT = "The user wrote to the sandbox. A short answer will do.";
const LONG_THOUGHT =
  "First I look at what the user asked for. Then I weigh what the sandbox can do about it: it has " +
  "no model, only a script. So the honest way is to say that plainly, and to show that thinking, " +
  "text and tools arrive as they would from the real service.";

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
  const calls = request.toolChoice.type === "none" ? [] : decideCalls(request, text);
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

function readEnding(text: string): Ending {
  const error = /\[midstream-error(?::(\d{3,4}))?\]/.exec(text);
  if (error) return { kind: "error", code: Number(error[1] ?? 1000) };
  if (text.includes("[cut:stop]")) return { kind: "cut", where: "before_stop" };
  if (text.includes("[cut]")) return { kind: "cut", where: "half_way" };
  return { kind: text.includes("[hang]") ? "hang" : "complete" };
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

function decideCalls(
  { tools, toolChoice }: MessagesRequest,
  text: string,
): Extract<AnswerBlock, { type: "tool_use" }>[] {
  const several = /\[tools:(\d+)\]/.exec(text);
  const one = TOOL.exec(text);
  const isForced = toolChoice.type === "any" || toolChoice.type === "tool";
  const count = several ? Math.min(Number(several[1]), MOST_CALLS) : one || isForced ? 1 : 0;
  const name = toolChoice.name ?? one?.[1];
  const offered = name === undefined ? tools : tools.filter((tool) => tool.name === name);
  const input = one?.[2] === undefined ? undefined : parseJsonObject(one[2]);
  if (offered.length === 0) return [];
  const random = crypto.randomUUID().replaceAll("-", "").slice(0, 12);
  return Array.from({ length: count }, (_, index) => {
    const tool = offered[index % offered.length] as Tool;
    return {
      type: "tool_use",
      id: `call_function_${random}_${index + 1}`,
      name: tool.name,
      input: input ?? sampleObject(tool.schema),
    };
  });
}

/** The smallest object that a schema asks for. */
function sampleObject(schema: JsonObject): JsonObject {
  const properties = isJsonObject(schema["properties"]) ? schema["properties"] : {};
  const required = Array.isArray(schema["required"]) ? schema["required"] : [];
  return Object.fromEntries(
    required.filter((name): name is string => typeof name === "string")
      .map((name) => [name, sampleValue(properties[name])]),
  );
}

function sampleValue(schema: unknown): unknown {
  if (!isJsonObject(schema)) return "sandbox";
  if ("const" in schema) return schema["const"];
  if ("default" in schema) return schema["default"];
  if (Array.isArray(schema["enum"])) return schema["enum"][0];
  const types = Array.isArray(schema["type"]) ? schema["type"] : [schema["type"]];
  switch (types[0]) {
    case "object":
      return sampleObject(schema);
    case "array":
      return Number(schema["minItems"] ?? 0) > 0 ? [sampleValue(schema["items"])] : [];
    case "integer":
    case "number":
      return schema["minimum"] ?? 1;
    case "boolean":
      return true;
    case "null":
      return null;
    default:
      return "sandbox";
  }
}

function writeText(
  request: MessagesRequest,
  turn: Message | undefined,
  lastText: string,
  text: string,
): string {
  const long = /\[long:(\d+)\]/.exec(text);
  if (long) {
    const count = Math.min(Number(long[1]), MOST_WORDS);
    return Array.from({ length: count }, (_, i) => WORDS[i % WORDS.length]).join(" ");
  }
  const results = (turn?.blocks ?? []).filter(({ type }) => type === "tool_result");
  if (results.length > 0) {
    return results.map((result) => describeResult(request.messages, result)).join(" ");
  }
  const question = shorten(lastText.replace(DIRECTIVE, " "));
  const images = (turn?.blocks ?? []).filter(({ type }) => type === "image").length;
  return [
    question === "" ? "Your message has no words of its own." : `You wrote: “${question}”`,
    ...(images > 0 ? [`With it came ${images} image${images === 1 ? "" : "s"}.`] : []),
    `This is the Grantway sandbox in place of ${request.model.id}: it works offline, and no model has read your message.`,
    "Write [tool], [thinking], [long:200] or [error:429] to see what else it can do.",
  ].join(" ");
}

function describeResult(messages: readonly Message[], result: Block): string {
  const call = messages.flatMap(({ blocks }) => blocks)
    .find((block) => block.type === "tool_use" && block["id"] === result["tool_use_id"]);
  const { content } = result;
  const parts = Array.isArray(content)
    ? content.map((part: JsonObject) => part["type"] === "text" ? part["text"] : "(an image)")
    : [content ?? ""];
  const said = shorten(parts.join(" "));
  const verb = result["is_error"] === true ? "failed and said" : "answered";
  return said === ""
    ? `The tool ${call?.["name"]} answered nothing.`
    : `The tool ${call?.["name"]} ${verb}: “${said}”`;
}

/** One line, at most {@linkcode ECHOED} characters. */
function shorten(text: string): string {
  const line = [...text.replace(/\s+/g, " ").trim()];
  return line.length <= ECHOED ? line.join("") : `${line.slice(0, ECHOED - 1).join("")}…`;
}

/** A word counts as a token. */
function limitWords(
  text: string,
  maxTokens: number,
  isCutAnyway: boolean,
): { text: string; isCut: boolean } {
  const words = splitWords(text);
  const limit = isCutAnyway ? Math.ceil(words.length / 2) : words.length;
  const kept = Math.min(limit, maxTokens);
  return {
    text: words.slice(0, kept).join("").trimEnd(),
    isCut: isCutAnyway || kept < words.length,
  };
}

/** Words with the space that follows each; together they are the text. */
export function splitWords(text: string): string[] {
  return text.match(/\s*\S+\s*/g) ?? (text === "" ? [] : [text]);
}
