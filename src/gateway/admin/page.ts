/**
 * The admin page: HTML under `/admin`, for a browser that has logged in with the admin token.
 *
 * Nothing changes but by a POST that comes from a form of this gateway, in a browser that has this
 * session: by the browser's own word (`Origin`, `Sec-Fetch-Site`), by a cookie that no other site's
 * requests carry, and by the form's token.
 *
 * @module
 */

import { GrantwayError } from "../../core/errors.ts";
import { readBoundedText } from "../../core/http.ts";
import type { Runtime } from "../../core/runtime.ts";
import { methodNotAllowed, NO_RETRY, notFound, Refusal } from "../error_response.ts";
import { authorityOf } from "../middleware/host.ts";
import {
  failurePage,
  loginPage,
  newKeyPage,
  type Overview,
  overviewPage,
} from "../pages/admin.tsx";
import { htmlResponse } from "../pages/layout.tsx";
import type { FormTokens } from "../pages/parts.tsx";
import { signInPage } from "../pages/sign_in.tsx";
import { listAccounts } from "./accounts.ts";
import { readSignInRequest } from "./api.ts";
import { ADMIN, type AdminOptions } from "./options.ts";
import { createSessions, type Session, type Sessions } from "./session.ts";
import type { TokenCheck } from "./token.ts";

const MAX_FORM_BYTES = 16 * 1024;

/** A form that was sent by the browser of a session. */
interface Sent {
  session: Session;
  fields: URLSearchParams;
  /** What stands for `{id}` in the path. */
  id: string;
}

/** Creates the page: `path` is what comes after `/admin`, as it was sent. */
export function createAdminPage(
  options: AdminOptions,
  token: TokenCheck,
  runtime: Pick<Runtime, "now">,
): (request: Request, path: string) => Promise<Response> {
  const { signIns, keys, credentials, store } = options;
  const { now } = runtime;
  let opened: Sessions | undefined;
  const sessions = () => opened ??= createSessions(token.require(), { store, now });

  async function overview(
    session: Session,
    failure?: Overview["failure"],
    status = 200,
  ): Promise<Response> {
    const [accounts, clientKeys, apiKeys] = await Promise.all([
      listAccounts(options, now),
      keys.list(),
      options.apiKeys(),
    ]);
    const paths = ["logout", "accounts/remove", "sign-ins", "keys", "keys/revoke"];
    const tokens = await formTokens(session, paths);
    const shown: Overview = { accounts, apiKeys, keys: clientKeys, failure };
    return await htmlResponse(overviewPage(tokens, shown), { status });
  }

  /** The tokens of the forms of a page, made before it is. */
  async function formTokens(session: Session, paths: readonly string[]): Promise<FormTokens> {
    const made = new Map(
      await Promise.all(paths.map(async (path) => {
        const action = `${ADMIN}/${path}`;
        return [action, await sessions().formToken(session, action)] as const;
      })),
    );
    return (action) => made.get(action)!;
  }

  async function login(failure?: string, status = 200): Promise<Response> {
    const visitor = sessions().begin("visitor");
    const tokens = await formTokens(visitor, ["login"]);
    const cookies = [await sessions().cookie(visitor)];
    return await htmlResponse(loginPage(tokens, failure), { status, cookies });
  }

  async function showSignIn(session: Session, id: string): Promise<Response> {
    const signIn = await signIns.read(id);
    if (signIn === null) {
      const page = failurePage({ message: "There is no such sign-in, or it is long over" });
      return await htmlResponse(page, { status: 404 });
    }
    const tokens = await formTokens(session, [
      "logout",
      `sign-ins/${id}/confirm`,
      `sign-ins/${id}/cancel`,
    ]);
    const isWaiting = signIn.state === "waiting" && signIn.code!.isOpenable;
    const qr = isWaiting ? await qrCode(signIn.code!.verificationUrl) : undefined;
    return await htmlResponse(signInPage(tokens, signIn, qr));
  }

  const posts: Record<string, (sent: Sent) => Promise<Response>> = {
    logout: async ({ session }) => seeOther(ADMIN, [await sessions().end(session)]),

    "accounts/remove": async ({ fields }) => {
      await credentials.remove(fields.get("provider") ?? "", fields.get("id") ?? "");
      return seeOther(ADMIN);
    },

    "sign-ins": async ({ fields }) => {
      const [provider, region] = (fields.get("target") ?? "").split("/");
      const label = fields.get("label")?.trim() || undefined;
      const { id } = await signIns.start(readSignInRequest({ provider, region, label }));
      return seeOther(`${ADMIN}/sign-ins/${id}`);
    },

    "sign-ins/{id}/confirm": async ({ id, fields }) => {
      await signIns.confirm(id, fields.get("account") ?? undefined);
      return seeOther(`${ADMIN}/sign-ins/${id}`);
    },

    "sign-ins/{id}/cancel": async ({ id }) => {
      await signIns.cancel(id);
      return seeOther(ADMIN);
    },

    keys: async ({ session, fields }) => {
      const { key, secret } = await keys.create({ name: (fields.get("name") ?? "").trim() });
      const tokens = await formTokens(session, ["logout"]);
      const page = newKeyPage(tokens, key.name, secret.expose());
      return await htmlResponse(page);
    },

    "keys/revoke": async ({ fields }) => {
      await keys.revoke(fields.get("id") ?? "");
      return seeOther(ADMIN);
    },
  };

  /** The fields of a form that was given to this session. */
  async function readForm(
    request: Request,
    session: Session | undefined,
    path: string,
  ): Promise<URLSearchParams> {
    const type = request.headers.get("content-type") ?? "";
    if (!/^application\/x-www-form-urlencoded *(;|$)/i.test(type)) throw notOurs();
    const fields = new URLSearchParams(await readBoundedText(request.body, MAX_FORM_BYTES));
    const formToken = fields.get("form_token") ?? "";
    const isOurs = session !== undefined &&
      await sessions().isFormToken(session, `${ADMIN}/${path}`, formToken);
    if (!isOurs) throw notOurs();
    return fields;
  }

  async function logIn(request: Request): Promise<Response> {
    const visitor = await sessions().read(request, "visitor");
    let fields: URLSearchParams;
    try {
      fields = await readForm(request, visitor, "login");
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      return await login("That form was too old: once more, please", 403);
    }
    try {
      token.check((fields.get("token") ?? "").trim());
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      return await login(error.message, error.httpStatus);
    }
    const session = sessions().begin("admin");
    return seeOther(ADMIN, [await sessions().cookie(session), await sessions().end(visitor!)]);
  }

  async function answer(request: Request, path: string): Promise<Response> {
    token.require();
    const { method } = request;
    if (method !== "GET" && method !== "HEAD" && method !== "POST") {
      throw methodNotAllowed("GET, HEAD, POST");
    }
    if (method === "POST") {
      requireSameOrigin(request);
      if (path === "login") return await logIn(request);
    }
    const session = await sessions().read(request, "admin");
    const [, id = "", below = ""] = /^sign-ins\/([\w-]{1,64})(\/.*)?$/.exec(path) ?? [];
    if (method === "POST") {
      const route = id === "" ? path : `sign-ins/{id}${below}`;
      const handle = Object.hasOwn(posts, route) ? posts[route] : undefined;
      if (handle === undefined) throw notFound();
      if (session === undefined) return await login("Log in first", 401);
      const fields = await readForm(request, session, path);
      try {
        return await handle({ session, fields, id });
      } catch (error) {
        if (!(error instanceof GrantwayError)) throw error;
        const { message, hint } = error;
        return await overview(session, { message, hint }, 400);
      }
    }
    if (session === undefined) return await login();
    if (path === "") return await overview(session);
    if (id !== "" && below === "") return await showSignIn(session, id);
    // What was posted to, and is gone back to.
    if (Object.hasOwn(posts, path)) return seeOther(ADMIN);
    throw notFound();
  }

  return async (request, path) => {
    try {
      return await answer(request, path);
    } catch (error) {
      return await failure(error);
    }
  };
}

async function failure(error: unknown): Promise<Response> {
  if (!(error instanceof GrantwayError)) throw error;
  const { message, hint } = error;
  const status = error instanceof Refusal ? error.httpStatus : 503;
  const response = await htmlResponse(failurePage({ message, hint }), { status });
  const headers = error instanceof Refusal ? error.headers : {};
  for (const [name, value] of Object.entries(headers)) response.headers.set(name, value);
  return response;
}

/** By the browser's own word, which no page can change. */
function requireSameOrigin(request: Request): void {
  const { headers } = request;
  const origin = headers.get("origin");
  const site = headers.get("sec-fetch-site");
  const isOurs = origin !== null && /^https?:\/\//.test(origin) &&
    authorityOf(origin) === authorityOf(request.url) && (site === null || site === "same-origin");
  if (!isOurs) throw notOurs();
}

function notOurs(): Refusal {
  return new Refusal(403, "access_denied", "That was not sent by a form of this page", {
    hint: "Go back to the overview, and try it from there",
    headers: NO_RETRY,
  });
}

function seeOther(location: string, cookies: readonly string[] = []): Response {
  const headers = new Headers({ location });
  for (const cookie of cookies) headers.append("set-cookie", cookie);
  return new Response(null, { status: 303, headers });
}

async function qrCode(url: string): Promise<string> {
  const { renderSVG } = await import("uqr");
  return renderSVG(url).replace("<svg ", '<svg class="qr" role="img" aria-label="QR code" ');
}
