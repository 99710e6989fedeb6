/**
 * xAI's errors: by name, so that a message can ask for each of them, and in their shapes.
 *
 * @module
 */

import { failureResponse } from "../faults.ts";
import type { SandboxQuirks } from "../quirks.ts";

/** An error of the API. */
export interface XaiError {
  status: number;
  /** Prose in older answers, a slug in newer ones. */
  code: string;
  /** The `error` text. */
  message: string;
  /** Seconds of `retry-after`. */
  retryAfter?: number;
}

const NO_PERMISSION = "The caller does not have permission to execute the specified operation";
const INVALID = "invalid-argument";
const UNAVAILABLE: Omit<XaiError, "status"> = {
  code: "The service is currently unavailable",
  message: "The service is currently unavailable. Please try again later.",
};

/** Message for a schema that the server does not take. */
export const BAD_SCHEMA = "Invalid arguments passed to the model";
/** Message for `tool_choice` without tools. */
export const NO_TOOLS = "A tool_choice was set on the request but no tools were specified.";
/** Message for a message without content. */
export const NO_CONTENT = "Each message must have at least one content element";
/** Message for an `encrypted_content` that is not ours, or is not for this model. */
export const NOT_DECRYPTED =
  "Could not decrypt the provided encrypted_content. Ensure the value is the unmodified encrypted_content from a previous response.";
/** Message for a reasoning item without `summary`. */
export const NOT_DECODED = "Could not decode the compaction blob";

/** Name in `[error:NAME]` -> error. */
const ERRORS: Readonly<Record<string, XaiError>> = {
  unauthenticated: {
    status: 401,
    code: "unauthenticated",
    message: "Invalid or expired credentials (auth_kind=bearer)",
  },
  no_auth: { status: 401, code: "unauthenticated", message: "no auth context" },
  stale_code: {
    status: 403,
    code: "unauthenticated:bad-credentials",
    message: "The credentials are not valid any more",
  },
  // The same code as a plan without the API: only the text tells them apart.
  stale_text: {
    status: 403,
    code: NO_PERMISSION,
    message: "The OAuth2 access token could not be validated.",
  },
  stale_tag: {
    status: 403,
    code: NO_PERMISSION,
    message: "Access denied. [WKE=unauthenticated:bad-credentials]",
  },
  entitlement: {
    status: 403,
    code: NO_PERMISSION,
    message: "You do not have an active Grok subscription, or have run out of available resources.",
  },
  permission: {
    status: 403,
    code: "permission-denied",
    message: "Access to the chat endpoint is denied",
  },
  spending_limit: {
    status: 403,
    code: "personal-team-blocked:spending-limit",
    message: "Your team has reached its spending limit",
  },
  spending_limit_402: {
    status: 402,
    code: "personal-team-blocked:spending-limit",
    message: "Your team has reached its spending limit",
  },
  credits: { status: 402, code: "payment-required", message: "Your team has used all its credits" },
  outdated: {
    status: 426,
    code: "upgrade-required",
    message: "CLI version (none) is outdated, please upgrade",
  },
  free_usage: {
    status: 429,
    code: "subscription:free-usage-exhausted",
    message: "You have used your included free usage",
  },
  rate_limit: { status: 429, code: "rate_limit", message: "Too many requests", retryAfter: 1 },
  context: {
    status: 400,
    code: INVALID,
    message:
      "This model's maximum prompt length is 1000000 but the request contains 1000001 tokens.",
  },
  schema: { status: 400, code: INVALID, message: BAD_SCHEMA },
  argument: {
    status: 400,
    code: "Client specified an invalid argument",
    message: "Argument not supported on this model: stop",
  },
  decrypt: { status: 400, code: "", message: NOT_DECRYPTED },
  invalid_image: { status: 400, code: "invalid_image", message: "The image could not be read" },
  not_found: {
    status: 404,
    code: "Some requested entity was not found",
    message: "The model does not exist or your team does not have access to it.",
  },
  gone: { status: 410, code: "gone", message: "Live search is deprecated, use the search tools" },
  too_large: { status: 413, code: "payload-too-large", message: "The request body is too large" },
  500: { status: 500, code: "internal", message: "Internal error" },
  502: { status: 502, code: "bad-gateway", message: "Bad gateway" },
  503: { status: 503, ...UNAVAILABLE },
  504: { status: 504, code: "deadline-exceeded", message: "Deadline exceeded" },
};

const ALIASES: Readonly<Record<string, string>> = {
  400: "argument",
  401: "unauthenticated",
  402: "credits",
  403: "entitlement",
  404: "not_found",
  410: "gone",
  413: "too_large",
  426: "outdated",
  429: "rate_limit",
};

/** The error of that name or HTTP status; `undefined` where there is none. */
export function findXaiError(name: string): XaiError | undefined {
  const key = ALIASES[name] ?? name;
  return Object.hasOwn(ERRORS, key) ? ERRORS[key] : undefined;
}

/** A refused request: HTTP 400 unless `status` says otherwise. */
export class InvalidArgument extends Error {
  override name = "InvalidArgument";
  readonly error: XaiError;
  /** Whether a stream says it as its first frame. */
  readonly inStream: boolean;

  /** A refusal in `message`'s words. */
  constructor(
    message: string,
    options: { status?: number; code?: string; inStream?: boolean } = {},
  ) {
    super(message);
    this.error = { status: options.status ?? 400, code: options.code ?? INVALID, message };
    this.inStream = options.inStream ?? false;
  }
}

/** Refuses a request unless `condition` holds. */
export function check(condition: boolean, message: string): asserts condition {
  if (!condition) throw new InvalidArgument(message);
}

/** Headers of every answer. */
export function requestHeaders(): Record<string, string> {
  return { "x-request-id": crypto.randomUUID(), "x-zero-data-retention": "false" };
}

/** The answer that says `error`. An empty `code` is left out. */
export function xaiErrorResponse(
  { status, code, message, retryAfter }: XaiError,
  shape: SandboxQuirks["xaiErrors"],
): Response {
  const body = shape === "flat"
    ? { ...(code === "" ? {} : { code }), error: message }
    : { error: { message, type: "invalid_request_error", param: null, code: code || null } };
  return Response.json(body, {
    status,
    headers: {
      ...requestHeaders(),
      ...(retryAfter === undefined ? {} : { "retry-after": String(retryAfter) }),
    },
  });
}

/** The data of an `error` event: flat, as the vendor writes it. */
export function errorEvent(message: string): string {
  return JSON.stringify({ type: "error", message, code: null, param: null });
}

/**
 * Answers that are no error body of the API: `[error:html_520]` up to 530, `[error:bare]` (a JSON
 * string), `[error:text]` (`error` alone), `[error:200]` (HTTP 200 with an error's JSON in place of
 * the stream) and `[error:frame]` (HTTP 200 and an `error` event as the first frame).
 */
export function oddErrorResponse(name: string, request: Request): Promise<Response> | undefined {
  const edge = /^(?:html_)?(52\d|530)$/.exec(name)?.[1];
  if (edge !== undefined) return edgeResponse(Number(edge), request);
  switch (name) {
    case "bare":
      return Promise.resolve(Response.json(UNAVAILABLE.message, { status: 503 }));
    case "text":
      return Promise.resolve(Response.json({ error: UNAVAILABLE.message }, { status: 503 }));
    case "200":
      return Promise.resolve(
        xaiErrorResponse({ ...UNAVAILABLE, status: 200 }, "flat"),
      );
    case "frame":
      return Promise.resolve(errorFrameResponse(BAD_SCHEMA));
    default:
      return undefined;
  }
}

/** HTTP 200, an `error` event, and the end. */
export function errorFrameResponse(message: string): Response {
  return new Response(`event: error\ndata: ${errorEvent(message)}\n\n`, {
    headers: { "content-type": "text/event-stream; charset=utf-8", ...requestHeaders() },
  });
}

async function edgeResponse(status: number, request: Request): Promise<Response> {
  const page = await failureResponse("html_520", request);
  return new Response(page.body, { status, headers: page.headers });
}
