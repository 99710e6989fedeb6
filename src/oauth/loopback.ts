/**
 * Loopback redirect: the HTTP side of waiting for a browser to bring the code to 127.0.0.1.
 *
 * Any page in the browser and any process on the machine can reach the port. So a request that does
 * not carry this attempt's state gets an answer and changes nothing; the first one that does, decides,
 * and every later one gets the same page. Pages are static: nothing of a request is in them.
 *
 * Opening the port is the part of an adapter: see {@linkcode BindLoopback}.
 *
 * @see {@link https://www.rfc-editor.org/rfc/rfc8252#section-7.3 | RFC 8252 7.3}
 * @module
 */

import { createDeferred } from "../core/deferred.ts";
import {
  type AuthorizationAttempt,
  type AuthorizationCodeClient,
  type AuthorizationResponse,
  readAuthorizationResponse,
} from "./authorization_code.ts";

/** A port of 127.0.0.1 that is held, and on which nothing is answered yet. */
export interface LoopbackSocket {
  /** The port. */
  readonly port: number;
  /** Answers requests from now on, each on a connection of its own. */
  serve(handle: (request: Request) => Response): void;
  /** Gives the port back. Answers on their way are still sent, for a moment. */
  close(): Promise<void>;
}

/**
 * Takes `port` of 127.0.0.1, or any other where it is taken.
 *
 * The request that `serve` hands on has the URL that was asked for, authority included, and its one
 * `host` header; a request without exactly one, or with a path that is not in its plain form, is
 * answered with 400 and not handed on.
 */
export type BindLoopback = (port: number) => Promise<LoopbackSocket>;

/** What a receiver must know besides the attempt. */
export interface LoopbackSettings {
  /** The port that is held. */
  port: number;
  /** The path of the redirect URI. */
  path: string;
  /** Origins whose pages may deliver the code by a cross-origin `fetch`. */
  consentOrigins: readonly string[];
}

/** What ended the wait. */
export type LoopbackResult = Exclude<AuthorizationResponse, { kind: "unrelated" }>;

/** Waits for the response to one attempt. */
export interface LoopbackReceiver {
  /** Answers one request. Never throws. */
  readonly handle: (request: Request) => Response;
  /** Resolves with the first response of this attempt. */
  readonly result: Promise<LoopbackResult>;
}

/** The redirect URI of a held port: the IP literal, because `localhost` may be another's IPv6. */
export function loopbackRedirectUri(port: number, path: string): string {
  return `http://127.0.0.1:${port}${path}`;
}

/** Creates the receiver of one attempt. */
export function createLoopbackReceiver(
  client: AuthorizationCodeClient,
  attempt: Pick<AuthorizationAttempt, "state">,
  { port, path, consentOrigins }: LoopbackSettings,
): LoopbackReceiver {
  const authority = `127.0.0.1:${port}`;
  const { promise, resolve } = createDeferred<LoopbackResult>();
  let result: LoopbackResult | undefined;

  function handle(request: Request): Response {
    const url = new URL(request.url);
    // Another name for this address is DNS rebinding; another authority in the URL is a proxy's.
    if (request.headers.get("host") !== authority || url.host !== authority) {
      return page(400, "Wrong address", "This port waits for something else.");
    }
    if (url.pathname !== path) return page(404, "Not here", "There is nothing at this address.");
    const origin = request.headers.get("origin");
    const cors: Record<string, string> = { vary: "Origin" };
    if (origin !== null && consentOrigins.includes(origin)) {
      cors["access-control-allow-origin"] = origin;
      cors["access-control-allow-methods"] = "GET, OPTIONS";
      cors["access-control-allow-headers"] = "Content-Type";
      cors["access-control-allow-private-network"] = "true";
    }
    switch (request.method) {
      case "GET":
        break;
      case "OPTIONS": {
        const isAllowed = cors["access-control-allow-origin"] !== undefined;
        return new Response(null, { status: isAllowed ? 204 : 403, headers: closing(cors) });
      }
      default:
        return page(405, "Not like this", "Only a browser's visit is expected here.", {
          ...cors,
          allow: "GET, OPTIONS",
        });
    }
    if (result !== undefined) return resultPage(result, cors);

    const response = readAuthorizationResponse(client, attempt, url.searchParams);
    if (response.kind === "unrelated") {
      return page(
        400,
        "Nothing was received",
        "This visit does not belong to the sign-in that is waiting, which goes on waiting. " +
          "If the sign-in page showed you a code, paste it in the terminal.",
        cors,
      );
    }
    result = response;
    resolve(response);
    return resultPage(response, cors);
  }

  return { handle, result: promise };
}

function resultPage(result: LoopbackResult, headers: Record<string, string>): Response {
  return result.kind === "code"
    ? page(
      200,
      "Received",
      "The sign-in goes on in the terminal. You can close this page.",
      headers,
    )
    : page(
      200,
      "Not signed in",
      "The sign-in was refused. The terminal says why. You can close this page.",
      headers,
    );
}

/** A static page. Its texts are ours: nothing here needs escaping. */
function page(
  status: number,
  title: string,
  text: string,
  headers: Record<string, string> = {},
): Response {
  const html = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="color-scheme" content="light dark">
<meta name="viewport" content="width=device-width">
<title>Grantway: ${title}</title>
<h1>${title}</h1>
<p>${text}</p>
</html>
`;
  return new Response(html, {
    status,
    headers: closing({ ...headers, "content-type": "text/html; charset=utf-8" }),
  });
}

/** The headers of every answer. */
function closing(headers: Record<string, string>): Record<string, string> {
  return {
    ...headers,
    "cache-control": "no-store",
    connection: "close",
    "content-security-policy": "default-src 'none'; base-uri 'none'; form-action 'none'; " +
      "frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
  };
}
