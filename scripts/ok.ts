/**
 * Everything that has to hold before a commit: what CI runs, step by step, until the first failure.
 *
 * ```sh
 * deno task ok
 * deno task ok --without=tests
 * deno task ok --only=lint,imports
 * ```
 *
 * @module
 */

const root = decodeURIComponent(new URL("../", import.meta.url).pathname);
const tests = `${root}tests/`;

/** One check: a `deno` command that succeeds or fails. */
interface Step {
  name: string;
  args: string[];
  cwd?: string;
}

const { exports } = JSON.parse(await Deno.readTextFile(`${root}deno.json`)) as {
  exports: Record<string, string>;
};
const entryPoints = Object.values(exports);
/** Entry points for any runtime: they may not even know the types of Deno. */
const webEntryPoints = [...entryPoints, "src/worker.ts"].filter((path) =>
  !/\/(cli\.ts|adapters\/deno\/.*)$/.test(path)
);

const STEPS: readonly Step[] = [
  { name: "format", args: ["fmt", "--check"] },
  { name: "lint", args: ["lint"] },
  { name: "locks", args: ["install", "--quiet", "--frozen"] },
  { name: "test-locks", args: ["install", "--quiet", "--frozen"], cwd: tests },
  { name: "types", args: ["check", "--quiet", "mod.ts", "src", "scripts"] },
  // Here the package's own name resolves, as it does in the examples.
  {
    name: "test-types",
    args: ["check", "--quiet", "--doc", ".", "../mod.ts", "../src", "../README.md"],
    cwd: tests,
  },
  {
    name: "web-types",
    args: ["check", "--quiet", "--config", "scripts/web/deno.json", ...webEntryPoints],
  },
  { name: "docs", args: ["doc", "--lint", ...entryPoints] },
  { name: "imports", args: ["run", "-RWE", "--allow-run", "scripts/check_imports.ts"] },
  { name: "bundle", args: ["run", "-RWE", "--allow-run", "scripts/bundle_report.ts"] },
  { name: "tests", args: ["task", "test"] },
  { name: "publish", args: ["publish", "--dry-run", "--allow-dirty"] },
];

function namesOf(option: string): string[] | undefined {
  const names = Deno.args.find((arg) => arg.startsWith(`--${option}=`))?.split("=")[1]?.split(",");
  for (const name of names ?? []) {
    if (!STEPS.some((step) => step.name === name)) {
      console.error(`No step is called ${name}: ${STEPS.map(({ name }) => name).join(", ")}`);
      Deno.exit(2);
    }
  }
  return names;
}

const only = namesOf("only");
const without = namesOf("without") ?? [];
const steps = STEPS.filter(({ name }) => (only?.includes(name) ?? true) && !without.includes(name));

for (const { name, args, cwd = root } of steps) {
  console.log(`\n== ${name}: deno ${args.join(" ")}`);
  const { success } = await new Deno.Command(Deno.execPath(), { args, cwd }).spawn().status;
  if (!success) {
    console.error(`\nnot ok: ${name} failed`);
    Deno.exit(1);
  }
}
console.log(`\nok: ${steps.map(({ name }) => name).join(", ")}`);
