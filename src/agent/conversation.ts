/**
 * The turns of one conversation, in a state that the next request can always use: every call has its
 * result.
 *
 * @module
 */

import type { Message, ToolResultBlock } from "../protocols/event.ts";

/** Told what becomes of a conversation, in order, so that it can be kept. */
export interface ConversationListener {
  /** Turns were added. */
  onMessages?: ((messages: readonly Message[]) => void) | undefined;
  /** The turns before were replaced by these: compacted, or started over. */
  onReplaced?: ((messages: readonly Message[]) => void) | undefined;
}

/** A conversation. */
export class Conversation {
  /** Its id; also what its prompts are cached under. */
  readonly id: string;
  /** Told of every change. */
  listener: ConversationListener = {};
  #messages: Message[];

  /** Starts one, or goes on with turns that were kept. */
  constructor(id: string, messages: readonly Message[] = []) {
    this.id = id;
    this.#messages = mendCalls(messages);
  }

  /** The turns so far. */
  get messages(): readonly Message[] {
    return this.#messages;
  }

  /** Adds turns. */
  append(...messages: readonly Message[]): void {
    if (messages.length === 0) return;
    this.#messages.push(...messages);
    this.listener.onMessages?.(messages);
  }

  /** Puts other turns in the place of all. */
  replace(messages: readonly Message[]): void {
    this.#messages = [...messages];
    this.listener.onReplaced?.(messages);
  }
}

/** A result for a call that has none. */
export function missingResult(toolUseId: string, text: string): ToolResultBlock {
  return { type: "tool_result", toolUseId, content: [{ type: "text", text }], isError: true };
}

/** Turns with a result for every call: a process may have ended between a call and its result. */
export function mendCalls(messages: readonly Message[]): Message[] {
  const mended: Message[] = [];
  messages.forEach((message, index) => {
    mended.push(message);
    if (message.role !== "assistant") return;
    const next = messages[index + 1];
    const answered = new Set(
      next?.role === "user"
        ? next.content.flatMap((block) => block.type === "tool_result" ? [block.toolUseId] : [])
        : [],
    );
    const missing = message.content.flatMap((block) =>
      block.type === "tool_use" && !answered.has(block.id)
        ? [missingResult(block.id, "No result: the program ended while the tool ran")]
        : []
    );
    if (missing.length > 0) mended.push({ role: "user", content: missing });
  });
  return mended;
}
