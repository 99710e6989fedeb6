/**
 * Failures on demand: requests refused before they are processed, answers lost after.
 *
 * @module
 */

import type { SandboxFailure, SandboxOperation } from "./quirks.ts";
import type { World } from "./world.ts";

const HTML =
  "<!DOCTYPE html><html><head><title>Error</title></head><body><h1>Sorry</h1></body></html>";
const OVERSIZED_BYTES = 2 * 1024 * 1024;

/** What `fetch` rejects with when the other side hangs up. */
export class ConnectionLost extends TypeError {}

function html(status: number, headers: Record<string, string> = {}): Response {
  return new Response(HTML, {
    status,
    headers: { "content-type": "text/html; charset=utf-8", ...headers },
  });
}

/** What an edge answers in the server's place when it takes the client for a robot. */
export function challengePage(status: 403 | 503): Response {
  return html(status, { "cf-mitigated": "challenge" });
}

/** Waits for the caller to give up, then rejects as `fetch` does. */
function never(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    const stop = () => reject(signal.reason);
    if (signal.aborted) stop();
    else signal.addEventListener("abort", stop, { once: true });
  });
}

/**
 * The answer that stands for `failure`.
 *
 * The request's signal is read only where it is needed: some servers complain of a handler that does.
 *
 * @throws {ConnectionLost} For `connection_lost`.
 */
export function failureResponse(
  failure: SandboxFailure,
  request: Request,
): Response | Promise<Response> {
  switch (failure) {
    case "status_500":
      return Response.json({ error: "server_error" }, { status: 500 });
    case "html_502":
      return html(502);
    case "challenge_403":
      return challengePage(403);
    case "challenge_503":
      return challengePage(503);
    case "html_520":
      return html(520);
    case "status_503":
      return new Response(null, { status: 503 });
    case "status_429":
      return Response.json({ error: "too_many_requests" }, {
        status: 429,
        headers: { "retry-after": "1" },
      });
    case "status_408":
      return new Response(null, { status: 408 });
    case "status_403":
      return Response.json({ message: "Forbidden" }, { status: 403 });
    case "status_400":
      return new Response(null, { status: 400 });
    case "status_401":
      return Response.json({ message: "Unauthorized" }, { status: 401 });
    case "invalid_grant":
      return Response.json({ error: "invalid_grant" }, { status: 400 });
    case "invalid_client":
      return Response.json({ error: "invalid_client" }, { status: 401 });
    case "temporarily_unavailable":
      return Response.json({ error: "temporarily_unavailable" }, { status: 400 });
    case "nested_error":
      return Response.json({ error: { code: "invalid_grant", message: "not this way" } }, {
        status: 400,
      });
    case "empty_object":
      return Response.json({});
    case "json_array":
      return Response.json([]);
    case "empty":
      return new Response(null, { headers: { "content-type": "application/json" } });
    case "html":
      return html(200);
    case "not_json":
      return new Response("temporarily unavailable");
    case "truncated_json":
      return new Response('{"status":"success","access_tok', {
        headers: { "content-type": "application/json" },
      });
    case "oversized":
      return Response.json({ status: "success", padding: "x".repeat(OVERSIZED_BYTES) });
    case "oversized_500":
      return new Response("x".repeat(OVERSIZED_BYTES), { status: 500 });
    case "connection_lost":
      throw new ConnectionLost("error sending request: connection closed before message completed");
    case "never":
      return never(request.signal);
  }
}

/**
 * Runs `process` for a request of the kind `operation`, unless a fault is due: `failNext` answers
 * in its place, `loseNext` after it.
 */
export async function withFaults(
  world: World,
  operation: SandboxOperation,
  request: Request,
  process: () => Response | Promise<Response>,
): Promise<Response> {
  const { quirks } = world;
  const meets = (filter: SandboxOperation) => filter === "any" || filter === operation;
  if (quirks.failNext > 0 && meets(quirks.failOn)) {
    quirks.failNext--;
    return failureResponse(quirks.failWith, request);
  }
  const response = await process();
  if (quirks.loseNext > 0 && meets(quirks.loseOn)) {
    quirks.loseNext--;
    world.counters.lostAnswers++;
    await response.body?.cancel();
    return failureResponse(quirks.loseWith, request);
  }
  return response;
}
