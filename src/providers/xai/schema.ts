/**
 * JSON Schemas as xAI takes them, for tools and for structured output.
 *
 * What it refuses it refuses without a word about the place, or by a stream that never begins.
 * Nothing here changes the caller's objects.
 *
 * @see {@link https://docs.x.ai/docs/guides/structured-outputs | xAI, structured outputs}
 * @module
 */

import { isJsonObject, type JsonObject } from "../../core/http.ts";

/** Seen to be refused (2026-03 to 2026-05), though some are documented as accepted by now. */
const REFUSED: readonly string[] = [
  "pattern",
  "format",
  "minLength",
  "maxLength",
  "minItems",
  "maxItems",
  "minContains",
  "maxContains",
  "minProperties",
  "maxProperties",
  "patternProperties",
];

/** Fields of other vendors, and of schema documents, that mean nothing here. */
const FOREIGN: readonly string[] = [
  "$schema",
  "$id",
  "$comment",
  "cache_control",
  "defer_loading",
  "eager_input_streaming",
];

/** All that is documented as supported, and what only describes. */
const SUPPORTED: readonly string[] = [
  "type",
  "properties",
  "required",
  "additionalProperties",
  "items",
  "enum",
  "const",
  "anyOf",
  "allOf",
  "$ref",
  "$defs",
  "title",
  "description",
];

const SCHEMA_MAPS: readonly string[] = ["properties", "$defs"];
const SCHEMA_LISTS: readonly string[] = ["anyOf", "allOf", "oneOf", "prefixItems"];
const SCHEMAS: readonly string[] = ["items", "additionalProperties", "not", "contains"];

/** How much of a schema is kept: without what is known to be refused, or only what is documented. */
export type SchemaGuard = "known" | "strict";

/** A schema of an object that xAI takes; one of nothing at all where there was none. */
export function guardSchema(schema: JsonObject | undefined, guard: SchemaGuard): JsonObject {
  const root = new Guard(schema ?? {}, guard).root();
  return root["properties"] === undefined && root["anyOf"] === undefined
    ? { ...root, properties: {} }
    : root;
}

/** Guards one document. */
class Guard {
  readonly #document: JsonObject;
  readonly #guard: SchemaGuard;
  readonly #circular: ReadonlySet<string>;

  constructor(document: JsonObject, guard: SchemaGuard) {
    this.#document = document;
    this.#guard = guard;
    this.#circular = findCircular(document);
  }

  /** The root has to be an object, or a union of objects that say so. */
  root(): JsonObject {
    const guarded = this.#resolved(this.#schema(this.#document));
    const { anyOf, oneOf, allOf, ...rest } = guarded;
    if (Array.isArray(allOf)) return { ...mergeAll([rest, ...allOf]), type: "object" };
    const branches = [anyOf, oneOf].find(Array.isArray)?.filter(isJsonObject);
    if (branches === undefined) return { ...rest, type: "object" };
    const isTyped = branches.every((branch) =>
      branch["type"] === "object" && isJsonObject(branch["properties"])
    );
    if (isTyped && rest["properties"] === undefined) return { ...rest, anyOf: branches };
    return { ...mergeAny(rest, branches), type: "object" };
  }

  /** A root that is only a reference has to be what it refers to. */
  #resolved(guarded: JsonObject): JsonObject {
    const { $ref, ...rest } = guarded;
    if (typeof $ref !== "string" || !isJsonObject(rest["$defs"])) return guarded;
    const definition = rest["$defs"][definitionOf($ref) ?? ""];
    return isJsonObject(definition) ? mergeAll([definition, rest]) : rest;
  }

  #schema(schema: JsonObject): JsonObject {
    const guarded: JsonObject = {};
    for (const [name, value] of Object.entries(schema)) {
      const target = name === "definitions" ? "$defs" : name === "oneOf" ? "anyOf" : name;
      if (this.#isLeftOut(target, name)) continue;
      guarded[target] = this.#value(target, value);
    }
    this.#guardRef(guarded);
    guardEnum(guarded);
    // The default is the opposite of the standard's: what has no properties would take nothing.
    const isFree = guarded["type"] === "object" && guarded["additionalProperties"] === undefined &&
      Object.keys(isJsonObject(guarded["properties"]) ? guarded["properties"] : {}).length === 0;
    if (isFree && schema !== this.#document) guarded["additionalProperties"] = true;
    if (Array.isArray(guarded["allOf"]) && guarded["allOf"].length > 1) {
      const { allOf, ...rest } = guarded;
      return mergeAll([rest, ...allOf as unknown[]]);
    }
    return guarded;
  }

  #isLeftOut(target: string, name: string): boolean {
    return REFUSED.includes(name) || FOREIGN.includes(name) ||
      (this.#guard === "strict" && !SUPPORTED.includes(target));
  }

  #value(name: string, value: unknown): unknown {
    if (SCHEMA_MAPS.includes(name) && isJsonObject(value)) {
      return Object.fromEntries(
        Object.entries(value).map(([key, entry]) => [key, this.#any(entry)]),
      );
    }
    if (SCHEMA_LISTS.includes(name) && Array.isArray(value)) return value.map((v) => this.#any(v));
    return SCHEMAS.includes(name) ? this.#any(value) : structuredClone(value);
  }

  #any(value: unknown): unknown {
    if (Array.isArray(value)) return value.map((entry) => this.#any(entry));
    return isJsonObject(value) ? this.#schema(value) : value;
  }

  /** References that lead back to where they stand are refused: they end in "anything". */
  #guardRef(guarded: JsonObject): void {
    const ref = guarded["$ref"];
    if (typeof ref !== "string") return;
    if (ref === "#" || this.#circular.has(definitionOf(ref) ?? "")) delete guarded["$ref"];
    else guarded["$ref"] = ref.replace(/^#\/definitions\//, "#/$defs/");
  }
}

/** A slash in any value makes the API refuse the whole list: the values are told in words instead. */
function guardEnum(schema: JsonObject): void {
  const values = schema["enum"];
  if (!Array.isArray(values)) return;
  if (!values.some((value) => typeof value === "string" && value.includes("/"))) return;
  delete schema["enum"];
  const words = `One of: ${values.map((value) => JSON.stringify(value)).join(", ")}`;
  const description = schema["description"];
  schema["description"] = typeof description === "string" && description !== ""
    ? `${description} (${words})`
    : words;
}

/** All of `schemas` in one: properties and requirements add up, of other words the last one holds. */
function mergeAll(schemas: readonly unknown[]): JsonObject {
  return schemas.filter(isJsonObject).reduce((merged, schema) => ({
    ...merged,
    ...schema,
    ...joined("properties", merged, schema),
    ...joined("$defs", merged, schema),
    ...(merged["required"] === undefined && schema["required"] === undefined
      ? {}
      : { required: [...new Set([...namesOf(merged), ...namesOf(schema)])] }),
  }), {});
}

/** Any of `branches` in one: all their properties, of which only the common ones are required. */
function mergeAny(base: JsonObject, branches: readonly JsonObject[]): JsonObject {
  const { required: _required, ...merged } = mergeAll(branches);
  const common = namesOf(branches[0] ?? {})
    .filter((name) => branches.every((branch) => namesOf(branch).includes(name)));
  const required = [...new Set([...namesOf(base), ...common])];
  return { ...mergeAll([merged, base]), ...(required.length > 0 ? { required } : {}) };
}

function joined(name: string, a: JsonObject, b: JsonObject): JsonObject {
  const parts = [a[name], b[name]].filter(isJsonObject);
  return parts.length === 0 ? {} : { [name]: Object.assign({}, ...parts) };
}

function namesOf({ required }: JsonObject): string[] {
  return Array.isArray(required) ? required.filter((name) => typeof name === "string") : [];
}

/** The definition that a reference names. */
function definitionOf(ref: string): string | undefined {
  return /^#\/(?:\$defs|definitions)\/([^/]+)$/.exec(ref)?.[1];
}

/** The definitions from which a chain of references leads back to themselves. */
function findCircular(document: JsonObject): ReadonlySet<string> {
  const definitions: JsonObject = {
    ...(isJsonObject(document["definitions"]) ? document["definitions"] : {}),
    ...(isJsonObject(document["$defs"]) ? document["$defs"] : {}),
  };
  const edges = new Map(
    Object.entries(definitions).map(([name, schema]) => [name, referencesIn(schema)]),
  );
  const circular = new Set<string>();
  for (const name of edges.keys()) {
    const seen = new Set<string>();
    const next = [...edges.get(name)!];
    for (let ref = next.pop(); ref !== undefined; ref = next.pop()) {
      if (ref === name) circular.add(name);
      if (seen.has(ref)) continue;
      seen.add(ref);
      next.push(...edges.get(ref) ?? []);
    }
  }
  return circular;
}

function referencesIn(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(referencesIn);
  if (!isJsonObject(value)) return [];
  return Object.entries(value).flatMap(([name, entry]) => {
    const definition = name === "$ref" && typeof entry === "string"
      ? definitionOf(entry)
      : undefined;
    return definition === undefined ? referencesIn(entry) : [definition];
  });
}
