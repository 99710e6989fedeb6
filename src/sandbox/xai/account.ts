/**
 * What a signed-in client may ask xAI's authorization server: who the user is, and to end the grant.
 *
 * @see {@link https://www.rfc-editor.org/rfc/rfc7009 | RFC 7009, revocation}
 * @module
 */

import { Hono } from "hono";
import { withFaults } from "../faults.ts";
import type { Ledger } from "../ledger.ts";
import { oauthError, privateJson, readForm } from "../oauth_http.ts";
import type { World } from "../world.ts";
import { AUTH_HOST, XAI_CLIENTS, XAI_REALM } from "./hosts.ts";
import { profileClaims } from "./jwt.ts";

/** The routes; each path begins with its host. */
export function accountRoutes(world: World, ledger: Ledger): Hono {
  const app = new Hono();

  app.on(["GET", "POST"], `/${AUTH_HOST}/oauth2/userinfo`, async (c) => {
    const bearer = /^Bearer (\S+)$/i.exec(c.req.header("authorization") ?? "")?.[1];
    const grant = bearer === undefined ? undefined : await ledger.authenticate(XAI_REALM, bearer);
    if (grant !== undefined) return privateJson(await profileClaims(grant.account ?? ""));
    return new Response(null, {
      status: 401,
      headers: {
        "www-authenticate": bearer === undefined ? "Bearer" : 'Bearer error="invalid_token"',
      },
    });
  });

  app.post(`/${AUTH_HOST}/oauth2/revoke`, async (c) => {
    const request = c.req.raw;
    const form = await readForm(request);
    return withFaults(world, "revoke", request, async () => {
      if (world.quirks.revocation === "absent") {
        return new Response("404 page not found", { status: 404 });
      }
      if (form.problem !== undefined) return oauthError("invalid_request", form.problem);
      const clientId = form.fields.get("client_id") ?? "";
      const token = form.fields.get("token") ?? "";
      if (!XAI_CLIENTS.has(clientId)) {
        return oauthError("invalid_client", "client_id is unknown", 401);
      }
      if (token === "") return oauthError("invalid_request", "token is required");
      await ledger.revoke(XAI_REALM, clientId, token);
      // A token that is unknown is as good as revoked, RFC 7009 2.2.
      return new Response(null, { headers: { "cache-control": "no-store" } });
    });
  });

  return app;
}
