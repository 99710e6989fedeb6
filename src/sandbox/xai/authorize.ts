/**
 * xAI's authorization endpoint and consent page: the authorization code flow up to the code.
 *
 * @see {@link https://www.rfc-editor.org/rfc/rfc6749#section-4.1 | RFC 6749 4.1}
 * @see {@link https://www.rfc-editor.org/rfc/rfc8252#section-7.3 | RFC 8252 7.3, loopback redirects}
 * @see {@link https://www.rfc-editor.org/rfc/rfc9207 | RFC 9207, iss}
 * @module
 */

import { Hono } from "hono";
import { siteUrl } from "../address.ts";
import { readDecision } from "../approval.ts";
import type { Ledger } from "../ledger.ts";
import { CHALLENGE, readForm, repeatedParameter } from "../oauth_http.ts";
import { ApprovalResultPage, htmlResponse } from "../pages.tsx";
import type { StoredAuthorization } from "../state.ts";
import type { World } from "../world.ts";
import {
  ACCOUNTS_HOST,
  AUTH_HOST,
  DEFAULT_SCOPE,
  issuerOf,
  mayAsk,
  XAI_CLIENTS,
  XAI_REALM,
  type XaiClient,
} from "./hosts.ts";
import {
  CodePage,
  ConsentPage,
  DELIVERY_SCRIPT,
  DeliveryPage,
  InvalidRequestPage,
} from "./pages.tsx";

const CONSENT_PATH = "/oauth2/consent";
const CONSENT_TTL_MS = 10 * 60_000;
/** The literal address, as RFC 8252 8.3 wants it, any port, and this one path. */
const REDIRECT_URI = /^http:\/\/127\.0\.0\.1:(\d{1,5})\/callback$/;
const FIXED_PORT = "56121";
/** The vendor's own client, which needs no plan. */
const OWN_REFERRER = "grok-build";

/** An `error` of RFC 6749 4.1.2.1 and its description. */
type Refusal = [error: string, description: string];

/** What is wrong with a request that can be answered by redirect. */
function refusal(fields: URLSearchParams, client: XaiClient, world: World): Refusal | undefined {
  const get = (name: string) => fields.get(name) ?? "";
  const repeated = repeatedParameter(fields);
  if (repeated !== undefined) return ["invalid_request", `${repeated} is repeated`];
  if (get("response_type") !== "code") {
    return ["unsupported_response_type", "response_type must be code"];
  }
  if (get("state") === "") return ["invalid_request", "state is required"];
  if (get("code_challenge") === "") return ["invalid_request", "code_challenge is required"];
  if (get("code_challenge_method") !== "S256") {
    return ["invalid_request", "code_challenge_method must be S256"];
  }
  if (!CHALLENGE.test(get("code_challenge"))) {
    return ["invalid_request", "code_challenge must be 43 base64url characters"];
  }
  if (!mayAsk(client, fields.get("scope") ?? DEFAULT_SCOPE)) {
    return ["invalid_scope", "scope is not allowed for this client"];
  }
  const plan = fields.get("plan");
  if (plan !== null && plan !== "generic") return ["invalid_request", "plan is unknown"];
  if (world.quirks.planRequired && plan === null && get("referrer") !== OWN_REFERRER) {
    return ["unauthorized_client", "loopback redirects are not allowed for this application"];
  }
  return undefined;
}

/** The redirect URI with the answer in its query. */
function callbackUrl(
  world: World,
  request: Request,
  redirect: { uri: string; state: string },
  answer: Record<string, string>,
): string {
  const { callbackState, issParameter } = world.quirks;
  const url = new URL(redirect.uri);
  for (const [name, value] of Object.entries(answer)) url.searchParams.set(name, value);
  if (redirect.state !== "" && callbackState !== "missing") {
    url.searchParams.set("state", `${redirect.state}${callbackState === "other" ? "x" : ""}`);
  }
  if (issParameter === "on" || issParameter === "unannounced") {
    url.searchParams.set("iss", issuerOf(request));
  } else if (issParameter === "wrong") {
    url.searchParams.set("iss", `https://${AUTH_HOST}.example`);
  }
  return url.href;
}

function redirectTo(url: string, status: 302 | 303): Response {
  return new Response(null, { status, headers: { location: url, "cache-control": "no-store" } });
}

/** The routes up to the code; each path begins with its host. */
export function authorizeRoutes(world: World, ledger: Ledger): Hono {
  const app = new Hono();

  const invalid = (problem: string) => htmlResponse(InvalidRequestPage({ problem }), 400);
  const consentUrl = (request: Request, authorization: StoredAuthorization) =>
    siteUrl(
      request,
      ACCOUNTS_HOST,
      `${CONSENT_PATH}?${new URLSearchParams({ request: authorization.userCode })}`,
    );

  /** Hands the user's answer to the client. */
  const deliver = async (
    request: Request,
    authorization: StoredAuthorization,
    status: 302 | 303,
  ): Promise<Response> => {
    const redirect = authorization.redirect!;
    const { clientName } = authorization;
    const code = authorization.outcome === "approved"
      ? await ledger.issueCode(authorization) ?? null
      : null;
    const callback = callbackUrl(
      world,
      request,
      redirect,
      code === null
        ? { error: "access_denied", error_description: "the user denied the request" }
        : { code },
    );
    switch (world.quirks.delivery) {
      case "redirect":
        return redirectTo(callback, status);
      case "fetch":
        return htmlResponse(DeliveryPage({ clientName, callback, code }), 200, {
          script: { source: DELIVERY_SCRIPT, callsOrigin: new URL(redirect.uri).origin },
        });
      case "code":
        return htmlResponse(
          code === null
            ? ApprovalResultPage({ decision: "denied", clientName })
            : CodePage({ clientName, code }),
        );
    }
  };

  app.get(`/${AUTH_HOST}/oauth2/authorize`, (c) => {
    const request = c.req.raw;
    const fields = new URL(request.url).searchParams;
    const clientId = fields.get("client_id") ?? "";
    const client = XAI_CLIENTS.get(clientId);
    // RFC 6749 4.1.2.1: to an address that is not the client's nothing may be sent.
    if (client === undefined || fields.getAll("client_id").length > 1) {
      return invalid("The application is unknown.");
    }
    const uri = fields.get("redirect_uri") ?? "";
    const port = REDIRECT_URI.exec(uri)?.[1];
    const isPortAllowed = world.quirks.redirectPort === "any" || port === FIXED_PORT;
    if (
      !isPortAllowed || !URL.canParse(uri) || port === undefined ||
      fields.getAll("redirect_uri").length > 1
    ) return invalid("The redirect URI does not belong to the application.");

    const state = fields.get("state") ?? "";
    const refused = refusal(fields, client, world);
    if (refused !== undefined) {
      const [error, error_description] = refused;
      return redirectTo(
        callbackUrl(world, request, { uri, state }, { error, error_description }),
        302,
      );
    }
    const authorization = ledger.authorize({
      realm: XAI_REALM,
      clientId,
      clientName: client.name,
      scope: fields.get("scope") ?? DEFAULT_SCOPE,
      challenge: fields.get("code_challenge")!,
      redirect: { uri, state, nonce: fields.get("nonce"), codeHash: null },
      ttlMs: CONSENT_TTL_MS,
      intervalMs: 0,
      page: (userCode) =>
        `${ACCOUNTS_HOST}${CONSENT_PATH}?${new URLSearchParams({ request: userCode })}`,
    });
    if (world.autoApprove) {
      ledger.decide(authorization.userCode, "approved");
      if (world.quirks.delivery === "redirect") return deliver(request, authorization, 302);
    }
    return redirectTo(consentUrl(request, authorization), 302);
  });

  /** The login of a consent page that can still be answered, or whose answer can be delivered. */
  const find = (userCode: string): StoredAuthorization | undefined => {
    const authorization = ledger.find(userCode, XAI_REALM);
    const isOpen = authorization?.redirect !== undefined && authorization.outcome !== "spent" &&
      world.now() < authorization.expiresAt;
    return isOpen ? authorization : undefined;
  };
  const gone = () =>
    htmlResponse(
      InvalidRequestPage({ problem: "It has expired or was answered. Start the login again." }),
      404,
    );

  app.get(`/${ACCOUNTS_HOST}${CONSENT_PATH}`, (c) => {
    const request = c.req.raw;
    const authorization = find(new URL(request.url).searchParams.get("request") ?? "");
    if (authorization === undefined) return gone();
    if (authorization.outcome !== "pending") return deliver(request, authorization, 302);
    const action = new URL(siteUrl(request, ACCOUNTS_HOST, CONSENT_PATH)).pathname;
    return htmlResponse(ConsentPage({ action, authorization }), 200, {
      redirectsTo: new URL(authorization.redirect!.uri).origin,
    });
  });

  app.post(`/${ACCOUNTS_HOST}${CONSENT_PATH}`, async (c) => {
    const request = c.req.raw;
    const form = await readForm(request);
    if (form.problem !== undefined) return invalid(form.problem);
    const authorization = find(form.fields.get("request") ?? "");
    if (authorization === undefined) return gone();
    const decision = readDecision(request, form.fields, authorization);
    if (decision === undefined) {
      return htmlResponse(InvalidRequestPage({ problem: "The form is not ours." }), 403);
    }
    // Answered before, in another tab: that answer stands.
    ledger.decide(authorization.userCode, decision);
    return deliver(request, authorization, 303);
  });

  return app;
}
