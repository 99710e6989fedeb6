/**
 * The gateway: an HTTP service in front of the signed-in subscriptions, for any runtime that serves a
 * `Request` with a `Response`.
 *
 * @module
 */

export { createGateway, type Gateway, type GatewayOptions } from "./app.ts";
