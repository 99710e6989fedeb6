/**
 * Makes the Worker's modules out of this very package, wherever it was loaded from: a checkout, or a
 * registry's URL. So what is deployed is always the version that deploys it.
 *
 * @module
 */

import { GrantwayError } from "../../core/errors.ts";
import { displayText } from "../../core/redact.ts";
import type { Context } from "../context.ts";
import { workerBundleArguments } from "./bundle_arguments.ts";
import { type BundleModules, readModules } from "./bundle_modules.ts";
import { runDeno } from "./child.ts";
import { WORKER_FILE } from "./worker_config.ts";

/** Bundles into `folder`. */
export async function bundleWorker(context: Context, folder: string): Promise<BundleModules> {
  const root = new URL("../../../", import.meta.url);
  const { userFiles } = context.platform;
  const read = async (name: string) => {
    const file = await userFiles.read(`${folder}/${name}`);
    return file === null ? undefined : new TextDecoder().decode(file.bytes);
  };
  // What an earlier run left must not be taken for this one's.
  for (const name of (await readModules(WORKER_FILE, read)).keys()) {
    const path = `${folder}/${name}`;
    const file = await userFiles.read(path);
    if (file !== null) await userFiles.remove(path, file);
  }
  const { code, stderr } = await runDeno(context, workerBundleArguments(root, folder), {
    cwd: folder,
  });
  const modules = code === 0 ? await readModules(WORKER_FILE, read) : new Map();
  if (modules.size === 0) {
    throw new GrantwayError(
      "invalid_configuration",
      `Cannot bundle the Worker: ${
        displayText(lastLine(stderr), 300) || `deno ended with ${code}`
      }`,
      { hint: "Check the network, for packages may have to be downloaded, and run this again" },
    );
  }
  return modules;
}

function lastLine(text: string): string {
  return text.split("\n").filter((line) => line.trim() !== "").at(-1) ?? "";
}
