import { assertEquals } from "@std/assert";
import { displayText, fingerprint } from "../../src/core/redact.ts";

const CASES = [
  { name: "keeps plain text", input: "Try again later", output: "Try again later" },
  {
    name: "drops escape sequences",
    input: "\x1b[2Jred\x1b]52;c;AAAA\x07",
    output: "[2Jred ]52;c;AAAA",
  },
  { name: "folds lines", input: "a\r\nb\n\nc", output: "a b c" },
  {
    name: "drops bidirectional and zero-width controls",
    input: "a\u202eb\u200bc\u2066d",
    output: "a b c d",
  },
  { name: "drops C1 and DEL", input: "a\u009bb\u007fc", output: "a b c" },
  { name: "drops a lone surrogate, keeps a pair", input: "\ud800x😀", output: "x😀" },
  {
    name: "cuts by characters, not code units",
    input: "😀".repeat(300),
    output: "😀".repeat(199) + "…",
  },
];

for (const { name, input, output } of CASES) {
  Deno.test(`displayText() ${name}`, () => assertEquals(displayText(input), output));
}

Deno.test("fingerprint() is the start of the SHA-256", async () => {
  assertEquals(await fingerprint("abc"), "ba7816bf");
});
