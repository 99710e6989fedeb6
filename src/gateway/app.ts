/**
 * Puts the gateway together. It knows HTTP, and no runtime: a program hands it what it needs and serves
 * its `fetch`.
 *
 * A request passes the door (host, origin, key, limits), then goes to its route by its raw path. Hono
 * stays inside: no type of it is public.
 *
 * @module
 */

import { Hono } from "hono/tiny";
import { GrantwayError } from "../core/errors.ts";
import { resolveRuntime, type RuntimeOptions } from "../core/runtime.ts";
import { loadOnce } from "../transports/load_once.ts";
import type { AccessOutcome } from "./access_log.ts";
import type { KeyRoute } from "./client_keys.ts";
import { isAdminPath } from "./admin/options.ts";
import { createDoor, type Need } from "./door.ts";
import { errorAnswer, methodNotAllowed, notFound, Refusal } from "./error_response.ts";
import { crossOriginHeaders } from "./middleware/cross_origin.ts";
import { DEFAULT_HELD_BYTES } from "./middleware/held_bytes.ts";
import { rawPath } from "./middleware/path.ts";
import type { GatewayOptions } from "./options.ts";
import { createGenerateHandler } from "./routes/generate.ts";
import { health, readiness } from "./routes/health.ts";
import type { MediaRoutes } from "./routes/media_request.ts";
import { model, modelList } from "./routes/models.ts";
import { usage } from "./routes/usage.ts";
import { DEFAULT_SETTINGS } from "./settings.ts";
import { Visit } from "./visit.ts";

/** The gateway, ready to be served. */
export interface Gateway {
  /** Answers one request. Never rejects. */
  fetch(request: Request): Promise<Response>;
}

/** One route. */
interface Route {
  path: string;
  method: "GET" | "POST";
  /** What it asks of who enters. */
  need: Need;
  handle: (request: Request, visit: Visit) => Response | Promise<Response>;
}

/** Every route that there is. */
function routesOf(options: GatewayOptions): Route[] {
  const { version, keys, upstreams, usage: ledger } = options;
  const ask = createGenerateHandler(options);
  const post = (
    path: string,
    need: KeyRoute,
    what: "generate" | "countTokens" = "generate",
  ): Route => ({
    path,
    method: "POST",
    need,
    handle: (request, visit) => ask(request, visit, what),
  });
  const get = (path: string, need: Need, handle: Route["handle"]): Route => ({
    path,
    method: "GET",
    need,
    handle,
  });
  return [
    post("/v1/messages", "messages"),
    post("/v1/messages/count_tokens", "messages", "countTokens"),
    post("/v1/chat/completions", "chat"),
    post("/v1/responses", "responses"),
    post("/v1/responses/input_tokens", "responses", "countTokens"),
    get("/v1/models", "models", (request, visit) => modelList(request, visit, options)),
    get("/v1/models/:id{.+}", "models", (request, visit) => model(request, visit, options)),
    ...mediaRoutes(options),
    get("/v1/usage", "usage", (request, visit) => usage(request, visit, ledger)),
    get("/healthz", "nothing", () => health(version)),
    get("/readyz", "nothing", () => readiness(keys, upstreams)),
  ];
}

/** The routes for speech and pictures; most gateways are never asked for one. */
function mediaRoutes(options: GatewayOptions): Route[] {
  const routes: MediaRoutes = { upstreams: options.upstreams, runtime: resolveRuntime(options) };
  const route = (
    method: Route["method"],
    path: string,
    need: KeyRoute,
    answer: (media: MediaModule, ...all: MediaCall) => Promise<Response>,
  ): Route => ({
    path,
    method,
    need,
    handle: async (request, visit) =>
      await answer(await import("./routes/media.ts"), request, visit, routes),
  });
  return [
    route("POST", "/v1/audio/speech", "audio", (media, ...all) => media.speech(...all)),
    route(
      "POST",
      "/v1/audio/transcriptions",
      "audio",
      (media, ...all) => media.transcription(...all),
    ),
    route(
      "POST",
      "/v1/images/generations",
      "images",
      (media, ...all) => media.images(...all, "generations"),
    ),
    route("POST", "/v1/images/edits", "images", (media, ...all) => media.images(...all, "edits")),
    route("POST", "/v1/videos", "videos", (media, ...all) => media.createVideo(...all)),
    route("GET", "/v1/videos/:id{[^/]+}", "videos", (media, ...all) => media.video(...all)),
    route(
      "GET",
      "/v1/videos/:id{[^/]+}/content",
      "videos",
      (media, ...all) => media.videoContent(...all),
    ),
  ];
}

type MediaModule = typeof import("./routes/media.ts");
type MediaCall = [request: Request, visit: Visit, routes: MediaRoutes];

/** The admin side, made when somebody comes to it. */
function createAdminRoute(
  admin: NonNullable<GatewayOptions["admin"]>,
  runtime: RuntimeOptions,
): Route["handle"] {
  const open = loadOnce({
    admin: async () => {
      const [{ createAdmin }, options] = await Promise.all([
        import("./admin/admin.ts"),
        typeof admin === "function" ? admin() : admin,
      ]);
      return createAdmin(options, runtime);
    },
  });
  return async (request, { path }) => await (await open("admin"))(request, path);
}

/** Creates the gateway. */
export function createGateway(options: GatewayOptions): Gateway {
  const { keys, settings, usage, log, reach = "loopback", heldBytes = DEFAULT_HELD_BYTES } =
    options;
  const { now } = resolveRuntime(options);
  const books = { now, log, usage };
  const door = createDoor({ keys, now, reach, heldBytes });

  const enter = async (
    request: Request,
    visit: Visit,
    need: Need,
    handle: Route["handle"],
  ): Promise<Response> => {
    try {
      const response = await door.admit(request, visit, need) ?? await handle(request, visit);
      const otherwise = visit.accounts.length === 0 ? "refused" : "failed";
      return finish(request, visit, response, response.ok ? "completed" : otherwise);
    } catch (error) {
      if (request.signal.aborted) {
        return finish(request, visit, new Response(null, { status: CLIENT_LEFT }), "cancelled");
      }
      const response = errorAnswer(visit.dialect, error, visit.id);
      const isOurs = error instanceof Refusal;
      return finish(
        request,
        visit,
        response,
        isOurs ? "refused" : "failed",
        error instanceof GrantwayError ? error.code : "internal",
      );
    }
  };

  // By the path as it was sent: nothing decoded or resolved leads to a route.
  const app = new Hono<{ Bindings: Visit }>({ getPath: (_, context) => context!.env!.path });
  if (options.admin !== undefined) {
    const admin = createAdminRoute(options.admin, options);
    for (const path of ["/admin", "/admin/*"]) {
      app.all(path, ({ req, env }) => {
        env.route = "/admin";
        return enter(req.raw, env, "nothing", admin);
      });
    }
  }
  for (const { path, method, need, handle } of routesOf(options)) {
    app.all(path, ({ req, env }) => {
      env.route = path.replace(/:id\{.*?\}/, "{id}");
      return enter(req.raw, env, need, (request, visit) => {
        // For the router a slash at the end is none.
        if (visit.path.endsWith("/")) throw notFound();
        const isTaken = request.method === method ||
          (request.method === "HEAD" && method === "GET");
        if (!isTaken) throw methodNotAllowed(method === "GET" ? "GET, HEAD" : method);
        return handle(request, visit);
      });
    });
  }
  app.notFound(({ req, env }) =>
    enter(req.raw, env, "any_key", () => {
      throw notFound();
    })
  );
  return {
    fetch: async (request) => {
      try {
        return await app.fetch(request, new Visit(request, await settings.read(), books));
      } catch (error) {
        // Who owns the gateway finds out here what is wrong.
        if (options.admin !== undefined && isAdminPath(rawPath(request.url))) {
          return await app.fetch(request, new Visit(request, DEFAULT_SETTINGS, books));
        }
        // The settings cannot be read: nobody knows who may do what.
        const visit = new Visit(request, DEFAULT_SETTINGS, books);
        return await enter(request, visit, "nothing", () => Promise.reject(error));
      }
    },
  };
}

/** nginx's word for a client that has left; nobody reads it but the log. */
const CLIENT_LEFT = 499;

/** What every answer has, whatever it is; and the books, unless its end is told later. */
function finish(
  request: Request,
  visit: Visit,
  response: Response,
  outcome: AccessOutcome,
  error?: string,
): Response {
  const { headers } = response;
  headers.set(visit.dialect === "messages" ? "request-id" : "x-request-id", visit.id);
  headers.set("cache-control", "no-store");
  headers.set("vary", "authorization, x-api-key, origin");
  headers.set("x-content-type-options", "nosniff");
  // Pages of other origins have no business with the admin side.
  const allowed = visit.route === "/admin"
    ? undefined
    : crossOriginHeaders(request, visit.settings.origins);
  for (const [name, value] of Object.entries(allowed ?? {})) headers.set(name, value);
  visit.answers(response.status, error);
  if (!visit.endsLater) visit.ends(outcome);
  return response;
}
