/**
 * MiniMax's authorization server: user code, poll, refresh and approval page, in each region and on
 * both generations of paths.
 *
 * @module
 */

import { type Context, Hono } from "hono";
import { siteUrl } from "../address.ts";
import { serveApproval } from "../approval.ts";
import { withFaults } from "../faults.ts";
import { type IssuedTokens, type Ledger, matchesChallenge } from "../ledger.ts";
import { CHALLENGE, oauthError, privateJson, readForm, VERIFIER } from "../oauth_http.ts";
import { htmlResponse, MarketingPage } from "../pages.tsx";
import type { SandboxExpiryForm } from "../quirks.ts";
import type { StoredAuthorization } from "../state.ts";
import type { World } from "../world.ts";
import { MINIMAX_CLIENTS, type MinimaxClient } from "./clients.ts";
import { MINIMAX_REGIONS, type MinimaxRegion } from "./regions.ts";

const APPROVAL_PATH = "/oauth-authorize";
const USER_CODE_TTL_MS = 10 * 60_000;
const POLL_INTERVAL_MS = 3_000;

type PathProfile = "account" | "legacy";

/** The `expired_in` member that says `expiresAt` in one of its forms; empty where it is left out. */
function expiredIn(
  form: SandboxExpiryForm,
  expiresAt: number,
  now: number,
): { expired_in?: number | string | null } {
  switch (form) {
    case "absolute_ms":
      return { expired_in: expiresAt };
    case "absolute_s":
      return { expired_in: Math.floor(expiresAt / 1000) };
    case "ttl_s":
      return { expired_in: Math.round((expiresAt - now) / 1000) };
    case "string":
      return { expired_in: String(expiresAt) };
    case "missing":
      return {};
    case "null":
      return { expired_in: null };
    case "past":
      return { expired_in: now - 3_600_000 };
  }
}

/** MiniMax's authorization server over one sandbox's books. */
class MinimaxAuthorizationServer {
  readonly #world: World;
  readonly #ledger: Ledger;
  readonly #region: MinimaxRegion;

  constructor(world: World, ledger: Ledger, region: MinimaxRegion) {
    this.#world = world;
    this.#ledger = ledger;
    this.#region = region;
  }

  /** Hands out a user code. */
  async code(request: Request, profile: PathProfile): Promise<Response> {
    const form = await readForm(request);
    if (form.problem !== undefined) return oauthError("invalid_request", form.problem);
    const { fields } = form;
    return withFaults(this.#world, "code", request, () => {
      const client = this.#client(fields, profile);
      if (client instanceof Response) return client;
      const state = fields.get("state") ?? "";
      const challenge = fields.get("code_challenge") ?? "";
      const scope = fields.get("scope") ?? client.scopes.join(" ");
      const responseType = fields.get("response_type");
      if (responseType !== "code" && (client.needsResponseType || responseType !== null)) {
        return oauthError("unsupported_response_type", "response_type must be code");
      }
      if (challenge === "") return oauthError("invalid_request", "code_challenge is required");
      if (fields.get("code_challenge_method") !== "S256") {
        return oauthError("invalid_request", "code_challenge_method must be S256");
      }
      if (!CHALLENGE.test(challenge)) {
        return oauthError("invalid_request", "code_challenge must be 43 base64url characters");
      }
      if (state === "") return oauthError("invalid_request", "state is required");
      if (scope.split(" ").some((name) => !client.scopes.includes(name))) {
        return oauthError("invalid_scope", "scope is not allowed for this client");
      }
      const authorization = this.#ledger.authorize({
        realm: this.#region.realm,
        clientId: fields.get("client_id")!,
        clientName: client.name,
        scope,
        challenge,
        ttlMs: USER_CODE_TTL_MS,
        intervalMs: POLL_INTERVAL_MS,
        page: (userCode) => {
          const query = new URLSearchParams({ user_code: userCode, client: client.name });
          return `${this.#region.platformHost}${APPROVAL_PATH}?${query}`;
        },
      });
      return privateJson(this.#codeAnswer(request, authorization, state));
    });
  }

  /** Answers a poll or a refresh. */
  async token(request: Request, profile: PathProfile): Promise<Response> {
    const form = await readForm(request);
    if (form.problem !== undefined) return oauthError("invalid_request", form.problem);
    const { fields } = form;
    const grantType = fields.get("grant_type");
    const operation = grantType === "refresh_token" ? "refresh" : "poll";
    return withFaults(this.#world, operation, request, () => {
      const client = this.#client(fields, profile);
      if (client instanceof Response) return client;
      if (grantType === null) return oauthError("invalid_request", "grant_type is required");
      if (grantType === "refresh_token") return this.#refresh(request, fields);
      if (grantType === client.grantType) return this.#poll(request, fields);
      return oauthError("unsupported_grant_type", "grant_type is not supported for this client");
    });
  }

  /** The page on which the user answers. */
  page(request: Request): Promise<Response> {
    const { realm, platformHost, id } = this.#region;
    return serveApproval(request, this.#ledger, {
      realm,
      action: new URL(siteUrl(request, platformHost, APPROVAL_PATH)).pathname,
      details: { Region: id },
    });
  }

  #client(fields: URLSearchParams, profile: PathProfile): MinimaxClient | Response {
    const { unknownClientOn } = this.#world.quirks;
    const clientId = fields.get("client_id") ?? "";
    if (clientId === "") return oauthError("invalid_request", "client_id is required");
    const client = MINIMAX_CLIENTS.get(clientId);
    return client === undefined || unknownClientOn === profile || unknownClientOn === "both"
      ? oauthError("invalid_client", "client_id is unknown")
      : client;
  }

  #codeAnswer(
    request: Request,
    authorization: StoredAuthorization,
    state: string,
  ): Record<string, unknown> {
    const { quirks } = this.#world;
    const { platformHost, wwwHost } = this.#region;
    const host = { platform: platformHost, www: wwwHost, foreign: "minimax.example" }[
      quirks.verificationHost
    ];
    const page = authorization.page.slice(platformHost.length);
    const interval = {
      sent: { interval: authorization.intervalMs },
      missing: {},
      string: { interval: String(authorization.intervalMs) },
      zero: { interval: 0 },
      negative: { interval: -1 },
      huge: { interval: 1e9 },
      null: { interval: null },
    }[quirks.interval];
    const echo = { echo: { state }, missing: {}, other: { state: `${state}x` } }[quirks.stateEcho];
    return {
      user_code: authorization.userCode,
      verification_uri: siteUrl(request, host, page),
      ...expiredIn(quirks.codeExpiredIn, authorization.expiresAt, this.#world.now()),
      ...interval,
      ...echo,
    };
  }

  async #poll(request: Request, fields: URLSearchParams): Promise<Response> {
    const { quirks, autoApprove } = this.#world;
    const userCode = fields.get("user_code") ?? "";
    const verifier = fields.get("code_verifier") ?? "";
    if (userCode === "") return oauthError("invalid_request", "user_code is required");
    if (verifier === "") return oauthError("invalid_request", "code_verifier is required");
    if (!VERIFIER.test(verifier)) {
      return oauthError("invalid_request", "code_verifier must be 43 to 128 unreserved characters");
    }
    const authorization = this.#ledger.find(userCode, this.#region.realm);
    if (
      authorization === undefined || authorization.clientId !== fields.get("client_id") ||
      !await matchesChallenge(verifier, authorization.challenge)
    ) return oauthError("invalid_grant", "user_code or code_verifier is not valid");

    const early = this.#ledger.notePoll(authorization);
    if (quirks.slowDownNext > 0 || (early && quirks.slowDownEarly)) {
      if (quirks.slowDownNext > 0) quirks.slowDownNext--;
      return oauthError("slow_down", "polls come too fast");
    }
    const expired = this.#world.now() >= authorization.expiresAt;
    if (authorization.outcome === "pending" && autoApprove && !expired) {
      this.#ledger.decide(authorization.userCode, "approved");
    }
    if (authorization.outcome === "denied") return this.#refused("access_denied");
    if (authorization.outcome === "spent" || expired) return this.#refused("expired_token");
    if (authorization.outcome === "pending") {
      return quirks.pollAnswers === "rfc8628"
        ? oauthError("authorization_pending", "the user has not answered yet")
        : privateJson({ status: "pending" });
    }
    const tokens = await this.#ledger.redeem(authorization);
    if (tokens === undefined) return this.#refused("expired_token");
    const { tokenMissing, notificationMessage } = quirks;
    return privateJson({
      ...this.#tokenAnswer(request, tokens),
      ...(tokenMissing === "none" ? {} : { [tokenMissing]: undefined }),
      ...(notificationMessage === "" ? {} : { notification_message: notificationMessage }),
    });
  }

  #refused(error: "access_denied" | "expired_token"): Response {
    const description = error === "access_denied"
      ? "the user denied the request"
      : "the user code is no longer valid";
    switch (this.#world.quirks.pollAnswers) {
      case "status":
        return privateJson({ status: "error", error, error_description: description });
      case "status_only":
        return privateJson({ status: "error" });
      case "rfc8628":
        return oauthError(error, description);
    }
  }

  async #refresh(request: Request, fields: URLSearchParams): Promise<Response> {
    const refreshToken = fields.get("refresh_token") ?? "";
    if (refreshToken === "") return oauthError("invalid_request", "refresh_token is required");
    const clientId = fields.get("client_id")!;
    const outcome = await this.#ledger.refresh(this.#region.realm, clientId, refreshToken);
    if (outcome.kind === "issued") {
      const omits = this.#world.quirks.rotation === "omit";
      return privateJson({
        ...this.#tokenAnswer(request, outcome.tokens),
        ...(omits ? { refresh_token: undefined } : {}),
      });
    }
    const { deadError, deadShape } = this.#world.quirks;
    const error = deadError !== "by_cause"
      ? deadError
      : outcome.cause === "reused"
      ? "refresh_token_reused"
      : "invalid_grant";
    switch (deadShape) {
      case "rfc6749":
        return oauthError(error, "the refresh token is not valid");
      case "status":
        return privateJson({
          status: "error",
          error,
          error_description: "the refresh token is not valid",
        });
      case "base_resp":
        return privateJson({ base_resp: { status_code: 1004, status_msg: error } });
    }
  }

  #tokenAnswer(request: Request, tokens: IssuedTokens): Record<string, unknown> {
    const { quirks } = this.#world;
    const other = MINIMAX_REGIONS.find((region) => region !== this.#region)!;
    const resourceUrl = {
      region: siteUrl(request, this.#region.apiHost, "/anthropic"),
      missing: undefined,
      other_region: siteUrl(request, other.apiHost, "/anthropic"),
      foreign: "https://api.minimax.io.example/anthropic",
      http: `http://${this.#region.apiHost}/anthropic`,
    }[quirks.resourceUrl];
    const status = { success: "success", missing: undefined, unknown: "granted" };
    // `undefined` members are not written.
    return {
      status: status[quirks.tokenStatus],
      access_token: tokens.accessToken,
      refresh_token: tokens.refreshToken,
      ...expiredIn(quirks.tokenExpiredIn, tokens.expiresAt, this.#world.now()),
      token_type: quirks.tokenType === "missing" ? undefined : quirks.tokenType,
      resource_url: resourceUrl,
    };
  }
}

/** The authorization server's routes of one region; each path begins with its host. */
export function minimaxOAuthRoutes(world: World, ledger: Ledger, region: MinimaxRegion): Hono {
  const server = new MinimaxAuthorizationServer(world, ledger, region);
  const { accountHost, apiHost, platformHost, wwwHost } = region;
  const app = new Hono();

  const account = (serve: (request: Request) => Promise<Response>) => (c: Context) => {
    const { accountPaths } = world.quirks;
    return accountPaths === "serve" ? serve(c.req.raw) : gone(accountPaths);
  };
  const legacy =
    (newPath: string, serve: (request: Request) => Promise<Response>) => (c: Context) => {
      const { legacyPaths, redirectHost, redirectStatus } = world.quirks;
      if (legacyPaths === "serve") return serve(c.req.raw);
      if (legacyPaths !== "redirect") return gone(legacyPaths);
      const host = redirectHost || accountHost;
      // Back on the API host itself it must come round to this very route.
      const path = host === apiHost ? newPath.replace(/^\/oauth2(\/device)?/, "/oauth") : newPath;
      return new Response(null, {
        status: redirectStatus,
        headers: { location: siteUrl(c.req.raw, host, path) },
      });
    };

  app.post(
    `/${accountHost}/oauth2/device/code`,
    account((request) => server.code(request, "account")),
  );
  app.post(`/${accountHost}/oauth2/token`, account((request) => server.token(request, "account")));
  app.post(
    `/${apiHost}/oauth/code`,
    legacy("/oauth2/device/code", (request) => server.code(request, "legacy")),
  );
  app.post(
    `/${apiHost}/oauth/token`,
    legacy("/oauth2/token", (request) => server.token(request, "legacy")),
  );

  app.on(
    ["GET", "POST"],
    `/${platformHost}${APPROVAL_PATH}`,
    (c) => server.page(c.req.raw),
  );
  // Seen 2026-05-03: the approval page of this host is the marketing page.
  app.get(
    `/${wwwHost}${APPROVAL_PATH}`,
    (c) => c.redirect(siteUrl(c.req.raw, wwwHost, "/"), 307),
  );
  app.get(`/${wwwHost}/`, () => htmlResponse(MarketingPage()));
  return app;
}

function gone(how: "not_found" | "method_not_allowed"): Response {
  return how === "not_found"
    ? new Response("404 page not found", { status: 404 })
    : new Response(null, { status: 405, headers: { allow: "GET" } });
}
