/**
 * Runs a bundled Worker in the real workerd.
 *
 * @module
 */

import { Miniflare } from "miniflare";
import type { KvNamespace } from "../../src/adapters/cloudflare/mod.ts";

const wranglerConfig = await Deno.readTextFile(new URL("../../wrangler.toml", import.meta.url));

/** The behaviour that the deployed Worker has, too. */
const compatibilityDate = /^compatibility_date = "(.+)"$/m.exec(wranglerConfig)![1]!;

/** How miniflare runs `code` as the deployed Worker runs. */
export function workerOptions(code: string) {
  return {
    modules: [{ type: "ESModule" as const, path: "worker.js", contents: code }],
    compatibilityDate,
  };
}

/** A running workerd; `await using` ends it. */
export interface Workerd extends AsyncDisposable {
  /** Takes real requests. */
  origin: URL;
  /** What the Worker has as `env.KV`, from outside. */
  kv: KvNamespace;
}

/** Starts workerd with `code` as its Worker and an empty KV namespace. */
export async function startWorkerd(code: string): Promise<Workerd> {
  const miniflare = new Miniflare({
    ...workerOptions(code),
    kvNamespaces: ["KV"],
  });
  try {
    return {
      origin: await miniflare.ready,
      kv: await miniflare.getKVNamespace("KV") as unknown as KvNamespace,
      [Symbol.asyncDispose]: () => miniflare.dispose(),
    };
  } catch (error) {
    await miniflare.dispose();
    throw error;
  }
}
