/**
 * The body of a request, read once: no longer than the limit, whatever its headers say, and within a
 * time.
 *
 * @module
 */

import { createDeferred } from "../../core/deferred.ts";
import {
  BodyTooLargeError,
  type JsonObject,
  parseJsonObject,
  readMessageBytes,
} from "../../core/http.ts";
import { outlineJson } from "../../core/json_outline.ts";
import type { Runtime } from "../../core/runtime.ts";
import { Refusal } from "../error_response.ts";
import { counted, type Hold } from "./held_bytes.ts";

/** A client that takes longer to send a body does not mean to, ms. */
const BODY_TIMEOUT_MS = 60_000;

/** A JSON body. */
export interface JsonBody {
  /** As it came. */
  bytes: Uint8Array<ArrayBuffer>;
  /** Its JSON; `undefined` where it is none, or no object. */
  json: JsonObject | undefined;
}

/**
 * Reads a JSON body.
 *
 * @param hold Counts its bytes. Default: nobody does.
 * @throws {Refusal} 413, 408, 503 where there is no room for it, or 400 where its shape is not fit to be
 * parsed.
 * @throws Whatever reading fails with when the client leaves.
 */
export async function readJsonBody(
  request: Request,
  limitBytes: number,
  runtime: Pick<Runtime, "startTimer">,
  hold?: Hold,
): Promise<JsonBody> {
  const bytes = await readBody(request, limitBytes, runtime, hold);
  return { bytes, json: parseBody(bytes) };
}

function parseBody(bytes: Uint8Array): JsonObject | undefined {
  const text = new TextDecoder().decode(bytes);
  const { problem } = outlineJson(text);
  if (problem === undefined) return parseJsonObject(text);
  throw new Refusal(400, "invalid_request", `Cannot read the request's JSON: ${problem}`);
}

/** Reads a body of any kind. Throws like {@linkcode readJsonBody}. */
export async function readBody(
  request: Request,
  limitBytes: number,
  runtime: Pick<Runtime, "startTimer">,
  hold?: Hold,
): Promise<Uint8Array<ArrayBuffer>> {
  try {
    const message = hold === undefined ? request : counted(request, limitBytes, hold);
    return await within(readMessageBytes(message, limitBytes), runtime);
  } catch (error) {
    throw error instanceof BodyTooLargeError ? tooLarge(limitBytes) : error;
  }
}

function tooLarge(limitBytes: number): Refusal {
  return new Refusal(
    413,
    "invalid_request",
    `The request is larger than ${limitBytes} bytes, the most this gateway takes`,
    // Unread bytes would be taken for the next request: the connection ends with this one.
    { headers: { connection: "close" } },
  );
}

async function within<T>(
  reading: Promise<T>,
  { startTimer }: Pick<Runtime, "startTimer">,
): Promise<T> {
  const { promise, reject } = createDeferred<never>();
  const stopTimer = startTimer(BODY_TIMEOUT_MS, () => {
    reject(
      new Refusal(408, "timeout", "The request's body did not come in time", {
        headers: { connection: "close" },
      }),
    );
  });
  try {
    return await Promise.race([reading, promise]);
  } finally {
    stopTimer();
  }
}
