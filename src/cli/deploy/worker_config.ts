/**
 * What Cloudflare is told of the Worker: the same as `wrangler.toml` of the repository, which a package
 * from a registry does not have, but for the bundle, which is made already.
 *
 * @module
 */

/** The main module's file name. */
export const WORKER_FILE = "worker.js";

/** What differs from one deployment to the next. */
export interface WorkerConfigOptions {
  /** The Worker's name. */
  name: string;
  /** The names of its modules. */
  modules: readonly string[];
  /** The KV namespace; without it the Worker keeps the one that it has. */
  kvId?: string | undefined;
}

/** The content of `wrangler.json`. */
export function workerConfig(
  { name, modules, kvId }: WorkerConfigOptions,
): Record<string, unknown> {
  return {
    name,
    main: WORKER_FILE,
    no_bundle: true,
    // The folder may hold modules of earlier bundles, too.
    rules: [{ type: "ESModule", globs: modules }],
    compatibility_date: "2026-07-01",
    compatibility_flags: ["enable_request_signal", "new_module_registry"],
    workers_dev: true,
    preview_urls: false,
    kv_namespaces: [{ binding: "KV", ...(kvId === undefined ? {} : { id: kvId }) }],
    durable_objects: {
      bindings: [
        { name: "CREDENTIALS", class_name: "CredentialObject" },
        { name: "SIGN_INS", class_name: "SignInObject" },
        { name: "STORE", class_name: "StoreObject" },
        { name: "USAGE", class_name: "UsageObject" },
      ],
    },
    migrations: [
      { tag: "v1", new_sqlite_classes: ["CredentialObject", "SignInObject", "UsageObject"] },
      { tag: "v2", new_sqlite_classes: ["StoreObject"] },
    ],
    observability: { enabled: true },
  };
}
