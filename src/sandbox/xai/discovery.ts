/**
 * What xAI's authorization server says of itself: discovery document and JWKS, and the endpoint
 * that it retired.
 *
 * @see {@link https://openid.net/specs/openid-connect-discovery-1_0.html | OpenID Connect Discovery}
 * @module
 */

import { Hono } from "hono";
import { siteUrl } from "../address.ts";
import { challengePage, withFaults } from "../faults.ts";
import type { World } from "../world.ts";
import { AUTH_HOST, issuerOf, XAI_CLIENTS } from "./hosts.ts";
import type { Keys } from "./keys.ts";

const FOREIGN = `https://${AUTH_HOST}.example`;

function discoveryDocument(world: World, request: Request): Record<string, unknown> {
  const { quirks } = world;
  const url = (path: string) => siteUrl(request, AUTH_HOST, path);
  const isIssAnnounced = quirks.issParameter === "on" || quirks.issParameter === "missing" ||
    quirks.issParameter === "wrong";
  // Members that are `undefined` are not written.
  const good = {
    issuer: issuerOf(request),
    authorization_endpoint: url("/oauth2/authorize"),
    token_endpoint: url("/oauth2/token"),
    device_authorization_endpoint: url("/oauth2/device/code"),
    userinfo_endpoint: url("/oauth2/userinfo"),
    revocation_endpoint: quirks.revocation === "serve" ? url("/oauth2/revoke") : undefined,
    jwks_uri: url("/.well-known/jwks.json"),
    response_types_supported: ["code"],
    response_modes_supported: ["query"],
    grant_types_supported: [
      "authorization_code",
      "refresh_token",
      "urn:ietf:params:oauth:grant-type:device_code",
    ],
    token_endpoint_auth_methods_supported: ["none"],
    code_challenge_methods_supported: ["S256"],
    subject_types_supported: ["public"],
    id_token_signing_alg_values_supported: [quirks.signingAlg],
    scopes_supported: [...XAI_CLIENTS.values()].flatMap(({ scopes }) => scopes),
    claims_supported: ["sub", "iss", "aud", "exp", "iat", "nonce", "email", "name"],
    authorization_response_iss_parameter_supported: isIssAnnounced ? true : undefined,
  };
  switch (quirks.discovery) {
    case "good":
      return good;
    case "no_device_endpoint":
      return { ...good, device_authorization_endpoint: undefined };
    case "no_token_endpoint":
      return { ...good, token_endpoint: undefined };
    case "no_jwks":
      return { ...good, jwks_uri: undefined };
    case "retired_token_endpoint":
      return { ...good, token_endpoint: url("/oauth/token") };
    case "foreign_token_endpoint":
      return { ...good, token_endpoint: `${FOREIGN}/oauth2/token` };
    case "foreign_authorization_endpoint":
      return { ...good, authorization_endpoint: `${FOREIGN}/oauth2/authorize` };
    case "foreign_device_endpoint":
      return { ...good, device_authorization_endpoint: `${FOREIGN}/oauth2/device/code` };
    case "http_token_endpoint":
      return { ...good, token_endpoint: `http://${AUTH_HOST}/oauth2/token` };
    case "other_issuer":
      return { ...good, issuer: FOREIGN };
  }
}

/** Routes without a login; each path begins with its host. */
export function discoveryRoutes(world: World, keys: Keys): Hono {
  const app = new Hono();
  const headers = { "cache-control": "public, max-age=3600" };
  app.get(`/${AUTH_HOST}/.well-known/openid-configuration`, (c) =>
    withFaults(
      world,
      "discovery",
      c.req.raw,
      () => Response.json(discoveryDocument(world, c.req.raw), { headers }),
    ));
  app.get(`/${AUTH_HOST}/.well-known/jwks.json`, async () => {
    const { publicJwk, kid, alg } = await keys.signing(world.quirks.signingAlg);
    return Response.json({ keys: [{ ...publicJwk, kid, alg, use: "sig" }] }, { headers });
  });
  // Retired in 2026: nothing but the edge answers there.
  app.all(`/${AUTH_HOST}/oauth/token`, () => challengePage(403));
  return app;
}
