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
import type { ClientBody } from "./client_body.ts";

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
  // All but the conversation, which is the long part.
  const { system: _system, ...rest } = prepared;
  const sent = encodeRequest({ ...rest, messages: [] });
  keep(body.json, sent, ["messages", "input", "system"]);
  if (isSameContent(request.tools ?? [], prepared.tools ?? [])) keep(body.json, sent, ["tools"]);
  // Some clients say that they do not want what they would not get.
  if (body.json["stream"] === false) keep(body.json, sent, ["stream"]);
  return writeChanges(body, sent);
}

/** Makes fields of `sent` what they are in `json`. */
function keep(json: JsonObject, sent: JsonObject, names: readonly string[]): void {
  for (const name of names) {
    if (json[name] !== undefined) sent[name] = json[name];
    else delete sent[name];
  }
}

/** A body with the fields of `sent`: the bytes as they came where it says the same. */
function writeChanges(
  { bytes, text, json, fields }: ClientBody,
  sent: JsonObject,
): string | Uint8Array<ArrayBuffer> {
  const parts: string[] = [];
  let isChanged = false;
  for (const [name, { start, end }] of fields) {
    if (!Object.hasOwn(sent, name)) {
      isChanged = true;
    } else if (saysSame(json[name], sent[name])) {
      parts.push(text.slice(start, end));
    } else {
      isChanged = true;
      parts.push(writeField(name, sent[name]));
    }
  }
  for (const name of Object.keys(sent)) {
    if (fields.has(name)) continue;
    isChanged = true;
    parts.push(writeField(name, sent[name]));
  }
  return isChanged ? `{${parts.join(",")}}` : bytes;
}

function saysSame(a: unknown, b: unknown): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b);
}

function writeField(name: string, value: unknown): string {
  return `${JSON.stringify(name)}:${JSON.stringify(value)}`;
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
