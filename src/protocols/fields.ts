/**
 * Reading fields of JSON whose shape is not promised, and carrying those that this model does not
 * name.
 *
 * @module
 */

import { GrantwayError } from "../core/errors.ts";
import type { JsonObject } from "../core/http.ts";
import type { Dialect, Extensions } from "./event.ts";

/** What is wrong with a request whose field is not what its dialect says. */
export function invalid(field: string, expected: string): GrantwayError {
  return new GrantwayError(
    "invalid_request",
    `Cannot read the request: ${field} is not ${expected}`,
  );
}

/** A string, or `undefined`. */
export function readString(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

/** A finite number, or `undefined`. */
export function readNumber(value: unknown): number | undefined {
  return typeof value === "number" && Number.isFinite(value) ? value : undefined;
}

/** The fields that are not in `known`, kept for `dialect` alone; `undefined` when there are none. */
export function extensionsOf(
  dialect: Dialect,
  value: JsonObject,
  known: readonly string[],
): Extensions | undefined {
  const fields = Object.entries(value).filter(([name]) => !known.includes(name));
  return fields.length === 0 ? undefined : { dialect, fields: Object.fromEntries(fields) };
}

/** The fields to write again, if they are those of `dialect`. */
export function fieldsFor(dialect: Dialect, extensions: Extensions | undefined): JsonObject {
  return extensions?.dialect === dialect ? extensions.fields : {};
}

/** `{ [name]: value }`, or nothing without a value: an absent field stays absent. */
export function optional<N extends string, T>(
  name: N,
  value: T | undefined,
): { [K in N]?: Exclude<T, undefined> } {
  return (value === undefined ? {} : { [name]: value }) as { [K in N]?: Exclude<T, undefined> };
}
