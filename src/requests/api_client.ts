/**
 * Requests to one provider's API, whatever they are about: the bearer is added, a bearer that was
 * refused is renewed, what may be repeated is repeated, and every failure becomes one kind of error.
 *
 * What a request says, and what its answer means, is for the callers: transports and media.
 *
 * @module
 */

import type { TransportError } from "../core/errors.ts";
import {
  BodyTooLargeError,
  isJsonObject,
  type JsonObject,
  parseJsonObject,
  parseRetryAfter,
  readMessageBytes,
} from "../core/http.ts";
import { displayText, maskSecrets } from "../core/redact.ts";
import type { Runtime } from "../core/runtime.ts";
import type { AccessToken, AccessTokenSource } from "../credentials/access_token.ts";
import type { FailedAnswer } from "../protocols/codec.ts";
import type { StreamError } from "../protocols/event.ts";
import type { Provider } from "../providers/provider.ts";
import { Exchange } from "./exchange.ts";
import { streamErrorToTransportError } from "./failure.ts";
import { DEFAULT_MAX_RETRIES, isMomentary, retryDelayMs } from "./retry.ts";

/** Whose API, and how it is asked. */
export interface ApiClientOptions {
  /** Whose API. */
  provider: Provider;
  /** Hands out the bearer of each request. */
  source: AccessTokenSource;
  /** How often a request is repeated that was refused for the moment. Default: 2. */
  maxRetries?: number | undefined;
  /** The `user-agent` header. Default: `grantway`. */
  userAgent?: string | undefined;
  /** What to do about a failure, for the person who sees it. */
  explainError?: ((error: StreamError) => string | undefined) | undefined;
}

/** What one attempt led to. */
export type Attempt<T> =
  | { kind: "answered"; value: T }
  | { kind: "failed"; error: TransportError; repeatable: boolean };

/** One attempt: its bearer, and its exchange. */
export interface Sending {
  /** The bearer. */
  token: AccessToken;
  /** Its cancellation, and the watch over its silence. */
  exchange: Exchange;
}

/** How attempts are made. */
export interface AttemptOptions {
  /** Cancels all of them. */
  signal?: AbortSignal | undefined;
  /** The longest silence, ms; `Infinity`: no watch. */
  idleTimeoutMs: number;
  /** The longest time of one attempt, ms. Default: no deadline. */
  totalTimeoutMs?: number | undefined;
  /** Mends the request for another attempt; false where it cannot. */
  mend?: ((error: TransportError) => boolean) | undefined;
}

/** What is sent. */
export interface ApiRequest {
  /** Default: POST. */
  method?: "GET" | "POST" | undefined;
  /** Where to; a host that may receive the bearer. */
  url: string;
  /** Headers besides bearer and user agent; they go before both. */
  headers: Record<string, string>;
  /** The body. */
  body?: BodyInit | undefined;
  /** Whether it may be sent again where nobody knows what became of it. Default: false. */
  isRepeatable?: boolean | undefined;
  /** Judges an answer whose status says failure. */
  decodeFailure: (answer: FailedAnswer) => StreamError | Promise<StreamError>;
}

const MAX_ERROR_BODY_BYTES = 64 * 1024;

/** Sends requests to one provider's API. */
export class ApiClient {
  readonly #options: ApiClientOptions;
  readonly #runtime: Runtime;

  constructor(options: ApiClientOptions, runtime: Runtime) {
    this.#options = options;
    this.#runtime = runtime;
  }

  /**
   * Runs attempts until one is answered, or until there is no point in another.
   *
   * @throws {TransportError} What the last one failed with.
   * @throws {CredentialError} Why there is no bearer.
   * @throws The reason of a caller's signal, unchanged.
   */
  async attempt<T>(
    options: AttemptOptions,
    run: (sending: Sending) => Promise<Attempt<T>>,
  ): Promise<T> {
    const { source, provider, maxRetries = DEFAULT_MAX_RETRIES } = this.#options;
    const signals = [this.#runtime.signal, options.signal].filter((one) => one !== undefined);
    const anySignal = signals.length > 1 ? AbortSignal.any(signals) : signals[0];
    anySignal?.throwIfAborted();
    let token = await source.get({ signal: anySignal });
    let renewed = false;
    for (let retry = 0;;) {
      const exchange = new Exchange(this.#runtime, {
        who: provider.shortName,
        idleTimeoutMs: options.idleTimeoutMs,
        totalTimeoutMs: options.totalTimeoutMs,
        signals,
      });
      let result: Attempt<T>;
      try {
        result = await run({ token, exchange });
      } catch (error) {
        exchange.close();
        throw error;
      }
      if (result.kind === "answered") return result.value;
      exchange.close();
      if (result.error.code === "unauthorized" && !renewed) {
        renewed = true;
        const refused = token;
        token = await source.get({ signal: anySignal, rejectedGeneration: refused.generation });
        // An API key, or a source without anything better: once more would be the same.
        if (token.value !== refused.value) continue;
      }
      if (options.mend?.(result.error)) continue;
      const delayMs = result.repeatable
        ? retryDelayMs(result.error, retry++, maxRetries)
        : undefined;
      if (delayMs === undefined) throw result.error;
      await this.#runtime.sleep(delayMs, anySignal);
      token = await source.get({ signal: anySignal });
    }
  }

  /** Sends one request; what comes back with a success status is for the caller to read. */
  async send(sending: Sending, request: ApiRequest): Promise<Attempt<Response>> {
    const { token, exchange } = sending;
    const { method = "POST", url, headers, body, isRepeatable = false } = request;
    let response: Response;
    try {
      const answering = this.#runtime.fetch(url, {
        method,
        // These and no others: nothing of a client's or an environment's travels along.
        headers: {
          authorization: `Bearer ${token.value}`,
          "user-agent": this.#options.userAgent ?? "grantway",
          ...headers,
        },
        ...(body === undefined ? {} : { body }),
        // Fetch asks for it where a body is a stream.
        ...(body instanceof ReadableStream ? { duplex: "half" } : {}),
        // Followed by hand or not at all: the bearer must not go where an answer points.
        redirect: "manual",
        signal: exchange.signal,
      });
      // Not before: the first timer of a process takes milliseconds to load.
      exchange.watch();
      response = await answering;
    } catch (cause) {
      const { error, notSent } = exchange.explain(cause);
      return { kind: "failed", error, repeatable: notSent || isRepeatable };
    }
    if (response.ok) return { kind: "answered", value: response };
    if (response.type === "opaqueredirect" || (response.status >= 300 && response.status < 400)) {
      response.body?.cancel().catch(() => {});
      return this.failed(sending, {
        code: "upstream",
        message: "it answered with a redirect, which is not followed",
        status: response.status,
      });
    }
    return this.failed(
      sending,
      await request.decodeFailure({
        status: response.status,
        body: await this.#readFailure(sending, response),
        retryAfterMs: parseRetryAfter(response.headers, this.#runtime.now()),
        requestId: readRequestId(response),
      }),
    );
  }

  /** The JSON object of a body; `undefined` when it is none, or too long. */
  async readJson(
    { exchange }: Sending,
    response: Response,
    limitBytes: number,
  ): Promise<JsonObject | undefined> {
    try {
      return parseJsonObject(await readMessageText(response, limitBytes));
    } catch (error) {
      if (error instanceof BodyTooLargeError) return undefined;
      throw exchange.explain(error).error;
    }
  }

  /** A failure that the answer told of, or that was seen in it. */
  failed(
    { token }: Sending,
    error: StreamError,
    repeatable: boolean = isMomentary(error),
  ): Attempt<never> {
    const { provider, explainError } = this.#options;
    return {
      kind: "failed",
      error: streamErrorToTransportError(conceal(error, token), {
        who: provider.shortName,
        hint: error.code === "unauthorized" ? loginHint(provider, token) : explainError?.(error),
      }),
      repeatable,
    };
  }

  /** The body of a failed answer: an object, or a bare string, as JSON. */
  async #readFailure(
    { exchange }: Sending,
    response: Response,
  ): Promise<JsonObject | string | undefined> {
    try {
      const text = await readMessageText(response, MAX_ERROR_BODY_BYTES);
      const value: unknown = JSON.parse(text);
      return isJsonObject(value) || typeof value === "string" ? value : undefined;
    } catch (error) {
      if (error instanceof BodyTooLargeError || error instanceof SyntaxError) return undefined;
      throw exchange.explain(error).error;
    }
  }
}

async function readMessageText(response: Response, limitBytes: number): Promise<string> {
  return new TextDecoder().decode(await readMessageBytes(response, limitBytes));
}

/** What to do about a bearer that is refused. */
function loginHint(provider: Provider, { credential, expiresAt }: AccessToken): string {
  if (expiresAt === null) {
    return `Check the API key${
      provider.apiKey === undefined ? "" : ` in ${provider.apiKey.variables.join(" or ")}`
    }`;
  }
  const region = credential.region === provider.regions[0]?.id
    ? ""
    : ` --region ${credential.region}`;
  return `Sign in again: grantway auth add ${credential.provider}${region}`;
}

/** The media type of an answer, bare and in lower case; empty without one. */
export function readMediaType(response: Response): string {
  return (response.headers.get("content-type") ?? "").split(";")[0]!.trim().toLowerCase();
}

/** Upstream's id of the request. */
function readRequestId({ headers }: Response): string | undefined {
  const id = headers.get("request-id") ?? headers.get("x-request-id");
  return id === null ? undefined : displayText(id, 80);
}

/** Servers have been seen to repeat a refused key in their message. */
export function conceal(error: StreamError, { value }: AccessToken): StreamError {
  const { message, upstreamCode, requestId } = error;
  const mask = (text: string) => maskSecrets(text, [value]);
  return {
    ...error,
    message: mask(message),
    ...(upstreamCode === undefined ? {} : { upstreamCode: mask(upstreamCode) }),
    ...(requestId === undefined ? {} : { requestId: mask(requestId) }),
  };
}
