import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { readConfig, resolveKey } from "../../src/cli/config.ts";
import { UsageError } from "../../src/cli/exit_code.ts";
import type { TextFiles } from "../../src/cli/text_files.ts";
import { GrantwayError } from "../../src/core/errors.ts";

function memoryFile(initial: string | null): TextFiles & { text: string | null; writes: number } {
  const file = {
    text: initial,
    writes: 0,
    read: () => Promise.resolve(file.text),
    write: (_path: string, text: string) => {
      file.text = text;
      file.writes++;
      return Promise.resolve();
    },
    rename: () => Promise.resolve(),
  };
  return file;
}

const EDITS: {
  name: string;
  before: string | null;
  changes: Record<string, string | undefined>;
  after: string;
}[] = [
  {
    name: "makes the file",
    before: null,
    changes: { "model.default": "MiniMax-M2.7", "model.provider": "minimax-oauth" },
    after: "model:\n  default: MiniMax-M2.7\n  provider: minimax-oauth\n",
  },
  {
    name: "keeps comments and keys that are not ours",
    before:
      "# mine\ntheme: dark # very\nmodel:\n  # the good one\n  default: old\n  extra: 1\nlist: [1, 2]\n",
    changes: { "model.default": "new" },
    after:
      "# mine\ntheme: dark # very\nmodel:\n  # the good one\n  default: new\n  extra: 1\nlist: [ 1, 2 ]\n",
  },
  {
    name: "fills a file of comments alone",
    before: "# nothing yet\n",
    changes: { "model.provider": "minimax" },
    after: "# nothing yet\n\nmodel:\n  provider: minimax\n",
  },
  {
    name: "replaces a scalar where a mapping belongs",
    before: "model: MiniMax-M2.7\n",
    changes: { "model.provider": "minimax" },
    after: "model:\n  provider: minimax\n",
  },
  {
    name: "removes a key",
    before: "model:\n  default: a\n  provider: minimax\n",
    changes: { "model.default": undefined },
    after: "model:\n  provider: minimax\n",
  },
];

for (const { name, before, changes, after } of EDITS) {
  Deno.test(`Config.change() ${name}`, async () => {
    const file = memoryFile(before);
    await (await readConfig("/c.yaml", file)).change(changes);
    assertEquals(file.text, after);
    assertEquals(file.writes, 1);
  });
}

Deno.test("Config.change() writes nothing when nothing changes", async () => {
  const file = memoryFile("model: {default: a}   # as typed\n");
  await (await readConfig("/c.yaml", file)).change({ "model.default": "a" });
  assertEquals(file.writes, 0);
});

for (
  const [text, problem] of [
    ["model: [", "line 1"],
    ["just text", "not a mapping"],
    ["- a\n- b\n", "not a mapping"],
    ["a: 1\na: 2\n", "line 2"],
  ] as const
) {
  Deno.test(`readConfig() refuses ${JSON.stringify(text)}`, async () => {
    const error = await assertRejects(
      () => readConfig("/c.yaml", memoryFile(text)),
      GrantwayError,
      problem,
    );
    assertEquals(error.code, "invalid_configuration");
  });
}

Deno.test("Config.get() reads a value that is not text, and refuses a mapping", async () => {
  const config = await readConfig("/c.yaml", memoryFile("model:\n  default: 42\n  provider: {}\n"));
  assertEquals(config.get("model.default"), "42");
  assertThrows(() => config.get("model.provider"), GrantwayError);
});

for (
  const [short, full] of [["model", "model.default"], ["provider", "model.provider"], [
    "model.base_url",
    "model.base_url",
  ]] as const
) {
  Deno.test(`resolveKey() of ${short} is ${full}`, () => assertEquals(resolveKey(short), full));
}

Deno.test("resolveKey() suggests the nearest setting", () => {
  const error = assertThrows(() => resolveKey("model.provder"), UsageError);
  assertEquals(error.hint, "Did you mean: model.provider");
});

Deno.test("Config.section() gives plain values, and editing keeps sections that only a chat reads", async () => {
  const file = memoryFile("mcp:\n  servers:\n    a:\n      args: [1, x]\nmodel:\n  default: m\n");
  const config = await readConfig("/c.yaml", file);
  assertEquals(config.get("model.default"), "m");
  assertEquals(await config.section("mcp"), { servers: { a: { args: [1, "x"] } } });
  assertEquals(await config.section("none"), undefined);
  await config.change({ "tools.video_gen": "on" });
  assertEquals(
    file.text,
    "mcp:\n  servers:\n    a:\n      args: [ 1, x ]\nmodel:\n  default: m\ntools:\n  video_gen: on\n",
  );
  assertEquals(await (await readConfig("/c.yaml", memoryFile(null))).section("mcp"), undefined);
});
