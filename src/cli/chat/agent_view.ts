/**
 * How a turn with tools is shown: the answers as ever, and a line for each call.
 *
 * @module
 */

import type { AgentEvent } from "../../agent/loop.ts";
import { printable, showEvent, type View } from "../chat_session.ts";
import type { Context } from "../context.ts";

const MAX_TITLE_LENGTH = 100;

/** Shows what happens in a turn. */
export function createAgentView(context: Context, view: View): (event: AgentEvent) => void {
  const { output } = context;
  /** Calls that run, by id. */
  const running = new Map<string, string>();
  const label = (name: string, title: string) => {
    const line = printable(title).split("\n", 1)[0]!;
    const shown = line.length > MAX_TITLE_LENGTH || line !== title
      ? `${line.slice(0, MAX_TITLE_LENGTH)}…`
      : line;
    return `${name}${shown === "" ? "" : ` ${shown}`}`;
  };
  return (event) => {
    switch (event.type) {
      case "stream":
        showEvent(event.event, view);
        // What upstream does by itself: its searches.
        if (event.event.type === "block_start" && event.event.block.type === "opaque") {
          const name = event.event.block.kind.replace(/_call$/, "");
          view.stop(false);
          output.json({ type: "server_tool", name });
          output.note(output.paintError("dim", `  ${name}`));
        }
        break;
      case "answer":
        view.end(event.response);
        break;
      case "tool_start": {
        view.stop(false);
        const { id, name, title } = event;
        running.set(id, label(name, title));
        output.json({ type: "tool_start", id, name, title });
        output.progress(output.paintError("dim", `  ${label(name, title)} …`));
        break;
      }
      case "tool_progress":
        output.progress(
          output.paintError("dim", `  ${running.get(event.id) ?? ""} … ${printable(event.text)}`),
        );
        break;
      case "tool_end": {
        const { id, name, title, output: { isError = false, summary = "done" } } = event;
        running.delete(id);
        output.json({ type: "tool_end", id, name, isError, summary });
        const mark = isError ? output.paintError("red", "✗") : output.paintError("green", "✓");
        const said = isError ? output.paintError("red", printable(summary)) : printable(summary);
        output.note(`${mark} ${output.paintError("dim", label(name, title))}  ${said}`);
        const next = [...running.values()].at(-1);
        if (next !== undefined) output.progress(output.paintError("dim", `  ${next} …`));
      }
    }
  };
}
