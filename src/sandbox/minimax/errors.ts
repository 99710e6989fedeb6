/**
 * MiniMax's error codes, and the two shapes in which its API says them: an HTTP status with the code
 * in parentheses at the end of the message, or HTTP 200 with `base_resp`.
 *
 * @module
 */

interface ErrorKind {
  status: number;
  type: string;
  message: string;
}

const RETRY: Pick<ErrorKind, "status" | "type"> = { status: 500, type: "api_error" };
const LIMIT: Pick<ErrorKind, "status" | "type"> = { status: 429, type: "rate_limit_error" };
const BAD: Pick<ErrorKind, "status" | "type"> = { status: 400, type: "bad_request_error" };

/** Vendor code -> what it means. */
const VENDOR_ERRORS: ReadonlyMap<number, ErrorKind> = new Map([
  [1000, { ...RETRY, message: "unknown error" }],
  [1001, { status: 504, type: "timeout_error", message: "request timed out" }],
  [1002, { ...LIMIT, message: "rate limit" }],
  [1004, { status: 401, type: "authorized_error", message: "authorization failed" }],
  [1008, { status: 402, type: "insufficient_balance_error", message: "insufficient balance" }],
  [1013, { ...RETRY, message: "internal service error" }],
  [1024, { ...RETRY, message: "internal error" }],
  [1026, { ...BAD, message: "input content is sensitive" }],
  [1027, { ...BAD, message: "output content is sensitive" }],
  [1033, { ...RETRY, message: "downstream service error" }],
  [1039, { ...LIMIT, message: "token rate limit" }],
  [1041, { ...LIMIT, message: "connection limit" }],
  [1042, { ...BAD, message: "too many invisible characters" }],
  [2013, { ...BAD, message: "invalid params" }],
  [2045, { ...LIMIT, message: "request growth limit" }],
  [2049, { status: 401, type: "authentication_error", message: "invalid api key" }],
  [2056, { ...LIMIT, message: "usage limit of the plan reached, wait for its window to reset" }],
  [2061, { status: 403, type: "permission_error", message: "model is not in the plan" }],
]);

/** HTTP status -> error without a vendor code, as the Messages API has them. */
const HTTP_ERRORS: ReadonlyMap<number, string> = new Map([
  [400, "invalid_request_error"],
  [401, "authentication_error"],
  [402, "billing_error"],
  [403, "permission_error"],
  [404, "not_found_error"],
  [413, "request_too_large"],
  [429, "rate_limit_error"],
  [500, "api_error"],
  [502, "api_error"],
  [503, "api_error"],
  [504, "timeout_error"],
  [529, "overloaded_error"],
]);

/** Code of an error half-way where none is asked for: "unknown error". */
export const MIDSTREAM_CODE = 1000;

/** How an error is said. */
export type ErrorShape = "http" | "base_resp";

/** 32 hex digits: MiniMax's message and request ids have no prefix. */
export function hexId(): string {
  return crypto.randomUUID().replaceAll("-", "");
}

/** The `error` member of a body or of an in-stream error event. */
export function errorObject(
  code: number,
  message?: string,
): { type: string; message: string; http_code: string } {
  const vendor = VENDOR_ERRORS.get(code);
  const status = vendor?.status ?? code;
  const text = message ?? vendor?.message ?? `error ${code} was asked for`;
  return {
    type: vendor?.type ?? HTTP_ERRORS.get(code) ?? "api_error",
    message: vendor === undefined ? text : `${text} (${code})`,
    http_code: String(status),
  };
}

/** Whether `code` is a vendor code or an HTTP status of an error. */
export function isErrorCode(code: number): boolean {
  return VENDOR_ERRORS.has(code) || (code >= 400 && code <= 599);
}

/** The answer for a vendor code, or for a plain HTTP status below 1000. */
export function errorResponse(code: number, shape: ErrorShape, message?: string): Response {
  const error = errorObject(code, message);
  if (shape === "base_resp") {
    return Response.json({
      base_resp: {
        status_code: code,
        status_msg: message ?? VENDOR_ERRORS.get(code)?.message ?? error.type,
      },
    });
  }
  const requestId = hexId();
  const headers: Record<string, string> = { "request-id": requestId };
  // A plan's window (2056) is hours away: the server does not name it here.
  if (error.http_code === "429" && code !== 2056) headers["retry-after"] = "1";
  return Response.json({ type: "error", error, request_id: requestId }, {
    status: Number(error.http_code),
    headers,
  });
}
