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
import { ConnectionLost } from "./faults.ts";
import { Ledger } from "./ledger.ts";
import { MINIMAX_HOSTS, minimaxRoutes } from "./minimax/routes.ts";
import { MODELS_DEV_HOSTS, modelsDevRoutes } from "./models_dev/routes.ts";
import { PromptCache } from "./prompt_cache.ts";
import { changeQuirks, DEFAULT_QUIRKS, type SandboxQuirks } from "./quirks.ts";
import { emptyState, type SandboxCounters, type SandboxState, zeroCounters } from "./state.ts";
import type { World } from "./world.ts";
import { XAI_HOSTS, xaiRoutes } from "./xai/routes.ts";

/** The vendors: one line each. */
const VENDORS = [
  { hosts: MINIMAX_HOSTS, routes: minimaxRoutes },
  { hosts: XAI_HOSTS, routes: xaiRoutes },
  { hosts: MODELS_DEV_HOSTS, routes: modelsDevRoutes },
];

/** How a sandbox is set up. Everything has a default. */
export interface SandboxOptions {
  /** Wall clock, ms since the epoch. Default: `Date.now`. */
  now?: (() => number) | undefined;
  /** Waits `ms` milliseconds; rejects with `signal.reason` when aborted. */
  sleep?: ((ms: number, signal?: AbortSignal) => Promise<void>) | undefined;
  /** Approves every login when it is first polled, or asked for in a browser. Default: false. */
  autoApprove?: boolean | undefined;
  /** Lifetime of an access token, ms. Default: 15 minutes. */
  accessTokenTtlMs?: number | undefined;
  /** Lifetime of a user code, ms. Default: the vendor's own, 10 minutes at MiniMax and 30 at xAI. */
  userCodeTtlMs?: number | undefined;
  /** The poll interval that clients are told, ms. Default: 3000 at MiniMax, 5000 at xAI. */
  pollIntervalMs?: number | undefined;
  /** API keys to accept besides those that start with `sandbox-`, or `xai-sandbox-` at xAI. */
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
   * Answers a request, in place of the global `fetch`.
   *
   * A request to a vendor's https URL goes to that vendor. On a loopback origin the first path
   * segment names the vendor's host, as in `http://127.0.0.1:8700/api.minimax.io/oauth/token`.
   * Redirects are returned, never followed. Aborting the request's signal rejects, or ends the
   * body, as it does with the real `fetch`.
   *
   * @throws {TypeError} When no vendor has that host, and where a quirk loses the connection.
   */
  readonly fetch: (input: Request | URL | string, init?: RequestInit) => Promise<Response>;
  /**
   * Answers a request as the handler of an HTTP server. A host that no vendor has is answered with
   * 421; a lost connection is a body that breaks off.
   */
  readonly handle: (request: Request) => Promise<Response>;
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
    promptCache: new PromptCache(),
    changed: () => void (dirty = true),
    autoApprove: options.autoApprove ?? false,
    accessTokenTtlMs: options.accessTokenTtlMs ?? 15 * 60_000,
    userCodeTtlMs: options.userCodeTtlMs,
    pollIntervalMs: options.pollIntervalMs,
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

  const answer = async (request: Request): Promise<Response> => {
    try {
      return await app.fetch(request);
    } finally {
      await save();
    }
  };

  return {
    fetch: async (input, init) => {
      const request = new Request(input, init);
      request.signal.throwIfAborted();
      if (!isPlayed(request)) {
        throw new TypeError(`error sending request: the sandbox plays no ${request.url}`);
      }
      return abortable(await untilAborted(answer(request), request.signal), request.signal);
    },
    handle: async (request) => {
      // DNS rebinding leads a foreign name here.
      if (!isPlayed(request)) return new Response("421 misdirected request", { status: 421 });
      try {
        return await answer(request);
      } catch (error) {
        if (error instanceof ConnectionLost) return brokenResponse(error);
        throw error;
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

/** Whether `request` is for the sandbox's own origin or for a vendor's host, over https there. */
function isPlayed(request: Request): boolean {
  const url = new URL(request.url);
  return isLoopbackUrl(url) ||
    (url.protocol === "https:" && VENDORS.some((vendor) => vendor.hosts.includes(url.host)));
}

/** What a server can do to break a connection: send headers, then fail. */
function brokenResponse(error: ConnectionLost): Response {
  return new Response(new ReadableStream({ start: (controller) => controller.error(error) }));
}

/** Rejects with the signal's reason as soon as it aborts, as `fetch` does. */
function untilAborted<T>(result: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = () => reject(signal.reason);
    signal.addEventListener("abort", stop, { once: true });
    result.then(resolve, reject)
      .finally(() => signal.removeEventListener("abort", stop));
  });
}

/** The same response, whose body ends with the signal's reason when it aborts. */
function abortable(response: Response, signal: AbortSignal): Response {
  if (response.body === null) return response;
  const body = response.body.pipeThrough(new TransformStream(), { signal });
  return new Response(body, response);
}
