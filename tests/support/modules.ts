/**
 * Loads at once whatever the code under test would load when it first needs it.
 *
 * To load a module takes real time, which no virtual clock sees: it would jump to a deadline while one
 * is on its way. Which modules there are is read off the source, so that nobody has to keep a list.
 *
 * @module
 */

const SOURCE = new URL("../../src/", import.meta.url);
/** Adapters and programs name a runtime, which a virtual machine stands for. */
const LEFT_OUT = ["adapters", "cli.ts", "worker.ts"];
/** Starts real programs, so that no virtual clock can go with it; takes as long as all others. */
const HEAVY = new URL("agent/mcp/client.ts", SOURCE).href;

const DYNAMIC_IMPORT = /\bimport\(\s*"([^"]+)",?\s*\)/g;

/** The modules that files below a folder import dynamically. */
function* dynamicImports(folder: URL, leftOut: readonly string[] = []): Iterable<string> {
  for (const { name, isDirectory } of Deno.readDirSync(folder)) {
    if (leftOut.includes(name)) continue;
    if (isDirectory) {
      yield* dynamicImports(new URL(`${name}/`, folder));
      continue;
    }
    const file = new URL(name, folder);
    for (const [, module] of Deno.readTextFileSync(file).matchAll(DYNAMIC_IMPORT)) {
      yield module!.startsWith(".") ? new URL(module!, file).href : module!;
    }
  }
}

const modules = new Set(dynamicImports(SOURCE, LEFT_OUT));
modules.delete(HEAVY);
await Promise.all([...modules].map((module) => import(module)));
