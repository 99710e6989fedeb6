/**
 * Makes the Worker's one module out of this very package, wherever it was loaded from: a checkout, or a
 * registry's URL. So what is deployed is always the version that deploys it.
 *
 * @module
 */

import { GrantwayError } from "../../core/errors.ts";
import { displayText } from "../../core/redact.ts";
import type { Context } from "../context.ts";
import { workerBundleArguments } from "./bundle_arguments.ts";
import { runDeno } from "./child.ts";
import { WORKER_FILE } from "./worker_config.ts";

/** Sizes of the bundle, bytes. */
export interface BundleSize {
  /** As it is. */
  bytes: number;
  /** Compressed, which is what the platform limits. */
  gzipBytes: number;
}

/** Bundles into `folder`. */
export async function bundleWorker(context: Context, folder: string): Promise<BundleSize> {
  const root = new URL("../../../", import.meta.url);
  const file = `${folder}/${WORKER_FILE}`;
  const { files } = context;
  // What an earlier run left must not be taken for this one's.
  await files.write(file, "");
  const { code, stderr } = await runDeno(context, workerBundleArguments(root, file), {
    cwd: folder,
  });
  const text = code === 0 ? await files.read(file) ?? "" : "";
  if (text.trim() === "") {
    throw new GrantwayError(
      "invalid_configuration",
      `Cannot bundle the Worker: ${
        displayText(lastLine(stderr), 300) || `deno ended with ${code}`
      }`,
      { hint: "Check the network, for packages may have to be downloaded, and run this again" },
    );
  }
  const bytes = new TextEncoder().encode(text);
  const packed = new Blob([bytes]).stream().pipeThrough(new CompressionStream("gzip"));
  return { bytes: bytes.length, gzipBytes: (await new Response(packed).bytes()).length };
}

function lastLine(text: string): string {
  return text.split("\n").filter((line) => line.trim() !== "").at(-1) ?? "";
}
