/**
 * Program 2: the gateway on Cloudflare Workers. It hands `adapters/cloudflare` to `gateway/`.
 *
 * @module
 */

import config from "../deno.json" with { type: "json" };
import { createGateway, DEFAULT_SETTINGS } from "./gateway/mod.ts";

const nobody = (): Promise<never> =>
  Promise.reject(new TypeError("Nobody gets this far without a key"));

const gateway = createGateway({
  version: config.version,
  reach: "public",
  keys: {
    isConfigured: () => Promise.resolve(false),
    verify: () => Promise.resolve(undefined),
  },
  settings: { read: () => Promise.resolve(DEFAULT_SETTINGS) },
  upstreams: {
    runtime: {},
    list: () => Promise.resolve([]),
    open: nobody,
    account: nobody,
    // deno-lint-ignore require-yield -- there is none
    accounts: async function* () {
      await nobody();
    },
  },
});

/** The handlers that workerd calls. */
export default {
  fetch: (request: Request): Promise<Response> => gateway.fetch(request),
};
