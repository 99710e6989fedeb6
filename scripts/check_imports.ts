/**
 * Checks what the files of `src/` import: the direction between folders, cycles between files, and
 * who may name a runtime or a package.
 *
 * What the code itself says (`Deno.`, provider ids) is the lint plugin's part.
 *
 * ```sh
 * deno run --allow-read --allow-write --allow-env --allow-run scripts/check_imports.ts
 * ```
 *
 * @module
 */

/** One import of a file, as the module graph reports it. */
export interface Import {
  /** As it is written: `./pkce.ts`, `hono`, `node:fs`. */
  specifier: string;
  /** The file it means, relative to the root; `undefined` for anything that is not a file. */
  target: string | undefined;
  /** `import type`, `export type` or `import("…").T`: gone when the program runs. */
  typeOnly: boolean;
  /** `import("…")`: loaded when the line is reached. */
  dynamic: boolean;
}

/** Path relative to the root -> imports. */
export type ImportGraph = ReadonlyMap<string, readonly Import[]>;

/**
 * The layers from the bottom to the top. A file imports its own unit and units of lower lines; units
 * on one line do not import each other.
 */
const LAYERS: readonly (readonly string[])[] = [
  ["core", "deno.json"],
  ["oauth", "protocols"],
  ["providers"],
  ["credentials"],
  ["requests"],
  ["transports", "media"],
  ["agent"],
  ["mod.ts"],
  ["gateway", "sandbox", "adapters/deno", "adapters/cloudflare"],
  ["cli"],
  ["cli.ts", "worker.ts"],
];

/** Where the direction alone would allow too much: the only units these may import. */
const ONLY: Readonly<Record<string, { values: readonly string[]; types: readonly string[] }>> = {
  providers: { values: ["core"], types: ["core", "oauth", "protocols"] },
  // It exists to test codecs and grants: sharing them would share their mistakes.
  sandbox: { values: ["core"], types: ["core", "oauth", "protocols", "providers"] },
};

/** The only units that may import these; for any other unit the direction decides. */
const IMPORTERS: Readonly<Record<string, readonly string[]>> = {
  "adapters/deno": ["cli.ts"],
  "adapters/cloudflare": ["worker.ts"],
  "mod.ts": [],
  // For the version alone.
  "deno.json": ["cli.ts", "worker.ts"],
};

/** Who may import what is not a file of ours. The first matching row decides; no row: everyone. */
const PACKAGES: readonly { pattern: RegExp; by: readonly string[] }[] = [
  { pattern: /^node:/, by: ["adapters/deno", "cli.ts"] },
  { pattern: /^cloudflare:/, by: ["adapters/cloudflare", "worker.ts"] },
  // Versions stand in deno.json alone.
  { pattern: /^[a-z]+:/, by: [] },
  { pattern: /^hono(\/|$)/, by: ["gateway", "sandbox"] },
  { pattern: /^(commander|@clack\/prompts|yaml)(\/|$)/, by: ["cli", "cli.ts"] },
  { pattern: /^uqr$/, by: ["cli", "gateway"] },
];

/** The unit a path belongs to: a folder of `src/`, an adapter, a program, or the root `mod.ts`. */
function unitOf(path: string): string {
  if (path === "mod.ts") return path;
  const [root, first, second] = path.split("/");
  if (root !== "src" || first === undefined) return path;
  return first === "adapters" ? `adapters/${second}` : first;
}

/** Why `from` may not import `to`; `undefined` when it may. */
function unitViolation(from: string, to: string, typeOnly: boolean): string | undefined {
  if (from === to) return undefined;
  const rank = (unit: string) => LAYERS.findIndex((layer) => layer.includes(unit));
  if (rank(to) === -1) return `${to} is no layer`;
  const importers = IMPORTERS[to];
  if (importers !== undefined && !importers.includes(from)) {
    return `only ${importers.join(" and ") || "users of the package"} may import ${to}`;
  }
  const only = ONLY[from];
  if (only !== undefined && !(typeOnly ? only.types : only.values).includes(to)) {
    return only.types.includes(to)
      ? `${from} may import only types of ${to}`
      : `${from} may not import ${to}`;
  }
  if (rank(from) === rank(to)) return `${from} and ${to} are on one layer`;
  if (rank(from) < rank(to)) return `${to} lies above ${from}`;
  return undefined;
}

/**
 * The cycles of files, as `a -> b -> a`, among the imports that load with the file: only there does the
 * order of loading depend on where one enters.
 */
function findCycles(graph: ImportGraph): string[] {
  const cycles: string[] = [];
  const done = new Set<string>();
  const path: string[] = [];
  const visit = (file: string) => {
    const start = path.indexOf(file);
    if (start !== -1) {
      cycles.push([...path.slice(start), file].join(" -> "));
      return;
    }
    if (done.has(file)) return;
    path.push(file);
    for (const { target, typeOnly, dynamic } of graph.get(file) ?? []) {
      if (target !== undefined && !typeOnly && !dynamic) visit(target);
    }
    path.pop();
    done.add(file);
  };
  for (const file of graph.keys()) visit(file);
  return cycles;
}

/** Every violation, one line each. */
export function findViolations(graph: ImportGraph): string[] {
  const violations: string[] = [];
  for (const [file, imports] of graph) {
    const from = unitOf(file);
    if (!LAYERS.some((layer) => layer.includes(from))) {
      violations.push(`${file}: ${from} is no layer`);
      continue;
    }
    for (const { specifier, target, typeOnly } of imports) {
      const allowed = target === undefined
        ? PACKAGES.find(({ pattern }) => pattern.test(specifier))?.by
        : undefined;
      const reason = target !== undefined
        ? unitViolation(from, unitOf(target), typeOnly)
        : allowed !== undefined && !allowed.includes(from)
        ? allowed.length === 0
          ? "name it in deno.json"
          : `only ${allowed.join(" and ")} may import it`
        : undefined;
      if (reason !== undefined) violations.push(`${file}: imports ${specifier}: ${reason}`);
    }
  }
  return [...violations, ...findCycles(graph).map((cycle) => `cycle: ${cycle}`)];
}

interface InfoModule {
  specifier: string;
  error?: string;
  dependencies?: {
    specifier: string;
    code?: { specifier?: string };
    type?: { specifier?: string };
    isDynamic?: boolean;
  }[];
}

async function listSources(folder: URL): Promise<URL[]> {
  const files: URL[] = [];
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    if (isDirectory) files.push(...await listSources(new URL(`${name}/`, folder)));
    else if (/\.tsx?$/.test(name)) files.push(new URL(name, folder));
  }
  return files;
}

/**
 * Reads the import graph of `mod.ts` and of every file below `src/`.
 *
 * @param root The checkout, with a trailing slash.
 * @throws {Error} When a file cannot be parsed or an imported file is missing.
 */
export async function readImportGraph(root: URL): Promise<ImportGraph> {
  const files = [new URL("mod.ts", root), ...await listSources(new URL("src/", root))];
  const entry = await Deno.makeTempFile({ suffix: ".ts" });
  let modules: InfoModule[];
  try {
    await Deno.writeTextFile(entry, files.map(({ href }) => `import "${href}";\n`).join(""));
    const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["info", "--json", "--no-config", "--no-npm", "--no-remote", entry],
      env: { NO_COLOR: "1" },
    }).output();
    if (!success) throw new Error(new TextDecoder().decode(stderr));
    modules = JSON.parse(new TextDecoder().decode(stdout)).modules;
  } finally {
    await Deno.remove(entry);
  }
  const relative = (specifier: string | undefined) =>
    specifier?.startsWith(root.href) ? specifier.slice(root.href.length) : undefined;
  const graph = new Map<string, Import[]>();
  for (const { specifier, error, dependencies = [] } of modules) {
    const file = relative(specifier);
    if (file === undefined) continue;
    if (error !== undefined) throw new Error(`Cannot read ${file}: ${error}`);
    graph.set(
      file,
      dependencies.map(({ specifier, code, type, isDynamic = false }) => ({
        specifier,
        target: relative(code?.specifier ?? type?.specifier),
        typeOnly: code === undefined,
        dynamic: isDynamic,
      })),
    );
  }
  return graph;
}

if (import.meta.main) {
  const graph = await readImportGraph(new URL("../", import.meta.url));
  const violations = findViolations(graph);
  for (const violation of violations) console.error(violation);
  console.log(`${graph.size} files, ${violations.length} violations`);
  Deno.exit(violations.length === 0 ? 0 : 1);
}
