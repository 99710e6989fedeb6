import { assertEquals } from "@std/assert";
import { homePaths, parseEnvFile } from "../../src/cli/home.ts";

Deno.test("parseEnvFile() reads names, quotes, export and comments", () => {
  const text = `\ufeff# keys
MINIMAX_API_KEY=abc123
export MINIMAX_CN_API_KEY = "with spaces # and hash"
SINGLE='it is'
TRAILING=value # comment
HASH=a#b
EMPTY=
not a line
1BAD=x
`;
  assertEquals([...parseEnvFile(text)], [
    ["MINIMAX_API_KEY", "abc123"],
    ["MINIMAX_CN_API_KEY", "with spaces # and hash"],
    ["SINGLE", "it is"],
    ["TRAILING", "value"],
    ["HASH", "a#b"],
    ["EMPTY", ""],
  ]);
});

Deno.test("homePaths() keeps the sandbox apart", () => {
  assertEquals(homePaths("/h", false).auth, "/h/auth.json");
  assertEquals(homePaths("/h", true).auth, "/h/sandbox/auth.json");
  assertEquals(homePaths("/h", true).config, "/h/sandbox/config.yaml");
});
