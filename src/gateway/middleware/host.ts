/**
 * Whether a request was meant for this gateway. A web page whose name was made to point here (DNS
 * rebinding) is told by the name it uses.
 *
 * Both the `Host` header and the authority of the URL are looked at: a request line may name another
 * one than the header (RFC 9112 3.2.2).
 *
 * @module
 */

import { NO_RETRY, Refusal } from "../error_response.ts";

/**
 * Who can reach the gateway: programs of this machine by its loopback names; others of the network, by
 * address; or everybody, where the runtime itself hands over only what is for this gateway.
 */
export type Reach = "loopback" | "network" | "public";

const LOOPBACK_NAMES: readonly string[] = ["localhost", "127.0.0.1", "[::1]"];

/** `name`, `name:port`, `[address]`, `[address]:port`; nothing else, user names least of all. */
const AUTHORITY = /^(\[[0-9a-f:.]{2,45}\]|[a-z0-9](?:[a-z0-9.-]{0,252}[a-z0-9])?)(?::\d{1,5})?$/i;

/** An address stands for itself: no name server can make it mean another machine. */
const ADDRESS = /^(\d{1,3}(\.\d{1,3}){3}|\[.*\])$/;

/** What was allowed is kept, up to so many: the next request names the same. */
const MAX_KNOWN = 64;

/** The authority of an absolute URL, as it is written. */
export function authorityOf(url: string): string {
  const start = url.indexOf("://") + 3;
  const end = url.slice(start).search(/[/?#]/);
  return end === -1 ? url.slice(start) : url.slice(start, start + end);
}

/** Creates the check. */
export function createHostCheck(
  reach: Reach,
): (request: Request, configured: readonly string[]) => Refusal | undefined {
  let known = new Set<string>();
  let knownFor: readonly string[] = [];

  const isAllowed = (authority: string, configured: readonly string[]) => {
    const name = AUTHORITY.exec(authority)?.[1]?.toLowerCase();
    if (name === undefined) return false;
    return LOOPBACK_NAMES.includes(name) || configured.includes(name) ||
      (reach === "network" && ADDRESS.test(name));
  };

  return (request, configured) => {
    if (reach === "public") return undefined;
    if (knownFor !== configured) {
      known = new Set();
      knownFor = configured;
    }
    const host = request.headers.get("host");
    if (host === null || host === "") {
      return new Refusal(400, "invalid_request", "The request has no Host header");
    }
    const authority = authorityOf(request.url);
    for (const name of host === authority ? [host] : [host, authority]) {
      if (known.has(name)) continue;
      if (!isAllowed(name, configured)) {
        return new Refusal(403, "access_denied", "This gateway goes by another host name", {
          hint: "Add the name to those it goes by: grantway gateway config set hosts <name>",
          headers: NO_RETRY,
        });
      }
      if (known.size < MAX_KNOWN) known.add(name);
    }
    return undefined;
  };
}
