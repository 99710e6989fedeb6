import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { outlineJson } from "../../src/core/json_outline.ts";

const nested = (depth: number, [open, close]: [string, string]) =>
  open.repeat(depth) + close.repeat(depth);

const SHAPES: { name: string; text: string; problem: string | undefined }[] = [
  { name: "an object", text: '{"a":[1,{"b":"c"}],"d":{"a":1}}', problem: undefined },
  { name: "a nested name like an outer one", text: '{"a":{"a":{"a":1}}}', problem: undefined },
  { name: "names in an array of objects", text: '[{"a":1},{"a":2}]', problem: undefined },
  { name: "128 levels", text: nested(128, ["[", "]"]), problem: undefined },
  { name: "129 levels", text: nested(129, ["[", "]"]), problem: "nested" },
  { name: "100,000 arrays", text: nested(1e5, ["[", "]"]), problem: "nested" },
  { name: "100,000 objects", text: nested(1e5, ['{"a":', "}"]), problem: "nested" },
  { name: "brackets in a string", text: `{"a":"${"[{".repeat(1e4)}"}`, problem: undefined },
  { name: "a million names", text: `{"x":{${'"a":1,'.repeat(1e6)}"a":1}}`, problem: "members" },
  { name: "a million numbers", text: `[${"1,".repeat(1e6)}1]`, problem: "members" },
  { name: "a string of 20 MB", text: `{"a":"${"x".repeat(2e7)}"}`, problem: undefined },
  { name: "10 million escaped quotes", text: `{"a":"${'\\"'.repeat(1e7)}"}`, problem: undefined },
  { name: "10 million backslashes", text: `{"a":"${"\\\\".repeat(5e6)}"}`, problem: undefined },
  { name: "a string without an end", text: '{"a":"b\\"', problem: "end" },
  { name: "the model twice", text: '{"model":"a","b":1,"model":"c"}', problem: "twice" },
  { name: "the model twice, once escaped", text: '{"model":1,"mod\\u0065l":2}', problem: "twice" },
  { name: "the model twice, spaced", text: '{"model" :1, "model"\n:2}', problem: "twice" },
  {
    name: "a value like a name",
    text: '{"a":"model","model":"a","b":"model"}',
    problem: undefined,
  },
  { name: "__proto__ once", text: '{"__proto__":{"polluted":1}}', problem: undefined },
  { name: "big numbers", text: `{"a":${"9".repeat(1e5)}}`, problem: undefined },
  { name: "no JSON", text: "hello", problem: undefined },
  { name: "closing brackets alone", text: "]]]]]}", problem: undefined },
];
for (const { name, text, problem } of SHAPES) {
  Deno.test(`outlineJson() finds ${problem ?? "nothing"} wrong with ${name}`, () => {
    const found = outlineJson(text).problem;
    assertEquals(found?.includes(problem ?? "") ?? false, problem !== undefined);
    assertEquals(found === undefined, problem === undefined);
  });
}

Deno.test("outlineJson() tells where fields stand, as they are written", () => {
  const text = `\n{ "a" : [1, {"b": ","}] ,"mod\\u0065l":"x\\"}," , "c":{"a":1}\n}`;
  const fields = [...outlineJson(text).fields].map(([name, { start, end }]) => [
    name,
    text.slice(start, end),
  ]);
  assertEquals(fields, [
    ["a", `"a" : [1, {"b": ","}] `],
    ["model", `"mod\\u0065l":"x\\"}," `],
    ["c", `"c":{"a":1}\n`],
  ]);
});

Deno.test("the fields that outlineJson() finds make the same object", () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.nat(2), (value, indent) => {
      const text = JSON.stringify(value, null, indent);
      const { fields, problem } = outlineJson(text);
      assertEquals(problem, undefined);
      const written = [...fields.values()].map(({ start, end }) => text.slice(start, end));
      assertEquals(JSON.parse(`{${written.join(",")}}`), JSON.parse(text));
    }),
    { seed: 1, numRuns: 300 },
  );
});
