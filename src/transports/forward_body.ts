/**
 * What is sent for a request that its client has written in the provider's own dialect.
 *
 * Agents send hundreds of kilobytes with every turn, and most of it is the conversation so far. So the
 * bytes go as they came where nothing has to change, and of what has to change nothing is written anew
 * but that.
 *
 * @module
 */

import type { JsonObject } from "../core/http.ts";
import type { RequestCodec } from "../protocols/codec.ts";
import type { GenerateRequest } from "../protocols/event.ts";
import { findModelField, replaceModel } from "./model_field.ts";

/** A body as it came, and its JSON. */
export interface ClientBody {
  /** The bytes. */
  bytes: Uint8Array<ArrayBuffer>;
  /** What they say. */
  json: JsonObject;
}

/** Fields whose meaning is compared, not how they are written. */
const CONTENT: readonly string[] = ["messages", "input", "system", "tools"];

/**
 * The body to send.
 *
 * @param body As the client has written it; `undefined` where it must be written anew.
 * @param request What it says, with the provider's own name of the model.
 * @param prepared What is to be said.
 */
export function forwardBody(
  body: ClientBody | undefined,
  request: GenerateRequest,
  prepared: GenerateRequest,
  { dialect, encodeRequest }: RequestCodec,
): string | Uint8Array<ArrayBuffer> {
  // In Responses the instructions may become the first item of the input.
  const isSame = body !== undefined && isSameContent(request.messages, prepared.messages) &&
    isSameContent(request.system ?? [], prepared.system ?? []) &&
    (dialect === "messages" || !prepared.system?.length);
  if (!isSame) return JSON.stringify(encodeRequest(prepared));
  const { json, bytes } = body;
  // All but the conversation, which is the long part.
  const { system: _system, ...rest } = prepared;
  const head = encodeRequest({ ...rest, messages: [] });
  for (const name of ["messages", "input", "system"]) {
    if (json[name] !== undefined) head[name] = json[name];
    else delete head[name];
  }
  if (isSameContent(request.tools ?? [], prepared.tools ?? []) && areSameFields(json, head)) {
    const field = findModelField(bytes);
    // Of two such fields readers take the first or the last: both have to be the one that was checked.
    if (field !== undefined && field.name === json["model"]) {
      return json["model"] === prepared.model ? bytes : replaceModel(bytes, field, prepared.model);
    }
  }
  return JSON.stringify(head);
}

/** Whether two bodies have the same fields, and say the same in those that are not the content. */
function areSameFields(json: JsonObject, sent: JsonObject): boolean {
  const names = new Set([...Object.keys(json), ...Object.keys(sent)]);
  names.delete("stream");
  for (const name of names) {
    if (!Object.hasOwn(json, name) || !Object.hasOwn(sent, name)) return false;
    if (name === "model" || CONTENT.includes(name)) continue;
    if (JSON.stringify(json[name]) !== JSON.stringify(sent[name])) return false;
  }
  return true;
}

/** Whether two values say the same; a field that is `undefined` is none. */
function isSameContent(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (Array.isArray(a)) {
    return Array.isArray(b) && a.length === b.length &&
      a.every((item, index) => isSameContent(item, b[index]));
  }
  if (Array.isArray(b)) return false;
  const [left, right] = [a as JsonObject, b as JsonObject];
  for (const name in left) if (!isSameContent(left[name], right[name])) return false;
  for (const name in right) {
    if (left[name] === undefined && right[name] !== undefined) return false;
  }
  return true;
}
