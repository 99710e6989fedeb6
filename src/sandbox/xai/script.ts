/**
 * What xAI's part of the sandbox answers: decided by what the last user message says, beyond the
 * directives of every vendor.
 *
 * | in the text | answer |
 * |---|---|
 * | `[thinking]` | some sentences of reasoning, in two summary parts |
 * | `[encrypted]` | reasoning only as a finished item, sealed |
 * | `[refusal]` | a refusal part |
 * | `[incomplete]`, `[incomplete:content_filter]` | breaks off, for want of tokens or for that reason |
 * | `[failed]`, `[failed:CODE]` | `response.failed` after half the answer |
 * | `[error:NAME]` | an error of the API, by name or HTTP status; see `errors.ts` |
 * | `[search]` | calls of the hosted tools in the request, and citations |
 * | `[interleave]` | items come at once and end out of order; their indices have gaps |
 * | `[args-done-only]` | arguments come without deltas |
 * | `[keepalive]` | `keepalive` events in between |
 * | `[commentary]` | a message before the last one |
 * | `[parts]` | a message of two parts |
 *
 * @module
 */

import { isJsonObject, type JsonObject } from "../../core/http.ts";
import { decideCalls, type Ending, readEnding, withoutDirectives } from "../directives.ts";
import {
  describeResult,
  describeSandbox,
  limitWords,
  LONG_THOUGHT,
  longText,
  sampleObject,
  SHORT_THOUGHT,
} from "../prose.ts";
import type { Item } from "./items.ts";
import type { Keys } from "./keys.ts";
import { type OutputItem, OutputItems } from "./output.ts";
import type { ResponsesRequest } from "./request.ts";
import { seal } from "./seal.ts";

/** A scripted answer. */
export interface Answer {
  kind: "answer";
  /** The response's id. */
  id: string;
  /** Its items, whole. */
  output: OutputItem[];
  status: "completed" | "incomplete" | "failed";
  /** Why it is incomplete, or the code of its failure. */
  reason: string | null;
  /** The part of its words that is reasoning. */
  thought: string | undefined;
  ending: Ending;
  slow: boolean;
  /** Reasoning comes as a finished item only. */
  isSilent: boolean;
  argumentsDoneOnly: boolean;
  isInterleaved: boolean;
  hasKeepalives: boolean;
}

/** A scripted error before the first byte. */
export interface Failure {
  kind: "failure";
  name: string;
}

/** Decides the answer to a request. */
export async function decideAnswer(
  request: ResponsesRequest,
  keys: Keys,
  reasoningForm: "summary" | "text",
): Promise<Answer | Failure> {
  const turn = readTurn(request.items);
  const { text } = turn;
  const has = (directive: string) => text.includes(`[${directive}]`);
  const error = /\[error:(\w+)\]/.exec(text);
  if (error) return { kind: "failure", name: error[1]! };

  const { model, effort, tools } = request;
  const id = crypto.randomUUID();
  const items = new OutputItems(id);
  const isSilent = model.reasonsSilently || has("encrypted");
  const thought = !model.reasons || effort === "none"
    ? undefined
    : has("thinking")
    ? LONG_THOUGHT
    : SHORT_THOUGHT;
  if (thought !== undefined) {
    items.reasoning({
      parts: isSilent ? [] : splitThought(thought),
      form: reasoningForm,
      sealed: request.wantsEncrypted || has("encrypted")
        ? await seal(keys, model.id, thought)
        : undefined,
    });
  }
  const broken = /\[incomplete(?::(\w+))?\]/.exec(text);
  const failed = /\[failed(?::(\w+))?\]/.exec(text);
  const calls = callFunctions(request, text);
  const cut = limitWords(
    calls.length > 0 ? "" : writeText(request, turn),
    request.maxOutputTokens,
    broken !== null && calls.length === 0,
  );
  const isIncomplete = cut.isCut || broken !== null;
  if (has("search")) items.hosted(tools.hosted);
  if (has("commentary")) items.message({ texts: ["Let me see."], phase: "commentary" });
  if (has("refusal")) items.refusal("I cannot help with that.");
  else if (cut.text !== "") {
    items.message({
      texts: has("parts") ? halves(cut.text) : [cut.text],
      phase: has("commentary") ? "final_answer" : undefined,
      isCited: has("search") && tools.hosted.size > 0,
      isIncomplete,
    });
  }
  calls.forEach(({ name, input }, index) => {
    const json = JSON.stringify(input);
    const isBroken = isIncomplete && index === calls.length - 1;
    items.call(name, isBroken ? json.slice(0, Math.ceil(json.length / 2)) : json, isBroken);
  });
  return {
    kind: "answer",
    id,
    output: items.all,
    status: failed ? "failed" : isIncomplete ? "incomplete" : "completed",
    reason: failed
      ? failed[1] ?? "server_error"
      : isIncomplete
      ? broken?.[1] ?? "max_output_tokens"
      : null,
    thought,
    ending: readEnding(text),
    slow: has("slow"),
    isSilent,
    argumentsDoneOnly: has("args-done-only"),
    isInterleaved: has("interleave"),
    hasKeepalives: has("keepalive"),
  };
}

/** What the last turn brings: results of tools, or words and images. */
interface Turn {
  /** Words of the user; empty after results, so that a directive holds once. */
  text: string;
  lastText: string;
  images: number;
  results: { tool: unknown; said: string }[];
}

function readTurn(items: readonly Item[]): Turn {
  const last = items.findLastIndex(({ type }) => type === "message");
  const results = items.slice(last + 1)
    .filter(({ type }) => type === "function_call_output")
    .map((output) => ({
      tool: items.find((item) =>
        item.type === "function_call" && item["call_id"] === output["call_id"]
      )?.["name"],
      said: said(output["output"]),
    }));
  if (results.length > 0) return { text: "", lastText: "", images: 0, results };
  const parts = partsOf(items.findLast((item) => item["role"] === "user"));
  const texts = parts.filter(({ type }) => type === "input_text").map((part) =>
    String(part["text"])
  );
  return {
    text: texts.join("\n"),
    lastText: texts.at(-1) ?? "",
    images: parts.filter(({ type }) => type === "input_image").length,
    results,
  };
}

function partsOf(item: Item | undefined): Item[] {
  const content = item?.["content"];
  return Array.isArray(content) ? content : [];
}

function said(output: unknown): string {
  if (!Array.isArray(output)) return String(output ?? "");
  return output.map((part: JsonObject) =>
    part["type"] === "input_text"
      ? part["text"]
      : part["type"] === "input_image"
      ? "(an image)"
      : "(a file)"
  ).join(" ");
}

function callFunctions(
  { tools, toolChoice }: ResponsesRequest,
  text: string,
): { name: string; input: JsonObject }[] {
  if (toolChoice.mode === "none") return [];
  const offered = tools.functions
    .filter(({ name }) => toolChoice.names?.includes(name) ?? true)
    .map(({ name, parameters }) => ({ name, schema: parameters }));
  return decideCalls(text, offered, { isForced: toolChoice.mode === "required" });
}

function writeText({ body, model }: ResponsesRequest, turn: Turn): string {
  const long = longText(turn.text);
  if (long !== undefined) return long;
  const text = turn.results.length > 0
    ? turn.results.map(({ tool, said }) => describeResult(tool, said, false)).join(" ")
    : describeSandbox(withoutDirectives(turn.lastText), {
      images: turn.images,
      modelId: model.id,
    });
  const format = isJsonObject(body["text"]) ? body["text"]["format"] : undefined;
  if (!isJsonObject(format)) return text;
  switch (format["type"]) {
    case "json_schema":
      return JSON.stringify(sampleObject(format["schema"] as JsonObject));
    case "json_object":
      return JSON.stringify({ answer: text });
    default:
      return text;
  }
}

/** A long thought has two parts. */
function splitThought(thought: string): string[] {
  const end = thought.indexOf(". ") + 2;
  return thought === LONG_THOUGHT ? [thought.slice(0, end), thought.slice(end)] : [thought];
}

function halves(text: string): string[] {
  const middle = text.indexOf(" ", text.length / 2) + 1;
  return [text.slice(0, middle), text.slice(middle)];
}
