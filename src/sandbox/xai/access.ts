/**
 * Who may use xAI's inference hosts.
 *
 * @module
 */

import type { Ledger } from "../ledger.ts";
import type { World } from "../world.ts";
import { findXaiError, xaiErrorResponse } from "./errors.ts";
import { XAI_REALM } from "./hosts.ts";

/** Which inference host is asked. */
export type InferenceHost = "api" | "proxy";

/** Who asks: a signed-in user, or a key. */
export type Caller = "oauth" | "key";

/** Oldest version of the vendor's command line tool that the proxy serves. */
const OLDEST_VERSION = [0, 1, 202];
/** Scopes that the API and the command line proxy ask for. */
const SCOPES = {
  api: ["api:access"],
  proxy: ["grok-cli:access"],
  conversations: ["grok-cli:access", "conversations:read", "conversations:write"],
};

/** Finds out who sends `request` to `host`, or answers that nobody may. */
export async function admit(
  world: World,
  ledger: Ledger,
  request: Request,
  host: InferenceHost,
): Promise<Caller | Response> {
  const { quirks } = world;
  const refuse = (name: string) => xaiErrorResponse(findXaiError(name)!, quirks.xaiErrors);
  const bearer = /^Bearer (\S+)$/i.exec(request.headers.get("authorization") ?? "")?.[1];
  if (bearer === undefined) return refuse("no_auth");
  if (host === "proxy") {
    const problem = proxyProblem(request.headers);
    if (problem !== undefined) return refuse(problem);
  } else if (bearer.startsWith("xai-sandbox-") || world.apiKeys.includes(bearer)) return "key";

  const grant = await ledger.authenticate(XAI_REALM, bearer);
  if (grant === undefined) {
    // A key that is not known, and a token that is not, are told apart by their looks.
    if (bearer.startsWith("xai-")) return refuse("unauthenticated");
    return refuse(
      {
        "401": "unauthenticated",
        "403_code": "stale_code",
        "403_text": "stale_text",
        "403_tag": "stale_tag",
      }[quirks.staleToken],
    );
  }
  const scopes = grant.scope.split(" ");
  const needed = SCOPES[
    host === "proxy" && quirks.proxyScopes === "conversations" ? "conversations" : host
  ];
  if (!needed.every((scope) => scopes.includes(scope))) return refuse("permission");
  if (host === "api" && quirks.entitlement === "none") return refuse("entitlement");
  if (host === "api" && quirks.entitlement === "spending_limit") return refuse("spending_limit");
  return "oauth";
}

/** Why the proxy does not take the client for the vendor's own, as the name of an error. */
function proxyProblem(headers: Headers): string | undefined {
  const version = headers.get("x-grok-client-version") ?? "";
  if (headers.get("x-xai-token-auth") !== "xai-grok-cli") return "permission";
  if (!isRecent(version)) return "outdated";
  const isNamed = headers.get("x-grok-client-identifier") === "grok-shell";
  return isNamed && (headers.get("user-agent") ?? "").includes(version) ? undefined : "permission";
}

function isRecent(version: string): boolean {
  const numbers = /^(\d+)\.(\d+)\.(\d+)/.exec(version)?.slice(1).map(Number);
  if (numbers === undefined) return false;
  const at = numbers.findIndex((number, index) => number !== OLDEST_VERSION[index]);
  return at === -1 || numbers[at]! > OLDEST_VERSION[at]!;
}
