import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { parse } from "yaml";
import { readSimpleYaml } from "../../src/cli/simple_yaml.ts";

function flatten(value: unknown): [string, string][] {
  return Object.entries(value as Record<string, unknown>).flatMap(([section, members]) =>
    Object.entries((members ?? {}) as Record<string, unknown>)
      .map(([name, member]): [string, string] => [`${section}.${name}`, String(member)])
  );
}

const LINE = fc.oneof(
  fc.constantFrom(
    "model:",
    "model: # ours",
    "other:",
    "model: word",
    "# a comment",
    "",
    "   # indented",
    "- item",
    "a: {b: c}",
  ),
  fc.tuple(
    fc.constantFrom("  ", "  ", "  ", "  ", " ", "    ", ""),
    fc.constantFrom("default", "provider", "base_url", "x-y"),
    fc.constantFrom(": ", ": ", ": ", ":", ":  ", " : "),
    fc.oneof(
      fc.constantFrom(
        "MiniMax-M2.7",
        "https://api.minimax.io/anthropic",
        "https://h:8080/a",
        "null",
        "True",
        "yes",
        "n",
        "1.50",
        "0x1f",
        "a: b",
        "a:",
        "a#b",
        "a #b",
        '"quoted"',
        "'q'",
        "*alias",
        "&anchor",
        "!tag x",
        "~",
        ".inf",
        "two words",
        "| ",
        "nullable",
        "e5",
      ),
      fc.string({ maxLength: 8 }),
    ),
    fc.constantFrom("", " ", " # why", "\t"),
  ).map((parts) => parts.join("")),
);

Deno.test("readSimpleYaml() says what a YAML parser says, or leaves it to one", () => {
  let answered = 0;
  fc.assert(
    fc.property(fc.array(LINE, { maxLength: 3 }), (lines) => {
      const text = ["model:", ...lines].join("\n");
      const values = readSimpleYaml(text);
      if (values === undefined || values.size === 0) return;
      answered++;
      assertEquals([...values], flatten(parse(text)), JSON.stringify(text));
    }),
    { numRuns: 20_000, seed: 7 },
  );
  assert(answered > 200, `only ${answered} were simple`);
});

Deno.test("readSimpleYaml() reads what a login writes", () => {
  const text = "model:\n  default: MiniMax-M2.7\n  provider: minimax-oauth\n" +
    "  base_url: https://api.minimax.io/anthropic\n";
  assertEquals([...readSimpleYaml(text)!], [
    ["model.default", "MiniMax-M2.7"],
    ["model.provider", "minimax-oauth"],
    ["model.base_url", "https://api.minimax.io/anthropic"],
  ]);
});

Deno.test("readSimpleYaml() passes over what only a chat with tools reads", () => {
  const text = "mcp:\n  servers:\n    files:\n      command: npx\n      args: [-y, 'x']\n" +
    "      env:\n        - 1\n# ours\nmodel:\n  default: m\ntools:\n  video_gen: on\n";
  assertEquals([...readSimpleYaml(text)!], [["model.default", "m"]]);
  // What does not look like one section after the other is for the parser.
  for (const odd of ["mcp: {a: b}", "mcp:\n- a", "mcp:\n\ta: b", "mcp:\n  a: 'b\nc'"]) {
    assertEquals(readSimpleYaml(`${odd}\nmodel:\n  default: m\n`), undefined, odd);
  }
});
