/**
 * Bundles a module for a runtime other than Deno, as the Worker is when it is deployed.
 *
 * @module
 */

import { assert } from "@std/assert";
import { bundleArguments } from "../../src/cli/deploy/bundle_arguments.ts";
import { type BundleModules, readModules } from "../../src/cli/deploy/bundle_modules.ts";

/**
 * Bundles `entry`, in which the package's own name resolves, and returns its modules.
 *
 * @param entry Path relative to `tests/`.
 */
export async function bundle(entry: string): Promise<BundleModules> {
  const folder = await Deno.makeTempDir({ prefix: "grantway-bundle-" });
  try {
    const { success, stderr } = await new Deno.Command(Deno.execPath(), {
      args: bundleArguments({ entry, folder }),
      cwd: new URL("../", import.meta.url),
      env: { NO_COLOR: "1" },
    }).output();
    assert(success, new TextDecoder().decode(stderr));
    const main = entry.replace(/^.*\/|\.ts$/g, "") + ".js";
    const modules = await readModules(main, (name) => Deno.readTextFile(`${folder}/${name}`));
    // workerd waits for ever on an empty module.
    assert(modules.size > 0, `the bundle of ${entry} is empty`);
    return modules;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
