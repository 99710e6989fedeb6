/**
 * Asks whether a tool may do something: a line on the terminal, one question at a time.
 *
 * @module
 */

import type { Approval, Approve } from "../../agent/tool.ts";
import { printable } from "../chat_session.ts";
import type { Context } from "../context.ts";

/** Creates the question; `pause` ends the line that is being written. */
export function createApprove(context: Context, pause: () => void): Approve {
  const { platform, output, globals, interactive } = context;
  /** Tools that may do what they want for as long as this chat lasts. */
  const trusted = new Set<string>();
  let last: Promise<unknown> = Promise.resolve();
  const ask = async (tool: string, action: string, signal: AbortSignal): Promise<Approval> => {
    if (globals.has("--yes") || trusted.has(tool)) return { isApproved: true };
    if (!interactive) {
      return {
        isApproved: false,
        reason: "it needs the user's approval, and nobody can be asked; --yes would allow it",
      };
    }
    pause();
    output.note(`${output.paintError("yellow", `${tool}:`)} ${printable(action)}`);
    const answer = await platform.readLine(
      output.paintError("bold", "Allow it? ") +
        `y yes, a always (${tool}), n or what to do instead: `,
      { signal },
    );
    const text = answer?.trim() ?? "";
    switch (text.toLowerCase()) {
      case "a":
      case "always":
        trusted.add(tool);
        return { isApproved: true };
      case "y":
      case "yes":
        return { isApproved: true };
      case "":
      case "n":
      case "no":
        return { isApproved: false, reason: "the user declined" };
      default:
        return { isApproved: false, reason: `the user declined and says: ${text}` };
    }
  };
  return ({ tool, action }, signal) => {
    const asked = last.then(() => {
      signal.throwIfAborted();
      return ask(tool, action, signal);
    });
    last = asked.catch(() => {});
    return asked;
  };
}
