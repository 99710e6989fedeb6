/**
 * xAI: sign-in, inference and media.
 *
 * @module
 */

import { Hono } from "hono";
import type { Ledger } from "../ledger.ts";
import type { World } from "../world.ts";
import { accountRoutes } from "./account.ts";
import { authorizeRoutes } from "./authorize.ts";
import { deviceRoutes } from "./device.ts";
import { discoveryRoutes } from "./discovery.ts";
import { ACCOUNTS_HOST, API_HOST, AUTH_HOST, PROXY_HOST } from "./hosts.ts";
import { xaiInferenceRoutes } from "./inference.ts";
import { Keys } from "./keys.ts";
import { mediaRoutes, RESULT_HOSTS } from "./media/routes.ts";
import { tokenRoutes } from "./token.ts";

/** Hosts that xAI answers for. */
export const XAI_HOSTS: readonly string[] = [
  AUTH_HOST,
  ACCOUNTS_HOST,
  API_HOST,
  PROXY_HOST,
  ...RESULT_HOSTS,
];

/** Everything xAI serves; each path begins with its host. */
export function xaiRoutes(world: World, ledger: Ledger): Hono {
  const app = new Hono();
  const keys = new Keys(world);
  app.route("/", discoveryRoutes(world, keys));
  app.route("/", authorizeRoutes(world, ledger));
  app.route("/", deviceRoutes(world, ledger));
  app.route("/", tokenRoutes(world, ledger, keys));
  app.route("/", accountRoutes(world, ledger));
  app.route("/", xaiInferenceRoutes(world, ledger, keys));
  app.route("/", mediaRoutes(world, ledger));
  return app;
}
