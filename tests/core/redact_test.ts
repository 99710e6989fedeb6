import { assertEquals } from "@std/assert";
import { displayText, fingerprint, maskSecrets } from "../../src/core/redact.ts";

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
  {
    name: "drops tags, fillers and blanks that have no glyph",
    input: "a\u{e0041}\u{e007f}b\u3164c\u2800d\u034fe",
    output: "a b c d e",
  },
  { name: "drops what is private or unassigned", input: "a\ue000b\u{2ee5e}c", output: "a b c" },
  { name: "keeps letters of every script", input: "Größe 字 עברית ह़", output: "Größe 字 עברית ह़" },
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

const SECRET = 'rt-0123456789/"quote"+abcdef';
const ECHOES = [
  { name: "the whole secret", text: `no: ${SECRET}!`, masked: "no: …!" },
  { name: "its beginning", text: `no: ${SECRET.slice(0, 12)}...`, masked: "no: …..." },
  { name: "its end", text: SECRET.slice(-9), masked: "…" },
  { name: "a line fold within it", text: 'rt-01234 56789/"quote', masked: "… …" },
  { name: "it in a URL", text: `?t=${encodeURIComponent(SECRET)}&x=1`, masked: "?t=…&x=1" },
  { name: "it in JSON", text: JSON.stringify({ t: SECRET }), masked: '{"t":"…"}' },
  { name: "it twice", text: `${SECRET} ${SECRET}`, masked: "… …" },
  { name: "a piece too short to be of use", text: "rt-0123", masked: "rt-0123" },
  { name: "other words", text: "the token is unknown", masked: "the token is unknown" },
];
for (const { name, text, masked } of ECHOES) {
  Deno.test(`maskSecrets() and ${name}`, () => {
    assertEquals(maskSecrets(text, ["", SECRET]), masked);
  });
}

Deno.test("maskSecrets() takes a short secret as a whole", () => {
  assertEquals(maskSecrets("key abc, ab", ["abc"]), "key …, ab");
});
