/**
 * What of a Chat Completions request no other dialect can say.
 *
 * @module
 */

import { GrantwayError } from "../../core/errors.ts";
import type { GenerateRequest } from "../event.ts";
import { fieldsOf } from "./fields.ts";

/** Wishes without which the answer is still an answer. Settings at their default are no wishes. */
const LEFT_OUT: readonly [field: string, byDefault: unknown][] = [
  ["seed", null],
  ["presence_penalty", 0],
  ["frequency_penalty", 0],
  ["logit_bias", null],
  ["logprobs", false],
  ["prediction", null],
  ["verbosity", "medium"],
  ["web_search_options", null],
];

/**
 * A sentence for each wish that is left out.
 *
 * @throws {GrantwayError} `unsupported` for several answers at once, and for audio.
 */
export function checkChatTranslation(request: GenerateRequest): readonly string[] {
  const fields = fieldsOf(request.extensions);
  const notes = new Set<string>();
  const { n, modalities, audio } = fields;
  if (n != null && n !== 1) throw unsupported("n", "one answer at a time");
  if (audio != null || (Array.isArray(modalities) && modalities.includes("audio"))) {
    throw unsupported("modalities", "answers in text alone");
  }
  for (const [field, byDefault] of LEFT_OUT) {
    const value = fields[field];
    if (value != null && value !== byDefault) {
      notes.add(`${field} has no counterpart and was left out`);
    }
  }
  if (request.topK !== undefined) notes.add("top_k has no counterpart and was left out");
  for (const block of request.messages.flatMap(({ content }) => content)) {
    if (block.type !== "opaque") continue;
    if (block.kind === "input_audio") throw unsupported("input_audio", "no audio");
    notes.add(`Content of type ${block.kind} has no counterpart and was left out`);
  }
  for (const tool of request.tools ?? []) {
    if (tool.type === "opaque") {
      notes.add(`The tool type ${tool.kind} has no counterpart and was left out`);
    }
  }
  return [...notes];
}

function unsupported(field: string, taken: string): GrantwayError {
  return new GrantwayError(
    "unsupported",
    `Cannot translate the request: ${field} has no counterpart, this model takes ${taken}`,
  );
}
