/**
 * The clients that `connect` and `run` know.
 *
 * @module
 */

import { UsageError } from "../exit_code.ts";
import { nearest } from "../nearest.ts";
import { AI_SDK } from "./ai_sdk.ts";
import { ANTHROPIC } from "./anthropic.ts";
import { CLAUDE_CODE } from "./claude_code.ts";
import type { Client } from "./client.ts";
import { CODEX } from "./codex.ts";
import { OPENAI } from "./openai.ts";
import { OPENCODE } from "./opencode.ts";

/** Every client, in the order of the help. */
export const CLIENTS: readonly Client[] = [
  CLAUDE_CODE,
  CODEX,
  OPENCODE,
  OPENAI,
  ANTHROPIC,
  AI_SDK,
];

/** Names that people try, and what they mean. */
const ALIASES: Readonly<Record<string, string>> = { claude: CLAUDE_CODE.id, ai: AI_SDK.id };

/** The client of that name; undefined for an unknown one. */
export function findClient(name: string): Client | undefined {
  const id = Object.hasOwn(ALIASES, name) ? ALIASES[name] : name;
  return CLIENTS.find((client) => client.id === id);
}

/** The error of an unknown client, with the nearest one, else with `hint`. */
export function unknownClient(name: string, hint?: string): UsageError {
  const near = nearest(name, CLIENTS.map(({ id }) => id));
  return new UsageError(
    `Unknown client "${name}"`,
    near !== undefined
      ? `Did you mean: ${near}`
      : hint ?? `Clients: ${CLIENTS.map(({ id }) => id).join(", ")}`,
  );
}
