/**
 * What scripted answers are made of: words, samples of a tool's input, and token estimates.
 *
 * @module
 */

import { isJsonObject, type JsonObject } from "../core/http.ts";

/** Wait before each frame of a `[slow]` answer, ms. */
export const SLOW_FRAME_MS = 500;
/** The most calls of a `[tools:N]` answer. */
export const MOST_CALLS = 32;

const MOST_WORDS = 100_000;
const ECHOED = 300;
/** Words per text delta of an answer with more words than this; keeps long answers quick. */
const WORDS_IN_ONE_STEP = 2_000;

const WORDS = "the quick brown fox jumps over the lazy dog while seven calm wizards read on".split(
  " ",
);

/** Thought before an ordinary answer. */
export const SHORT_THOUGHT = "The user wrote to the sandbox. A short answer will do.";
/** Thought where one was asked for. */
export const LONG_THOUGHT =
  "First I look at what the user asked for. Then I weigh what the sandbox can do about it: it has " +
  "no model, only a script. So the honest way is to say that plainly, and to show that thinking, " +
  "text and tools arrive as they would from the real service.";

/** What a `[long:N]` in `text` asks for; `undefined` without one. */
export function longText(text: string): string | undefined {
  const long = /\[long:(\d+)\]/.exec(text);
  if (long === null) return undefined;
  const count = Math.min(Number(long[1]), MOST_WORDS);
  return Array.from({ length: count }, (_, i) => WORDS[i % WORDS.length]).join(" ");
}

/** One line, at most {@linkcode ECHOED} characters. */
function shorten(text: string): string {
  const line = [...text.replace(/\s+/g, " ").trim()];
  return line.length <= ECHOED ? line.join("") : `${line.slice(0, ECHOED - 1).join("")}…`;
}

/** Words with the space that follows each; together they are the text. */
export function splitWords(text: string): string[] {
  return text.match(/\s*\S+\s*/g) ?? (text === "" ? [] : [text]);
}

/** A text as deltas: word by word; very long texts by the line's worth. */
export function pieces(text: string): string[] {
  const words = splitWords(text);
  if (words.length <= WORDS_IN_ONE_STEP) return words;
  const lines: string[] = [];
  for (let i = 0; i < words.length; i += 10) lines.push(words.slice(i, i + 10).join(""));
  return lines;
}

/** Cuts a text to `maxTokens`, a word for a token; to half its words where `isCutAnyway`. */
export function limitWords(
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

/** About four bytes of JSON to a token. */
export function estimateTokens(value: unknown): number {
  return Math.ceil(new TextEncoder().encode(JSON.stringify(value)).byteLength / 4);
}

/** The smallest object that a schema asks for. */
export function sampleObject(schema: JsonObject): JsonObject {
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

/** What the sandbox says to a question. */
export function describeSandbox(
  question: string,
  options: { images: number; modelId: string },
): string {
  const { images, modelId } = options;
  const line = shorten(question);
  return [
    line === "" ? "Your message has no words of its own." : `You wrote: “${line}”`,
    ...(images > 0 ? [`With it came ${images} image${images === 1 ? "" : "s"}.`] : []),
    `This is the Grantway sandbox in place of ${modelId}: it works offline, and no model has read your message.`,
    // What is said of an image is often told to another model, which would take this for its own.
    ...(images > 0
      ? []
      : ["Write [tool], [thinking], [long:200] or [error:429] to see what else it can do."]),
  ].join(" ");
}

/** What the sandbox says to a tool's result. */
export function describeResult(tool: unknown, said: string, isError: boolean): string {
  const line = shorten(said);
  return line === ""
    ? `The tool ${tool} answered nothing.`
    : `The tool ${tool} ${isError ? "failed and said" : "answered"}: “${line}”`;
}
