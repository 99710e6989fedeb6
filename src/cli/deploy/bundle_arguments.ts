/**
 * How a module becomes a Worker's one script: what `deno bundle` is told, for everybody who bundles one.
 *
 * @module
 */

/** What is bundled. */
export interface BundleArguments {
  /** The module: a URL, or a path from the working folder. */
  entry: string;
  /** The file to write. */
  output: string;
  /** `--config` and the like, which say what bare names mean. */
  sourceFlags?: readonly string[] | undefined;
}

/** The arguments of `deno` that bundle it. */
export function bundleArguments({ entry, output, sourceFlags = [] }: BundleArguments): string[] {
  return [
    "bundle",
    "--quiet",
    "--minify",
    "--platform=browser",
    "--external=cloudflare:workers",
    ...sourceFlags,
    `--output=${output}`,
    entry,
  ];
}

/** The arguments that bundle the Worker of the package in the folder `root`. */
export function workerBundleArguments(root: URL, output: string): string[] {
  const entry = new URL("src/worker.ts", root).href;
  return bundleArguments({ entry, output, sourceFlags: sourceFlags(root) });
}

/** A checkout has an import map and a lock; a published package names its dependencies itself. */
function sourceFlags(root: URL): string[] {
  if (root.protocol !== "file:") return ["--no-config", "--no-lock", `--allow-import=${root.host}`];
  const path = decodeURIComponent(root.pathname).replace(/^\/([A-Za-z]:)/, "$1");
  return [`--config=${path}deno.json`];
}
