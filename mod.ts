/**
 * Sign in once with an AI subscription, and use it from every tool you have.
 *
 * The web-standard parts: providers as data, OAuth grants, the credential keeper, codecs, transports
 * and media. They need `fetch`, Web Crypto and Web Streams, and no particular runtime.
 *
 * @module
 */

export * from "./src/core/errors.ts";
export type { JsonObject, TrustedHosts } from "./src/core/http.ts";
export type { Runtime, RuntimeOptions } from "./src/core/runtime.ts";
export { Secret } from "./src/core/secret.ts";
export * from "./src/credentials/mod.ts";
export * from "./src/media/mod.ts";
export * from "./src/oauth/mod.ts";
export * from "./src/protocols/mod.ts";
export * from "./src/providers/mod.ts";
export * from "./src/providers/models.ts";
export * from "./src/transports/mod.ts";
