/**
 * Names of tools as xAI takes them, and the way back.
 *
 * @module
 */

import { stableHash } from "../../core/hash.ts";
import type { CallersTool } from "../provider.ts";

/** The longest name. */
const MAX_LENGTH = 64;

/**
 * Tools that the API has itself. A function of the same name was seen to be refused, or to lead to
 * turns that never end.
 */
const NATIVE: readonly string[] = [
  "web_search",
  "x_search",
  "tool_search",
  "code_interpreter",
  "code_execution",
  "file_search",
  "collections_search",
  "image_generation",
  "mcp",
];

/** The same name for the same tool in every request, whatever other tools there are. */
function nameFor(name: string): string {
  if (NATIVE.includes(name)) return `client_${name}`;
  const legal = name.replace(/[^A-Za-z0-9_-]/g, "_");
  if (legal === name && name.length <= MAX_LENGTH) return name;
  // `mcp__server__tool`: the last part says most.
  const short = legal.length <= MAX_LENGTH ? legal : legal.split("__").findLast(Boolean) ?? legal;
  return withHash(short, name);
}

function withHash(short: string, name: string): string {
  const hash = stableHash(name);
  return `${short.slice(0, MAX_LENGTH - hash.length - 1)}_${hash}`;
}

/** The names of one request. */
export class ToolNames {
  /** Name for the API -> the caller's tool, where they differ. */
  readonly renamed = new Map<string, CallersTool>();
  readonly #byCaller = new Map<string, string>();
  readonly #taken = new Set<string>();

  /** Adds a tool and gives its name for the API; `undefined` for one that was there already. */
  declare(name: string, custom: boolean): string | undefined {
    if (this.#byCaller.has(name)) return undefined;
    const sent = this.#taken.has(nameFor(name)) ? withHash(nameFor(name), name) : nameFor(name);
    this.#byCaller.set(name, sent);
    this.#taken.add(sent);
    if (sent !== name || custom) this.renamed.set(sent, { name, custom });
    return sent;
  }

  /** The name for the API of a tool that may have been on offer in an earlier turn only. */
  sent(name: string): string {
    return this.#byCaller.get(name) ?? nameFor(name);
  }
}
