/**
 * models.dev: a list of every vendor's models, which needs no login.
 *
 * @module
 */

import { Hono } from "hono";
import { withFaults } from "../faults.ts";
import type { World } from "../world.ts";
import { modelsDevDocument } from "./document.ts";

const HOST = "models.dev";

/** Hosts that the list lies on. */
export const MODELS_DEV_HOSTS: readonly string[] = [HOST];

/** What models.dev serves. */
export function modelsDevRoutes(world: World): Hono {
  const app = new Hono();
  app.get(`/${HOST}/api.json`, (c) =>
    withFaults(world, "catalog", c.req.raw, () => {
      // Its edge was seen to turn away clients that do not say who they are.
      if (!c.req.header("user-agent")) return new Response("Forbidden", { status: 403 });
      const { catalog } = world.quirks;
      const etag = `W/"sandbox-${catalog}"`;
      const headers = { etag, "cache-control": "public, max-age=3600" };
      const known = (c.req.header("if-none-match") ?? "").split(/\s*,\s*/);
      if (known.includes(etag)) return new Response(null, { status: 304, headers });
      return new Response(modelsDevDocument(catalog), {
        headers: { ...headers, "content-type": "application/json" },
      });
    }));
  return app;
}
