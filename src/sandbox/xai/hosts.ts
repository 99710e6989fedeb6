/**
 * xAI's hosts, its public client, and what that may ask for.
 *
 * @module
 */

import { siteUrl } from "../address.ts";

/** Authorization server. */
export const AUTH_HOST = "auth.x.ai";
/** Pages on which the user answers. */
export const ACCOUNTS_HOST = "accounts.x.ai";
/** Inference. */
export const API_HOST = "api.x.ai";
/** Inference for the vendor's own command line tool. */
export const PROXY_HOST = "cli-chat-proxy.grok.com";

/** Key of xAI's grants in the state. */
export const XAI_REALM = "xai";

/** A client of the authorization server. */
export interface XaiClient {
  /** The name on the consent page. */
  name: string;
  /** Scopes it may ask for. */
  scopes: readonly string[];
}

/** Scopes where a request names none. */
export const DEFAULT_SCOPE = "openid profile email offline_access grok-cli:access api:access";

/** Client id -> client. */
export const XAI_CLIENTS: ReadonlyMap<string, XaiClient> = new Map([
  ["b1a00492-073a-47ea-816f-4c329264a828", {
    name: "Grok Build",
    scopes: [
      ...DEFAULT_SCOPE.split(" "),
      "conversations:read",
      "conversations:write",
      "workspaces:read",
      "workspaces:write",
      "team:read",
    ],
  }],
]);

/** Whether `client` may ask for every scope in `scope`. */
export function mayAsk(client: XaiClient, scope: string): boolean {
  return scope.split(" ").every((name) => client.scopes.includes(name));
}

/** The issuer, as a client sees it that sends `request`. */
export function issuerOf(request: Request): string {
  return siteUrl(request, AUTH_HOST, "");
}
