/**
 * The sandbox: all vendors behind one `fetch`, or behind one loopback origin.
 *
 * @module
 */

import { Hono } from "hono";
import { isLoopbackUrl } from "../core/http.ts";
import { sleep as realSleep } from "../core/runtime.ts";
import { routingPath } from "./address.ts";
import { controlRoutes } from "./control.ts";
import { Ledger } from "./ledger.ts";
import { MINIMAX_HOSTS, minimaxRoutes } from "./minimax/routes.ts";
import { changeQuirks, DEFAULT_QUIRKS, type SandboxQuirks } from "./quirks.ts";
import { emptyState, type SandboxCounters, type SandboxState, zeroCounters } from "./state.ts";
import type { World } from "./world.ts";

/** The vendors: one line each. */
const VENDORS = [
  { hosts: MINIMAX_HOSTS, routes: minimaxRoutes },
];

/** How a sandbox is set up. Everything has a default. */
export interface SandboxOptions {
  /** Wall clock, ms since the epoch. Default: `Date.now`. */
  now?: (() => number) | undefined;
  /** Waits `ms` milliseconds; rejects with `signal.reason` when aborted. */
  sleep?: ((ms: number, signal?: AbortSignal) => Promise<void>) | undefined;
  /** Approves every login when it is first polled. Default: false. */
  autoApprove?: boolean | undefined;
  /** Lifetime of an access token, ms. Default: 15 minutes. */
  accessTokenTtlMs?: number | undefined;
  /** Lifetime of a user code, ms. Default: 10 minutes. */
  userCodeTtlMs?: number | undefined;
  /** The poll interval that clients are told, ms. Default: 3000. */
  pollIntervalMs?: number | undefined;
  /** API keys to accept besides those that start with `sandbox-`. */
  apiKeys?: readonly string[] | undefined;
  /** Departures from the well-behaved server. */
  quirks?: Partial<SandboxQuirks> | undefined;
  /** Goes on from here; see {@linkcode Sandbox.state}. */
  state?: SandboxState | undefined;
  /**
   * Called with the new state after each request or method that changed it. A request is answered
   * only when a returned promise has settled, so that no client holds a token that is not saved.
   */
  onChange?: ((state: SandboxState) => void | Promise<void>) | undefined;
}

/** A running sandbox. Its functions need no `this`. */
export interface Sandbox {
  /**
   * Answers a request, in place of the global `fetch` or as the handler of an HTTP server.
   *
   * A request to a vendor's https URL goes to that vendor. On a loopback origin the first path
   * segment names the vendor's host, as in `http://127.0.0.1:8700/api.minimax.io/oauth/token`.
   * Redirects are returned, never followed. Aborting the request's signal rejects, or ends the
   * body, as it does with the real `fetch`.
   *
   * @throws {TypeError} When no vendor has that host, and where a quirk loses the connection.
   */
  readonly fetch: (input: Request | URL | string, init?: RequestInit) => Promise<Response>;
  /** A copy of the state, for {@linkcode SandboxOptions.state}. */
  readonly state: SandboxState;
  /** What happened so far; live. */
  readonly counters: Readonly<SandboxCounters>;
  /** The switches as they stand; live. */
  readonly quirks: Readonly<SandboxQuirks>;
  /** Ends every access token now. */
  readonly expireAccessTokens: () => void;
  /** Approves the login of a user code; `false` when none waits under it. */
  readonly approve: (userCode: string) => boolean;
  /** Denies it. */
  readonly deny: (userCode: string) => boolean;
  /** Sets some switches. Throws `TypeError` for an unknown name or value, and then sets none. */
  readonly setQuirks: (changes: Partial<SandboxQuirks>) => void;
}

/**
 * Creates a sandbox.
 *
 * @example Sign-in and a request, without a socket
 * ```ts ignore
 * const sandbox = createSandbox({ autoApprove: true });
 * const tokens = await login({ fetch: sandbox.fetch });
 * ```
 */
export function createSandbox(options: SandboxOptions = {}): Sandbox {
  const state = structuredClone(options.state ?? emptyState());
  const quirks: SandboxQuirks = { ...DEFAULT_QUIRKS };
  changeQuirks(quirks, options.quirks ?? {});
  const wallClock = options.now ?? (() => Date.now());
  let dirty = false;

  const world: World = {
    now: () => wallClock() + quirks.clockOffsetMs,
    sleep: options.sleep ?? realSleep,
    state,
    quirks,
    counters: zeroCounters(),
    changed: () => void (dirty = true),
    autoApprove: options.autoApprove ?? false,
    accessTokenTtlMs: options.accessTokenTtlMs ?? 15 * 60_000,
    userCodeTtlMs: options.userCodeTtlMs ?? 10 * 60_000,
    pollIntervalMs: options.pollIntervalMs ?? 3_000,
    apiKeys: options.apiKeys ?? [],
  };
  const ledger = new Ledger(world);
  const app = createApp(world, ledger);

  const save = async () => {
    if (!dirty) return;
    dirty = false;
    try {
      await options.onChange?.(structuredClone(state));
    } catch (error) {
      dirty = true;
      throw error;
    }
  };
  const saved = <T>(result: T): T => {
    // A method has no answer to hold back; what was not saved is saved with the next request.
    save().catch(() => {});
    return result;
  };

  return {
    fetch: async (input, init) => {
      const request = init === undefined && input instanceof Request
        ? input
        : new Request(input, init);
      request.signal.throwIfAborted();
      checkHost(request);
      try {
        return abortable(await untilAborted(app.fetch(request), request.signal), request.signal);
      } finally {
        await save();
      }
    },
    get state() {
      return structuredClone(state);
    },
    counters: world.counters,
    quirks,
    expireAccessTokens: () => saved(ledger.expireAccessTokens()),
    approve: (userCode) => saved(ledger.decide(userCode, "approved")),
    deny: (userCode) => saved(ledger.decide(userCode, "denied")),
    setQuirks: (changes) => changeQuirks(quirks, changes),
  };
}

function createApp(world: World, ledger: Ledger): Hono {
  const app = new Hono({ getPath: routingPath });
  // Faults that stand for a broken connection must reach the caller of `fetch`.
  app.onError((error) => {
    throw error;
  });
  app.notFound(() => new Response("404 page not found", { status: 404 }));
  app.route("/", controlRoutes(world, ledger));
  for (const vendor of VENDORS) {
    for (const host of vendor.hosts) {
      app.use(`/${host}/*`, async (c, next) => {
        const route = `${c.req.method} ${routingPath(c.req.raw).slice(1)}`;
        world.counters.requests[route] = (world.counters.requests[route] ?? 0) + 1;
        if (world.quirks.delayMs > 0) {
          await world.sleep(world.quirks.delayMs, c.req.raw.signal);
        }
        await next();
        c.res.headers.set("date", new Date(world.now()).toUTCString());
      });
    }
    app.route("/", vendor.routes(world, ledger));
  }
  return app;
}

/** Refuses what no vendor here would receive. */
function checkHost(request: Request): void {
  const url = new URL(request.url);
  if (isLoopbackUrl(url)) return;
  const isVendor = url.protocol === "https:" &&
    VENDORS.some((vendor) => vendor.hosts.includes(url.host));
  // Also the answer to DNS rebinding, where a foreign name leads to the loopback server.
  if (!isVendor) throw new TypeError(`error sending request: the sandbox plays no ${url.origin}`);
}

/** Rejects with the signal's reason as soon as it aborts, as `fetch` does. */
function untilAborted<T>(result: T | Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = () => reject(signal.reason);
    signal.addEventListener("abort", stop, { once: true });
    Promise.resolve(result).then(resolve, reject)
      .finally(() => signal.removeEventListener("abort", stop));
  });
}

/** The same response, whose body ends with the signal's reason when it aborts. */
function abortable(response: Response, signal: AbortSignal): Response {
  if (response.body === null) return response;
  const body = response.body.pipeThrough(new TransformStream(), { signal });
  return new Response(body, response);
}
