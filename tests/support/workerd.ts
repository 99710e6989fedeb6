/**
 * Runs a bundled Worker in the real workerd.
 *
 * @module
 */

import { Miniflare } from "miniflare";
import type { KvNamespace, ObjectNamespace } from "../../src/adapters/cloudflare/mod.ts";
import type { BundleModules } from "../../src/cli/deploy/bundle_modules.ts";

const wranglerConfig = await Deno.readTextFile(new URL("../../wrangler.toml", import.meta.url));

/** The behaviour that the deployed Worker has, too. */
const compatibilityDate = /^compatibility_date = "(.+)"$/m.exec(wranglerConfig)![1]!;

const compatibilityFlags: string[] = JSON.parse(
  /^compatibility_flags = (\[.*\])$/m.exec(wranglerConfig)![1]!,
);

/** A Worker's code: one module, or several by name, the main one first. */
export type WorkerCode = string | BundleModules;

/** How miniflare runs `code` as the deployed Worker runs. */
export function workerOptions(code: WorkerCode) {
  const modules = typeof code === "string" ? [["worker.js", code] as const] : [...code];
  return {
    modules: modules.map(([path, contents]) => ({ type: "ESModule" as const, path, contents })),
    compatibilityDate,
    compatibilityFlags,
  };
}

/** Has every request that leaves a Worker answered by `fetch`, as miniflare's `outboundService`. */
export function outbound(fetch: typeof globalThis.fetch) {
  // deno-lint-ignore no-explicit-any -- miniflare's own Request and Response
  return async (request: any): Promise<any> => {
    const { method, url } = request;
    const body = method === "GET" || method === "HEAD" ? null : await request.text();
    return await fetch(url, { method, headers: new Headers([...request.headers]), body });
  };
}

/** A running workerd; `await using` ends it. */
export interface Workerd extends AsyncDisposable {
  /** Takes real requests. */
  origin: URL;
  /** The same, without miniflare's own Worker in between, which hides that a client has left. */
  direct: URL;
  /** What the Worker has as `env.KV`, from outside. */
  kv: KvNamespace;
  /** What it has as `env.CREDENTIALS`, from outside; where it has any. */
  credentials: ObjectNamespace;
  /** The same of `env.USAGE`. */
  usage: ObjectNamespace;
  /** Starts it again over the same data; what was under way ends. */
  restart(bindings: Record<string, string>): Promise<void>;
}

/** What a Worker has besides KV. */
export interface WorkerdOptions {
  /** Secrets and variables. */
  bindings?: Record<string, string>;
  /** Whether it has the objects of wrangler.toml. */
  hasObjects?: boolean;
  /** Where KV and the objects are kept. Default: nowhere. */
  folder?: string;
  /** Answers what leaves it. */
  fetch?: typeof globalThis.fetch;
}

/** The objects of wrangler.toml. */
export const OBJECTS = {
  CREDENTIALS: { className: "CredentialObject", useSQLite: true },
  SIGN_INS: { className: "SignInObject", useSQLite: true },
  STORE: { className: "StoreObject", useSQLite: true },
  USAGE: { className: "UsageObject", useSQLite: true },
};

/** Starts workerd with `code` as its Worker and an empty KV namespace. */
export async function startWorkerd(
  code: WorkerCode,
  options: WorkerdOptions = {},
): Promise<Workerd> {
  const { hasObjects = false, folder } = options;
  const toOptions = (bindings: Record<string, string>) => ({
    ...workerOptions(code),
    bindings,
    kvNamespaces: ["KV"],
    durableObjects: hasObjects ? OBJECTS : {},
    unsafeDirectSockets: [{ host: "127.0.0.1", port: 0 }],
    ...(folder === undefined ? {} : { kvPersist: folder, durableObjectsPersist: folder }),
    ...(options.fetch === undefined ? {} : { outboundService: outbound(options.fetch) }),
  });
  const miniflare = new Miniflare(toOptions(options.bindings ?? {}));
  const namespace = async (name: string) =>
    (hasObjects
      ? await miniflare.getDurableObjectNamespace(name)
      : undefined) as unknown as ObjectNamespace;
  const open = async () => ({
    origin: await miniflare.ready,
    direct: await miniflare.unsafeGetDirectURL(),
    kv: await miniflare.getKVNamespace("KV") as unknown as KvNamespace,
    credentials: await namespace("CREDENTIALS"),
    usage: await namespace("USAGE"),
  });
  try {
    const workerd: Workerd = {
      ...await open(),
      restart: async (bindings) => {
        await miniflare.setOptions(toOptions(bindings));
        Object.assign(workerd, await open());
      },
      [Symbol.asyncDispose]: () => miniflare.dispose(),
    };
    return workerd;
  } catch (error) {
    await miniflare.dispose();
    throw error;
  }
}
