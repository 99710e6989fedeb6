/**
 * The gateway on this machine, put together from the home folder: accounts, client keys, settings and
 * books.
 *
 * @module
 */

import { GrantwayError } from "../core/errors.ts";
import type { AccessLog } from "../gateway/access_log.ts";
import { createGateway } from "../gateway/app.ts";
import type { ClientKeys } from "../gateway/client_keys.ts";
import type { Upstreams } from "../gateway/upstreams.ts";
import type { CatalogSource } from "../providers/catalog_source.ts";
import type { Context } from "./context.ts";
import { openBooks } from "./gateway_books.ts";
import type { LocalServer } from "./platform.ts";
import { flagAnswer } from "./sandbox_flag.ts";
import { openUpstreams } from "./upstream.ts";

/** How the gateway is run. */
export interface LocalGatewayOptions {
  /** Port; 0 takes a free one. */
  port: number;
  /** Address to listen on. */
  host: string;
  /** Takes a line per request. Default: nobody does. */
  log?: AccessLog | undefined;
  /** Who may use it. Default: the keys of the home folder. */
  keys?: ClientKeys | undefined;
  /** The model that stands for `default`. Default: what the settings say. */
  defaultModel?: string | undefined;
}

/** The gateway while it runs. */
export interface LocalGateway {
  /** What listens. */
  server: LocalServer;
  /** Who may use it. */
  keys: ClientKeys;
  /** The signed-in accounts. */
  upstreams: Upstreams;
  /** Stops listening, waits for open answers until `signal` aborts, and saves the books. */
  close(signal: AbortSignal): Promise<void>;
}

/** How often the logins are looked after while nobody asks, ms; well below the shortest lead. */
const KEEP_FRESH_MS = 60_000;

const LOOPBACK_HOSTS: readonly string[] = ["127.0.0.1", "::1", "localhost"];

/**
 * Starts the gateway.
 *
 * @throws {GrantwayError} `invalid_configuration` when the address cannot be had, or is one that other
 * machines reach while nobody needs a key.
 */
export async function startLocalGateway(
  context: Context,
  options: LocalGatewayOptions,
): Promise<LocalGateway> {
  const { port, host, log, defaultModel } = options;
  const { platform } = context;
  const { now, sleep } = platform;
  const isLocal = LOOPBACK_HOSTS.includes(host);
  const books = openBooks(context);
  const { settings, usage } = books;
  const keys = options.keys ?? books.keys;
  // What is wrong with them is told now, and not by every request.
  await settings.read();
  if (!isLocal && !await keys.isConfigured()) {
    throw new GrantwayError(
      "invalid_configuration",
      `Cannot listen on ${host}: other machines reach it, and there is no client key`,
      { hint: "Run: grantway gateway keys create <name>" },
    );
  }
  const upstreams = openUpstreams(context);
  const end = new AbortController();
  // A gateway of one program's has no owner who comes by.
  const admin = options.keys === undefined
    ? await (await import("./local_admin.ts")).openLocalAdmin(context, books, end.signal)
    : undefined;
  const models = await context.models();
  const gateway = createGateway({
    version: platform.version,
    upstreams,
    keys,
    settings: defaultModel === undefined
      ? settings
      : { read: async () => ({ ...await settings.read(), defaultModel }) },
    models: async () => (await models.load()).catalog,
    usage,
    admin,
    log,
    reach: isLocal ? "loopback" : "network",
    now,
    sleep,
  });
  const answer = context.approvesItself
    ? async (request: Request) => await flagAnswer(await gateway.fetch(request))
    : (request: Request) => gateway.fetch(request);
  const server = await platform.serve(answer, { port, host });
  models.refreshIfStale();
  keepFresh({ upstreams, models }, sleep, end.signal).catch(() => {});
  return {
    server,
    keys,
    upstreams,
    close: async (signal) => {
      end.abort();
      await server.close(signal);
      await usage.flush();
    },
  };
}

/** Refreshes ahead of expiry, so that a request after a quiet hour does not wait for it. */
async function keepFresh(
  { upstreams, models }: { upstreams: Upstreams; models: CatalogSource },
  sleep: Context["platform"]["sleep"],
  signal: AbortSignal,
): Promise<void> {
  for (;;) {
    await sleep(KEEP_FRESH_MS, signal);
    models.refreshIfStale();
    for (const provider of await upstreams.list()) {
      // What fails here will be told by the next request, if it still does.
      await upstreams.open(provider).then(({ account }) => account.source.get({ signal }))
        .catch(() => {});
    }
  }
}
