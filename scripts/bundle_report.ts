/**
 * Bundles the Worker as `deno task worker:build` does, prints its size, and fails when that is too
 * much or a runtime other than Cloudflare's leaked into it.
 *
 * ```sh
 * deno run --allow-read --allow-run scripts/bundle_report.ts
 * ```
 *
 * @module
 */

import { buildWorker } from "./worker_build.ts";

/** `Deno.` as a name, which a symbol's description is not, and `node:` where a specifier starts. */
const LEAKS = /(?<!["'`])\bDeno\.\w*|(?<=["'`])node:[\w/]*/g;

/**
 * What the Worker may have after gzip, KiB. `docs/worker.md` says what it holds, and why the aim of 80 is
 * out of reach: look there before raising this.
 */
const LIMIT_KIB = 140;

/** Each use of another runtime in a bundle. */
export function findLeaks(bundle: string): string[] {
  return bundle.match(LEAKS) ?? [];
}

/** Size of `bytes` after gzip, as Cloudflare counts a Worker. */
async function gzipSize(bytes: Uint8Array<ArrayBuffer>): Promise<number> {
  const stream = new Blob([bytes]).stream().pipeThrough(new CompressionStream("gzip"));
  return (await new Response(stream).bytes()).byteLength;
}

if (import.meta.main) {
  const output = await buildWorker();
  const bytes = output === undefined ? new Uint8Array() : await Deno.readFile(output);
  if (bytes.byteLength === 0) {
    console.error("The Worker bundle is missing or empty");
    Deno.exit(1);
  }
  const kib = (size: number) => `${(size / 1024).toFixed(1)} KiB`;
  const size = await gzipSize(bytes);
  console.log(`Worker: ${kib(bytes.byteLength)} minified, ${kib(size)} gzip`);
  const isTooLarge = size > LIMIT_KIB * 1024;
  if (isTooLarge) console.error(`The Worker bundle is larger than ${LIMIT_KIB} KiB`);
  const leaks = findLeaks(new TextDecoder().decode(bytes));
  for (const leak of leaks) console.error(`The Worker bundle contains ${leak}`);
  if (isTooLarge || leaks.length > 0) Deno.exit(1);
}
