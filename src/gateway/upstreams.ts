/**
 * The signed-in accounts as the gateway and the command line use them: which provider has any, and a
 * way to send requests through the best of them.
 *
 * @module
 */

import type { Credential } from "../credentials/credential.ts";
import type { GrantwayError } from "../core/errors.ts";
import type { Provider } from "../providers/provider.ts";
import type { Transport } from "../transports/transport.ts";

/** What one request brings along. */
export interface OpenOptions {
  /** Id of the conversation: it stays with its account where several take turns. */
  conversation?: string | undefined;
  /** Told the id of each account that is tried: the last one has answered. */
  onAccount?: ((id: string) => void) | undefined;
  /** Told which account is left for the next one, and why. */
  onFailover?: ((credential: Credential, error: GrantwayError) => void) | undefined;
}

/** What a request is sent through. */
export interface OpenUpstream {
  /** Whose rules and endpoints hold: for `minimax-cn` by login that is `minimax-oauth`. */
  provider: Provider;
  /** Sends the request, over several accounts where there are several. */
  transport: Transport;
}

/** The signed-in accounts of every provider. */
export interface Upstreams {
  /**
   * The way to a provider, for one request.
   *
   * @throws {CredentialError} `login_required` when nobody is signed in, with the command to run.
   */
  open(provider: Provider, options?: OpenOptions): Promise<OpenUpstream>;
  /** The providers that have an account to use, in the order of the catalog. */
  list(): Promise<Provider[]>;
}
