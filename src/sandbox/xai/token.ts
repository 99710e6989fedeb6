/**
 * xAI's token endpoint: code exchange, device poll and refresh.
 *
 * @see {@link https://www.rfc-editor.org/rfc/rfc6749#section-4.1.3 | RFC 6749 4.1.3, 6}
 * @see {@link https://www.rfc-editor.org/rfc/rfc8628#section-3.4 | RFC 8628 3.4, 3.5}
 * @module
 */

import { Hono } from "hono";
import { challengePage, withFaults } from "../faults.ts";
import { type IssuedTokens, type Ledger, matchesChallenge } from "../ledger.ts";
import { oauthError, privateJson, readForm, VERIFIER } from "../oauth_http.ts";
import type { SandboxOperation } from "../quirks.ts";
import type { World } from "../world.ts";
import { AUTH_HOST, XAI_CLIENTS, XAI_REALM } from "./hosts.ts";
import { accessTokenMinter, mintIdToken } from "./jwt.ts";
import type { Keys } from "./keys.ts";

/** What a network may shift between two polls, ms. */
const POLL_TOLERANCE_MS = 100;

/** `grant_type` -> kind of request. */
const GRANTS: ReadonlyMap<string | null, "exchange" | "poll" | "refresh"> = new Map([
  ["authorization_code", "exchange"],
  ["urn:ietf:params:oauth:grant-type:device_code", "poll"],
  ["refresh_token", "refresh"],
]);

const REFRESH_REFUSALS = {
  unknown: "Refresh token not found or invalid",
  other_client: "Invalid or unknown refresh token",
  revoked: "Refresh token has been revoked",
  reused: "Refresh token has been revoked",
};

/** The token endpoint over one sandbox's books. */
class TokenEndpoint {
  readonly #world: World;
  readonly #ledger: Ledger;
  readonly #keys: Keys;

  constructor(world: World, ledger: Ledger, keys: Keys) {
    this.#world = world;
    this.#ledger = ledger;
    this.#keys = keys;
  }

  async answer(request: Request): Promise<Response> {
    const form = await readForm(request);
    const fields = form.problem === undefined ? form.fields : new URLSearchParams();
    const grant = GRANTS.get(fields.get("grant_type"));
    const operation: SandboxOperation = grant ?? "exchange";
    return withFaults(this.#world, operation, request, () => {
      const { tierGate, userAgentRequired } = this.#world.quirks;
      if (userAgentRequired && !request.headers.get("user-agent")) return challengePage(403);
      if (form.problem !== undefined) return oauthError("invalid_request", form.problem);
      const clientId = fields.get("client_id") ?? "";
      if (clientId === "") return oauthError("invalid_request", "client_id is required");
      if (!XAI_CLIENTS.has(clientId)) {
        return oauthError("invalid_client", "client_id is unknown", 401);
      }
      if (fields.get("grant_type") === null) {
        return oauthError("invalid_request", "grant_type is required");
      }
      if (grant === "refresh" && (tierGate === "refresh" || tierGate === "both")) {
        return tierGateAnswer();
      }
      switch (grant) {
        case "exchange":
          return this.#exchange(request, fields, clientId);
        case "poll":
          return this.#poll(request, fields, clientId);
        case "refresh":
          return this.#refresh(request, fields, clientId);
        case undefined:
          return oauthError("unsupported_grant_type", "grant_type is not supported");
      }
    });
  }

  async #exchange(request: Request, fields: URLSearchParams, clientId: string): Promise<Response> {
    const { quirks } = this.#world;
    for (const name of ["code", "redirect_uri", "code_verifier"]) {
      if ((fields.get(name) ?? "") === "") {
        return oauthError("invalid_request", `${name} is required`);
      }
    }
    const verifier = fields.get("code_verifier")!;
    if (!VERIFIER.test(verifier)) {
      return oauthError("invalid_request", "code_verifier must be 43 to 128 unreserved characters");
    }
    const echoed = fields.get("code_challenge");
    if (echoed === null && quirks.challengeEcho === "required") {
      return oauthError("invalid_request", "code_challenge is required");
    }
    if (echoed !== null && fields.get("code_challenge_method") !== "S256") {
      return oauthError("invalid_request", "code_challenge_method must be S256");
    }
    const authorization = await this.#ledger.findRedirect(XAI_REALM, fields.get("code")!);
    if (authorization === undefined || authorization.clientId !== clientId) {
      return oauthError("invalid_grant", "Authorization code not found or invalid");
    }
    if (authorization.outcome === "spent") {
      this.#ledger.noteCodeReuse(authorization);
      return oauthError("invalid_grant", "Authorization code was used before");
    }
    if (this.#world.now() >= authorization.expiresAt) {
      return oauthError("invalid_grant", "Authorization code has expired");
    }
    if (authorization.redirect?.uri !== fields.get("redirect_uri")) {
      return oauthError("invalid_grant", "redirect_uri is not that of the authorization request");
    }
    if (
      (echoed !== null && echoed !== authorization.challenge) ||
      !await matchesChallenge(verifier, authorization.challenge)
    ) return oauthError("invalid_grant", "code_verifier does not match code_challenge");
    if (quirks.tierGate === "exchange" || quirks.tierGate === "both") return tierGateAnswer();
    const tokens = await this.#ledger.redeem(authorization, this.#minter(request));
    if (tokens === undefined) {
      // Two requests came with one code at once.
      this.#ledger.noteCodeReuse(authorization);
      return oauthError("invalid_grant", "Authorization code was used before");
    }
    return this.#firstTokens(request, tokens, authorization.redirect.nonce);
  }

  async #poll(request: Request, fields: URLSearchParams, clientId: string): Promise<Response> {
    const { quirks, autoApprove } = this.#world;
    const deviceCode = fields.get("device_code") ?? "";
    if (deviceCode === "") return oauthError("invalid_request", "device_code is required");
    const authorization = await this.#ledger.findDevice(XAI_REALM, deviceCode);
    if (authorization === undefined || authorization.clientId !== clientId) {
      return oauthError("invalid_grant", "device_code is not valid");
    }
    const isEarly = this.#ledger.notePoll(authorization, POLL_TOLERANCE_MS);
    if (quirks.slowDownNext > 0 || (isEarly && quirks.deviceSlowDown)) {
      if (quirks.slowDownNext > 0) quirks.slowDownNext--;
      this.#ledger.slowDown(authorization);
      return oauthError("slow_down", "polls come too fast");
    }
    if (authorization.outcome === "spent") {
      return oauthError("invalid_grant", "device_code was used before");
    }
    if (this.#world.now() >= authorization.expiresAt) {
      return oauthError("expired_token", "device_code has expired");
    }
    if (authorization.outcome === "pending" && autoApprove) {
      this.#ledger.decide(authorization.userCode, "approved");
    }
    switch (authorization.outcome) {
      case "pending":
        return oauthError("authorization_pending", "the user has not answered yet");
      case "denied":
        return oauthError(quirks.deniedError, "the user denied the request");
    }
    if (quirks.tierGate === "exchange" || quirks.tierGate === "both") return tierGateAnswer();
    const tokens = await this.#ledger.redeem(authorization, this.#minter(request));
    return tokens === undefined
      ? oauthError("invalid_grant", "device_code was used before")
      : this.#firstTokens(request, tokens, null);
  }

  async #refresh(request: Request, fields: URLSearchParams, clientId: string): Promise<Response> {
    const { quirks } = this.#world;
    const refreshToken = fields.get("refresh_token") ?? "";
    if (refreshToken === "") return oauthError("invalid_request", "refresh_token is required");
    const outcome = await this.#ledger.refresh(
      XAI_REALM,
      clientId,
      refreshToken,
      this.#minter(request),
    );
    if (outcome.kind === "issued") {
      const { tokens } = outcome;
      return privateJson({
        ...this.#tokenFields(tokens),
        refresh_token: quirks.rotation === "omit" ? undefined : tokens.refreshToken,
        id_token: quirks.idTokenOnRefresh ? await this.#idToken(request, tokens, null) : undefined,
      });
    }
    const description = REFRESH_REFUSALS[outcome.cause];
    switch (quirks.refreshRefusal) {
      case "rfc6749":
        return oauthError("invalid_grant", description);
      case "rfc6749_401":
        return oauthError("invalid_grant", description, 401);
      case "nested":
        return Response.json({ error: { code: "invalid_grant", message: description } }, {
          status: 400,
        });
      case "flat":
        return Response.json({ code: "invalid-argument", error: description }, { status: 400 });
      case "empty":
        return new Response(null, { status: 400 });
    }
  }

  #minter(request: Request): ReturnType<typeof accessTokenMinter> {
    return accessTokenMinter(this.#world, this.#keys, request);
  }

  #idToken(
    request: Request,
    tokens: IssuedTokens,
    nonce: string | null,
  ): Promise<string | undefined> {
    return mintIdToken(this.#world, this.#keys, request, tokens.grant, nonce);
  }

  async #firstTokens(
    request: Request,
    tokens: IssuedTokens,
    nonce: string | null,
  ): Promise<Response> {
    const { tokenMissing } = this.#world.quirks;
    const isOffline = tokens.grant.scope.split(" ").includes("offline_access");
    return privateJson({
      ...this.#tokenFields(tokens),
      refresh_token: isOffline ? tokens.refreshToken : undefined,
      id_token: await this.#idToken(request, tokens, nonce),
      ...(tokenMissing === "none" ? {} : { [tokenMissing]: undefined }),
    });
  }

  #tokenFields(tokens: IssuedTokens): Record<string, unknown> {
    const { quirks } = this.#world;
    const seconds = Math.round((tokens.expiresAt - this.#world.now()) / 1000);
    return {
      access_token: tokens.accessToken,
      token_type: quirks.tokenType === "missing" ? undefined : quirks.tokenType,
      expires_in: {
        sent: seconds,
        missing: undefined,
        null: null,
        string: String(seconds),
        zero: 0,
        negative: -1,
        huge: 1e308,
      }[quirks.expiresIn],
      scope: tokens.grant.scope,
    };
  }
}

/** JSON with HTTP 403, without an OAuth error: not a matter of codes or tokens, but of the plan. */
function tierGateAnswer(): Response {
  return Response.json({
    code: "The caller does not have permission to execute the specified operation",
    error: "This account's plan does not include API access",
  }, { status: 403 });
}

/** The token endpoint's route; its path begins with its host. */
export function tokenRoutes(world: World, ledger: Ledger, keys: Keys): Hono {
  const endpoint = new TokenEndpoint(world, ledger, keys);
  return new Hono().post(`/${AUTH_HOST}/oauth2/token`, (c) => endpoint.answer(c.req.raw));
}
