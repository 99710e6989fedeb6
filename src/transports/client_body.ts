/**
 * The body of a client's request: its bytes, and what they say.
 *
 * @module
 */

import { GrantwayError } from "../core/errors.ts";
import { type JsonObject, parseJsonObject } from "../core/http.ts";
import { type FieldSpan, outlineJson } from "../core/json_outline.ts";

/** A body as it came, and what it says. */
export interface ClientBody {
  /** The bytes. */
  bytes: Uint8Array<ArrayBuffer>;
  /** Their text. */
  text: string;
  /** Its JSON. */
  json: JsonObject;
  /** Where the fields of that stand in the text. */
  fields: ReadonlyMap<string, FieldSpan>;
}

/**
 * Reads a body.
 *
 * @throws {GrantwayError} `invalid_request` when it is no JSON object, or one that nobody should parse.
 */
export function readClientBody(bytes: Uint8Array<ArrayBuffer>): ClientBody {
  const text = new TextDecoder().decode(bytes);
  const { fields, problem } = outlineJson(text);
  const json = problem === undefined ? parseJsonObject(text) : undefined;
  if (json !== undefined) return { bytes, text, json, fields };
  throw new GrantwayError(
    "invalid_request",
    `Cannot read the request: ${problem ?? "its body is no JSON object"}`,
  );
}
