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
 * @module
 */

import { existsSync } from "node:fs";
import { resolve } from "node:path";

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
const { code } = await new Deno.Command(Deno.execPath(), {
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
  env: fixtures ? { GRANTWAY_FIXTURES: resolve(start, fixtures) } : {},
}).spawn().status;
Deno.exit(code);
