import { assertEquals, assertRejects } from "@std/assert";
import { findViolations, type Import, readImportGraph } from "../../scripts/check_imports.ts";

/**
 * `"src/a.ts"` by value, `"type src/a.ts"` by type, `"lazy src/a.ts"` dynamically. A path from the root
 * means a file, the rest packages.
 */
function graphOf(files: Record<string, string[]>): Map<string, Import[]> {
  return new Map(
    Object.entries(files).map(([file, imports]) => [
      file,
      imports.map((text) => {
        const typeOnly = text.startsWith("type ");
        const dynamic = text.startsWith("lazy ");
        const specifier = text.replace(/^(type|lazy) /, "");
        const isFile = /^(src\/|mod\.ts$|deno\.json$)/.test(specifier);
        return { specifier, target: isFile ? specifier : undefined, typeOnly, dynamic };
      }),
    ]),
  );
}

const GOOD: Record<string, string[]> = {
  "mod.ts": ["src/core/errors.ts", "src/transports/mod.ts"],
  "src/core/errors.ts": [],
  "src/core/sse.ts": ["eventsource-parser", "src/core/errors.ts"],
  "src/oauth/pkce.ts": ["src/core/errors.ts"],
  "src/oauth/token_set.ts": [],
  "src/protocols/event.ts": [],
  "src/providers/provider.ts": ["type src/oauth/token_set.ts", "type src/protocols/event.ts"],
  "src/credentials/login.ts": ["src/oauth/pkce.ts", "src/providers/provider.ts", "zod/mini"],
  "src/transports/mod.ts": ["type src/credentials/login.ts", "src/protocols/event.ts"],
  "src/agent/loop.ts": ["src/transports/mod.ts"],
  "src/gateway/app.ts": ["hono", "hono/streaming", "src/transports/mod.ts"],
  "src/sandbox/app.ts": ["hono", "src/core/errors.ts", "type src/protocols/event.ts"],
  "src/adapters/deno/files.ts": ["node:fs", "type src/credentials/login.ts"],
  "src/adapters/cloudflare/object.ts": ["cloudflare:workers"],
  "src/cli/main.ts": ["commander", "@clack/prompts", "src/gateway/app.ts", "src/sandbox/app.ts"],
  "src/cli.ts": ["node:process", "deno.json", "src/cli/main.ts", "src/adapters/deno/files.ts"],
  "src/worker.ts": [
    "cloudflare:workers",
    "src/gateway/app.ts",
    "src/adapters/cloudflare/object.ts",
  ],
};

Deno.test("findViolations() finds none in a good tree", () => {
  assertEquals(findViolations(graphOf(GOOD)), []);
});

const VIOLATIONS = [
  ["src/core/errors.ts", "src/oauth/token_set.ts", "oauth lies above core"],
  ["src/core/errors.ts", "type src/oauth/token_set.ts", "oauth lies above core"],
  ["src/core/errors.ts", "lazy src/oauth/token_set.ts", "oauth lies above core"],
  ["src/oauth/pkce.ts", "src/protocols/event.ts", "oauth and protocols are on one layer"],
  ["src/protocols/event.ts", "type src/oauth/pkce.ts", "protocols and oauth are on one layer"],
  ["src/oauth/pkce.ts", "src/providers/provider.ts", "providers lies above oauth"],
  ["src/providers/provider.ts", "src/oauth/pkce.ts", "providers may import only types of oauth"],
  ["src/credentials/login.ts", "src/transports/retry.ts", "transports lies above credentials"],
  ["src/requests/retry.ts", "src/transports/mod.ts", "transports lies above requests"],
  ["src/transports/mod.ts", "src/media/mod.ts", "transports and media are on one layer"],
  ["src/transports/mod.ts", "src/agent/loop.ts", "agent lies above transports"],
  ["src/gateway/app.ts", "src/sandbox/app.ts", "gateway and sandbox are on one layer"],
  ["src/agent/loop.ts", "src/gateway/app.ts", "gateway lies above agent"],
  ["src/gateway/app.ts", "src/cli/main.ts", "cli lies above gateway"],
  [
    "src/sandbox/app.ts",
    "src/protocols/messages/decode.ts",
    "sandbox may import only types of protocols",
  ],
  ["src/sandbox/app.ts", "src/credentials/login.ts", "sandbox may not import credentials"],
  ["src/cli/main.ts", "src/adapters/deno/files.ts", "only cli.ts may import adapters/deno"],
  ["src/worker.ts", "src/adapters/deno/files.ts", "only cli.ts may import adapters/deno"],
  [
    "src/adapters/deno/files.ts",
    "src/adapters/cloudflare/object.ts",
    "only worker.ts may import adapters/cloudflare",
  ],
  ["src/cli/main.ts", "deno.json", "only cli.ts and worker.ts may import deno.json"],
  ["src/cli/main.ts", "mod.ts", "only users of the package may import mod.ts"],
  ["mod.ts", "src/gateway/app.ts", "gateway lies above mod.ts"],
  ["src/core/errors.ts", "src/helpers/a.ts", "helpers is no layer"],
  ["src/core/errors.ts", "node:fs", "only adapters/deno and cli.ts may import it"],
  ["src/cli/main.ts", "type node:fs", "only adapters/deno and cli.ts may import it"],
  [
    "src/adapters/cloudflare/object.ts",
    "node:crypto",
    "only adapters/deno and cli.ts may import it",
  ],
  [
    "src/gateway/app.ts",
    "cloudflare:workers",
    "only adapters/cloudflare and worker.ts may import it",
  ],
  ["src/oauth/pkce.ts", "jsr:@std/encoding", "name it in deno.json"],
  ["src/oauth/pkce.ts", "npm:jose@6", "name it in deno.json"],
  ["src/cli.ts", "https://esm.sh/jose", "name it in deno.json"],
  ["src/transports/mod.ts", "hono", "only gateway and sandbox may import it"],
  ["src/cli/main.ts", "hono/client", "only gateway and sandbox may import it"],
  ["src/gateway/app.ts", "@clack/prompts", "only cli and cli.ts may import it"],
] as const;

for (const [file, imported, reason] of VIOLATIONS) {
  Deno.test(`findViolations() refuses ${imported} in ${file}`, () => {
    assertEquals(
      findViolations(graphOf({ [file]: [imported] })),
      [`${file}: imports ${imported.replace(/^(type|lazy) /, "")}: ${reason}`],
    );
  });
}

Deno.test("findViolations() refuses a folder that is no layer", () => {
  assertEquals(findViolations(graphOf({ "src/helpers/a.ts": [] })), [
    "src/helpers/a.ts: helpers is no layer",
  ]);
});

Deno.test("findViolations() finds a cycle once", () => {
  const graph = graphOf({
    "src/core/a.ts": ["src/core/b.ts"],
    "src/core/b.ts": ["src/core/c.ts"],
    "src/core/c.ts": ["src/core/b.ts"],
    "src/core/d.ts": ["src/core/d.ts"],
  });
  assertEquals(findViolations(graph), [
    "cycle: src/core/b.ts -> src/core/c.ts -> src/core/b.ts",
    "cycle: src/core/d.ts -> src/core/d.ts",
  ]);
});

Deno.test("findViolations() allows a way back that is a type or lazy", () => {
  const graph = graphOf({
    "src/cli/a.ts": ["src/cli/b.ts"],
    "src/cli/b.ts": ["type src/cli/a.ts", "lazy src/cli/c.ts"],
    "src/cli/c.ts": ["src/cli/a.ts"],
  });
  assertEquals(findViolations(graph), []);
});

async function withTree(files: Record<string, string>, run: (root: URL) => Promise<void>) {
  const path = await Deno.makeTempDir();
  const root = new URL(`file://${path}/`);
  try {
    for (const [name, text] of Object.entries(files)) {
      await Deno.mkdir(new URL(".", new URL(name, root)), { recursive: true });
      await Deno.writeTextFile(new URL(name, root), text);
    }
    await run(root);
  } finally {
    await Deno.remove(path, { recursive: true });
  }
}

Deno.test("readImportGraph() sees every form of import, in files nobody imports too", () =>
  withTree({
    "mod.ts": `export * from "./src/core/a.ts";`,
    "src/core/a.ts": [
      `import fs from "node:fs";`,
      `import type { B } from "./b.ts";`,
      `export type { C } from "./b.ts";`,
      `type D = import("./d.tsx").D;`,
      `await import("npm:zod");`,
      `// import "./in_a_comment.ts";`,
      `const text = 'import "./in_a_string.ts"';`,
    ].join("\n"),
    "src/core/b.ts": `import "hono";`,
    "src/core/d.tsx": `export type D = 1;`,
    "src/oauth/alone.ts": `export { a } from "../core/a.ts";`,
  }, async (root) => {
    assertEquals(Object.fromEntries(await readImportGraph(root)), {
      "mod.ts": [{
        specifier: "./src/core/a.ts",
        target: "src/core/a.ts",
        typeOnly: false,
        dynamic: false,
      }],
      "src/core/a.ts": [
        { specifier: "node:fs", target: undefined, typeOnly: false, dynamic: false },
        { specifier: "./b.ts", target: "src/core/b.ts", typeOnly: true, dynamic: false },
        { specifier: "./d.tsx", target: "src/core/d.tsx", typeOnly: true, dynamic: false },
        { specifier: "npm:zod", target: undefined, typeOnly: false, dynamic: true },
      ],
      "src/core/b.ts": [{ specifier: "hono", target: undefined, typeOnly: false, dynamic: false }],
      "src/core/d.tsx": [],
      "src/oauth/alone.ts": [
        { specifier: "../core/a.ts", target: "src/core/a.ts", typeOnly: false, dynamic: false },
      ],
    });
  }));

Deno.test("readImportGraph() rejects a missing file", () =>
  withTree({ "mod.ts": `import "./src/none.ts";`, "src/a.ts": "" }, async (root) => {
    await assertRejects(() => readImportGraph(root), Error, "src/none.ts");
  }));
