/**
 * Runs a bundled Worker in the real workerd.
 *
 * @module
 */

import { Miniflare } from "miniflare";

const wranglerConfig = await Deno.readTextFile(new URL("../../wrangler.toml", import.meta.url));

/** The behaviour that the deployed Worker has, too. */
const compatibilityDate = /^compatibility_date = "(.+)"$/m.exec(wranglerConfig)![1]!;

/** Serves `code` with a KV namespace bound as `KV`, while `run` runs; `origin` takes real requests. */
export async function withWorkerd(
  code: string,
  run: (origin: URL, miniflare: Miniflare) => Promise<void>,
): Promise<void> {
  const miniflare = new Miniflare({
    modules: [{ type: "ESModule", path: "worker.js", contents: code }],
    compatibilityDate,
    kvNamespaces: ["KV"],
  });
  try {
    await run(await miniflare.ready, miniflare);
  } finally {
    await miniflare.dispose();
  }
}
