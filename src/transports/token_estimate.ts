/**
 * A guess at the size of a prompt, for upstreams that do not count.
 *
 * It takes in everything that is sent: instructions and tools are most of an agent's prompt.
 *
 * @module
 */

import { isJsonObject } from "../core/http.ts";
import type { GenerateRequest } from "../protocols/event.ts";

const BYTES_PER_TOKEN = 3.7;
const TOKENS_PER_MEDIUM = 1_600;
const TOKENS_PER_MESSAGE = 8;

/** About how many input tokens `request` has. */
export function estimateInputTokens(request: GenerateRequest): number {
  let media = 0;
  const { system, messages, tools } = request;
  const text = JSON.stringify({ system, messages, tools }, (_name, value: unknown) => {
    if (!isJsonObject(value) || value["kind"] !== "base64") return value;
    media++;
    return null;
  });
  return Math.ceil(new TextEncoder().encode(text).length / BYTES_PER_TOKEN) +
    media * TOKENS_PER_MEDIUM + messages.length * TOKENS_PER_MESSAGE;
}
