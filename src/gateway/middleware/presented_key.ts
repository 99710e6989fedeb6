/**
 * The client key that a request brings: as a bearer, as `x-api-key`, or both.
 *
 * @module
 */

import type { ClientKey, ClientKeys } from "../client_keys.ts";
import { NO_RETRY, Refusal } from "../error_response.ts";
import { rawQuery } from "./path.ts";
import { createRateWindow } from "./rate_window.ts";

/** Names under which people put keys into a query, where logs and histories keep them. */
const KEY_IN_QUERY = /(?:^|&)(?:api[-_]?key|x-api-key|key|token|access_token|auth)=|gw_[\w-]{16}/i;

/** What a key is made of, whoever made it. */
const KEY = /^[\x21-\x7e]{8,256}$/;

/** So many wrong keys a minute are answered one by one. */
const MAX_UNKNOWN_PER_MINUTE = 120;

/**
 * Creates the check, which finds the key of a request or throws a {@linkcode Refusal}. It never says in
 * what way a key is wrong.
 */
export function createKeyCheck(
  keys: ClientKeys,
  now: () => number,
): (request: Request) => Promise<ClientKey> {
  const unknown = createRateWindow(MAX_UNKNOWN_PER_MINUTE);
  return async (request) => {
    const query = rawQuery(request.url);
    if (query !== "" && KEY_IN_QUERY.test(query)) {
      throw new Refusal(400, "invalid_request", "A key has no place in a URL", {
        hint: "Send it as the header x-api-key, or Authorization: Bearer; and make a new one, " +
          "for URLs are kept in histories and logs",
        headers: NO_RETRY,
      });
    }
    const presented = presentedKeys(request.headers);
    for (const candidate of presented) {
      const key = KEY.test(candidate) ? await keys.verify(candidate) : undefined;
      if (key !== undefined) return key;
    }
    // After it was looked for: a key that was made this moment is good before this is read again.
    if (!await keys.isConfigured()) {
      throw new Refusal(503, "invalid_configuration", "This gateway has no client key yet", {
        hint: "Make one with: grantway gateway keys create <name>",
        headers: NO_RETRY,
      });
    }
    // A key that is good was let in above: guessing slows down nobody else.
    const waitMs = presented.length === 0 ? undefined : unknown.take(now());
    if (waitMs !== undefined) {
      throw new Refusal(429, "rate_limited", "Too many unknown client keys", {
        retryAfterMs: waitMs,
      });
    }
    throw new Refusal(
      401,
      "unauthorized",
      presented.length === 0 ? "The request has no client key" : "The client key is not known here",
      {
        hint: "Send a key of this gateway as x-api-key, or Authorization: Bearer. " +
          "Keys: grantway gateway keys list",
        headers: { "www-authenticate": "Bearer", ...NO_RETRY },
      },
    );
  };
}

/** Every key that the request brings: clients with two settings send both. */
function presentedKeys(headers: Headers): string[] {
  const bearer = /^bearer +(.*)$/i.exec(headers.get("authorization") ?? "")?.[1];
  const presented = [bearer, headers.get("x-api-key")];
  return presented.filter((key) => typeof key === "string" && key !== "") as string[];
}
