/**
 * Runs the tests, and the documentation's examples that are not marked `ignore`.
 *
 * ```sh
 * deno task test                            # all
 * deno task test tests/oauth --filter=pkce  # some; takes the options of `deno test`
 * ```
 *
 * The tests have a configuration and a lock file of their own, so that what users download stays
 * small. They run in that folder: paths are made absolute first.
 *
 * What they print is searched for secrets that the sandbox minted: one of them fails the run.
 *
 * @module
 */

import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { findMintedSecret } from "../tests/support/minted_secrets.ts";

const root = resolve(import.meta.dirname!, "..");
const start = Deno.env.get("INIT_CWD") ?? Deno.cwd();

const options: string[] = [];
const paths: string[] = [];
for (const arg of Deno.args) {
  if (!arg.startsWith("-") && existsSync(resolve(start, arg))) paths.push(resolve(start, arg));
  else options.push(arg);
}
if (paths.length === 0) {
  paths.push(`${root}/tests`, `${root}/src`, `${root}/mod.ts`, `${root}/README.md`);
}

const fixtures = Deno.env.get("GRANTWAY_FIXTURES");
const child = new Deno.Command(Deno.execPath(), {
  args: [
    "test",
    "--allow-all",
    "--no-check",
    "--doc",
    "--parallel",
    "--trace-leaks",
    ...options,
    ...paths,
  ],
  cwd: `${root}/tests`,
  env: {
    ...(fixtures && { GRANTWAY_FIXTURES: resolve(start, fixtures) }),
    // As if it were not piped.
    ...(Deno.stdout.isTerminal() && { FORCE_COLOR: "1" }),
  },
  stdout: "piped",
  stderr: "piped",
}).spawn();

/** Passes a stream on, and returns what it was. */
async function relay(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
  to: { write(bytes: Uint8Array): Promise<number> },
): Promise<string> {
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  for await (const chunk of stream) {
    chunks.push(chunk);
    for (let sent = 0; sent < chunk.length;) sent += await to.write(chunk.subarray(sent));
  }
  return await new Blob(chunks).text();
}

const [{ code }, ...printed] = await Promise.all([
  child.status,
  relay(child.stdout, Deno.stdout),
  relay(child.stderr, Deno.stderr),
]);
const leaks = printed.map(findMintedSecret).filter((leak) => leak !== undefined);
for (const leak of leaks) console.error(`The tests print a secret: ${leak}`);
Deno.exit(code || (leaks.length > 0 ? 1 : 0));
