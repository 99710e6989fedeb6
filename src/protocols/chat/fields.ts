/**
 * Fields of this dialect that the canonical model does not name.
 *
 * @module
 */

import { isJsonObject, type JsonObject } from "../../core/http.ts";
import type { Extensions } from "../event.ts";
import { extensionsOf, fieldsFor } from "../fields.ts";

export { invalid, optional, readNumber, readString } from "../fields.ts";

/** The fields that are not in `known`, kept for this dialect; `undefined` when there are none. */
export function restOf(value: JsonObject, known: readonly string[]): Extensions | undefined {
  return extensionsOf("chat", value, known);
}

/** The fields to write again, if they are this dialect's. */
export function fieldsOf(extensions: Extensions | undefined): JsonObject {
  return fieldsFor("chat", extensions);
}

/**
 * What is not in `known`, and of the object in the field `inner` what is not in `knownInside`: this
 * dialect wraps much of what it says.
 */
export function restOfNested(
  value: JsonObject,
  known: readonly string[],
  inner: string,
  knownInside: readonly string[],
): Extensions | undefined {
  const inside = isJsonObject(value[inner]) ? restOf(value[inner], knownInside)?.fields : undefined;
  const { [inner]: _inner, ...outer } = value;
  return restOf({ ...outer, ...(inside === undefined ? {} : { [inner]: inside }) }, known);
}

/** Writes again what {@linkcode restOfNested} has kept, around `inside`. */
export function withNested(
  extensions: Extensions | undefined,
  inner: string,
  inside: JsonObject,
): JsonObject {
  const fields = fieldsOf(extensions);
  const kept = isJsonObject(fields[inner]) ? fields[inner] : {};
  return { ...fields, [inner]: { ...kept, ...inside } };
}
