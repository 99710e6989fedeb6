/**
 * Bundles the Worker into `dist/worker.js`, which is what `wrangler.toml` names: the very bundle that
 * `grantway gateway deploy` makes.
 *
 * ```sh
 * deno run --allow-read --allow-run scripts/worker_build.ts
 * ```
 *
 * @module
 */

import { workerBundleArguments } from "../src/cli/deploy/bundle_arguments.ts";

/** Bundles the Worker; where it is, or `undefined` when that failed, for which Deno has said why. */
export async function buildWorker(): Promise<URL | undefined> {
  const root = new URL("../", import.meta.url);
  const { success } = await new Deno.Command(Deno.execPath(), {
    args: workerBundleArguments(root, "dist/worker.js"),
    cwd: root,
  }).spawn().status;
  return success ? new URL("dist/worker.js", root) : undefined;
}

if (import.meta.main && await buildWorker() === undefined) Deno.exit(1);
