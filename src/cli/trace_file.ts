/**
 * Where `--trace` writes: one JSON line per request, in a file of the home folder.
 *
 * @module
 */

import type { Context } from "./context.ts";
import { traceFetch } from "./trace.ts";

/** Wraps the platform's `fetch`; the transcript is written at the end of the run. */
export function openTrace(context: Context): typeof globalThis.fetch {
  const { platform, output, home } = context;
  const lines: string[] = [];
  const stamp = new Date(platform.now()).toISOString().replace(/[:.]/g, "-");
  const path = `${home.traces}/${stamp}.jsonl`;
  context.defer(async () => {
    await context.files.write(path, lines.join(""));
    output.note(`Transcript without any value: ${path}`);
  });
  return traceFetch(platform.fetch, platform.now, (entry) => {
    lines.push(`${JSON.stringify(entry)}\n`);
  });
}
