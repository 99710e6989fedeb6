/**
 * Reading fields of JSON whose shape is not promised.
 *
 * @module
 */

import type { JsonObject } from "../../core/http.ts";
import type { Extensions } from "../event.ts";

/** A string, or `undefined`. */
export function readString(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

/** A finite number, or `undefined`. */
export function readNumber(value: unknown): number | undefined {
  return typeof value === "number" && Number.isFinite(value) ? value : undefined;
}

/** The fields that are not in `known`, kept for this dialect; `undefined` when there are none. */
export function restOf(value: JsonObject, known: readonly string[]): Extensions | undefined {
  const fields = Object.entries(value).filter(([name]) => !known.includes(name));
  return fields.length === 0
    ? undefined
    : { dialect: "messages", fields: Object.fromEntries(fields) };
}

/** The fields to write again, if they are this dialect's. */
export function fieldsOf(extensions: Extensions | undefined): JsonObject {
  return extensions?.dialect === "messages" ? extensions.fields : {};
}

/** `{ [name]: value }`, or nothing without a value: an absent field stays absent. */
export function optional<N extends string, T>(
  name: N,
  value: T | undefined,
): { [K in N]?: Exclude<T, undefined> } {
  return (value === undefined ? {} : { [name]: value }) as { [K in N]?: Exclude<T, undefined> };
}
