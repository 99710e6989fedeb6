/**
 * One provider's API: requests out, answers back.
 *
 * It adds the bearer, repeats what may be repeated, renews a bearer that was refused, and turns every
 * failure into one kind of error. Choosing among accounts and providers is for others.
 *
 * @module
 */

import type { AccessTokenSource } from "../credentials/access_token.ts";
import { TransportError } from "../core/errors.ts";
import { resolveRuntime, type Runtime, type RuntimeOptions } from "../core/runtime.ts";
import type { RequestCodec } from "../protocols/codec.ts";
import type { GenerateRequest, GenerateResponse } from "../protocols/event.ts";
import { apiBaseUrlFor, type Endpoints } from "../providers/endpoints.ts";
import type { ApiRules, PreparedRequest, Provider } from "../providers/provider.ts";
import { ApiClient, type Attempt } from "../requests/api_client.ts";
import type { Answers, PreparedSending } from "./answers.ts";
import { type Api, loadAnswerCodec, loadApi, loadForwarding } from "./api.ts";
import type { EventStream } from "./event_stream.ts";
import { Recoveries } from "./recovery.ts";
import type { ForwardedAnswer, ForwardRequest } from "./relayed_answer.ts";
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
const MAX_COUNT_BODY_BYTES = 64 * 1024;

class ProviderTransport implements Transport {
  readonly #options: TransportOptions;
  readonly #runtime: Runtime;
  readonly #client: ApiClient;
  readonly #codec: RequestCodec;
  #answers: Promise<Answers> | undefined;
  readonly #rules: ApiRules;
  readonly #idleTimeoutMs: number;
  readonly #recoveries: Recoveries;
  #countsTokens: boolean;

  constructor(options: TransportOptions, { requests, rules }: Api) {
    this.#options = options;
    const { explainError } = rules;
    this.#runtime = resolveRuntime(options);
    this.#client = new ApiClient({ ...options, explainError }, this.#runtime);
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
      return (await this.#loadAnswers()).openStream(sending, answer.value);
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
      return (await this.#loadAnswers()).collect(sending, answer.value);
    });
  }

  async forward(
    asked: ForwardRequest,
    options: TransportRequestOptions = {},
  ): Promise<ForwardedAnswer | undefined> {
    const { request, body } = asked;
    const prepared = this.#prepare(request, {});
    const { provider } = this.#options;
    const isScanned = provider.ignoresStopSequences && (request.stopSequences?.length ?? 0) > 0;
    if (isScanned || (prepared.tools?.size ?? 0) > 0) return undefined;
    prepared.notes.forEach((note) => options.onNote?.(note));
    const { forwardBody, relays } = await loadForwarding(provider.protocol);
    const timeoutMs = request.stream
      ? this.#idleTimeoutMs
      : Math.max(GENERATE_TIMEOUT_MS, this.#idleTimeoutMs);
    const accept = request.stream ? "text/event-stream" : "application/json";
    return await this.#attempt(prepared, options, timeoutMs, async (sending) => {
      const bytes = forwardBody(body, request, sending.prepared.request, this.#codec);
      const answer = await this.#send(sending, this.#codec.path, bytes, accept);
      if (answer.kind === "failed") return answer;
      return (await this.#loadAnswers()).relay(sending, answer.value, relays, asked);
    });
  }

  /**
   * What reads the answers, loaded when the first one is there: to load it sooner would take the thread
   * that sends the request.
   */
  #loadAnswers(): Promise<Answers> {
    return this.#answers ??= this.#openAnswers();
  }

  async #openAnswers(): Promise<Answers> {
    const { provider } = this.#options;
    const [codec, { Answers }] = await Promise.all([
      loadAnswerCodec(provider.protocol),
      import("./answers.ts"),
    ]);
    const { now } = this.#runtime;
    return new Answers({ provider, rules: this.#rules, codec, client: this.#client, now });
  }

  #encode({ prepared }: PreparedSending): string {
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
        const count = (await this.#client.readJson(sending, answer.value, MAX_COUNT_BODY_BYTES))
          ?.["input_tokens"];
        return typeof count === "number"
          ? { kind: "answered", value: count }
          : this.#client.failed(sending, {
            code: "not_found",
            message: "it does not count tokens",
          });
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
  #attempt<T>(
    prepared: PreparedRequest,
    { signal }: TransportRequestOptions,
    idleTimeoutMs: number,
    run: (sending: PreparedSending) => Promise<Attempt<T>>,
  ): Promise<T> {
    const recovery = this.#recoveries.begin();
    const mend = (error: TransportError): boolean => {
      const mended = recovery.mend(prepared.request, error);
      if (mended !== undefined) prepared = { ...prepared, request: mended };
      return mended !== undefined;
    };
    const { totalTimeoutMs } = this.#options;
    return this.#client.attempt(
      { signal, idleTimeoutMs, totalTimeoutMs, mend },
      (sending) => run({ ...sending, prepared }),
    );
  }

  /** Sends one request; what comes back with a success status is for the caller to read. */
  #send(
    sending: PreparedSending,
    path: string,
    body: string | Uint8Array<ArrayBuffer>,
    accept: string,
  ): Promise<Attempt<Response>> {
    const { token, prepared } = sending;
    const { provider, endpoints } = this.#options;
    return this.#client.send(sending, {
      url: `${apiBaseUrlFor(endpoints, token.resourceUrl)}${path}`,
      headers: {
        "content-type": "application/json",
        accept,
        // Compression would hold events back until a block of it is full.
        ...(accept === "text/event-stream" ? { "accept-encoding": "identity" } : {}),
        ...this.#codec.headers,
        ...endpoints.apiHeaders,
        ...conversationHeader(provider, prepared.request),
      },
      body,
      decodeFailure: async (answer) =>
        (await this.#loadAnswers()).decodeFailure(answer, prepared.request),
    });
  }
}

/** A key that is no header value is left to the body alone. */
function conversationHeader(
  { conversationHeader: name }: Provider,
  { promptCacheKey }: GenerateRequest,
): Record<string, string> {
  return name !== undefined && promptCacheKey !== undefined &&
      /^[\x21-\x7e]{1,256}$/.test(promptCacheKey)
    ? { [name]: promptCacheKey }
    : {};
}
