/**
 * What the flows of a login at an OpenID provider share: what they work with, and what they give.
 *
 * @module
 */

import type { JsonObject } from "../core/http.ts";
import type { Runtime } from "../core/runtime.ts";
import type { AuthorizationServer } from "../oauth/discovery.ts";
import type { TokenSet } from "../oauth/token_set.ts";
import type { OidcSettings, Provider } from "../providers/provider.ts";
import type { LoginOptions } from "./login_options.ts";
import type { OidcClient } from "./provider_client.ts";

/** What one login works with. */
export interface OidcLogin {
  /** Whose. */
  provider: Provider;
  /** How it signs in. */
  oauth: OidcSettings;
  /** What was discovered. */
  server: AuthorizationServer;
  /** The client there. */
  client: OidcClient & { scopes: readonly string[] };
  /** The caller's. */
  options: LoginOptions;
  /** Its clock, wait and `fetch`. */
  runtime: Runtime;
  /** How messages start. */
  action: string;
}

/** What a flow gave: tokens, and the id token's claims where they were verified. */
export interface OidcGrant {
  /** The tokens. Secret. */
  tokenSet: TokenSet;
  /** When they came, ms since the epoch. */
  issuedAt: number;
  /** Verified claims. */
  idToken?: JsonObject | undefined;
}

/** The server does not offer a flow, or this program cannot do it. The message says why. */
export class FlowUnavailable extends Error {}
