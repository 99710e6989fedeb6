/**
 * Program 1: the command line, on Deno. It hands `adapters/deno` to `cli/`.
 *
 * @module
 */

import { programHelp } from "./cli/command_table.ts";
import { GLOBAL_FLAGS } from "./cli/global_flags.ts";
import { VERSION } from "./core/version.ts";

export { VERSION };

/** Runs the command line of this process and returns its exit code. */
export async function main(): Promise<number> {
  const [{ run }, { createDenoPlatform }] = await Promise.all([
    import("./cli/main.ts"),
    import("./adapters/deno/platform.ts"),
  ]);
  return await run({ ...createDenoPlatform(), version: VERSION });
}

if (import.meta.main) {
  const [first, ...rest] = Deno.args.filter((arg) =>
    !GLOBAL_FLAGS.some(({ flags }) => flags.includes(arg))
  );
  if (rest.length === 0 && (first === "--version" || first === "-V")) {
    console.log(VERSION);
  } else if (rest.length === 0 && (first === "--help" || first === "-h" || first === "help")) {
    console.log(programHelp().trimEnd());
  } else {
    Deno.exit(await main());
  }
}
