/**
 * One provider's API: requests out, answers back.
 *
 * It adds the bearer, repeats what may be repeated, renews a bearer that was refused, and turns every
 * failure into one kind of error. Choosing among accounts and providers is for others.
 *
 * @module
 */

import type { AccessToken, AccessTokenSource } from "../credentials/access_token.ts";
import { TransportError } from "../core/errors.ts";
import {
  BodyTooLargeError,
  isJsonObject,
  type JsonObject,
  parseJsonObject,
  parseRetryAfter,
  readBoundedText,
} from "../core/http.ts";
import { displayText } from "../core/redact.ts";
import { resolveRuntime, type Runtime, type RuntimeOptions } from "../core/runtime.ts";
import type { AnswerCodec, RequestCodec, UpstreamContext } from "../protocols/codec.ts";
import type { RelayCodec } from "../protocols/relay.ts";
import type {
  GenerateRequest,
  GenerateResponse,
  StreamError,
  StreamEvent,
} from "../protocols/event.ts";
import { apiBaseUrlFor, type Endpoints } from "../providers/endpoints.ts";
import type { ApiRules, PreparedRequest, Provider } from "../providers/provider.ts";
import { type Api, loadAnswerCodec, loadApi, loadRelayCodec } from "./api.ts";
import { createCallerTools, type EventFilter } from "./caller_tools.ts";
import { createChunkReader } from "./chunk_reader.ts";
import { collectStream, replayResponse } from "./collect.ts";
import { BufferedEventStream, type EventStream, UpstreamEventStream } from "./event_stream.ts";
import { Exchange } from "./exchange.ts";
import { streamErrorToTransportError } from "./failure.ts";
import { Recoveries } from "./recovery.ts";
import { DEFAULT_MAX_RETRIES, isMomentary, retryDelayMs } from "./retry.ts";
import {
  type ForwardedAnswer,
  type ForwardRequest,
  isUntouched,
  UpstreamRelayedStream,
} from "./relayed_answer.ts";
import {
  conceal,
  conversationHeader,
  loginHint,
  readMediaType,
  readRequestId,
} from "./upstream.ts";
import { createStopScanner } from "./stop_sequences.ts";
import { estimateInputTokens } from "./token_estimate.ts";

/** How a transport is made. */
export interface TransportOptions extends RuntimeOptions {
  /** Whose API. */
  provider: Provider;
  /** Where it is, and where its bearer may go. */
  endpoints: Endpoints;
  /** Hands out the bearer of each request. */
  source: AccessTokenSource;
  /**
   * The longest silence of a stream before it is given up, ms; pings do not count. `Infinity`: never,
   * and whole answers neither. Default: 120,000.
   */
  idleTimeoutMs?: number | undefined;
  /** The longest time to the end of an answer, ms. Default: no deadline. */
  totalTimeoutMs?: number | undefined;
  /** How often a request is repeated that was refused for the moment. Default: 2. */
  maxRetries?: number | undefined;
  /** The `user-agent` header. Default: `grantway`. */
  userAgent?: string | undefined;
}

/** Options of one request. */
export interface TransportRequestOptions {
  /** Cancels it, upstream as well. */
  signal?: AbortSignal | undefined;
  /** Told what was changed in the request because the provider cannot take it, a sentence each. */
  onNote?: ((note: string) => void) | undefined;
}

/** Sends requests to one provider. */
export interface Transport {
  /**
   * Streams an answer. It resolves with the first event at hand, so that a failure before that is a
   * rejection; a later one is an `error` event, the last of the stream.
   *
   * @throws {TransportError} Why there is no answer.
   * @throws {CredentialError} Why there is no bearer.
   * @throws The signal's reason, unchanged, when the caller cancels.
   */
  stream(request: GenerateRequest, options?: TransportRequestOptions): Promise<EventStream>;
  /** Asks for a whole answer. Throws like {@linkcode Transport.stream}. */
  generate(request: GenerateRequest, options?: TransportRequestOptions): Promise<GenerateResponse>;
  /**
   * Passes on what a client has written in the provider's own dialect, and what comes back: changed
   * only where it has to be. `undefined`, and nothing was sent, where the answer would have to be
   * written anew: for that there are the other methods. Throws like {@linkcode Transport.stream}.
   */
  forward(
    request: ForwardRequest,
    options?: TransportRequestOptions,
  ): Promise<ForwardedAnswer | undefined>;
  /** How many input tokens a request has: upstream's count, or an estimate where it has none. */
  countTokens(request: GenerateRequest, options?: TransportRequestOptions): Promise<number>;
}

/** Creates the transport of one provider. */
export function createTransport(options: TransportOptions): Transport {
  // Begins at once, so that it is done when the first request comes.
  const opened: Promise<Transport> = loadApi(options.provider)
    .then((api) => new ProviderTransport(options, api));
  opened.catch(() => {});
  const open = () => opened;
  return {
    stream: async (request, options) => await (await open()).stream(request, options),
    generate: async (request, options) => await (await open()).generate(request, options),
    forward: async (request, options) => await (await open()).forward(request, options),
    countTokens: async (request, options) => await (await open()).countTokens(request, options),
  };
}

const DEFAULT_IDLE_TIMEOUT_MS = 120_000;
/** A whole answer comes without a sign of life until it is complete; official clients wait as long. */
const GENERATE_TIMEOUT_MS = 600_000;
const MAX_ERROR_BODY_BYTES = 64 * 1024;
const MAX_BODY_BYTES = 32 * 1024 * 1024;

/** What one attempt led to. */
type Attempt<T> =
  | { kind: "answered"; value: T }
  | { kind: "failed"; error: TransportError; repeatable: boolean };

/** One attempt: its request, its bearer, and its exchange. */
interface Sending {
  prepared: PreparedRequest;
  token: AccessToken;
  exchange: Exchange;
}

class ProviderTransport implements Transport {
  readonly #options: TransportOptions;
  readonly #runtime: Runtime;
  readonly #codec: RequestCodec;
  #answers: Promise<AnswerCodec> | undefined;
  readonly #rules: ApiRules;
  readonly #idleTimeoutMs: number;
  readonly #recoveries: Recoveries;
  #countsTokens: boolean;

  constructor(options: TransportOptions, { requests, rules }: Api) {
    this.#options = options;
    this.#runtime = resolveRuntime(options);
    this.#recoveries = new Recoveries(rules.recoveries);
    this.#codec = requests;
    this.#rules = rules;
    this.#idleTimeoutMs = options.idleTimeoutMs ?? DEFAULT_IDLE_TIMEOUT_MS;
    this.#countsTokens = this.#codec.countTokensPath !== undefined;
  }

  stream(
    request: GenerateRequest,
    options: TransportRequestOptions = {},
  ): Promise<EventStream> {
    const prepared = this.#prepare({ ...request, stream: true }, options);
    return this.#attempt(prepared, options, this.#idleTimeoutMs, async (sending) => {
      const body = this.#encode(sending);
      const answer = await this.#send(sending, this.#codec.path, body, "text/event-stream");
      if (answer.kind === "failed") return answer;
      return this.#openStream(sending, answer.value);
    });
  }

  generate(
    request: GenerateRequest,
    options: TransportRequestOptions = {},
  ): Promise<GenerateResponse> {
    const prepared = this.#prepare({ ...request, stream: false }, options);
    const timeoutMs = Math.max(GENERATE_TIMEOUT_MS, this.#idleTimeoutMs);
    return this.#attempt(prepared, options, timeoutMs, async (sending) => {
      const body = this.#encode(sending);
      const answer = await this.#send(sending, this.#codec.path, body, "application/json");
      if (answer.kind === "failed") return answer;
      const opened = await this.#openStream(sending, answer.value);
      if (opened.kind === "failed") return opened;
      return { kind: "answered", value: await collectStream(opened.value) };
    });
  }

  async forward(
    { request, clientModel, body }: ForwardRequest,
    options: TransportRequestOptions = {},
  ): Promise<ForwardedAnswer | undefined> {
    const prepared = this.#prepare(request, {});
    const { provider } = this.#options;
    const isScanned = provider.ignoresStopSequences && (request.stopSequences?.length ?? 0) > 0;
    if (isScanned || (prepared.tools?.size ?? 0) > 0) return undefined;
    prepared.notes.forEach((note) => options.onNote?.(note));
    const relays = await loadRelayCodec(provider.protocol);
    const timeoutMs = request.stream
      ? this.#idleTimeoutMs
      : Math.max(GENERATE_TIMEOUT_MS, this.#idleTimeoutMs);
    const accept = request.stream ? "text/event-stream" : "application/json";
    return await this.#attempt(prepared, options, timeoutMs, async (sending) => {
      const encoded = this.#codec.encodeRequest(sending.prepared.request);
      const isSame = body !== undefined &&
        isUntouched(body.json, this.#codec.encodeRequest(request), encoded);
      const bytes = isSame ? body.bytes : JSON.stringify(encoded);
      const answer = await this.#send(sending, this.#codec.path, bytes, accept);
      if (answer.kind === "failed") return answer;
      return await this.#relay(sending, answer.value, relays, clientModel);
    });
  }

  async #relay(
    sending: Sending,
    response: Response,
    relays: RelayCodec,
    clientModel: string,
  ): Promise<Attempt<ForwardedAnswer>> {
    const { exchange, prepared: { request } } = sending;
    const context = {
      ...this.#contextOf(request),
      model: clientModel,
      mendError: (error: StreamError) => conceal(error, sending.token),
    };
    const mediaType = readMediaType(response);
    if (request.stream && mediaType === "text/event-stream" && response.body !== null) {
      const stream = new UpstreamRelayedStream({
        exchange,
        reader: createChunkReader(response.body),
        relay: relays.createStreamRelay(context),
      });
      const error = await stream.open();
      return error === undefined
        ? { kind: "answered", value: { kind: "stream", stream } }
        : this.#failed(sending, error);
    }
    if (!request.stream && mediaType === "application/json") {
      const body = await this.#readJson(sending, response, MAX_BODY_BYTES);
      exchange.close();
      const decoded = body && (await this.#answerCodec()).decodeBody(body, context);
      if (body === undefined || decoded === undefined) {
        const error = { code: "upstream", message: "the answer is not JSON" } as const;
        return this.#failed(sending, error, false);
      }
      if (decoded.kind === "error") return this.#failed(sending, decoded.error);
      return { kind: "answered", value: { kind: "body", ...relays.relayBody(body, context) } };
    }
    const opened = await this.#openStream(sending, response);
    return opened.kind === "failed"
      ? opened
      : { kind: "answered", value: { kind: "events", events: opened.value } };
  }

  #encode({ prepared }: Sending): string {
    return JSON.stringify(this.#codec.encodeRequest(prepared.request));
  }

  async countTokens(
    request: GenerateRequest,
    options: TransportRequestOptions = {},
  ): Promise<number> {
    const { countTokensPath, encodeCountTokens } = this.#codec;
    const prepared = this.#prepare({ ...request, stream: false }, options);
    if (!this.#countsTokens || countTokensPath === undefined || encodeCountTokens === undefined) {
      return estimateInputTokens(prepared.request);
    }
    try {
      return await this.#attempt(prepared, options, this.#idleTimeoutMs, async (sending) => {
        const body = JSON.stringify(encodeCountTokens(sending.prepared.request));
        const answer = await this.#send(sending, countTokensPath, body, "application/json");
        if (answer.kind === "failed") return answer;
        const count = (await this.#readJson(sending, answer.value, MAX_ERROR_BODY_BYTES))
          ?.["input_tokens"];
        return typeof count === "number"
          ? { kind: "answered", value: count }
          : this.#failed(sending, { code: "not_found", message: "it does not count tokens" });
      });
    } catch (error) {
      if (!(error instanceof TransportError)) throw error;
      if (error.code !== "not_found" && error.code !== "invalid_request") throw error;
      this.#countsTokens = false;
      return estimateInputTokens(prepared.request);
    }
  }

  #prepare(request: GenerateRequest, { onNote }: TransportRequestOptions): PreparedRequest {
    const prepared = this.#rules.prepareRequest?.(request) ?? { request, notes: [] };
    if (onNote !== undefined) prepared.notes.forEach((note) => onNote(note));
    return { ...prepared, request: this.#recoveries.prepare(prepared.request) };
  }

  /** Runs attempts until one is answered, or until there is no point in another. */
  async #attempt<T>(
    prepared: PreparedRequest,
    { signal }: TransportRequestOptions,
    idleTimeoutMs: number,
    run: (sending: Sending) => Promise<Attempt<T>>,
  ): Promise<T> {
    const { source, provider, maxRetries = DEFAULT_MAX_RETRIES } = this.#options;
    const signals = [this.#runtime.signal, signal];
    const anySignal = AbortSignal.any(signals.filter((one) => one !== undefined));
    anySignal.throwIfAborted();
    let token = await source.get({ signal: anySignal });
    let renewed = false;
    const recovery = this.#recoveries.begin();
    for (let retry = 0;;) {
      const exchange = new Exchange(this.#runtime, {
        who: provider.shortName,
        idleTimeoutMs,
        totalTimeoutMs: this.#options.totalTimeoutMs,
        signals,
      });
      let result: Attempt<T>;
      try {
        result = await run({ prepared, token, exchange });
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
      const mended = recovery.mend(prepared.request, result.error);
      if (mended !== undefined) {
        prepared = { ...prepared, request: mended };
        continue;
      }
      const delayMs = result.repeatable
        ? retryDelayMs(result.error, retry++, maxRetries)
        : undefined;
      if (delayMs === undefined) throw result.error;
      await this.#runtime.sleep(delayMs, anySignal);
      token = await source.get({ signal: anySignal });
    }
  }

  /** Sends one request; what comes back with a success status is for the caller to read. */
  async #send(
    sending: Sending,
    path: string,
    body: string | Uint8Array<ArrayBuffer>,
    accept: string,
  ): Promise<Attempt<Response>> {
    const { token, exchange, prepared } = sending;
    const { provider, endpoints } = this.#options;
    let response: Response;
    try {
      const answering = this.#runtime.fetch(
        `${apiBaseUrlFor(endpoints, token.resourceUrl)}${path}`,
        {
          method: "POST",
          // These and no others: nothing of a client's or an environment's travels along.
          headers: {
            authorization: `Bearer ${token.value}`,
            "content-type": "application/json",
            accept,
            // Compression would hold events back until a block of it is full.
            ...(accept === "text/event-stream" ? { "accept-encoding": "identity" } : {}),
            "user-agent": this.#options.userAgent ?? "grantway",
            ...this.#codec.headers,
            ...endpoints.apiHeaders,
            ...conversationHeader(provider, prepared.request),
          },
          body,
          // Followed by hand or not at all: the bearer must not go where an answer points.
          redirect: "manual",
          signal: exchange.signal,
        },
      );
      // Not before: the first timer of a process takes milliseconds to load.
      exchange.watch();
      this.#answerCodec().catch(() => {});
      response = await answering;
    } catch (cause) {
      const { error, notSent } = exchange.explain(cause);
      return { kind: "failed", error, repeatable: notSent };
    }
    if (response.ok) return { kind: "answered", value: response };
    if (response.type === "opaqueredirect" || (response.status >= 300 && response.status < 400)) {
      response.body?.cancel().catch(() => {});
      return this.#failed(sending, {
        code: "upstream",
        message: "it answered with a redirect, which is not followed",
        status: response.status,
      });
    }
    const answers = await this.#answerCodec();
    return this.#failed(
      sending,
      answers.decodeFailure({
        status: response.status,
        body: await this.#readFailure(sending, response),
        retryAfterMs: parseRetryAfter(response.headers, this.#runtime.now()),
        requestId: readRequestId(response),
      }, this.#contextOf(prepared.request)),
    );
  }

  #answerCodec(): Promise<AnswerCodec> {
    return this.#answers ??= loadAnswerCodec(this.#options.provider.protocol);
  }

  #contextOf({ tools = [] }: GenerateRequest): UpstreamContext {
    return {
      origin: this.#options.provider.family,
      classify: this.#rules.classifyError,
      customTools: tools.flatMap((tool) =>
        tool.type === "function" && tool.custom ? [tool.name] : []
      ),
    };
  }

  /** Reads an answer up to its first event that means something. */
  async #openStream(
    sending: Sending,
    response: Response,
  ): Promise<Attempt<EventStream>> {
    const { exchange, prepared: { request, tools } } = sending;
    const context = this.#contextOf(request);
    const stops = this.#options.provider.ignoresStopSequences ? request.stopSequences : undefined;
    const scanner = createStopScanner(stops);
    const callerTools = createCallerTools(tools);
    const filter: EventFilter = (events) => {
      const restored = callerTools?.(events) ?? [...events];
      return scanner?.scan(restored) ?? restored;
    };
    const mediaType = readMediaType(response);
    // A server that names no type is taken at the word of the request.
    const isJson = mediaType === "application/json" || (mediaType === "" && !request.stream);
    if (isJson) {
      const body = await this.#readJson(sending, response, MAX_BODY_BYTES);
      exchange.close();
      if (body === undefined) {
        return this.#failed(
          sending,
          { code: "upstream", message: "the answer is not JSON" },
          false,
        );
      }
      const decoded = (await this.#answerCodec()).decodeBody(body, context);
      if (decoded.kind === "error") return this.#failed(sending, decoded.error);
      const events = filter(replayResponse(decoded.response));
      return { kind: "answered", value: new BufferedEventStream(events) };
    }
    if (mediaType !== "text/event-stream" && mediaType !== "") {
      response.body?.cancel().catch(() => {});
      return this.#failed(sending, {
        code: "upstream",
        message: `it answered with ${displayText(mediaType, 40)}, which is no answer`,
      }, false);
    }
    const stream = new UpstreamEventStream({
      exchange,
      reader: createChunkReader(response.body ?? new ReadableStream({ start: (c) => c.close() })),
      decoder: (await this.#answerCodec()).createStreamDecoder(context),
      filter,
      mendError: (error) => conceal(error, sending.token),
    });
    // Signs of life may come first; whether there is an answer shows after them.
    const first: StreamEvent[] = [];
    let head: StreamEvent | undefined;
    while (head === undefined) {
      first.push(...await stream.read() ?? []);
      head = first.find((event) => event.type !== "ping");
    }
    if (head.type === "error") return this.#failed(sending, head.error);
    stream.unread(first);
    return { kind: "answered", value: stream };
  }

  /** The body of a failed answer: an object, or a bare string, as JSON. */
  async #readFailure(
    { exchange }: Sending,
    response: Response,
  ): Promise<JsonObject | string | undefined> {
    try {
      const text = await readBoundedText(response.body, MAX_ERROR_BODY_BYTES);
      const value: unknown = JSON.parse(text);
      return isJsonObject(value) || typeof value === "string" ? value : undefined;
    } catch (error) {
      if (error instanceof BodyTooLargeError || error instanceof SyntaxError) return undefined;
      throw exchange.explain(error).error;
    }
  }

  /** The JSON object of a body; `undefined` when it is none, or too long. */
  async #readJson(
    { exchange }: Sending,
    response: Response,
    limitBytes: number,
  ): Promise<JsonObject | undefined> {
    try {
      return parseJsonObject(await readBoundedText(response.body, limitBytes));
    } catch (error) {
      if (error instanceof BodyTooLargeError) return undefined;
      throw exchange.explain(error).error;
    }
  }

  #failed(
    { token }: Sending,
    error: StreamError,
    repeatable: boolean = isMomentary(error),
  ): Attempt<never> {
    const { provider } = this.#options;
    return {
      kind: "failed",
      error: streamErrorToTransportError(conceal(error, token), {
        who: provider.shortName,
        hint: error.code === "unauthorized"
          ? loginHint(provider, token)
          : this.#rules.explainError?.(error),
      }),
      repeatable,
    };
  }
}
