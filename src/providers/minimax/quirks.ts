/**
 * Where MiniMax's authorization server departs from the RFCs, as pure functions.
 *
 * @module
 */

import { isJsonObject, type JsonObject } from "../../core/http.ts";
import type { TokenAnswer } from "../../oauth/client.ts";

/**
 * Reads `status` and the legacy `base_resp` envelope, either of which may say "failed" under HTTP 200.
 *
 * The code of a `base_resp` is its whole `status_msg`: the number alone (1004, 2049) says "not
 * authorized", which is true of a wrong client as well as of a dead token.
 */
export function readMinimaxTokenAnswer(body: JsonObject): TokenAnswer {
  const envelope = isJsonObject(body["base_resp"]) ? body["base_resp"] : undefined;
  const statusCode = envelope?.["status_code"];
  const statusMessage = envelope?.["status_msg"];
  const message = typeof statusMessage === "string" ? statusMessage : undefined;
  const error = typeof body["error"] === "string" ? body["error"] : undefined;
  const description = typeof body["error_description"] === "string"
    ? body["error_description"]
    : message;
  if (typeof statusCode === "number" && statusCode !== 0) {
    return { kind: "error", error: error ?? message, description };
  }
  switch (body["status"]) {
    case "success":
      return { kind: "success" };
    case "pending":
      return { kind: "pending" };
    case "error":
      return { kind: "error", error: error ?? message, description };
    default:
      return { kind: "unmarked" };
  }
}

/**
 * The approval page that the server names on `www.` answers with the marketing page (seen
 * 2026-05-03); the same path and query on `platform.` is the real one.
 */
export function repairMinimaxVerificationUrl(url: string): string {
  if (!URL.canParse(url)) return url;
  const parsed = new URL(url);
  const match = /^www\.(minimax\.io|minimaxi\.com|minimaxi\.io|minimax\.cn)$/.exec(parsed.hostname);
  if (parsed.protocol !== "https:" || !match || !parsed.pathname.startsWith("/oauth-authorize")) {
    return url;
  }
  parsed.hostname = `platform.${match[1]}`;
  return parsed.href;
}
