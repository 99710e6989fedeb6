// Files of other programs: what is ours comes and goes, and no other byte moves.

import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { createScanner } from "jsonc-parser";
import { JSON_FORMAT } from "../../../src/cli/clients/json_format.ts";
import {
  restoreSettings,
  type Setting,
  type SettingsFormat,
  SyntaxProblem,
  undoExactly,
  writeSettings,
} from "../../../src/cli/clients/settings_format.ts";
import { TOML_FORMAT } from "../../../src/cli/clients/toml_format.ts";

const JSON_SETTINGS: Setting[] = [
  { path: ["env", "URL"], value: "http://127.0.0.1:8645" },
  { path: ["env", "TOKEN"], value: 'k"1' },
];
const TOML_SETTINGS: Setting[] = [
  { path: ["model"], value: "m/1" },
  { path: ["window"], value: 200000 },
  { path: ["providers", "grantway", "name"], value: "Grantway" },
  { path: ["providers", "grantway", "url"], value: 'http://127.0.0.1:8645/v1"' },
];

interface Case {
  name: string;
  format: SettingsFormat;
  before: string;
  after: string;
}

const URL_LINE = '"URL": "http://127.0.0.1:8645"';
const TOKEN_LINE = '"TOKEN": "k\\"1"';
const TABLE = `[providers.grantway]
name = "Grantway"
url = "http://127.0.0.1:8645/v1\\""
`;

const CASES: Case[] = [
  {
    name: "JSON: an empty file",
    format: JSON_FORMAT,
    before: "",
    after: `{\n  "env": {\n    ${URL_LINE},\n    ${TOKEN_LINE}\n  }\n}\n`,
  },
  {
    name: "JSON: an empty object",
    format: JSON_FORMAT,
    before: "{}",
    after: `{\n  "env": {\n    ${URL_LINE},\n    ${TOKEN_LINE}\n  }\n}`,
  },
  {
    name: "JSON: tabs, CRLF, a byte order mark and no last line end",
    format: JSON_FORMAT,
    before: '\ufeff{\r\n\t"model": "opus",\r\n\t"x": [1,2 ]  \r\n}',
    after: '\ufeff{\r\n\t"model": "opus",\r\n\t"x": [1,2 ],\r\n\t"env": {\r\n\t\t' +
      `${URL_LINE},\r\n\t\t${TOKEN_LINE}\r\n\t}  \r\n}`,
  },
  {
    name: "JSON: one line",
    format: JSON_FORMAT,
    before: '{"a":1,"env":{"X":"y"}}\n',
    after: `{"a":1,"env":{"X":"y",${URL_LINE},${TOKEN_LINE}}}\n`,
  },
  {
    name: "JSON: a value of the user's is replaced, keys keep their order",
    format: JSON_FORMAT,
    before: '{\n    "env": {\n        "TOKEN" : "mine",\n        "B": "2"\n    }\n}\n',
    after:
      `{\n    "env": {\n        "TOKEN" : "k\\"1",\n        "B": "2",\n        ${URL_LINE}\n    }\n}\n`,
  },
  {
    name: "JSON: comments and a trailing comma",
    format: JSON_FORMAT,
    before: '// mine\n{\n  "a": 1, // one\n  "b": 2 // two\n  // end\n}\n',
    after: '// mine\n{\n  "a": 1, // one\n  "b": 2, // two\n  "env": {\n    ' +
      `${URL_LINE},\n    ${TOKEN_LINE}\n  }\n  // end\n}\n`,
  },
  {
    name: "JSON: a key that stands twice: the last one counts",
    format: JSON_FORMAT,
    before: '{"env":{"URL":"a","URL":"b"},"env":{"URL":"c","URL":"d"}}',
    after:
      `{"env":{"URL":"a","URL":"b"},"env":{"URL":"c","URL":"http://127.0.0.1:8645",${TOKEN_LINE}}}`,
  },
  {
    name: "TOML: an empty file",
    format: TOML_FORMAT,
    before: "",
    after: `model = "m/1"\nwindow = 200000\n\n${TABLE}`,
  },
  {
    name: "TOML: comments, tables and a value of the user's",
    format: TOML_FORMAT,
    before:
      `# mine\n\nmodel = 'gpt' # best\napproval = """\n[x]\n"""\n\n# tools\n[mcp.x]\ncommand = "y"\n`,
    after:
      `# mine\n\nmodel = "m/1" # best\napproval = """\n[x]\n"""\nwindow = 200000\n\n# tools\n[mcp.x]\ncommand = "y"\n\n${TABLE}`,
  },
  {
    name: "TOML: CRLF, a byte order mark and no last line end",
    format: TOML_FORMAT,
    before: "\ufeff[a]\r\nb = 1",
    after: `\ufeffmodel = "m/1"\r\nwindow = 200000\r\n\r\n[a]\r\nb = 1\r\n\r\n${
      TABLE.replaceAll("\n", "\r\n")
    }`,
  },
  {
    name: "TOML: tables written inline",
    format: TOML_FORMAT,
    before: `providers = { mine = { url = "u" } }\n`,
    after:
      `providers = { mine = { url = "u" }, grantway.name = "Grantway", grantway.url = "http://127.0.0.1:8645/v1\\"" }\nmodel = "m/1"\nwindow = 200000\n`,
  },
  {
    name: "TOML: an empty table of that name, and one behind it",
    format: TOML_FORMAT,
    before: `[ providers . grantway ] # mine\n[z]\n`,
    after: `model = "m/1"\nwindow = 200000\n\n[ providers . grantway ] # mine\n${
      TABLE.slice(TABLE.indexOf("\n") + 1)
    }[z]\n`,
  },
];

for (const { name, format, before, after } of CASES) {
  Deno.test(`writeSettings() ${name}`, () => {
    const settings = format === JSON_FORMAT ? JSON_SETTINGS : TOML_SETTINGS;
    const written = writeSettings(format, before, settings);
    assertEquals(written.text, after);
    assertEquals(undoExactly(written.text, written.undo), before);
    const again = writeSettings(format, after, settings);
    assertEquals(again.text, after, "a second time changes nothing");
    assertEquals(again.created, []);
  });
}

/** What users do to a file before they undo, and what has to be there afterwards. */
const EDITED: {
  name: string;
  format: SettingsFormat;
  before: string;
  edit: (text: string) => string;
  after: string;
}[] = [
  {
    name: "JSON: keys added before, between and behind",
    format: JSON_FORMAT,
    before: '{\n  "a": 1\n}\n',
    edit: (text) =>
      text.replace('{\n  "a"', '{\n  "first": 0,\n  "a"')
        .replace(TOKEN_LINE, `"MINE": "x",\n    ${TOKEN_LINE}`).replace(
          /\n\}\n$/,
          ',\n  "z": 1\n}\n',
        ),
    after: '{\n  "first": 0,\n  "a": 1,\n  "env": {\n    "MINE": "x"\n  },\n  "z": 1\n}\n',
  },
  {
    name: "JSON: comments around ours",
    format: JSON_FORMAT,
    before: '{\n  "env": {\n    "A": "1"\n  }\n}\n',
    edit: (text) => text.replace(URL_LINE, `// my gateway, yes\n    ${URL_LINE}`),
    after: '{\n  "env": {\n    "A": "1"\n    // my gateway, yes\n  }\n}\n',
  },
  {
    name: "JSON: a value given back where ours has moved",
    format: JSON_FORMAT,
    before: '{"env":{"TOKEN":"mine"}}',
    edit: (text) => JSON.stringify({ x: 1, ...JSON.parse(text) }, null, 2),
    after: '{\n  "x": 1,\n  "env": {\n    "TOKEN": "mine"\n  }\n}',
  },
  {
    name: "JSON: ours are all there is",
    format: JSON_FORMAT,
    before: "",
    edit: (text) => text.replace(/\n$/, "\n\n"),
    after: "{}\n\n",
  },
  {
    name: "TOML: keys and comments added",
    format: TOML_FORMAT,
    before: `model = "gpt"\n[a]\nb = 1\n`,
    edit: (text) =>
      text.replace("window", "mine = true\nwindow").replace(
        '"Grantway"\n',
        '"Grantway" # hm\nretries = 3\n',
      ) +
      "\n[z]\nq = 1\n",
    after:
      `model = "gpt"\nmine = true\n[a]\nb = 1\n\n[providers.grantway]\n# hm\nretries = 3\n\n[z]\nq = 1\n`,
  },
  {
    name: "TOML: a table behind ours",
    format: TOML_FORMAT,
    before: `[a]\nb = 1\n`,
    edit: (text) => `${text}\n[z]\nq = 1`,
    after: `\n[a]\nb = 1\n\n[z]\nq = 1`,
  },
];

for (const { name, format, before, edit, after } of EDITED) {
  Deno.test(`restoreSettings() ${name}`, () => {
    const settings = format === JSON_FORMAT ? JSON_SETTINGS : TOML_SETTINGS;
    const written = writeSettings(format, before, settings);
    const edited = edit(written.text);
    assert(edited !== written.text, "nothing was edited");
    const earlier = settings.map(({ path }, index) => ({ path, before: written.before[index] }));
    assertEquals(restoreSettings(format, edited, earlier, written.created), after);
  });
}

const BROKEN: { name: string; format: SettingsFormat; text: string; line: number }[] = [
  { name: "JSON cut off", format: JSON_FORMAT, text: '{\n  "a": 1,\n  "b": {\n', line: 4 },
  { name: "JSON without a comma", format: JSON_FORMAT, text: '{\n "a": 1\n "b": 2\n}', line: 3 },
  { name: "JSON that is an array", format: JSON_FORMAT, text: "\n[]", line: 2 },
  { name: "TOML without a value", format: TOML_FORMAT, text: "a = 1\nb = = 3\nc = 2\n", line: 2 },
  { name: "TOML with a key twice", format: TOML_FORMAT, text: "a = 1\n\na = 2\n", line: 3 },
  { name: "TOML that is JSON", format: TOML_FORMAT, text: '{ "a": 1 }', line: 1 },
];

for (const { name, format, text, line } of BROKEN) {
  Deno.test(`writeSettings() refuses ${name}, with the line`, () => {
    const error = assertThrows(() => writeSettings(format, text, TOML_SETTINGS), SyntaxProblem);
    assertEquals(error.line, line);
  });
}

Deno.test("writeSettings() refuses what stands in the way of an object", () => {
  assertThrows(() => writeSettings(JSON_FORMAT, '{\n"env": null}', JSON_SETTINGS), Error, "line 2");
  assertThrows(
    () => writeSettings(TOML_FORMAT, 'providers.grantway = "x"\n', TOML_SETTINGS),
    Error,
    "providers.grantway.name",
  );
  assertThrows(
    () => writeSettings(TOML_FORMAT, "[[providers]]\nx = 1\n", TOML_SETTINGS),
    Error,
    "providers.grantway.name",
  );
});

const blank = fc.constantFrom(
  "",
  " ",
  "\n",
  "\r\n",
  "\t",
  "\n  ",
  " // c, {\n",
  "/* , } */",
  "\n\n",
);
const key = fc.oneof(
  fc.constantFrom("env", "URL", "TOKEN", "a", 'q"', "é", ""),
  fc.string({ maxLength: 4 }),
);
const { json } = fc.letrec<{ json: string; object: string }>((tie) => ({
  json: fc.oneof(
    { maxDepth: 3 },
    fc.constantFrom("1", "-0.5e3", "null", "true", '"env"', '"\\u0041{"'),
    tie("object"),
    fc.array(tie("json"), { maxLength: 3 }).map((items) => `[${items.join(",")}]`),
  ),
  object: fc.tuple(
    fc.array(fc.tuple(blank, key, blank, blank, tie("json"), blank), { maxLength: 4 }),
    fc.boolean(),
    blank,
  ).map(([rows, hasTrailingComma, inside]) =>
    `{${
      rows.map(([a, name, b, c, value, d]) => `${a}${JSON.stringify(name)}${b}:${c}${value}${d}`)
        .join(",")
    }${hasTrailingComma && rows.length > 0 ? "," : ""}${inside}}`
  ),
}));
const jsonText = fc.tuple(fc.constantFrom("", "\ufeff"), blank, json, blank).map((parts) =>
  parts.join("")
);

const tomlText = fc.tuple(
  fc.constantFrom("", "\ufeff"),
  fc.constantFrom("\n", "\r\n"),
  fc.array(
    fc.constantFrom(
      "# note",
      "",
      'model = "x" # c',
      "model.x = 1",
      "  window=1_000",
      'text = """',
      '[fake]"""',
      "list = [",
      "1, # c",
      "]",
      "providers = { a = 1 }",
      "providers = { grantway = { name = 'x' } }",
      "providers.grantway = { url = 'x' }",
      "providers.grantway.url = 'x'",
      "providers.b.c = 1",
      "[providers]",
      "[providers.grantway]",
      "[ 'providers' . \"grantway\" ] # c",
      "[providers.grantway.deep]",
      "[[arr]]",
      "name = 1",
      "url = { x = 1 }",
      "grantway = {}",
    ),
    { maxLength: 9 },
  ),
  fc.boolean(),
).map(([mark, eol, lines, hasEnd]) => mark + lines.join(eol) + (hasEnd ? eol : ""));

for (
  const { name, format, text, settings } of [
    { name: "JSON", format: JSON_FORMAT, text: jsonText, settings: JSON_SETTINGS },
    { name: "TOML", format: TOML_FORMAT, text: tomlText, settings: TOML_SETTINGS },
  ]
) {
  Deno.test(`writeSettings() for any ${name}: refused, or set, and undone to the same bytes`, () => {
    let written = 0;
    fc.assert(
      fc.property(text, (before) => {
        let result;
        try {
          result = writeSettings(format, before, settings);
        } catch (error) {
          return error instanceof Error && error.name !== "TypeError";
        }
        written++;
        const document = format.parse(result.text);
        for (const { path, value } of settings) {
          assertEquals(document.get(path), format.write(value));
        }
        assertEquals(undoExactly(result.text, result.undo), before);
        // Taken out key by key, as after an edit, nothing of ours is left and the rest still parses.
        const earlier = settings.map(({ path }, index) => ({ path, before: result.before[index] }));
        const restored = format.parse(
          restoreSettings(format, result.text, earlier, result.created),
        );
        const original = format.parse(before);
        for (const { path } of settings) assertEquals(restored.get(path), original.get(path));
        return true;
      }),
      { numRuns: 400, seed: 1 },
    );
    assert(written > 100, `only ${written} were written`);
  });
}

/** Puts pieces between the properties and values of a JSON text. */
function sprinkle(text: string, pieces: readonly [place: number, piece: string][]): string {
  const places: number[] = [];
  const scanner = createScanner(text, true);
  for (let offset = 0; offset < text.length; offset = scanner.getTokenOffset() + 1) {
    scanner.scan();
    if (scanner.getTokenLength() === 0) break;
    const place = scanner.getTokenOffset();
    // What is put inside one of our own properties goes with it.
    if (text[place] !== ":" && !/:\s*$/.test(text.slice(0, place))) places.push(place);
  }
  const byPlace = new Map(pieces.map(([place, piece]) => [places[place % places.length]!, piece]));
  let result = "", at = 0;
  for (const [place, piece] of [...byPlace].sort(([a], [b]) => a - b)) {
    result += text.slice(at, place) + piece;
    at = place;
  }
  return result + text.slice(at);
}

Deno.test("restoreSettings() for any JSON loses no comment that was put anywhere since", () => {
  let restored = 0;
  const comment = fc.constantFrom("/*+*/", "//+\n", "\n  //+,\r\n  ", "\n/*+*/\n");
  fc.assert(
    fc.property(
      jsonText,
      fc.array(fc.tuple(fc.nat(200), comment), { minLength: 1, maxLength: 12 }),
      (before, pieces) => {
        let result;
        try {
          result = writeSettings(JSON_FORMAT, before, JSON_SETTINGS);
        } catch {
          return;
        }
        restored++;
        const mark = result.text.startsWith("\ufeff") ? "\ufeff" : "";
        const edited = mark + sprinkle(result.text.slice(mark.length), pieces);
        const earlier = JSON_SETTINGS.map(({ path }, index) => ({
          path,
          before: result.before[index],
        }));
        const text = restoreSettings(JSON_FORMAT, edited, earlier, result.created);
        const count = (value: string) => value.split("+").length;
        assertEquals(count(text), count(edited));
        const [document, original] = [text, before].map((text) => JSON_FORMAT.parse(text));
        for (const { path } of JSON_SETTINGS) {
          assertEquals(document!.get(path), original!.get(path));
        }
      },
    ),
    { numRuns: 400, seed: 2 },
  );
  assert(restored > 100, `only ${restored} were restored`);
});

Deno.test("restoreSettings() for any TOML loses no comment that was put anywhere since", () => {
  let restored = 0;
  fc.assert(
    fc.property(
      tomlText,
      fc.array(fc.tuple(fc.nat(30), fc.boolean()), { minLength: 1, maxLength: 8 }),
      (before, pieces) => {
        let result;
        try {
          result = writeSettings(TOML_FORMAT, before, TOML_SETTINGS);
        } catch {
          return;
        }
        restored++;
        const lines = result.text.split("\n");
        for (const [place, isOwnLine] of pieces) {
          const at = place % lines.length;
          const end = lines[at]!.endsWith("\r") ? "\r" : "";
          if (isOwnLine && at > 0) lines.splice(at, 0, `# +${end}`);
          else lines[at] = `${lines[at]!.slice(0, lines[at]!.length - end.length)} # +${end}`;
        }
        const edited = lines.join("\n");
        const earlier = TOML_SETTINGS.map(({ path }, index) => ({
          path,
          before: result.before[index],
        }));
        const text = restoreSettings(TOML_FORMAT, edited, earlier, result.created);
        const count = (value: string) => value.split("+").length;
        assertEquals(count(text), count(edited));
        const [document, original] = [text, before].map((text) => TOML_FORMAT.parse(text));
        for (const { path } of TOML_SETTINGS) {
          assertEquals(document!.get(path), original!.get(path));
        }
      },
    ),
    { numRuns: 400, seed: 3 },
  );
  assert(restored > 100, `only ${restored} were restored`);
});
