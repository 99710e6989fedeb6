/**
 * Results that lie elsewhere: an answer names the address, and it is fetched without a bearer, from
 * the vendor's own hosts alone.
 *
 * @module
 */

import { TransportError } from "../core/errors.ts";
import { isTrustedUrl, parseRetryAfter } from "../core/http.ts";
import { displayText } from "../core/redact.ts";
import { readMediaType } from "../requests/api_client.ts";
import { Exchange } from "../requests/exchange.ts";
import { DEFAULT_MAX_RETRIES, isMomentary, retryDelayMs } from "../requests/retry.ts";
import type { MediaApi } from "./api.ts";
import { watchBody } from "./body.ts";

/** A file on its way. */
export interface Download {
  /** Its bytes. An error of it is a {@linkcode TransportError}; to cancel it ends the request. */
  body: ReadableStream<Uint8Array<ArrayBuffer>>;
  /** Its media type, as the server says; empty where it says none. */
  mediaType: string;
  /** How long it is, bytes, where the server says so. */
  size: number | undefined;
}

/** What is downloaded. */
export interface DownloadOptions {
  /** For messages: `image`, `video`. */
  what: string;
  /** The most that is read, bytes. */
  limitBytes: number;
  /** Cancels it. */
  signal?: AbortSignal | undefined;
}

const MAX_REDIRECTS = 3;

/**
 * Fetches the file at `address`.
 *
 * @throws {TransportError} `upstream` where the address is not the vendor's or is no file,
 * `not_found` where it has run out, `network`, `timeout`.
 */
export async function openResult(
  api: MediaApi,
  address: string,
  options: DownloadOptions,
): Promise<Download> {
  const { runtime } = api;
  for (let retry = 0;;) {
    const exchange = new Exchange(runtime, {
      who: api.who,
      idleTimeoutMs: api.idleTimeoutMs,
      signals: [runtime.signal, options.signal],
    });
    try {
      return await download(api, address, options, exchange);
    } catch (error) {
      exchange.close();
      const delayMs = error instanceof TransportError && error.retryable
        ? retryDelayMs(error, retry++, DEFAULT_MAX_RETRIES)
        : undefined;
      if (delayMs === undefined) throw error;
      const signals = [runtime.signal, options.signal].filter((signal) => signal !== undefined);
      await runtime.sleep(delayMs, AbortSignal.any(signals));
    }
  }
}

async function download(
  api: MediaApi,
  address: string,
  { what, limitBytes }: DownloadOptions,
  exchange: Exchange,
): Promise<Download> {
  let url = checkAddress(api, what, address);
  let response: Response;
  for (let hops = 0;; hops++) {
    try {
      // The address is signed itself. A bearer would be told to a file server for nothing.
      const answering = api.runtime.fetch(url, { redirect: "manual", signal: exchange.signal });
      exchange.watch();
      response = await answering;
    } catch (cause) {
      throw exchange.explain(cause).error;
    }
    const location = response.headers.get("location");
    if (response.status < 300 || response.status >= 400 || location === null) break;
    response.body?.cancel().catch(() => {});
    const next = URL.canParse(location, url) ? new URL(location, url).href : location;
    if (hops === MAX_REDIRECTS) throw failure(what, "it is redirected again and again");
    url = checkAddress(api, what, next);
  }
  if (!response.ok) {
    response.body?.cancel().catch(() => {});
    throw statusFailure(api, what, response);
  }
  const mediaType = readMediaType(response);
  if (/^text\/|json|xml/.test(mediaType)) {
    response.body?.cancel().catch(() => {});
    throw failure(what, `there is ${displayText(mediaType, 40)} in its place`);
  }
  const size = Number(response.headers.get("content-length") ?? NaN);
  if (size > limitBytes) {
    response.body?.cancel().catch(() => {});
    throw failure(what, `it is larger than ${Math.floor(limitBytes / 2 ** 20)} MiB`);
  }
  return {
    body: watchBody(response, { what, exchange, limitBytes }),
    mediaType,
    size: Number.isNaN(size) ? undefined : size,
  };
}

function failure(what: string, problem: string): TransportError {
  return new TransportError("upstream", `Cannot download the ${what}: ${problem}`);
}

function statusFailure(api: MediaApi, what: string, { status, headers }: Response): TransportError {
  if (status >= 300 && status < 500 && status !== 408 && status !== 429) {
    return new TransportError(
      "not_found",
      `Cannot download the ${what}: its address does not work any more (HTTP status ${status})`,
      { status },
    );
  }
  const code = status === 429 ? "rate_limited" : status === 408 ? "timeout" : "upstream";
  return new TransportError(code, `Cannot download the ${what}: HTTP status ${status}`, {
    status,
    retryable: isMomentary({ code, message: "", status }),
    retryAfterMs: parseRetryAfter(headers, api.runtime.now()),
  });
}

/** Nothing in an answer may name any other place: not a private network, not another company. */
function checkAddress(api: MediaApi, what: string, address: string): URL {
  if (!URL.canParse(address)) throw failure(what, "its address is no URL");
  const url = new URL(address);
  if (api.endpoints.resultHosts.some((hosts) => isTrustedUrl(url, hosts))) return url;
  throw failure(what, `its address is on ${displayText(url.host, 80)}, which is not ${api.who}'s`);
}
