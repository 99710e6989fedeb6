/**
 * What a tool is to the loop: a declaration for the model, and a function that answers a call.
 *
 * @module
 */

import type { JsonObject } from "../core/http.ts";
import type { ImageBlock, TextBlock } from "../protocols/event.ts";

/** What a tool answers. */
export interface ToolOutput {
  /** For the model. */
  content: readonly (TextBlock | ImageBlock)[];
  /** Whether it failed. */
  isError?: boolean | undefined;
  /** For the person who watches, a few words: `120 lines`. */
  summary?: string | undefined;
}

/** Something that a person may forbid. */
export interface ApprovalRequest {
  /** Name of the tool. */
  tool: string;
  /** What it is about to do: the command, the path. One or more lines. */
  action: string;
}

/** The person's word. */
export type Approval = { isApproved: true } | { isApproved: false; reason: string };

/** Asks a person whether something may be done. */
export type Approve = (request: ApprovalRequest, signal: AbortSignal) => Promise<Approval>;

/** What a call runs with. */
export interface ToolContext {
  /** Cancels the call. */
  signal: AbortSignal;
  /** Asks before something is done that cannot be undone. */
  approve: (action: string) => Promise<Approval>;
  /** Tells how far it is, a few words. */
  onProgress: (text: string) => void;
}

/** A tool that runs here. */
export interface AgentTool {
  /** Its name, as the model calls it. */
  name: string;
  /** What it does, for the model. */
  description: string;
  /** JSON Schema of its input. */
  parameters: JsonObject;
  /** Whether it changes nothing and asks nothing, so that calls may run side by side. */
  isParallel: boolean;
  /** What a call is about, for the line that shows it: a path, a command. */
  describe: (input: JsonObject) => string;
  /**
   * Answers a call.
   *
   * @throws {ToolInputError} When the input is not what the schema says.
   * @throws Anything else becomes an answer that says that it failed.
   */
  run: (input: JsonObject, context: ToolContext) => Promise<ToolOutput>;
}

/** The model called a tool with an input that it does not take. */
export class ToolInputError extends Error {
  /** The class name. */
  override name = "ToolInputError";
}

/** An answer of text alone. */
export function textOutput(text: string, summary?: string): ToolOutput {
  return { content: [{ type: "text", text }], summary };
}

/** An answer that says what went wrong. */
export function errorOutput(text: string, summary?: string): ToolOutput {
  return { content: [{ type: "text", text }], isError: true, summary: summary ?? firstLine(text) };
}

function firstLine(text: string): string {
  const line = text.trimStart().split("\n", 1)[0]!;
  return line.length > 80 ? `${line.slice(0, 79)}…` : line;
}

/**
 * A text of the input.
 *
 * @throws {ToolInputError} When it is missing or no text.
 */
export function requireText(input: JsonObject, name: string): string {
  const value = readText(input, name);
  if (value === undefined || value === "") throw new ToolInputError(`${name} is missing`);
  return value;
}

/** A text of the input that may be absent. Models write `null` for what they leave out. */
export function readText(input: JsonObject, name: string): string | undefined {
  const value = input[name];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== "string") throw new ToolInputError(`${name} must be a string`);
  return value;
}

/** A whole number of the input, within limits; the default where it is absent. */
export function readCount(
  input: JsonObject,
  name: string,
  { least, most, otherwise }: { least: number; most: number; otherwise: number },
): number {
  const value = input[name];
  if (value === undefined || value === null) return otherwise;
  // Numbers in quotes are what models write most often for a number.
  const number = typeof value === "string" ? Number(value) : value;
  if (typeof number !== "number" || !Number.isInteger(number)) {
    throw new ToolInputError(`${name} must be a whole number`);
  }
  return Math.min(most, Math.max(least, number));
}

/** Cuts a text in the middle, where it is longer than `limit` characters. */
export function cutMiddle(text: string, limit: number): string {
  if (text.length <= limit) return text;
  const head = Math.ceil(limit * 2 / 3);
  const tail = limit - head;
  const left = text.length - limit;
  return `${text.slice(0, head)}\n[… ${left} characters left out …]\n${
    text.slice(text.length - tail)
  }`;
}
