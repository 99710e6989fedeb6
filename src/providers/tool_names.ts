/**
 * Names of tools that every server takes, and the way back.
 *
 * Clients have longer ones, and ones with other characters, above all for tools that come from servers
 * of tools. They are changed in every request in the same way, and changed back in its answer.
 *
 * @module
 */

import { stableHash } from "../core/hash.ts";
import type { CallersTool } from "./provider.ts";

/** The longest name. */
const MAX_LENGTH = 64;

/** The same name for the same tool in every request, whatever other tools there are. */
function nameFor(name: string, reserved: readonly string[]): string {
  if (reserved.includes(name)) return `client_${name}`;
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
  readonly #reserved: readonly string[];

  /** @param reserved Names that the API has given to tools of its own. */
  constructor(reserved: readonly string[] = []) {
    this.#reserved = reserved;
  }

  /** Adds a tool and gives its name for the API; `undefined` for one that was there already. */
  declare(name: string, custom: boolean): string | undefined {
    if (this.#byCaller.has(name)) return undefined;
    const wanted = nameFor(name, this.#reserved);
    const sent = this.#taken.has(wanted) ? withHash(wanted, name) : wanted;
    this.#byCaller.set(name, sent);
    this.#taken.add(sent);
    if (sent !== name || custom) this.renamed.set(sent, { name, custom });
    return sent;
  }

  /** The name for the API of a tool that may have been on offer in an earlier turn only. */
  sent(name: string): string {
    return this.#byCaller.get(name) ?? nameFor(name, this.#reserved);
  }
}
