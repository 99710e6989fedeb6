import { assert, assertEquals, assertStringIncludes } from "@std/assert";

const ROOT = new URL("../../", import.meta.url);

/** A mistake, the step of `deno task ok` that must stop it, and what that step says. */
const CASES = [
  {
    mistake: "an unformatted file",
    path: "src/core/mistake.ts",
    text: `export  const a: number=1\n`,
    step: "format",
    says: "mistake.ts",
  },
  {
    mistake: "a Deno API in the library",
    path: "src/core/mistake.ts",
    text: `export const a: string = Deno.cwd();\n`,
    step: "lint",
    says: "no-runtime-api",
  },
  {
    mistake: "a Deno type behind a public entry point",
    path: "src/oauth/mod.ts",
    text: `/** Mistake. */\nexport type Mistake = Deno.FsFile;\n`,
    step: "web-types",
    says: "Deno",
  },
  {
    mistake: "a Node module in the library",
    path: "src/core/mistake.ts",
    text: `import "node:fs";\n`,
    step: "imports",
    says: "src/core/mistake.ts: imports node:fs",
  },
  {
    mistake: "an upward import",
    path: "src/core/mistake.ts",
    text: `import "../oauth/mod.ts";\n`,
    step: "imports",
    says: "oauth lies above core",
  },
  {
    mistake: "a slow type",
    path: "src/oauth/mod.ts",
    text: `/** Mistake. */\nexport const mistake = [1].map(String);\n`,
    step: "publish",
    says: "missing-explicit-type",
  },
  {
    mistake: "an npm type in a public signature",
    path: "src/gateway/mod.ts",
    text:
      `import type { Hono } from "hono";\n\n/** Mistake. */\nexport function mistake(_: Hono): void {}\n`,
    step: "docs",
    says: "public type 'mistake' references private type 'Hono'",
  },
  {
    mistake: "an undocumented export",
    path: "src/oauth/mod.ts",
    text: `export const mistake: number = 1;\n`,
    step: "docs",
    says: "missing-jsdoc",
  },
];

async function copy(path: string, to: URL): Promise<void> {
  const source = new URL(path, ROOT);
  const target = new URL(path, to);
  if (!path.endsWith("/")) return await Deno.copyFile(source, target);
  await Deno.mkdir(target, { recursive: true });
  for await (const { name, isDirectory } of Deno.readDir(source)) {
    await copy(`${path}${name}${isDirectory ? "/" : ""}`, to);
  }
}

for (const { mistake, path, text, step, says } of CASES) {
  Deno.test(`deno task ok stops ${mistake} at ${step}`, async () => {
    const folder = await Deno.makeTempDir();
    const root = new URL(`file://${folder}/`);
    try {
      for (const entry of ["deno.json", "deno.lock", "mod.ts", "src/", "scripts/"]) {
        await copy(entry, root);
      }
      await Deno.writeTextFile(new URL(path, root), text, { append: true });
      const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
        args: ["task", "ok", `--only=${step}`],
        cwd: root,
        env: { NO_COLOR: "1" },
      }).output();
      const output = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
      assertStringIncludes(output, says);
      assertStringIncludes(output, `not ok: ${step} failed`);
      assertEquals(code, 1);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });
}

Deno.test("deno task ok refuses the name of a step that is none", async () => {
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["task", "ok", "--without=fmt"],
    cwd: ROOT,
    env: { NO_COLOR: "1" },
  }).output();
  assert(new TextDecoder().decode(stderr).includes("No step is called fmt"));
  assertEquals(code, 2);
});
