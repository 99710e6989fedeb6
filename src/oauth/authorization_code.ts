/**
 * Authorization code grant with PKCE: the URL for the browser, the check of what comes back, and the
 * exchange of the code.
 *
 * What comes back may come from anybody who can reach the redirect URI. Only a response that carries
 * this attempt's state says something about it; any other is to be answered and forgotten.
 *
 * @see {@link https://www.rfc-editor.org/rfc/rfc6749#section-4.1 | RFC 6749 4.1}
 * @see {@link https://www.rfc-editor.org/rfc/rfc7636 | RFC 7636} (PKCE)
 * @see {@link https://www.rfc-editor.org/rfc/rfc9207 | RFC 9207} (issuer of the response)
 * @module
 */

import { OAuthError } from "../core/errors.ts";
import { displayText } from "../core/redact.ts";
import type { RuntimeOptions } from "../core/runtime.ts";
import {
  createAnswerError,
  createEntitlementError,
  knownErrorCode,
  readAnswerError,
} from "./answer_error.ts";
import type { OAuthClient } from "./client.ts";
import { createChallenge, isSameSecret } from "./pkce.ts";
import { signInAction } from "./polling.ts";
import { type FormRequest, postForm } from "./request.ts";
import { parseTokenSet, type TokenSet } from "./token_set.ts";

/** A client of an authorization server that hands out codes to a redirect URI. */
export interface AuthorizationCodeClient extends OAuthClient {
  /** Where the browser goes. */
  authorizationEndpoint: URL;
  /** The server's issuer; a response that names another one is refused. */
  issuer: string;
  /** Whether a response must name the issuer. Default: it may. */
  namesIssuer?: boolean | undefined;
  /** Scopes to ask for. */
  scopes?: readonly string[] | undefined;
  /** Further parameters of the authorization URL. */
  parameters?: Readonly<Record<string, string>> | undefined;
  /** Whether the exchange repeats the challenge, which some servers check again. Default: false. */
  echoesChallenge?: boolean | undefined;
}

/** What binds a code to the one who asked for it; each fresh for every login. */
export interface AuthorizationAttempt {
  /** Where the code is to be brought; the same in both requests, to the byte. */
  redirectUri: string;
  /** From {@linkcode createVerifier}. Secret until the exchange. */
  verifier: string;
  /** From {@linkcode createState}. */
  state: string;
  /** What the id token must repeat; from {@linkcode createState}. */
  nonce?: string | undefined;
}

/** What a response to the redirect URI says. */
export type AuthorizationResponse =
  /** The user agreed. The code is secret. */
  | { kind: "code"; code: string }
  /** The server ended this attempt. */
  | { kind: "refused"; error: OAuthError }
  /** Nothing about this attempt: to be ignored. */
  | {
    kind: "unrelated";
    /** Neither code nor error; no state or another one; contradictory or repeated parameters. */
    reason: "empty" | "state" | "malformed";
  };

const EXCHANGE_TIMEOUT_MS = 20_000;
const MAX_CODE_LENGTH = 4096;
/** RFC 6749 appendix A.11. */
const CODE = /^[\x20-\x7e]+$/;

/**
 * The URL that the user's browser goes to.
 *
 * @throws {TypeError} When the attempt has no verifier: without one a stolen code could be used.
 */
export async function createAuthorizationUrl(
  client: AuthorizationCodeClient,
  { redirectUri, verifier, state, nonce }: AuthorizationAttempt,
): Promise<URL> {
  const url = new URL(client.authorizationEndpoint);
  const parameters = {
    ...client.parameters,
    response_type: "code",
    client_id: client.clientId,
    redirect_uri: redirectUri,
    scope: client.scopes?.join(" "),
    code_challenge: await createChallenge(requireVerifier(verifier)),
    code_challenge_method: "S256",
    state,
    nonce,
  };
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== undefined) url.searchParams.set(name, value);
  }
  return url;
}

function requireVerifier(verifier: string): string {
  if (verifier === "") throw new TypeError("Cannot use an empty PKCE verifier");
  return verifier;
}

/** Reads the query that was brought to the redirect URI. */
export function readAuthorizationResponse(
  client: AuthorizationCodeClient,
  attempt: Pick<AuthorizationAttempt, "state">,
  query: URLSearchParams,
): AuthorizationResponse {
  const isRepeated = ["code", "error", "state", "iss"].some((name) =>
    query.getAll(name).length > 1
  );
  if (isRepeated) return { kind: "unrelated", reason: "malformed" };
  const code = query.get("code")?.trim() ?? "";
  const error = query.get("error")?.trim() ?? "";
  if (code === "" && error === "") return { kind: "unrelated", reason: "empty" };
  if (!isSameSecret(attempt.state, query.get("state") ?? "")) {
    return { kind: "unrelated", reason: "state" };
  }
  if (code !== "" && (error !== "" || !isCode(code))) {
    return { kind: "unrelated", reason: "malformed" };
  }
  const issuer = query.get("iss");
  if (issuer === null ? client.namesIssuer : issuer !== client.issuer) {
    const named = issuer === null ? "no issuer" : `the issuer ${displayText(issuer, 100)}`;
    return {
      kind: "refused",
      error: new OAuthError(
        "invalid_response",
        `${signInAction(client)}: the answer names ${named}, not ${client.issuer}`,
      ),
    };
  }
  if (error === "") return { kind: "code", code };
  const description = query.get("error_description") ?? undefined;
  return { kind: "refused", error: refusal(client, error, description) };
}

function isCode(code: string): boolean {
  return code.length <= MAX_CODE_LENGTH && CODE.test(code);
}

/** RFC 6749 4.1.2.1. */
function refusal(client: OAuthClient, error: string, description: string | undefined): OAuthError {
  const isTransient = error === "server_error" || error === "temporarily_unavailable";
  const said = displayText(error, 60) +
    (description === undefined ? "" : ` (${displayText(description)})`);
  return new OAuthError(
    isTransient ? "upstream" : knownErrorCode(error) ?? "oauth_error",
    `${signInAction(client)}: the server answered ${said}`,
    { retryable: isTransient },
  );
}

/**
 * Exchanges the code for tokens. It is presented once: a code whose answer was lost may be spent.
 *
 * @throws {OAuthError} `not_entitled` when the account or its plan is not let in, `invalid_grant` for
 * a code that is not good (any more), `network`, `timeout`, `invalid_response`, or what else the
 * server said.
 * @throws The signal's reason, unchanged, when the caller cancels.
 */
export async function exchangeAuthorizationCode(
  client: AuthorizationCodeClient,
  { redirectUri, verifier }: AuthorizationAttempt,
  code: string,
  options: RuntimeOptions = {},
): Promise<TokenSet> {
  const request: FormRequest = {
    action: signInAction(client),
    url: client.tokenEndpoint,
    fields: {
      grant_type: "authorization_code",
      code,
      redirect_uri: redirectUri,
      client_id: client.clientId,
      code_verifier: requireVerifier(verifier),
      ...(client.echoesChallenge && {
        code_challenge: await createChallenge(verifier),
        code_challenge_method: "S256",
      }),
    },
    trustedHosts: client.trustedHosts,
    timeoutMs: EXCHANGE_TIMEOUT_MS,
  };
  const outcome = await postForm(request, options);
  if (outcome.kind !== "answer") {
    options.signal?.throwIfAborted();
    if (outcome.kind !== "lost") throw outcome.error;
    const { code, message } = outcome.error;
    throw new OAuthError(code, `${message}; the code may be spent`, { cause: outcome.error });
  }
  const { answer } = outcome;
  const { said, mark } = readAnswerError(client, answer.body);
  const isSuccess = answer.status >= 200 && answer.status <= 299;
  if (!isSuccess || mark === "error" || answer.body === undefined) {
    throw createEntitlementError(client, request, answer, said) ??
      createAnswerError(request, answer, said);
  }
  try {
    return parseTokenSet(answer.body, answer.clock);
  } catch {
    throw createAnswerError(request, answer, said, "without an access token");
  }
}
