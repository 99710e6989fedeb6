/**
 * What the authorization servers share on the wire: forms, JSON answers and errors.
 *
 * @see {@link https://www.rfc-editor.org/rfc/rfc6749#section-5 | RFC 6749 5}
 * @module
 */

import { readBoundedText } from "../core/http.ts";

/** Largest form that is read, bytes. */
const FORM_LIMIT = 64 * 1024;

/** An S256 challenge, RFC 7636 4.2. */
export const CHALLENGE = /^[A-Za-z0-9_-]{43}$/;
/** A verifier, RFC 7636 4.1. */
export const VERIFIER = /^[A-Za-z0-9._~-]{43,128}$/;

/** A form, or why it is none. */
export type Form = { fields: URLSearchParams; problem?: undefined } | { problem: string };

/** RFC 6749 5.2. */
export function oauthError(
  error: string,
  description: string,
  status: 400 | 401 | 403 = 400,
): Response {
  return Response.json({ error, error_description: description }, {
    status,
    headers: { "cache-control": "no-store" },
  });
}

/** JSON that no cache may keep. Members that are `undefined` are left out. */
export function privateJson(body: Record<string, unknown>): Response {
  return Response.json(body, { headers: { "cache-control": "no-store" } });
}

/** The first parameter that stands more than once, RFC 6749 3.1. */
export function repeatedParameter(fields: URLSearchParams): string | undefined {
  return [...fields.keys()].find((name) => fields.getAll(name).length > 1);
}

/** Reads a form; without a form body there are simply no fields, as after a redirect that lost it. */
export async function readForm(request: Request): Promise<Form> {
  const type = request.headers.get("content-type") ?? "";
  const isForm = type.toLowerCase().startsWith("application/x-www-form-urlencoded");
  const text = await readBoundedText(request.body, FORM_LIMIT);
  const fields = new URLSearchParams(isForm ? text : "");
  const repeated = repeatedParameter(fields);
  return repeated === undefined ? { fields } : { problem: `${repeated} is repeated` };
}
