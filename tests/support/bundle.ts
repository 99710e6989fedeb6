/**
 * Bundles a module for a runtime other than Deno, as the Worker is when it is deployed.
 *
 * @module
 */

import { assert } from "@std/assert";
import { bundleArguments } from "../../src/cli/deploy/bundle_arguments.ts";

/**
 * Bundles `entry`, in which the package's own name resolves, and returns the code as one ES module.
 *
 * @param entry Path relative to `tests/`.
 */
export async function bundle(entry: string): Promise<string> {
  const output = await Deno.makeTempFile({ suffix: ".mjs" });
  try {
    const { success, stderr } = await new Deno.Command(Deno.execPath(), {
      args: bundleArguments({ entry, output }),
      cwd: new URL("../", import.meta.url),
      env: { NO_COLOR: "1" },
    }).output();
    assert(success, new TextDecoder().decode(stderr));
    const code = await Deno.readTextFile(output);
    // workerd waits for ever on an empty module.
    assert(code.trim() !== "", `the bundle of ${entry} is empty`);
    return code;
  } finally {
    await Deno.remove(output);
  }
}
