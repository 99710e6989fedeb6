/**
 * How a module becomes a Worker: what `deno bundle` is told, for everybody who bundles one.
 *
 * What is imported at once becomes the Worker's first modules; what is behind an `import()`, modules of
 * its own, which the platform compiles when they are first needed.
 *
 * @module
 */

/** What is bundled. */
export interface BundleArguments {
  /** The module: a URL, or a path from the working folder. */
  entry: string;
  /** The folder to write to; the main module has the entry's name there. */
  folder: string;
  /** `--config` and the like, which say what bare names mean. */
  sourceFlags?: readonly string[] | undefined;
}

/** The arguments of `deno` that bundle it. */
export function bundleArguments({ entry, folder, sourceFlags = [] }: BundleArguments): string[] {
  return [
    "bundle",
    "--quiet",
    "--minify",
    "--platform=browser",
    "--external=cloudflare:workers",
    "--code-splitting",
    ...sourceFlags,
    `--outdir=${folder}`,
    entry,
  ];
}

/** The arguments that bundle the Worker of the package in the folder `root`. */
export function workerBundleArguments(root: URL, folder: string): string[] {
  const entry = new URL("src/worker.ts", root).href;
  return bundleArguments({ entry, folder, sourceFlags: sourceFlags(root) });
}

/** A checkout has an import map and a lock; a published package names its dependencies itself. */
function sourceFlags(root: URL): string[] {
  if (root.protocol !== "file:") return ["--no-config", "--no-lock", `--allow-import=${root.host}`];
  const path = decodeURIComponent(root.pathname).replace(/^\/([A-Za-z]:)/, "$1");
  return [`--config=${path}deno.json`];
}
