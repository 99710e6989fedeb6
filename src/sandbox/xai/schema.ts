/**
 * Which JSON Schemas xAI takes, for functions and for structured output.
 *
 * @module
 */

import { isJsonObject, type JsonObject } from "../../core/http.ts";
import type { SandboxQuirks } from "../quirks.ts";
import { BAD_SCHEMA, check, InvalidArgument } from "./errors.ts";

/** Keywords that were seen to be refused, though newer documentation lists some of them. */
const REFUSED = [
  "pattern",
  "format",
  "minLength",
  "maxLength",
  "minItems",
  "maxItems",
  "minContains",
  "maxContains",
];
const MOST_LEVELS = 64;

function refuse(): never {
  throw new InvalidArgument(BAD_SCHEMA);
}

/**
 * Checks the schema of a function or of the answer.
 *
 * @throws {InvalidArgument} When xAI would refuse it. For an enum with a slash in it a stream begins,
 * and its first frame is the refusal.
 */
export function checkSchema(schema: unknown, quirks: SandboxQuirks): asserts schema is JsonObject {
  if (!isJsonObject(schema)) refuse();
  const branches = schema["anyOf"] ?? schema["oneOf"];
  if (branches !== undefined) {
    if (!Array.isArray(branches) || !branches.every(isTypedObject)) refuse();
  } else if (!isTypedObject(schema)) refuse();
  walk(schema, schema, quirks, []);
}

function isTypedObject(schema: unknown): boolean {
  return isJsonObject(schema) && schema["type"] === "object" &&
    isJsonObject(schema["properties"]);
}

function walk(
  schema: unknown,
  root: JsonObject,
  quirks: SandboxQuirks,
  refs: readonly string[],
  level = 0,
): void {
  if (typeof schema === "boolean") return;
  if (!isJsonObject(schema) || level > MOST_LEVELS) refuse();
  const next = (value: unknown, seen = refs) => walk(value, root, quirks, seen, level + 1);

  if (quirks.schemaKeywords === "refuse" && REFUSED.some((name) => Object.hasOwn(schema, name))) {
    refuse();
  }
  const values = schema["enum"];
  if (Array.isArray(values) && values.some((v) => typeof v === "string" && v.includes("/"))) {
    throw new InvalidArgument(BAD_SCHEMA, { inStream: true });
  }
  const allOf = schema["allOf"];
  if (allOf !== undefined && (!Array.isArray(allOf) || allOf.length !== 1)) refuse();
  for (const name of ["allOf", "anyOf", "oneOf"]) {
    const list = schema[name];
    if (Array.isArray(list)) list.forEach((item) => next(item));
  }
  const ref = schema["$ref"];
  if (ref !== undefined) {
    if (typeof ref !== "string" || refs.includes(ref)) refuse();
    next(resolve(ref, root), [...refs, ref]);
  }
  const properties = schema["properties"];
  if (isJsonObject(properties)) Object.values(properties).forEach((value) => next(value));
  for (const name of ["items", "additionalProperties"]) {
    if (schema[name] !== undefined) next(schema[name]);
  }
}

function resolve(ref: string, root: JsonObject): unknown {
  check(ref.startsWith("#/"), BAD_SCHEMA);
  return ref.slice(2).split("/").reduce<unknown>(
    (node, name) => isJsonObject(node) ? node[name] : undefined,
    root,
  );
}
