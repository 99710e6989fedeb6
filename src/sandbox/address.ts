/**
 * One sandbox plays many hosts. A request to a vendor's own URL is told by its host; a request to
 * the sandbox's loopback origin names the host as its first path segment. Inside, both have one
 * path: `/account.minimax.io/oauth2/token`.
 *
 * @module
 */

import { isLoopbackUrl } from "../core/http.ts";

/** The path that routes match: host first. */
export function routingPath(request: Request): string {
  const url = new URL(request.url);
  return isLoopbackUrl(url) ? url.pathname : `/${url.host}${url.pathname}`;
}

/**
 * The URL of `path` on a vendor's `host`, addressed as `request` was: on the vendor's own https
 * origin, or below the loopback origin.
 */
export function siteUrl(request: Request, host: string, path: string): string {
  const url = new URL(request.url);
  return isLoopbackUrl(url) ? `${url.origin}/${host}${path}` : `https://${host}${path}`;
}

/**
 * Whether a browser sent `request` from a page of another origin. Clients that are no browsers send
 * neither header.
 */
export function isCrossOrigin(request: Request): boolean {
  const origin = request.headers.get("origin");
  if (origin !== null && origin !== new URL(request.url).origin) return true;
  const site = request.headers.get("sec-fetch-site");
  return site !== null && site !== "same-origin" && site !== "none";
}
