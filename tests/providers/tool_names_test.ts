import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { ToolNames } from "../../src/providers/tool_names.ts";

Deno.test("ToolNames makes names that every server takes, each once, and knows the way back", () => {
  const name = fc.oneof(
    fc.string({ minLength: 1, maxLength: 100, unit: "binary" }),
    fc.stringMatching(/^[A-Za-z0-9_-]{1,64}$/),
    fc.stringMatching(/^mcp__[a-z]{1,50}__[a-z_]{1,50}$/),
    fc.constantFrom("web_search", "client_web_search", "a.b", "a_b"),
  );
  fc.assert(
    fc.property(fc.uniqueArray(name, { maxLength: 20 }), (names) => {
      const tools = new ToolNames(["web_search"]);
      const sent = names.map((name) => tools.declare(name, false)!);
      assertEquals(new Set(sent).size, names.length);
      for (const [i, name] of names.entries()) {
        assert(/^[A-Za-z0-9_-]{1,64}$/.test(sent[i]!), sent[i]);
        assertEquals(tools.renamed.get(sent[i]!)?.name ?? sent[i], name);
        assertEquals(tools.sent(name), sent[i]);
      }
    }),
    { seed: 12, numRuns: 500 },
  );
});

const LONG = `mcp__a_rather_long_name_of_a_server_of_tools__${"x".repeat(30)}`;
for (
  const [name, sent] of [
    ["read_file", "read_file"],
    ["web_search", "client_web_search"],
    ["größe", "gr__e_26030442"],
    [LONG, `${"x".repeat(30)}_${new ToolNames().sent(LONG).slice(-8)}`],
  ] as const
) {
  Deno.test(`ToolNames sends ${name} as ${sent}`, () => {
    assertEquals(new ToolNames(["web_search"]).sent(name), sent);
  });
}

Deno.test("ToolNames takes the first of two tools with one name", () => {
  const tools = new ToolNames();
  assertEquals([tools.declare("f", true), tools.declare("f", false)], ["f", undefined]);
  assertEquals([...tools.renamed], [["f", { name: "f", custom: true }]]);
});
