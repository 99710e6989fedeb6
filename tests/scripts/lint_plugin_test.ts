import { assertEquals } from "@std/assert";
import plugin from "../../scripts/lint_plugin.ts";

const RUNTIME = "grantway/no-runtime-api";
const PROVIDER = "grantway/no-provider-id";

const CASES = [
  { path: "src/core/a.ts", code: "Deno.cwd();", found: [RUNTIME] },
  { path: "src/core/a.ts", code: "globalThis.Deno;", found: [RUNTIME] },
  { path: "src/core/a.ts", code: "let f: Deno.FsFile;", found: [RUNTIME] },
  { path: "src/core/a.ts", code: "process.env.HOME;", found: [RUNTIME] },
  { path: "src/cli/output.ts", code: "Deno.stdout;", found: [RUNTIME] },
  { path: "src/gateway/pages/a.tsx", code: "<p>{Deno.version}</p>;", found: [RUNTIME] },
  { path: "src/core/a.ts", code: "const s = 'Deno.cwd()'; // Deno.cwd()", found: [] },
  { path: "src/core/a.ts", code: "step.process; Denomination.of();", found: [] },
  { path: "src/cli.ts", code: "Deno.cwd();", found: [] },
  { path: "src/worker.ts", code: "Deno.cwd();", found: [] },
  { path: "src/adapters/deno/a.ts", code: "Deno.cwd();", found: [] },
  { path: "scripts/a.ts", code: "Deno.cwd();", found: [] },
  { path: "src/cli/a.ts", code: "if (id === 'minimax-oauth') f();", found: [PROVIDER] },
  { path: "src/cli/a.ts", code: "if ('minimax' != id) f();", found: [PROVIDER] },
  { path: "src/cli/a.ts", code: "switch (id) { case 'minimax-cn': }", found: [PROVIDER] },
  { path: "src/cli/a.ts", code: "findProvider('minimax-oauth');", found: [] },
  { path: "src/cli/a.ts", code: "if (id === 'global') f();", found: [] },
  { path: "src/providers/a.ts", code: "if (id === 'minimax-oauth') f();", found: [] },
  { path: "tests/a.ts", code: "if (id === 'minimax-oauth') f();", found: [] },
];

for (const { path, code, found } of CASES) {
  Deno.test(`lint: ${found.join() || "nothing"} in ${path}: ${code}`, () => {
    assertEquals(Deno.lint.runPlugin(plugin, path, code).map(({ id }) => id), found);
  });
}
