/**
 * The control API below `/_sandbox/`, and the front page: what a person or a test does to a running
 * sandbox that is not a vendor's business.
 *
 * Only the loopback origin has it. A web page of another origin is refused; other local programs
 * are not, as the sandbox guards nothing of value.
 *
 * @module
 */

import { Hono } from "hono";
import { parseJsonObject, readBoundedText } from "../core/http.ts";
import { isCrossOrigin } from "./address.ts";
import type { Ledger } from "./ledger.ts";
import { FrontPage, htmlResponse } from "./pages.tsx";
import { changeQuirks, type SandboxQuirks } from "./quirks.ts";
import type { World } from "./world.ts";

const BODY_LIMIT = 64 * 1024;

/** The routes of the sandbox itself. */
export function controlRoutes(world: World, ledger: Ledger): Hono {
  const app = new Hono();

  app.get(
    "/",
    () => htmlResponse(FrontPage({ pending: ledger.pending(), grants: world.state.grants.length })),
  );
  app.get("/healthz", () => Response.json({ status: "ok" }));

  app.use("/_sandbox/*", async (c, next) => {
    if (isCrossOrigin(c.req.raw)) {
      return Response.json({ error: "cross-origin requests are refused" }, { status: 403 });
    }
    return await next();
  });

  app.get("/_sandbox/state", () => {
    const { grants, authorizations } = world.state;
    return Response.json({
      pending: ledger.pending().map(({ userCode, realm, clientName, expiresAt, page }) => ({
        userCode,
        realm,
        clientName,
        expiresAt,
        page: `/${page}`,
      })),
      authorizations: authorizations.length,
      grants: grants.map(({ id, realm, clientId, scope, createdAt, revoked, access, refresh }) => ({
        id,
        realm,
        clientId,
        scope,
        createdAt,
        revoked,
        accessTokens: access.filter((token) => world.now() < token.expiresAt).length,
        spentRefreshTokens: refresh.filter((token) => token.spentAt !== null).length,
      })),
      counters: world.counters,
    });
  });

  app.post("/_sandbox/expire", () => {
    ledger.expireAccessTokens();
    return Response.json({ ok: true });
  });

  for (const [path, outcome] of [["approve", "approved"], ["deny", "denied"]] as const) {
    app.post(`/_sandbox/${path}`, async (c) => {
      const body = parseJsonObject(await readBoundedText(c.req.raw.body, BODY_LIMIT));
      const userCode = body?.["user_code"];
      return typeof userCode === "string" && ledger.decide(userCode, outcome)
        ? Response.json({ ok: true })
        : Response.json({ error: "no login waits under this user_code" }, { status: 404 });
    });
  }

  app.get("/_sandbox/quirks", () => Response.json(world.quirks));
  app.patch("/_sandbox/quirks", async (c) => {
    const body = parseJsonObject(await readBoundedText(c.req.raw.body, BODY_LIMIT));
    if (body === undefined) {
      return Response.json({ error: "the body must be a JSON object" }, { status: 400 });
    }
    try {
      changeQuirks(world.quirks, body as Partial<SandboxQuirks>);
    } catch (error) {
      return Response.json({ error: (error as TypeError).message }, { status: 400 });
    }
    return Response.json(world.quirks);
  });

  return app;
}
