/**
 * Puts the gateway's routes together. It knows HTTP, and no runtime: a program hands it what it needs
 * and serves its `fetch`.
 *
 * Hono stays inside: no type of it is public.
 *
 * @module
 */

import { Hono } from "hono";
import { methodNotAllowed, notFound } from "./error_response.ts";
import { health } from "./routes/health.ts";

/** What a program hands to {@linkcode createGateway}. */
export interface GatewayOptions {
  /** Version that `/healthz` reports. */
  version: string;
}

/** The gateway, ready to be served. */
export interface Gateway {
  /** Answers one request. Never rejects. */
  fetch(request: Request): Promise<Response>;
}

/**
 * Creates the gateway.
 *
 * @example Usage
 * ```ts
 * import { createGateway } from "@grantway/grantway/gateway";
 *
 * const gateway = createGateway({ version: "0.1.0" });
 * const response = await gateway.fetch(new Request("http://localhost/healthz"));
 * if (response.status !== 200) throw new Error("not healthy");
 * ```
 */
export function createGateway(options: GatewayOptions): Gateway {
  const app = new Hono();
  app.get("/healthz", health(options.version));
  app.all("/healthz", methodNotAllowed(["GET", "HEAD"]));
  app.notFound(notFound);
  return { fetch: async (request) => await app.fetch(request) };
}
