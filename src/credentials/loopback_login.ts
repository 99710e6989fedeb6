/**
 * The loopback flow of a login: a port of this machine, a page in its browser, and what comes back by
 * either the browser or the user's hand.
 *
 * @module
 */

import { OAuthError } from "../core/errors.ts";
import {
  type AuthorizationAttempt,
  type AuthorizationCodeClient,
  createAuthorizationUrl,
  exchangeAuthorizationCode,
} from "../oauth/authorization_code.ts";
import { verifyIdToken } from "../oauth/id_token.ts";
import {
  createLoopbackReceiver,
  loopbackRedirectUri,
  type LoopbackResult,
  type LoopbackSocket,
} from "../oauth/loopback.ts";
import { parsePastedResponse } from "../oauth/pasted_response.ts";
import { createState, createVerifier } from "../oauth/pkce.ts";
import { FlowUnavailable, type OidcGrant, type OidcLogin } from "./oidc_flow.ts";
import { isOpenable } from "./provider_client.ts";

const DEFAULT_TIMEOUT_MS = 180_000;

/**
 * Signs in by the loopback flow. The port is given back whatever happens.
 *
 * @throws {FlowUnavailable} When no port can be opened, or the server has no such flow.
 * @throws {OAuthError} `timeout` when nobody came back in time, or what the server said.
 */
export async function grantByLoopback(login: OidcLogin): Promise<OidcGrant> {
  const { oauth, server, options, runtime, action } = login;
  const { authorizationEndpoint, challengeMethods } = server;
  if (options.bindLoopback === undefined) {
    throw new FlowUnavailable("this program opens no port for a browser to come back to");
  }
  if (authorizationEndpoint === undefined) {
    throw new FlowUnavailable("the server has no page to sign in on");
  }
  if (challengeMethods !== undefined && !challengeMethods.includes("S256")) {
    throw new OAuthError("invalid_response", `${action}: the server does not take S256 challenges`);
  }
  let socket: LoopbackSocket;
  try {
    socket = await options.bindLoopback(oauth.redirect.port);
  } catch (cause) {
    throw new FlowUnavailable("no port of 127.0.0.1 can be opened", { cause });
  }
  try {
    runtime.signal?.throwIfAborted();
    return await grantThrough(socket, login, {
      ...login.client,
      authorizationEndpoint,
      issuer: server.issuer,
      namesIssuer: server.namesIssuer,
      parameters: oauth.authorizationParameters,
      echoesChallenge: oauth.echoesChallenge,
    });
  } finally {
    await socket.close();
  }
}

async function grantThrough(
  socket: LoopbackSocket,
  { oauth, server, client: { trustedHosts }, options, runtime, action }: OidcLogin,
  client: AuthorizationCodeClient,
): Promise<OidcGrant> {
  const { port } = socket;
  const { path } = oauth.redirect;
  const nonce = createState();
  const attempt = {
    redirectUri: loopbackRedirectUri(port, path),
    verifier: createVerifier(),
    state: createState(),
    nonce,
  };
  const receiver = createLoopbackReceiver(client, attempt, {
    port,
    path,
    // A sandbox or an override plays the consent page as well.
    consentOrigins: trustedHosts.origin === undefined
      ? oauth.consentOrigins
      : [trustedHosts.origin],
  });
  socket.serve(receiver.handle);
  const { href: url } = await createAuthorizationUrl(client, attempt);
  const timeoutMs = options.loopbackTimeoutMs ?? DEFAULT_TIMEOUT_MS;
  options.onEvent?.({
    type: "authorize",
    url,
    isOpenable: isOpenable(url, trustedHosts),
    port,
    redirectUri: attempt.redirectUri,
    expiresAt: runtime.now() + timeoutMs,
  });

  const done = new AbortController();
  const signal = runtime.signal === undefined
    ? done.signal
    : AbortSignal.any([done.signal, runtime.signal]);
  const tooLate = runtime.sleep(timeoutMs, signal).then((): never => {
    throw new OAuthError(
      "timeout",
      `${action}: no answer came back within ${Math.round(timeoutMs / 1000)} s`,
    );
  });
  const waits = [receiver.result, tooLate, readPasted(client, attempt, options, signal)];
  let result: LoopbackResult;
  try {
    result = await Promise.race(waits);
  } finally {
    done.abort();
    // What loses the race ends by that abort, and nobody else hears of it.
    for (const wait of waits) wait.catch(() => {});
  }
  if (result.kind === "refused") throw result.error;

  const tokenSet = await exchangeAuthorizationCode(client, attempt, result.code, runtime);
  const issuedAt = runtime.now();
  const { id_token: idToken } = tokenSet.extra;
  // A team has none.
  if (typeof idToken !== "string") return { tokenSet, issuedAt };
  const claims = await verifyIdToken(idToken, {
    server,
    trustedHosts,
    clientId: client.clientId,
    nonce,
    action,
  }, runtime);
  return { tokenSet, issuedAt, idToken: claims };
}

/** What the user pastes, once it is of use; for ever pending where nothing will be pasted. */
async function readPasted(
  client: AuthorizationCodeClient,
  attempt: AuthorizationAttempt,
  { readPaste }: OidcLogin["options"],
  signal: AbortSignal,
): Promise<LoopbackResult> {
  let refusal: string | undefined;
  for (;;) {
    const pasted = await readPaste?.({ signal, refusal });
    if (pasted === undefined || signal.aborted) return await new Promise(() => {});
    const response = parsePastedResponse(client, attempt, pasted);
    if (response.kind !== "unusable") return response;
    refusal = response.reason;
  }
}
