/**
 * One line from a person at the terminal.
 *
 * @module
 */

import process from "node:process";
import { createInterface } from "node:readline";
import { dispatch } from "./terminal.ts";

/** Asks for one line on the terminal, with editing and history; null at the end of input. */
export function readLine(
  prompt: string,
  options: { signal?: AbortSignal; history?: readonly string[] } = {},
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
    lines.on("close", () => settle(() => resolve(null)));
    lines.question(prompt, (line) => settle(() => resolve(line)));
    if (options.signal?.aborted) onAbort();
  });
}
