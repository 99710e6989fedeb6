/**
 * One request to an OAuth endpoint, a form POST or a GET: deadline, size limit, redirects, and what
 * became of it.
 *
 * Nothing here throws for what a server or a network does. What an answer means is its caller's part.
 *
 * @module
 */

import { createDeferred } from "../core/deferred.ts";
import { type ErrorCode, OAuthError } from "../core/errors.ts";
import {
  BodyTooLargeError,
  isBodyKeepingRedirect,
  isNotSent,
  isTrustedUrl,
  type JsonObject,
  parseJsonObject,
  readBoundedBytes,
  type TrustedHosts,
} from "../core/http.ts";
import { displayText } from "../core/redact.ts";
import { resolveRuntime, type Runtime, type RuntimeOptions } from "../core/runtime.ts";
import { type AnswerClock, serverClockOffset } from "./token_set.ts";

const BODY_LIMIT_BYTES = 64 * 1024;
const MAX_REDIRECTS = 3;
/** Some edges refuse requests without one. */
const USER_AGENT = "grantway";

/** A form to post. */
export interface FormRequest {
  /** What the user would say we do, as it starts a message: `Cannot refresh the token`. */
  action: string;
  /** The endpoint. */
  url: URL;
  /** The form. A field that is `undefined` is left out. */
  fields: Readonly<Record<string, string | undefined>>;
  /** Hosts a redirect may lead to. Default: the endpoint's own origin. */
  trustedHosts?: TrustedHosts | undefined;
  /** Time for request, redirects and body together, ms. */
  timeoutMs: number;
  /** Further headers. */
  headers?: Readonly<Record<string, string>> | undefined;
}

/** A whole answer. */
export interface FormAnswer {
  /** HTTP status; never a redirect. */
  status: number;
  /** Headers. */
  headers: Headers;
  /** Clocks at the moment it arrived. */
  clock: AnswerClock;
  /** The JSON object in the body; `undefined` when it holds anything else. */
  body: JsonObject | undefined;
  /**
   * Whether the answer calls itself HTML. Its JSON, if any, may grant something, but an error in it
   * proves nothing: pages of proxies and portals look like that.
   */
  claimsHtml: boolean;
  /** The answer, for a message: `auth.example answered 502 with an HTML page`. */
  description: string;
}

/** What became of a form. */
export type FormOutcome =
  | { kind: "answer"; answer: FormAnswer }
  /** Certainly nothing was sent. */
  | { kind: "not_sent"; error: OAuthError }
  /** Maybe processed: deadline, reset, broken body, or the caller cancelled. */
  | { kind: "lost"; error: OAuthError }
  /** Answered by a redirect that must not be followed. */
  | { kind: "redirected"; error: OAuthError };

/**
 * Posts a form and reads the answer.
 *
 * A cancellation while the request is under way is `lost`, since only the caller knows whether that
 * matters.
 *
 * @throws The signal's reason when it had aborted before anything was sent.
 */
export function postForm(request: FormRequest, options: RuntimeOptions): Promise<FormOutcome> {
  return send(request, {
    method: "POST",
    headers: { "content-type": "application/x-www-form-urlencoded" },
    body: encodeForm(request.fields),
  }, options);
}

/**
 * Gets a document and reads it, as {@linkcode postForm} does with an answer.
 *
 * @throws The signal's reason when it had aborted before anything was sent.
 */
export function getJson(
  request: Omit<FormRequest, "fields">,
  options: RuntimeOptions,
): Promise<FormOutcome> {
  return send({ ...request, fields: {} }, { method: "GET", headers: {} }, options);
}

async function send(
  request: FormRequest,
  { headers, ...init }: { method: string; headers: Record<string, string>; body?: string },
  options: RuntimeOptions,
): Promise<FormOutcome> {
  const runtime = resolveRuntime(options);
  runtime.signal?.throwIfAborted();
  let url = request.url;
  const fail = (
    kind: "not_sent" | "lost" | "redirected",
    code: ErrorCode,
    state: string,
    cause?: unknown,
  ) => ({
    kind,
    error: new OAuthError(code, `${request.action}: ${state}`, {
      cause,
      retryable: kind !== "redirected",
    }),
  });

  const run = async (signal: AbortSignal): Promise<FormOutcome> => {
    for (let hops = 0;; hops++) {
      const response = await runtime.fetch(url, {
        ...init,
        headers: {
          ...headers,
          accept: "application/json",
          "user-agent": USER_AGENT,
          ...request.headers,
        },
        redirect: "manual",
        signal,
      });
      // Browsers hide a redirect that was not followed behind status 0.
      const isRedirect = response.type === "opaqueredirect" ||
        (response.status >= 300 && response.status < 400);
      if (!isRedirect) {
        const answer = await readAnswer(response, url.host, runtime.now);
        return { kind: "answer", answer };
      }
      response.body?.cancel().catch(() => {});
      const target = redirectTarget(response, url, request.trustedHosts ?? { origin: url.origin });
      if (typeof target === "string" || hops === MAX_REDIRECTS) {
        const why = typeof target === "string" ? target : "redirects too many times";
        return fail("redirected", "invalid_response", `${url.host} ${why}`);
      }
      url = target;
    }
  };

  try {
    return await withDeadline(run, request.timeoutMs, runtime);
  } catch (error) {
    if (runtime.signal?.aborted) {
      return fail("lost", "network", `cancelled before ${url.host} answered`, error);
    }
    if (error instanceof DeadlinePassed) {
      const seconds = Math.round(request.timeoutMs / 1000);
      return fail("lost", "timeout", `${url.host} did not answer within ${seconds} s`);
    }
    return isNotSent(error)
      ? fail("not_sent", "network", `cannot reach ${url.host}`, error)
      : fail("lost", "network", `the connection to ${url.host} broke off`, error);
  }
}

function encodeForm(fields: FormRequest["fields"]): string {
  const form = new URLSearchParams();
  for (const [name, value] of Object.entries(fields)) {
    if (value !== undefined) form.append(name, value);
  }
  return form.toString();
}

/** Where a redirect may be followed to, or why not. */
function redirectTarget(response: Response, from: URL, trusted: TrustedHosts): URL | string {
  if (!isBodyKeepingRedirect(response.status)) {
    return `redirects (${response.status || "hidden"}) in a way that loses the request`;
  }
  const location = response.headers.get("location") ?? "";
  if (location === "" || !URL.canParse(location, from)) return "redirects to nowhere";
  const target = new URL(location, from);
  return isTrustedUrl(target, trusted)
    ? target
    : `redirects to ${
      displayText(target.host || target.protocol, 100)
    }, which must not see the request`;
}

async function readAnswer(
  response: Response,
  host: string,
  now: () => number,
): Promise<FormAnswer> {
  const { status, headers } = response;
  const type = (headers.get("content-type") ?? "").toLowerCase();
  // Of several types that a proxy left in it, any may be the true one.
  const claimsHtml = /(^|,)\s*(text\/html|application\/xhtml)/.test(type);
  const content = await readJson(response, type);
  // An error page that happens to hold JSON is still a page.
  const body = claimsHtml && !response.ok ? undefined : content.body;
  const found = body !== undefined ? "" : claimsHtml ? "an HTML page" : content.found;
  return {
    status,
    headers,
    clock: { now: now(), offsetMs: serverClockOffset(headers, now()) },
    body,
    claimsHtml,
    description: `${host} answered ${status}${
      body === undefined ? ` with ${found}, not the provider's answer` : ""
    }`,
  };
}

/** The JSON object of a body, or what was found instead of it. */
async function readJson(
  response: Response,
  type: string,
): Promise<{ body: JsonObject | undefined; found: string }> {
  let bytes: Uint8Array;
  try {
    bytes = await readBoundedBytes(response.body, BODY_LIMIT_BYTES);
  } catch (error) {
    if (!(error instanceof BodyTooLargeError)) throw error;
    return { body: undefined, found: `more than ${BODY_LIMIT_BYTES / 1024} KiB` };
  }
  if (bytes.byteLength === 0) return { body: undefined, found: "an empty body" };
  const charset = /charset\s*=\s*"?([^\s;,"]+)/.exec(type)?.[1];
  if (charset !== undefined && !/^(utf-?8|us-ascii)$/.test(charset)) {
    return { body: undefined, found: "text that is not UTF-8" };
  }
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    const found = /^\s*<(!doctype|html)/i.test(text) ? "an HTML page" : "text that is not JSON";
    return { body: parseJsonObject(text), found };
  } catch {
    return { body: undefined, found: "text that is not UTF-8" };
  }
}

/** Our own deadline passed. */
class DeadlinePassed extends Error {}

/** Runs `run` until the deadline or the caller's signal, whether or not `run` minds its signal. */
async function withDeadline<T>(
  run: (signal: AbortSignal) => Promise<T>,
  timeoutMs: number,
  runtime: Runtime,
): Promise<T> {
  const controller = new AbortController();
  const aborted = createDeferred<never>();
  const stop = (reason: unknown) => {
    aborted.reject(reason);
    controller.abort(reason);
  };
  const onAbort = () => stop(runtime.signal!.reason);
  runtime.signal?.addEventListener("abort", onAbort, { once: true });
  const cancelTimer = runtime.startTimer(timeoutMs, () => stop(new DeadlinePassed()));
  try {
    return await Promise.race([run(controller.signal), aborted.promise]);
  } finally {
    cancelTimer();
    runtime.signal?.removeEventListener("abort", onAbort);
  }
}
