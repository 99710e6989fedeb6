/**
 * How a message steers its scripted answer: the directives that every vendor's part understands.
 *
 * | in the text | answer |
 * |---|---|
 * | `[tool]`, `[tool:NAME]`, `[tool:NAME {"a":1}]` | calls the first tool, or that one, with that input |
 * | `[tools:N]` | N calls, over the tools in turn |
 * | `[long:N]` | N words |
 * | `[midstream-error]`, `[midstream-error:CODE]` | an error half-way |
 * | `[cut]`, `[cut:stop]` | ends half-way; ends before the last event |
 * | `[hang]` | falls silent half-way |
 * | `[slow]` | waits half a second before each frame |
 *
 * @module
 */

import { type JsonObject, parseJsonObject } from "../core/http.ts";
import { MOST_CALLS, sampleObject } from "./prose.ts";

/** How an answer ends. */
export type Ending =
  | { kind: "complete" }
  | { kind: "error"; code: number | undefined }
  | { kind: "cut"; where: "half_way" | "before_stop" }
  | { kind: "hang" };

/** A tool that can be called. */
export interface CallableTool {
  name: string;
  schema: JsonObject;
}

const TOOL = /\[tool(?::([\w-]+))?(?:\s+(\{[\s\S]*?\}))?\]/;
/** The directives of all vendors. */
const DIRECTIVE = new RegExp(
  "\\[(?:tool(?::[\\w-]+)?(?:\\s+\\{[\\s\\S]*?\\})?" +
    "|(?:tools|long|error|midstream-error|cut|incomplete|failed):[\\w,]+" +
    "|thinking|max_tokens|refusal|midstream-error|cut|hang|slow|incomplete|failed|encrypted" +
    "|interleave|args-done-only|search|keepalive|commentary|parts)\\]",
  "g",
);

/** The text without its directives. */
export function withoutDirectives(text: string): string {
  return text.replace(DIRECTIVE, " ");
}

/** How `text` wants the answer to end. */
export function readEnding(text: string): Ending {
  const error = /\[midstream-error(?::(\d{3,4}))?\]/.exec(text);
  if (error) return { kind: "error", code: error[1] ? Number(error[1]) : undefined };
  if (text.includes("[cut:stop]")) return { kind: "cut", where: "before_stop" };
  if (text.includes("[cut]")) return { kind: "cut", where: "half_way" };
  return { kind: text.includes("[hang]") ? "hang" : "complete" };
}

/** The calls that `text` asks for, or one where the request forces it. */
export function decideCalls(
  text: string,
  tools: readonly CallableTool[],
  choice: { isForced: boolean; name?: string | undefined },
): { name: string; input: JsonObject }[] {
  const several = /\[tools:(\d+)\]/.exec(text);
  const one = TOOL.exec(text);
  const count = several ? Math.min(Number(several[1]), MOST_CALLS) : one || choice.isForced ? 1 : 0;
  const name = choice.name ?? one?.[1];
  const offered = name === undefined ? tools : tools.filter((tool) => tool.name === name);
  const input = one?.[2] === undefined ? undefined : parseJsonObject(one[2]);
  if (offered.length === 0) return [];
  return Array.from({ length: count }, (_, index) => {
    const tool = offered[index % offered.length] as CallableTool;
    return { name: tool.name, input: input ?? sampleObject(tool.schema) };
  });
}
