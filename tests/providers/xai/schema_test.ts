import { assertEquals } from "@std/assert";
import { guardSchema, type SchemaGuard } from "../../../src/providers/xai/schema.ts";

type Schema = Record<string, unknown>;

const object = (properties: Schema, more: Schema = {}): Schema => ({
  type: "object",
  properties,
  ...more,
});

/** Each row: a schema, and what is sent in its place. */
const SCHEMAS: { name: string; schema: Schema | undefined; sent: Schema; guard?: SchemaGuard }[] = [
  { name: "none", schema: undefined, sent: object({}) },
  { name: "nothing", schema: {}, sent: object({}) },
  {
    name: "what is fit already",
    schema: object({ a: { type: "string", enum: ["x", "y"] } }, { required: ["a"] }),
    sent: object({ a: { type: "string", enum: ["x", "y"] } }, { required: ["a"] }),
  },
  {
    name: "pattern, format and lengths, at any depth, but not properties of these names",
    schema: object({
      pattern: { type: "string", pattern: "^a", format: "uri", minLength: 1, maxLength: 2 },
      list: {
        type: "array",
        minItems: 1,
        maxItems: 3,
        items: { type: "string", format: "date-time" },
      },
      nested: object({ format: { type: "string", pattern: "b" } }),
    }),
    sent: object({
      pattern: { type: "string" },
      list: { type: "array", items: { type: "string" } },
      nested: object({ format: { type: "string" } }),
    }),
  },
  {
    name: "fields of other vendors",
    schema: {
      $schema: "https://json-schema.org/draft/2020-12/schema",
      ...object({ a: { type: "string" } }),
      cache_control: { type: "ephemeral" },
      defer_loading: true,
      eager_input_streaming: true,
    },
    sent: object({ a: { type: "string" } }),
  },
  {
    name: "an enum with a slash",
    schema: object({
      a: { type: "string", enum: ["text/html", "json"], description: "Type" },
      b: { type: "string", enum: ["a/b"] },
    }),
    sent: object({
      a: { type: "string", description: 'Type (One of: "text/html", "json")' },
      b: { type: "string", description: 'One of: "a/b"' },
    }),
  },
  {
    name: "a root without a type",
    schema: { properties: { a: { type: "number" } } },
    sent: object({ a: { type: "number" } }),
  },
  {
    name: "a root union of typed objects",
    schema: { anyOf: [object({ a: {} }), object({ b: {} })] },
    sent: { anyOf: [object({ a: {} }), object({ b: {} })] },
  },
  {
    name: "a root union of anything else",
    schema: {
      type: "object",
      oneOf: [
        { properties: { a: { type: "string" }, c: {} }, required: ["a", "c"] },
        { properties: { b: { type: "string" } }, required: ["c"] },
      ],
    },
    sent: object({ a: { type: "string" }, c: {}, b: { type: "string" } }, { required: ["c"] }),
  },
  {
    name: "a root union beside properties",
    schema: object({ a: { type: "string" }, b: {} }, {
      anyOf: [{ required: ["a"] }, { required: ["b"] }],
    }),
    sent: object({ a: { type: "string" }, b: {} }),
  },
  {
    name: "a root of several schemas",
    schema: {
      allOf: [object({ a: {} }, { required: ["a"] }), object({ b: {} }, { required: ["b"] })],
    },
    sent: object({ a: {}, b: {} }, { required: ["a", "b"] }),
  },
  {
    name: "a root that is a reference",
    schema: {
      $ref: "#/definitions/A",
      definitions: { A: object({ b: { $ref: "#/definitions/B" } }), B: { type: "string" } },
    },
    sent: object({ b: { $ref: "#/$defs/B" } }, {
      $defs: { A: object({ b: { $ref: "#/$defs/B" } }), B: { type: "string" } },
    }),
  },
  {
    name: "references in a circle",
    schema: object({ tree: { $ref: "#/$defs/Node" }, self: { $ref: "#" } }, {
      $defs: {
        Node: object({
          kids: { type: "array", items: { $ref: "#/$defs/Edge" } },
          leaf: { $ref: "#/$defs/Leaf" },
        }),
        Edge: object({ to: { $ref: "#/$defs/Node" } }),
        Leaf: { type: "string" },
      },
    }),
    sent: object({ tree: {}, self: {} }, {
      $defs: {
        Node: object({ kids: { type: "array", items: {} }, leaf: { $ref: "#/$defs/Leaf" } }),
        Edge: object({ to: {} }),
        Leaf: { type: "string" },
      },
    }),
  },
  {
    name: "an object without properties of its own",
    schema: object({
      headers: { type: "object" },
      none: object({}, { additionalProperties: false }),
    }),
    sent: object({
      headers: { type: "object", additionalProperties: true },
      none: object({}, { additionalProperties: false }),
    }),
  },
  {
    name: "examples and defaults, which are no schemas",
    schema: object({ a: { type: "object", properties: { b: {} }, default: { format: "x" } } }),
    sent: object({ a: { type: "object", properties: { b: {} }, default: { format: "x" } } }),
  },
  {
    name: "anything that is not documented, when asked to be strict",
    guard: "strict",
    schema: object({ a: { type: "integer", minimum: 1, default: 3, if: {}, title: "A" } }, {
      additionalProperties: false,
      propertyNames: { pattern: "x" },
    }),
    sent: object({ a: { type: "integer", title: "A" } }, { additionalProperties: false }),
  },
];
for (const { name, schema, sent, guard = "known" } of SCHEMAS) {
  Deno.test(`guardSchema() with ${name}`, () => {
    const before = JSON.stringify(schema);
    const guarded = guardSchema(schema, guard);
    assertEquals(guarded, sent);
    assertEquals(guardSchema(guarded, guard), sent, "once more");
    assertEquals(JSON.stringify(schema), before, "the caller's own");
  });
}
