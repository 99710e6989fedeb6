/**
 * Discovery: what an issuer publishes about itself, checked before any of it is used.
 *
 * The document comes from a server, and so may name anything. Every endpoint must lie on the trusted
 * hosts, and is looked at again each time it is handed out.
 *
 * @see {@link https://www.rfc-editor.org/rfc/rfc8414 | RFC 8414}
 * @see {@link https://openid.net/specs/openid-connect-discovery-1_0.html | OpenID Connect Discovery 1.0}
 * @module
 */

import { OAuthError } from "../core/errors.ts";
import { isTrustedUrl, type JsonObject, type TrustedHosts } from "../core/http.ts";
import { displayText } from "../core/redact.ts";
import { resolveRuntime, type RuntimeOptions } from "../core/runtime.ts";
import { createAnswerError } from "./answer_error.ts";
import { type FormRequest, getJson } from "./request.ts";

/** An authorization server, as its issuer describes it. Every URL lies on the trusted hosts. */
export interface AuthorizationServer {
  /** Its issuer. */
  issuer: string;
  /** Where a browser goes. */
  authorizationEndpoint?: URL | undefined;
  /** Where tokens come from. */
  tokenEndpoint: URL;
  /** Where device codes come from; absent where there is no device flow. */
  deviceAuthorizationEndpoint?: URL | undefined;
  /** Where tokens are revoked. */
  revocationEndpoint?: URL | undefined;
  /** Its keys. */
  jwksUri?: URL | undefined;
  /** Algorithms it signs id tokens with, where it says. */
  signingAlgorithms?: readonly string[] | undefined;
  /** PKCE methods it takes, where it says. */
  challengeMethods?: readonly string[] | undefined;
  /** Whether every authorization response names the issuer (RFC 9207). */
  namesIssuer: boolean;
}

/** Whose document, and which hosts it may name. */
export interface DiscoveryRequest {
  /** The issuer; the document must name it with the same characters. */
  issuer: string;
  /** Hosts that its endpoints may lie on. */
  trustedHosts: TrustedHosts;
  /** What messages call the server. Default: the issuer. */
  name?: string | undefined;
}

/** Options of {@linkcode Discovery.get}. */
export interface DiscoveryOptions extends RuntimeOptions {
  /** Asks the server again, however young the known document is. */
  renew?: boolean | undefined;
}

/** Finds one server's endpoints, and remembers them for an hour. */
export interface Discovery {
  /**
   * The server's endpoints.
   *
   * @throws {OAuthError} `invalid_response` when the document is not that issuer's or names a host
   * that is not trusted, `network`, `timeout`, or what else the server said.
   * @throws The signal's reason, unchanged, when the caller cancels.
   */
  get(options?: DiscoveryOptions): Promise<AuthorizationServer>;
}

const TIMEOUT_MS = 10_000;
const MAX_AGE_MS = 60 * 60_000;

/** Creates the {@linkcode Discovery} of one issuer. Nothing is asked before it is used. */
export function createDiscovery(request: DiscoveryRequest): Discovery {
  let known: { document: JsonObject; at: number } | undefined;
  return {
    async get({ renew = false, ...options }: DiscoveryOptions = {}): Promise<AuthorizationServer> {
      const { now } = resolveRuntime(options);
      const ageMs = known === undefined ? Infinity : now() - known.at;
      // A negative age speaks of a clock that was set.
      if (renew || known === undefined || ageMs < 0 || ageMs >= MAX_AGE_MS) {
        const document = await fetchDocument(request, options);
        const server = readDocument(document, request);
        known = { document, at: now() };
        return server;
      }
      return readDocument(known.document, request);
    },
  };
}

function actionOf({ name, issuer }: DiscoveryRequest): string {
  return `Cannot find the endpoints of ${name ?? issuer}`;
}

async function fetchDocument(
  request: DiscoveryRequest,
  options: RuntimeOptions,
): Promise<JsonObject> {
  const { issuer, trustedHosts } = request;
  const action = actionOf(request);
  if (!URL.canParse(issuer) || !isTrustedUrl(new URL(issuer), trustedHosts)) {
    throw new OAuthError(
      "invalid_configuration",
      `${action}: the issuer ${displayText(issuer, 100)} is not on a host of the provider's`,
    );
  }
  const get: FormRequest = {
    action,
    url: new URL(`${issuer.replace(/\/$/, "")}/.well-known/openid-configuration`),
    fields: {},
    trustedHosts,
    timeoutMs: TIMEOUT_MS,
  };
  const outcome = await getJson(get, options);
  if (outcome.kind !== "answer") {
    options.signal?.throwIfAborted();
    throw outcome.error;
  }
  const { answer } = outcome;
  const isSuccess = answer.status >= 200 && answer.status <= 299;
  if (isSuccess && answer.body !== undefined && !answer.claimsHtml) return answer.body;
  throw createAnswerError(get, answer, {}, "instead of a description");
}

function readDocument(document: JsonObject, request: DiscoveryRequest): AuthorizationServer {
  const action = actionOf(request);
  const { issuer } = document;
  if (issuer !== request.issuer) {
    const named = typeof issuer === "string" ? displayText(issuer, 100) : "nobody";
    throw new OAuthError(
      "invalid_response",
      `${action}: the description names the issuer ${named}, not ${request.issuer}`,
    );
  }
  const endpoint = (name: string): URL | undefined => {
    const value = document[name];
    if (value === undefined || value === null) return undefined;
    const url = typeof value === "string" && URL.canParse(value) ? new URL(value) : undefined;
    if (url !== undefined && isTrustedUrl(url, request.trustedHosts)) return url;
    const host = url === undefined ? "no URL" : displayText(url.origin, 100);
    throw new OAuthError(
      "invalid_response",
      `${action}: its ${name} (${host}) is not on a host of the provider's`,
    );
  };
  const tokenEndpoint = endpoint("token_endpoint");
  if (tokenEndpoint === undefined) {
    throw new OAuthError("invalid_response", `${action}: the description has no token_endpoint`);
  }
  return {
    issuer: request.issuer,
    authorizationEndpoint: endpoint("authorization_endpoint"),
    tokenEndpoint,
    deviceAuthorizationEndpoint: endpoint("device_authorization_endpoint"),
    revocationEndpoint: endpoint("revocation_endpoint"),
    jwksUri: endpoint("jwks_uri"),
    signingAlgorithms: names(document["id_token_signing_alg_values_supported"]),
    challengeMethods: names(document["code_challenge_methods_supported"]),
    namesIssuer: document["authorization_response_iss_parameter_supported"] === true,
  };
}

function names(value: unknown): readonly string[] | undefined {
  return Array.isArray(value)
    ? value.filter((name): name is string => typeof name === "string")
    : undefined;
}
