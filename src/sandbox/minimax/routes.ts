/**
 * MiniMax, both regions.
 *
 * @module
 */

import { Hono } from "hono";
import type { Ledger } from "../ledger.ts";
import type { World } from "../world.ts";
import { minimaxInferenceRoutes } from "./inference.ts";
import { minimaxOAuthRoutes } from "./oauth.ts";
import { MINIMAX_REGIONS } from "./regions.ts";

/** Hosts that MiniMax answers for. */
export const MINIMAX_HOSTS: readonly string[] = MINIMAX_REGIONS.flatMap((region) => [
  region.accountHost,
  region.apiHost,
  region.platformHost,
  region.wwwHost,
]);

/** Everything MiniMax serves; each path begins with its host. */
export function minimaxRoutes(world: World, ledger: Ledger): Hono {
  const app = new Hono();
  for (const region of MINIMAX_REGIONS) {
    app.route("/", minimaxOAuthRoutes(world, ledger, region));
    app.route("/", minimaxInferenceRoutes(world, ledger, region));
  }
  return app;
}
