/**
 * What of a Responses request no other dialect can say.
 *
 * @module
 */

import { GrantwayError } from "../../core/errors.ts";
import type { ContentBlock, GenerateRequest } from "../event.ts";
import { fieldsOf, readString } from "./fields.ts";
import { ADDITIONAL_TOOLS } from "./tool_forms.ts";

/** Wishes that only a server that keeps something can fulfil. */
const NEEDS_MEMORY: readonly [field: string, reason: string][] = [
  ["previous_response_id", "answers are not kept, send the whole conversation in input"],
  ["conversation", "conversations are not kept, send the whole of it in input"],
  ["prompt", "there are no stored prompts, send its text in instructions"],
];

/** Wishes without which the answer is still an answer. Settings at their default are no wishes. */
const LEFT_OUT: readonly [field: string, byDefault: unknown][] = [
  ["max_tool_calls", undefined],
  ["top_logprobs", 0],
  ["truncation", "disabled"],
  ["context_management", undefined],
];

/**
 * A sentence for each wish that is left out.
 *
 * @throws {GrantwayError} `unsupported` for what refers to something that is kept elsewhere, for an
 * answer in the background, and for instructions that are not text.
 */
export function checkResponsesTranslation(request: GenerateRequest): readonly string[] {
  const fields = fieldsOf(request.extensions);
  const notes = new Set<string>();
  for (const [field, reason] of NEEDS_MEMORY) {
    if (fields[field] !== undefined) throw unsupported(field, reason);
  }
  if (fields["background"] === true) {
    throw unsupported("background", "an answer lasts as long as its connection");
  }
  for (const [field, byDefault] of LEFT_OUT) {
    if (fields[field] !== undefined && fields[field] !== byDefault) noteLeftOut(field, notes);
  }
  const verbosity = (fields["text"] as { verbosity?: unknown } | undefined)?.verbosity;
  if (verbosity != null && verbosity !== "medium") noteLeftOut("text.verbosity", notes);
  for (const tool of request.tools ?? []) {
    if (tool.type === "opaque") {
      notes.add(`The tool type ${tool.kind} has no counterpart and was left out`);
    }
  }
  for (const { role, content } of request.messages) {
    const isInstruction = role === "system" || role === "developer";
    if (isInstruction && content.some(({ type }) => type !== "text")) {
      throw unsupported("input", `a ${role} message can hold text alone`);
    }
    for (const block of content) checkBlock(block, notes);
  }
  return [...notes];
}

function checkBlock(block: ContentBlock, notes: Set<string>): void {
  if (block.type === "tool_result") block.content.forEach((inner) => checkBlock(inner, notes));
  if (block.type !== "opaque") return;
  // A reference may come without its type; it has an id and no more.
  const isReference = block.kind === "item_reference" ||
    (block.kind === "" && readString(block.value["id"]) !== undefined);
  if (isReference) throw unsupported("item_reference", "items are not kept, send the item itself");
  // Its tools are among the tools; reasoning that is only an id says nothing.
  if (block.kind === ADDITIONAL_TOOLS || block.kind === "reasoning") return;
  notes.add(`Items of type ${block.kind} have no counterpart and were left out`);
}

function noteLeftOut(field: string, notes: Set<string>): void {
  notes.add(`${field} has no counterpart and was left out`);
}

function unsupported(field: string, reason: string): GrantwayError {
  return new GrantwayError(
    "unsupported",
    `Cannot translate the request: ${field} has no counterpart, ${reason}`,
  );
}
