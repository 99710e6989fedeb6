/**
 * Program 2: the gateway on Cloudflare Workers. It hands `adapters/cloudflare` to `gateway/`.
 *
 * @module
 */

import config from "../deno.json" with { type: "json" };
import { createGateway } from "./gateway/mod.ts";

const gateway = createGateway({ version: config.version });

/** The handlers that workerd calls. */
export default {
  fetch: (request: Request): Promise<Response> => gateway.fetch(request),
};
