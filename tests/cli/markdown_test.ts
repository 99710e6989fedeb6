import { assert, assertEquals } from "@std/assert";
import { createMarkdownRenderer } from "../../src/cli/chat/markdown.ts";
import type { Paint } from "../../src/cli/output.ts";

/** Styles as tags, so that a test can be read. */
const tags: Paint = (style, text) => text === "" ? "" : `<${style}>${text}</${style}>`;

const CASES: [name: string, markdown: string, shown: string][] = [
  ["plain text", "Hello, world.\n", "Hello, world.\n"],
  ["bold and italic", "a **b c** and *d*\n", "a <bold>b c</bold> and <italic>d</italic>\n"],
  ["both at once", "***x*** y", "<italic><bold>x</bold></italic> y"],
  ["stars that are none", "2 * 3 ** 4 and * alone\n", "2 * 3 ** 4 and * alone\n"],
  ["a star at the end", "see *\n", "see *\n"],
  ["code", "run `deno * **x**` now", "run <cyan>deno * **x**</cyan> now"],
  ["code at the start", "`a` b", "<cyan>a</cyan> b"],
  ["an escape", "\\*not\\* C:\\dir \\", "*not* C:\\dir \\"],
  ["underscores are letters", "snake_case __init__", "snake_case __init__"],
  ["a heading", "## A *b*\ntext\n", "<bold>A </bold><italic><bold>b</bold></italic>\ntext\n"],
  ["no heading", "#hash and #1\n", "#hash and #1\n"],
  ["bullets", "- a\n  * **b**\n+ c\n-d\n", "• a\n  • <bold>b</bold>\n• c\n-d\n"],
  ["numbers", "1. a\n10) b\n", "1. a\n10) b\n"],
  ["a quote", "> said\nnot\n", "<dim>│ said</dim>\nnot\n"],
  ["a rule", "---\n* * *\n", `<dim>${"─".repeat(40)}</dim>\n<dim>${"─".repeat(40)}</dim>\n`],
  ["bold at the start of a line", "**b** c\n", "<bold>b</bold> c\n"],
  ["bold that is never closed", "**b\nc\n", "<bold>b</bold>\nc\n"],
  [
    "a code block",
    "```ts\n# no *heading*\n  `x`\n\n```\n*i*\n",
    "<dim>```ts</dim>\n<cyan># no *heading*</cyan>\n<cyan>  `x`</cyan>\n\n<dim>```</dim>\n<italic>i</italic>\n",
  ],
  [
    "a fence inside a longer one",
    "````\n```\n````\nx",
    "<dim>````</dim>\n<cyan>```</cyan>\n<dim>````</dim>\nx",
  ],
  ["a table", "| a | b |\n|---|---|\n", "| a | b |\n|---|---|\n"],
  ["a dash at the end", "-", "-"],
  ["letters of more than one unit", "**größe 👩‍🚀**\n", "<bold>größe 👩‍🚀</bold>\n"],
];

for (const [name, markdown, shown] of CASES) {
  Deno.test(`Markdown: ${name}`, () => {
    const whole = createMarkdownRenderer(tags);
    assertEquals(whole.write(markdown) + whole.end(), shown);
    // Letter by letter it is the same; only the styles begin and end more often.
    const joined = (text: string) => {
      for (let before = ""; before !== text;) {
        before = text;
        text = text.replaceAll(/<\/(\w+)><\1>/g, "").replaceAll(
          "</bold></italic><italic><bold>",
          "",
        );
      }
      return text;
    };
    const single = createMarkdownRenderer(tags);
    const pieces = [...markdown].map((char) => single.write(char)).join("") + single.end();
    assertEquals(joined(pieces), shown);
  });
}

Deno.test("Markdown shows words as they come, and is as it was without colour", () => {
  const renderer = createMarkdownRenderer(tags);
  assertEquals(renderer.write("Hel"), "Hel");
  assertEquals(renderer.write("lo **w"), "lo <bold>w</bold>");
  assertEquals(renderer.write("orld"), "<bold>orld</bold>");
  const plain = createMarkdownRenderer((_style, text) => text);
  assertEquals(plain.write("# a **b**"), "# a **b**");
});

Deno.test("Markdown loses no letter of any text", () => {
  const alphabet = [..."ab *`\\#->_~1.\n"];
  let seed = 7;
  for (let run = 0; run < 2_000; run++) {
    let text = "";
    for (let length = 0; length < 30; length++) {
      seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
      text += alphabet[seed % alphabet.length];
    }
    const renderer = createMarkdownRenderer(tags);
    const shown = renderer.write(text) + renderer.end();
    const letters = (text: string) => text.replaceAll(/<\/?\w+>/g, "").replaceAll(/[^ab1]/g, "");
    assertEquals(letters(shown), letters(text), JSON.stringify(text));
    assert(shown.split("\n").length === text.split("\n").length, JSON.stringify(text));
  }
});
