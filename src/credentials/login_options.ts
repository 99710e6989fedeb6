/**
 * What a login is told, what it tells meanwhile, and what it gives.
 *
 * @module
 */

import type { RuntimeOptions } from "../core/runtime.ts";
import type { BindLoopback } from "../oauth/loopback.ts";
import type { TokenSet } from "../oauth/token_set.ts";
import type { EndpointOverrides } from "../providers/endpoints.ts";
import type { OAuthParameters } from "../providers/oauth_parameters.ts";
import type { AccountIdentity, OidcFlow } from "../providers/provider.ts";

/** What the user should see during a login. */
export type LoginEvent =
  /** A code to approve. A second one replaces the first: it was asked for under another profile. */
  | {
    type: "code";
    /** What the page shows or asks for: letters, digits, `-`, `_`, `.`. */
    userCode: string;
    /** The page: an http(s) URL in ASCII. */
    verificationUrl: string;
    /** Whether a browser may be opened there: https on the vendor's hosts, or the sandbox. */
    isOpenable: boolean;
    /** When the code runs out, ms since the epoch. */
    expiresAt: number;
    /** How often is polled, ms. */
    intervalMs: number;
  }
  /** A page to visit on this machine; it leads the browser back to a port of this machine. */
  | {
    type: "authorize";
    /** The page: an http(s) URL in ASCII. */
    url: string;
    /** Whether a browser may be opened there: https on the vendor's hosts, or the sandbox. */
    isOpenable: boolean;
    /** The port of 127.0.0.1 that waits for it; from another machine it has to be forwarded. */
    port: number;
    /** Where the browser is led back to. */
    redirectUri: string;
    /** When the wait ends, ms since the epoch. */
    expiresAt: number;
  }
  /** A word of the provider's, to be shown once; printable. */
  | { type: "notification"; message: string };

/**
 * Reads one line that the user pastes: the address that the browser was led to, its query, or the
 * code that the page shows. `undefined`: there will be none.
 *
 * It is asked again after a line that was of no use; `refusal` then says why, as a sentence. The
 * signal aborts when the login has ended otherwise; whatever it throws then is ignored. A code alone
 * comes without the state that would prove whose it is, which the prompt should say.
 */
export type ReadPaste = (
  options: { signal: AbortSignal; refusal?: string | undefined },
) => Promise<string | undefined>;

/** Options of a login. */
export interface LoginOptions extends RuntimeOptions {
  /** What the environment or the configuration replaces. */
  overrides?: EndpointOverrides | undefined;
  /** What a login asks for otherwise than its provider's settings say, at an OpenID provider. */
  oauthParameters?: OAuthParameters | undefined;
  /** Told what the user should see. */
  onEvent?: ((event: LoginEvent) => void) | undefined;
  /**
   * The way to sign in. Default: `auto`, the first that the provider's settings name, the server
   * offers and this program can do.
   */
  flow?: "auto" | OidcFlow | undefined;
  /** Opens a port for the browser to come back to. Without it there is no loopback flow. */
  bindLoopback?: BindLoopback | undefined;
  /** Reads what the user pastes while the loopback flow waits. Without it nothing can be pasted. */
  readPaste?: ReadPaste | undefined;
  /** How long the loopback flow waits for the user, ms. Default: 180,000. */
  loopbackTimeoutMs?: number | undefined;
}

/** What a login gave. */
export interface LoginGrant {
  /** Provider id. */
  provider: string;
  /** Region id. */
  region: string;
  /** The tokens. Secret. Without a refresh token, the login ends with its access token. */
  tokenSet: TokenSet;
  /** When they were issued, ms since the epoch. */
  issuedAt: number;
  /** Client id it was minted with. */
  clientId: string;
  /** Name of the endpoints profile that worked, where there are several. */
  endpointsProfile?: string | undefined;
  /** Name of the upstream that its scopes were asked for, where one was chosen. */
  upstream?: string | undefined;
  /** API base that the server chose, as it wrote it; to be checked on every use. */
  resourceUrl?: string | undefined;
  /** Whose login it is, where the server says; printable. */
  account?: AccountIdentity | undefined;
}
