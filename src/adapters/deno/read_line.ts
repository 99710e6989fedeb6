/**
 * One line from a person at the terminal.
 *
 * @module
 */

import process from "node:process";
import { createInterface } from "node:readline";
import { dispatch } from "./terminal.ts";

/** Lines that come this soon after one another were pasted: they are one text. */
const PASTE_MS = 20;

/**
 * Asks for one line on the terminal, with editing and history; null at the end of input. With
 * `multiline`, several lines that are pasted at once come as one text.
 */
export function readLine(
  prompt: string,
  options: { signal?: AbortSignal; history?: readonly string[]; multiline?: boolean } = {},
): Promise<string | null> {
  return new Promise((resolve, reject) => {
    const lines = createInterface({
      input: process.stdin,
      output: process.stderr,
      terminal: true,
      // Newest first, as readline wants it.
      history: [...(options.history ?? [])].reverse(),
    });
    let settled = false;
    const settle = (finish: () => void) => {
      if (settled) return;
      settled = true;
      options.signal?.removeEventListener("abort", onAbort);
      lines.close();
      finish();
    };
    const onAbort = () => settle(() => reject(options.signal!.reason));
    options.signal?.addEventListener("abort", onAbort);
    // The raw terminal hands Ctrl-C to readline instead of raising the signal.
    lines.on("SIGINT", () => dispatch("SIGINT"));
    // Without a listener readline would suspend the process, and Deno does not bring the terminal back.
    lines.on("SIGTSTP", () => {});
    lines.on("close", () => settle(() => resolve(null)));
    lines.question(prompt, (first) => {
      if (!options.multiline) return settle(() => resolve(first));
      const pasted = [first];
      lines.on("line", (line) => pasted.push(line));
      setTimeout(() => {
        // The last line of a paste may have no end yet.
        if (pasted.length > 1 && lines.line !== "") pasted.push(lines.line);
        settle(() => resolve(pasted.join("\n")));
      }, PASTE_MS);
    });
    if (options.signal?.aborted) onAbort();
  });
}
