/**
 * Fields of this dialect that the canonical model does not name.
 *
 * @module
 */

import type { JsonObject } from "../../core/http.ts";
import type { Extensions } from "../event.ts";
import { extensionsOf, fieldsFor } from "../fields.ts";

export { invalid, optional, readNumber, readString } from "../fields.ts";

/** The fields that are not in `known`, kept for this dialect; `undefined` when there are none. */
export function restOf(value: JsonObject, known: readonly string[]): Extensions | undefined {
  return extensionsOf("messages", value, known);
}

/** The fields to write again, if they are this dialect's. */
export function fieldsOf(extensions: Extensions | undefined): JsonObject {
  return fieldsFor("messages", extensions);
}
