/**
 * What a grant needs to know of the authorization server and of us there. All of it is data: this
 * folder knows no provider by name.
 *
 * @module
 */

import type { JsonObject, TrustedHosts } from "../core/http.ts";

/** What a token endpoint's JSON says in a vendor's own words, before its HTTP status is looked at. */
export type TokenAnswer =
  /** No mark of the vendor's: judge by status and RFC fields. */
  | { kind: "unmarked" }
  /** A success, if it carries an access token. */
  | { kind: "success" }
  /** The user has not answered yet. */
  | { kind: "pending" }
  /** A failure; `error` is the vendor's code where it gave one. */
  | { kind: "error"; error?: string | undefined; description?: string | undefined };

/** How a server says that the account or its plan is not let in, whatever the token. */
export interface EntitlementRefusal {
  /** HTTP status of such an answer; its body is a JSON object. */
  status: number;
  /** What may mend it, for the user. */
  hint: string;
}

/** A public client at one authorization server. */
export interface OAuthClient {
  /** Client id; it has no secret. */
  clientId: string;
  /** Where tokens come from. */
  tokenEndpoint: URL;
  /** What messages call the server's side, as in `MiniMax OAuth`. Default: the endpoint's host. */
  name?: string | undefined;
  /**
   * Hosts that a 307 or 308 may lead a request to, and that may be opened as a verification page.
   * Default: the origin of the endpoint that is called.
   */
  trustedHosts?: TrustedHosts | undefined;
  /** Reads the vendor's own marks in an answer. Default: there are none. */
  readTokenAnswer?: ((body: JsonObject) => TokenAnswer) | undefined;
  /** Error codes that prove a refresh token dead, besides `invalid_grant`. */
  deadErrors?: readonly string[] | undefined;
  /** How the server refuses accounts and plans. Default: it does not tell them apart. */
  entitlement?: EntitlementRefusal | undefined;
}
