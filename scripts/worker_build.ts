/**
 * Bundles the Worker into `dist/worker/`, which is what `wrangler.toml` names: the very modules that
 * `grantway gateway deploy` makes.
 *
 * ```sh
 * deno run --allow-read --allow-write --allow-run scripts/worker_build.ts
 * ```
 *
 * @module
 */

import { workerBundleArguments } from "../src/cli/deploy/bundle_arguments.ts";
import { type BundleModules, readModules } from "../src/cli/deploy/bundle_modules.ts";

/** Bundles the Worker; its modules, none when that failed, for which Deno has said why. */
export async function buildWorker(): Promise<BundleModules> {
  const root = new URL("../", import.meta.url);
  const folder = new URL("dist/worker/", root);
  // Wrangler uploads whatever is there.
  await Deno.remove(folder, { recursive: true }).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  });
  const { success } = await new Deno.Command(Deno.execPath(), {
    args: workerBundleArguments(root, "dist/worker"),
    cwd: root,
  }).spawn().status;
  if (!success) return new Map();
  return await readModules("worker.js", (name) => Deno.readTextFile(new URL(name, folder)));
}

if (import.meta.main && (await buildWorker()).size === 0) Deno.exit(1);
