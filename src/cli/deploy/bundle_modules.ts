/**
 * The modules of a bundle: the main one, and those that it leads to. A folder may hold modules of
 * earlier bundles besides.
 *
 * @module
 */

/** The modules of a bundle by name, as each imports the other by `./name`; the main one first. */
export type BundleModules = Map<string, string>;

/** What one module of a bundle imports. */
export interface ModuleImports {
  /** Loaded with it. */
  atOnce: string[];
  /** Loaded when it is first needed. */
  later: string[];
}

const AT_ONCE = /\b(?:from|import)\s*"\.\/([\w.-]+\.js)"/g;
const LATER = /\bimport\("\.\/([\w.-]+\.js)"\)/g;

/** The names of the modules that bundled `code` imports. */
export function findImports(code: string): ModuleImports {
  const names = (pattern: RegExp) => [...code.matchAll(pattern)].map(([, name]) => name!);
  return { atOnce: names(AT_ONCE), later: names(LATER) };
}

/** Reads the modules that `main` leads to; empty where there is no such module, or one is missing. */
export async function readModules(
  main: string,
  read: (name: string) => Promise<string | undefined>,
): Promise<BundleModules> {
  const modules: BundleModules = new Map();
  const names = [main];
  for (const name of names) {
    if (modules.has(name)) continue;
    const code = await read(name);
    if (code === undefined || code.trim() === "") return new Map();
    modules.set(name, code);
    const { atOnce, later } = findImports(code);
    names.push(...atOnce, ...later);
  }
  return modules;
}

/** What is loaded with the modules `names`, themselves included. */
export function loadedWith(names: readonly string[], modules: BundleModules): BundleModules {
  const loaded: BundleModules = new Map();
  const open = [...names];
  for (const name of open) {
    const code = modules.get(name);
    if (code === undefined || loaded.has(name)) continue;
    loaded.set(name, code);
    open.push(...findImports(code).atOnce);
  }
  return loaded;
}

/** Sizes of modules, bytes. */
export interface BundleSize {
  /** As they are. */
  bytes: number;
  /** Compressed together, which is what the platform limits. */
  gzipBytes: number;
}

/** Measures modules, as wrangler does. */
export async function measureModules(modules: BundleModules): Promise<BundleSize> {
  const blob = new Blob([...modules.values()]);
  const packed = blob.stream().pipeThrough(new CompressionStream("gzip"));
  return { bytes: blob.size, gzipBytes: (await new Response(packed).bytes()).length };
}
