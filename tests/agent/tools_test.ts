// What each tool answers, and what none of them may see.

import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import type { AgentTool, Approval, ToolContext } from "../../src/agent/tool.ts";
import { createListFilesTool, createSearchFilesTool } from "../../src/agent/tools/find_files.ts";
import { createReadFileTool } from "../../src/agent/tools/read_file.ts";
import { createShellTool } from "../../src/agent/tools/shell.ts";
import { compileGlob } from "../../src/agent/tools/walk.ts";
import { resolvePath, shownPath } from "../../src/agent/workspace.ts";
import { MemoryWorkspace } from "../support/memory_workspace.ts";

function world() {
  const workspace = new MemoryWorkspace();
  const files: Record<string, string | Uint8Array<ArrayBuffer>> = {
    "/project/a.ts": "first\nsecond\nthird\n",
    "/project/empty": "",
    "/project/src/b.ts": "const needle = 1;\n\nneedle();\n",
    "/project/src/deep/c.md": "# needle\n",
    "/project/picture.png": new Uint8Array([137, 80, 0, 1]),
    "/project/node_modules/x/index.js": "needle",
    "/project/.git/config": "needle",
    "/etc/passwd": "root",
    "/home/user/.grantway/auth.json": "needle secret",
  };
  for (const [path, content] of Object.entries(files)) workspace.files.set(path, content);
  workspace.links.set("/project/out", "/etc");
  workspace.links.set("/project/logins", "/home/user/.grantway");
  const access = { workspace, hidden: ["/home/user/.grantway"] };
  return {
    workspace,
    read: createReadFileTool(access),
    list: createListFilesTool(access),
    search: createSearchFilesTool(access),
  };
}

function context(approval: Approval = { isApproved: false, reason: "no" }) {
  const asked: string[] = [];
  const progress: string[] = [];
  const cancel = new AbortController();
  const context: ToolContext = {
    signal: cancel.signal,
    approve: (action) => {
      asked.push(action);
      return Promise.resolve(approval);
    },
    onProgress: (text) => progress.push(text),
  };
  return { asked, progress, cancel, context };
}

/** What a call says: its text, or why it was not run. */
async function said(
  tool: AgentTool,
  input: Record<string, unknown>,
  { context: with_ } = context(),
): Promise<string> {
  try {
    const { content } = await tool.run(input, with_);
    return content.map((part) => part.type === "text" ? part.text : part.type).join("");
  } catch (error) {
    return `${(error as Error).name}: ${(error as Error).message}`;
  }
}

const READS = [
  { input: { path: "a.ts" }, says: "first\nsecond\nthird" },
  { input: { path: "./src/../a.ts" }, says: "first\nsecond\nthird" },
  { input: { path: "/project/a.ts", max_lines: 1 }, says: "first\n(lines 1 to 1 of 3)" },
  { input: { path: "a.ts", first_line: "2" }, says: "second\nthird\n(lines 2 to 3 of 3)" },
  { input: { path: "a.ts", first_line: 9 }, says: "a.ts has 3 lines only" },
  { input: { path: "empty" }, says: "(empty is empty)" },
  { input: { path: "src" }, says: "src is a folder: use list_files" },
  { input: { path: "picture.png" }, says: "picture.png is no text file" },
  { input: { path: "missing" }, says: "ToolInputError: there is no missing" },
  { input: {}, says: "ToolInputError: path is missing" },
  { input: { path: 3 }, says: "ToolInputError: path must be a string" },
  {
    input: { path: "a.ts", max_lines: "x" },
    says: "ToolInputError: max_lines must be a whole number",
  },
  { input: { path: "/etc/passwd" }, says: "ToolInputError: /etc/passwd is outside /project: no" },
  {
    input: { path: "../etc/passwd" },
    says: "ToolInputError: ../etc/passwd is outside /project: no",
  },
  { input: { path: "out/passwd" }, says: "ToolInputError: out/passwd is outside /project: no" },
  ...["/home/user/.grantway/auth.json", "logins/auth.json", "../home/user/.grantway/none"].map(
    (path) => ({
      input: { path },
      says: `ToolInputError: ${path} holds credentials, which no tool may read`,
    }),
  ),
];

for (const { input, says } of READS) {
  Deno.test(`read_file ${JSON.stringify(input)}`, async () => {
    assertEquals(await said(world().read, input), says);
  });
}

Deno.test("what is outside the working folder is read after a yes, logins not even then", async () => {
  const yes = context({ isApproved: true });
  assertEquals(await said(world().read, { path: "out/passwd" }, yes), "root");
  assertEquals(yes.asked, ["Read /etc/passwd, which is outside /project"]);
  assertStringIncludes(await said(world().read, { path: "logins/auth.json" }, yes), "no tool may");
  assertEquals(yes.asked.length, 1);
});

const LISTS = [
  { input: {}, says: "a.ts\nempty\npicture.png\nsrc/b.ts\nsrc/deep/c.md" },
  { input: { path: "src" }, says: "b.ts\ndeep/c.md" },
  { input: { glob: "*.ts" }, says: "a.ts\nsrc/b.ts" },
  { input: { glob: "src/**/*.{md,txt}" }, says: "src/deep/c.md" },
  { input: { glob: "*.py" }, says: "(no files)" },
  { input: { path: "/home" }, says: "ToolInputError: /home is outside /project: no" },
];

for (const { input, says } of LISTS) {
  Deno.test(`list_files ${JSON.stringify(input)}`, async () => {
    assertEquals(await said(world().list, input), says);
  });
}

const SEARCHES = [
  {
    input: { pattern: "needle" },
    says: "src/b.ts:1: const needle = 1;\nsrc/b.ts:3: needle();\nsrc/deep/c.md:1: # needle",
  },
  { input: { pattern: "^needle", path: "src" }, says: "b.ts:3: needle();" },
  { input: { pattern: "needle", path: "src/b.ts", max_matches: 1 }, says: "there may be more" },
  { input: { pattern: "needle", glob: "*.md" }, says: "src/deep/c.md:1: # needle" },
  { input: { pattern: "nothing" }, says: "(no match in 4 files)" },
  { input: { pattern: "(" }, says: "ToolInputError: Invalid regular expression" },
  { input: { pattern: "(a+)+b" }, says: "ToolInputError: the pattern repeats" },
];

for (const { input, says } of SEARCHES) {
  Deno.test(`search_files ${JSON.stringify(input)}`, async () => {
    assertStringIncludes(await said(world().search, input), says);
  });
}

Deno.test("a search of everything, approved, still leaves the logins out", async () => {
  const text = await said(
    world().search,
    { pattern: "needle", path: "/" },
    context({ isApproved: true }),
  );
  assertStringIncludes(text, "project/src/b.ts:1");
  assert(!text.includes("secret"), text);
});

function shell(workspace: MemoryWorkspace) {
  return createShellTool({
    workspace,
    isSecret: (name) => name.startsWith("GRANTWAY_"),
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        if (ms === 7_000) return resolve();
        signal.addEventListener("abort", () => reject(signal.reason), { once: true });
      }),
  });
}

Deno.test("shell asks, runs, and gives output and exit code", async () => {
  const { workspace } = world();
  workspace.commands.set("make", ({ onOutput }) => {
    onOutput("\x1b[31mred\x1b[0m\r\n");
    onOutput("done\n");
    return 0;
  });
  const yes = context({ isApproved: true });
  assertEquals(await said(shell(workspace), { command: "make" }, yes), "red\ndone\n[exit code 0]");
  assertEquals(yes.asked, ["make"]);
  assertEquals(yes.progress.at(-1), "done");
  assertEquals(workspace.ran.map(({ env }) => env), [{ PATH: "/bin" }]);
  const { isError, summary } = await shell(workspace).run({ command: "x" }, yes.context);
  assertEquals([isError, summary], [true, "exit code 127"]);
});

Deno.test("shell does not run what was declined", async () => {
  const { workspace } = world();
  assertEquals(await said(shell(workspace), { command: "make" }), "Not run: no");
  assertEquals(workspace.ran, []);
});

Deno.test("shell ends what takes too long, and keeps the end of a long output", async () => {
  const { workspace } = world();
  const hang: (options: { signal: AbortSignal }) => Promise<number> = ({ signal }) =>
    new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
  workspace.commands.set("hang", hang);
  workspace.commands.set("yes", ({ onOutput }) => {
    for (let i = 0; i < 10_000; i++) onOutput("y".repeat(100) + "\n");
    onOutput("last words\n");
    return 0;
  });
  const yes = context({ isApproved: true });
  assertEquals(
    await said(shell(workspace), { command: "hang", timeout_seconds: 7 }, yes),
    "[ended after 7 seconds: it took too long]",
  );
  const long = await said(shell(workspace), { command: "yes" }, yes);
  assert(long.length < 32_000);
  assertStringIncludes(long, "last words\n[exit code 0]");
  const cancelled = context({ isApproved: true });
  const running = shell(workspace).run({ command: "hang" }, cancelled.context);
  await Promise.resolve();
  cancelled.cancel.abort(new Error("enough"));
  await assertRejects(() => running, Error, "enough");
});

const GLOBS = [
  ["*.ts", "a.ts", true],
  ["*.ts", "x/a.ts", true],
  ["x/*.ts", "x/a.ts", true],
  ["x/*.ts", "x/y/a.ts", false],
  ["**/a.ts", "a.ts", true],
  ["x/**", "x/y/z", true],
  ["a?.t", "ab.t", true],
  ["a.t", "axt", false],
  ["{a,b}.[c]", "b.[c]", true],
] as const;

for (const [glob, path, matches] of GLOBS) {
  Deno.test(`compileGlob() ${glob} ${matches ? "matches" : "does not match"} ${path}`, () => {
    assertEquals(compileGlob(glob)(path), matches);
  });
}

const PATHS = [
  ["/project", "a", "/project/a"],
  ["/project", "../..", "/"],
  ["/project", "/x//y/./z", "/x/y/z"],
  ["C:/project", "..\\x", "C:/x"],
  ["/project", "a\\b", "/project/a\\b"],
] as const;

for (const [cwd, path, resolved] of PATHS) {
  Deno.test(`resolvePath() ${path} in ${cwd} is ${resolved}`, () => {
    assertEquals(resolvePath(cwd, path), resolved);
  });
}

Deno.test("shownPath() is relative inside the working folder only", () => {
  assertEquals(["/w", "/w/a", "/wx"].map((path) => shownPath("/w", path)), [".", "a", "/wx"]);
});
