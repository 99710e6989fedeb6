/**
 * Web pages of other origins: none may read an answer unless the settings name its origin.
 *
 * A page cannot send a client key without asking first (it is no simple header), so what is refused here
 * never does anything.
 *
 * @see {@link https://fetch.spec.whatwg.org/#http-cors-protocol | Fetch, CORS protocol}
 * @module
 */

import { Refusal } from "../error_response.ts";

const METHODS = "GET, POST";
const HEADERS = "authorization, x-api-key, content-type, anthropic-version, anthropic-beta";

/** The headers that let the page of a request read its answer; none for any other. */
export function crossOriginHeaders(
  request: Request,
  origins: readonly string[],
): Readonly<Record<string, string>> | undefined {
  const origin = request.headers.get("origin");
  if (origin === null || !origins.includes(origin)) return undefined;
  return {
    "access-control-allow-origin": origin,
    "access-control-expose-headers": "request-id, x-request-id, retry-after, grantway-notes",
  };
}

/**
 * The answer to a page that asks whether it may send a request; `undefined` for any other request.
 *
 * @throws {Refusal} 403 for a page that may not.
 */
export function answerPreflight(
  request: Request,
  origins: readonly string[],
): Response | undefined {
  const { headers } = request;
  if (request.method !== "OPTIONS" || !headers.has("access-control-request-method")) {
    return undefined;
  }
  const allowed = crossOriginHeaders(request, origins);
  if (allowed === undefined) {
    throw new Refusal(403, "access_denied", "Pages of this origin may not use the gateway");
  }
  return new Response(null, {
    status: 204,
    headers: {
      ...allowed,
      "access-control-allow-methods": METHODS,
      "access-control-allow-headers": HEADERS,
      "access-control-max-age": "600",
    },
  });
}
