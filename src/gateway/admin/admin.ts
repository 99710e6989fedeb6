/**
 * The admin side of the gateway: the API for programs under `/admin/api/`, and the page for browsers
 * under `/admin`. Whoever has no admin token, or no session of it, gets nothing and starts nothing.
 *
 * @module
 */

import { GrantwayError } from "../../core/errors.ts";
import { resolveRuntime, type RuntimeOptions } from "../../core/runtime.ts";
import { Refusal } from "../error_response.ts";
import { createAdminApi } from "./api.ts";
import { ADMIN, type AdminOptions } from "./options.ts";
import { createAdminPage } from "./page.ts";
import { createTokenCheck } from "./token.ts";

const API = `${ADMIN}/api/`;

/** Creates the admin side: `path` is the request's, as it was sent. */
export function createAdmin(
  options: AdminOptions,
  runtimeOptions: RuntimeOptions = {},
): (request: Request, path: string) => Promise<Response> {
  const runtime = resolveRuntime(runtimeOptions);
  const token = createTokenCheck(options.token, runtime.now);
  const api = createAdminApi(options, runtime);
  const page = createAdminPage(options, token, runtime);
  return async (request, path) => {
    if (!path.startsWith(API)) {
      return await page(request, path.slice(ADMIN.length).replace(/^\//, ""));
    }
    try {
      const presented = /^bearer +(.+)$/i.exec(request.headers.get("authorization") ?? "")?.[1];
      token.check(presented);
      return await api(request, path.slice(API.length));
    } catch (error) {
      return errorJson(error);
    }
  };
}

/** An error as the API tells it: `{ "error": { code, message, hint? } }`. */
function errorJson(error: unknown): Response {
  if (!(error instanceof GrantwayError)) throw error;
  const { code, message, hint, retryable, retryAfterMs } = error;
  const headers = new Headers(error instanceof Refusal ? error.headers : {});
  if (retryAfterMs !== undefined) {
    headers.set("retry-after", String(Math.ceil(retryAfterMs / 1_000)));
  }
  return Response.json(
    { error: { code, message, hint, retryable } },
    { status: statusOf(error), headers },
  );
}

function statusOf(error: GrantwayError): number {
  if (error instanceof Refusal) return error.httpStatus;
  switch (error.code) {
    case "not_found":
      return 404;
    case "invalid_request":
    case "invalid_configuration":
      return 400;
    case "rate_limited":
      return 429;
    default:
      return error.retryable ? 503 : 502;
  }
}
