/**
 * The body of a request, read once: no longer than the limit, whatever its headers say, and within a
 * time.
 *
 * @module
 */

import { createDeferred } from "../../core/deferred.ts";
import { BodyTooLargeError, readBoundedBytes } from "../../core/http.ts";
import type { Runtime } from "../../core/runtime.ts";
import { Refusal } from "../error_response.ts";
import { checkJsonShape } from "./json_shape.ts";

/** A client that takes longer to send a body does not mean to, ms. */
const BODY_TIMEOUT_MS = 60_000;

/**
 * Reads a JSON body.
 *
 * @throws {Refusal} 413, 408, or 400 where its shape is not fit to be parsed.
 * @throws Whatever reading fails with when the client leaves.
 */
export async function readJsonBody(
  request: Request,
  limitBytes: number,
  runtime: Pick<Runtime, "startTimer">,
): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = await readBody(request, limitBytes, runtime);
  const problem = checkJsonShape(bytes);
  if (problem === undefined) return bytes;
  throw new Refusal(400, "invalid_request", `Cannot read the request's JSON: ${problem}`);
}

/** Reads a body of any kind. Throws like {@linkcode readJsonBody}. */
export async function readBody(
  request: Request,
  limitBytes: number,
  runtime: Pick<Runtime, "startTimer">,
): Promise<Uint8Array<ArrayBuffer>> {
  const declared = request.headers.get("content-length");
  if (declared !== null && Number(declared) > limitBytes) {
    // Unread bytes would be taken for the next request: the connection ends with this one.
    request.body?.cancel().catch(() => {});
    throw tooLarge(limitBytes);
  }
  // A declared length is the body's, whatever is sent (RFC 9112 6.3): the runtime reads it in one go.
  const reading = declared === null
    ? readBoundedBytes(request.body, limitBytes)
    : request.arrayBuffer().then((buffer) => new Uint8Array(buffer));
  return await within(reading, request, runtime)
    .catch((error) => {
      throw error instanceof BodyTooLargeError ? tooLarge(limitBytes) : error;
    });
}

function tooLarge(limitBytes: number): Refusal {
  return new Refusal(
    413,
    "invalid_request",
    `The request is larger than ${limitBytes} bytes, the most this gateway takes`,
    { headers: { connection: "close" } },
  );
}

async function within<T>(
  reading: Promise<T>,
  request: Request,
  { startTimer }: Pick<Runtime, "startTimer">,
): Promise<T> {
  const { promise, reject } = createDeferred<never>();
  const stopTimer = startTimer(BODY_TIMEOUT_MS, () => {
    reject(
      new Refusal(408, "timeout", "The request's body did not come in time", {
        headers: { connection: "close" },
      }),
    );
    request.body?.cancel().catch(() => {});
  });
  try {
    return await Promise.race([reading, promise]);
  } finally {
    stopTimer();
  }
}
