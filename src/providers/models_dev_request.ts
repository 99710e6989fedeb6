/**
 * Asks models.dev for its list, or whether it has changed.
 *
 * @module
 */

import { GrantwayError } from "../core/errors.ts";
import {
  BodyTooLargeError,
  type JsonObject,
  parseJsonObject,
  readBoundedText,
} from "../core/http.ts";
import { resolveRuntime, type RuntimeOptions } from "../core/runtime.ts";
import { parseModelsDev, pickVendors } from "./models_dev.ts";

/** Where the list is. */
export const MODELS_DEV_URL = "https://models.dev/api.json";

/** Of every vendor there is, some 3 MB in 2026. */
const MAX_DOCUMENT_BYTES = 16 * 1024 * 1024;
/** Of the vendors that are here, some 20 KB. */
export const MAX_VENDORS_LENGTH = 512 * 1024;
/** Time for the whole answer, ms. */
const TIMEOUT_MS = 15_000;
const ACTION = "Cannot fetch the list of models";

/** What was answered. */
export type ModelsDevAnswer =
  | { kind: "unchanged" }
  /** `vendors` is the part of the document that is about vendors that are here. */
  | { kind: "list"; vendors: JsonObject; etag: string | undefined };

/**
 * Fetches the list; with the `etag` of what one has, only if that has changed.
 *
 * @throws {GrantwayError} `network`, `timeout`, `upstream` for another status, `invalid_response` for
 * what is no list, or lists none of the vendors.
 * @throws The signal's reason, unchanged, when it aborts.
 */
export async function requestModelsDev(
  url: string,
  { etag, ...options }: RuntimeOptions & { etag?: string | undefined } = {},
): Promise<ModelsDevAnswer> {
  const { fetch, startTimer, signal } = resolveRuntime(options);
  signal?.throwIfAborted();
  const { host } = new URL(url);
  const deadline = new AbortController();
  const stop = startTimer(TIMEOUT_MS, () => deadline.abort());
  try {
    const response = await fetch(url, {
      headers: {
        accept: "application/json",
        // Some of its edges refuse a runtime's own name.
        "user-agent": "grantway",
        ...(etag === undefined ? {} : { "if-none-match": etag }),
      },
      signal: signal === undefined ? deadline.signal : AbortSignal.any([deadline.signal, signal]),
    });
    return await readAnswer(response, host, etag !== undefined);
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof GrantwayError) throw error;
    if (deadline.signal.aborted) {
      const state = `${host} did not answer within ${TIMEOUT_MS / 1000} s`;
      throw new GrantwayError("timeout", `${ACTION}: ${state}`, { retryable: true });
    }
    const state = `cannot reach ${host}`;
    throw new GrantwayError("network", `${ACTION}: ${state}`, { cause: error, retryable: true });
  } finally {
    stop();
  }
}

async function readAnswer(
  response: Response,
  host: string,
  isConditional: boolean,
): Promise<ModelsDevAnswer> {
  const { status, headers } = response;
  if (status === 304 && isConditional) return { kind: "unchanged" };
  const refuse = (state: string) =>
    new GrantwayError("invalid_response", `${ACTION}: ${host} answered ${state}`);
  if (status !== 200) {
    await response.body?.cancel().catch(() => {});
    throw new GrantwayError("upstream", `${ACTION}: ${host} answered ${status}`, {
      status,
      retryable: true,
    });
  }
  let text: string;
  try {
    text = await readBoundedText(response.body, MAX_DOCUMENT_BYTES);
  } catch (error) {
    if (!(error instanceof BodyTooLargeError)) throw error;
    throw refuse(`more than ${MAX_DOCUMENT_BYTES / 1024 / 1024} MiB`);
  }
  const document = parseJsonObject(text);
  if (document === undefined) throw refuse("with what is no list");
  const vendors = pickVendors(document);
  if (Object.keys(parseModelsDev(vendors)).length === 0) {
    throw refuse("with a list that has none of our vendors' models");
  }
  if (JSON.stringify(vendors).length > MAX_VENDORS_LENGTH) throw refuse("with too long a list");
  return { kind: "list", vendors, etag: headers.get("etag") ?? undefined };
}
