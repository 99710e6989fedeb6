/**
 * One provider's media API: what the requests for speech, images and videos have in common.
 *
 * @module
 */

import { TransportError } from "../core/errors.ts";
import type { JsonObject } from "../core/http.ts";
import { resolveRuntime, type Runtime, type RuntimeOptions } from "../core/runtime.ts";
import type { AccessTokenSource } from "../credentials/access_token.ts";
import { isJsonObject } from "../core/http.ts";
import type { StreamError } from "../protocols/event.ts";
import {
  decodeResponsesFailure,
  judgeFailure,
  readFailure,
} from "../protocols/responses/decode_failure.ts";
import type { Endpoints, MediaEndpoints } from "../providers/endpoints.ts";
import type { ApiRules, MediaSettings, Provider } from "../providers/provider.ts";
import {
  ApiClient,
  type ApiRequest,
  type Attempt,
  readMediaType,
  type Sending,
} from "../requests/api_client.ts";
import type { Exchange } from "../requests/exchange.ts";

/** Whose media, and with which bearer. */
export interface MediaOptions extends RuntimeOptions {
  /** Whose API. */
  provider: Provider;
  /** Where it is, and where its bearer may go. */
  endpoints: Endpoints;
  /** Hands out the bearer of each request. */
  source: AccessTokenSource;
  /** The longest silence of the API before a request is given up, ms. Default: 300,000. */
  idleTimeoutMs?: number | undefined;
  /** How often a request is repeated that was refused for the moment. Default: 2. */
  maxRetries?: number | undefined;
  /** The `user-agent` header. Default: `grantway`. */
  userAgent?: string | undefined;
}

/** One request. */
export interface MediaRequest {
  /** Default: POST. */
  method?: "GET" | "POST" | undefined;
  /** Path below the API base. */
  path: string;
  /** Media type that is wanted. */
  accept: string;
  /** Headers besides those that every request has. */
  headers?: Record<string, string> | undefined;
  /** The body as JSON. */
  json?: JsonObject | undefined;
  /** The body, made anew for each attempt. */
  body?: ((exchange: Exchange) => BodyInit) | undefined;
  /** Whether it may be sent again where nobody knows what became of it. Default: false. */
  isRepeatable?: boolean | undefined;
  /** Id of the credential that it has to be sent with. Default: whichever the source has. */
  credential?: string | undefined;
}

/** A success, as `call` hands it over: what it is worth is for the reader to say. */
export interface MediaAnswer extends Sending {
  /** The answer. */
  response: Response;
  /** Its media type, bare and in lower case. */
  mediaType: string;
}

/** Pictures take a while, without a byte before they are there. */
const DEFAULT_IDLE_TIMEOUT_MS = 300_000;

/** A provider's media API. */
export class MediaApi {
  /** For messages. */
  readonly who: string;
  /** What the provider has. */
  readonly settings: MediaSettings;
  /** Where it is. */
  readonly endpoints: MediaEndpoints;
  /** Clock, waits and network. */
  readonly runtime: Runtime;
  /** The longest silence, ms. */
  readonly idleTimeoutMs: number;
  readonly #client: ApiClient;
  readonly #rules: ApiRules;
  readonly #family: string;

  private constructor(
    options: MediaOptions,
    rules: ApiRules,
    settings: MediaSettings,
    endpoints: MediaEndpoints,
  ) {
    const { provider } = options;
    this.who = provider.shortName;
    this.settings = settings;
    this.endpoints = endpoints;
    this.runtime = resolveRuntime(options);
    this.idleTimeoutMs = options.idleTimeoutMs ?? DEFAULT_IDLE_TIMEOUT_MS;
    this.#rules = rules;
    this.#family = provider.family;
    const explainError = rules.explainMediaError ?? rules.explainError;
    this.#client = new ApiClient({ ...options, explainError }, this.runtime);
  }

  /**
   * Opens the API of a provider.
   *
   * @throws {TransportError} `unsupported` for a provider that makes no media.
   */
  static async open(options: MediaOptions): Promise<MediaApi> {
    const { provider, endpoints } = options;
    if (provider.media === undefined || endpoints.media === undefined) {
      throw new TransportError(
        "unsupported",
        `Cannot make media with ${provider.shortName}: it offers none`,
      );
    }
    return new MediaApi(options, await provider.loadRules(), provider.media, endpoints.media);
  }

  /** Sends a request until it is answered; `read` makes something of a success. */
  call<T>(
    request: MediaRequest,
    read: (answer: MediaAnswer) => Promise<Attempt<T>>,
  ): Promise<T> {
    const { idleTimeoutMs } = this;
    return this.#client.attempt({ idleTimeoutMs }, async (sending) => {
      const { json } = request;
      const { credential } = sending.token;
      if (request.credential !== undefined && request.credential !== credential.id) {
        throw new TransportError(
          "invalid_request",
          `Cannot ask ${this.who} for it: it belongs to another account than ${credential.label}`,
        );
      }
      const answer = await this.#client.send(
        sending,
        {
          method: request.method,
          url: `${this.endpoints.apiBaseUrl}${request.path}`,
          headers: {
            accept: request.accept,
            ...(json === undefined ? {} : { "content-type": "application/json" }),
            ...request.headers,
          },
          body: json === undefined ? request.body?.(sending.exchange) : JSON.stringify(json),
          isRepeatable: request.isRepeatable,
          decodeFailure: (failed) => decodeResponsesFailure(failed, this.#context()),
        } satisfies ApiRequest,
      );
      if (answer.kind === "failed") return answer;
      const { value: response } = answer;
      return await read({ ...sending, response, mediaType: readMediaType(response) });
    });
  }

  /** The JSON object of a success; what it should be and is not fails the attempt. */
  async readJson(answer: MediaAnswer, limitBytes: number): Promise<Attempt<JsonObject>> {
    const { response, mediaType, exchange } = answer;
    if (mediaType !== "application/json") return this.unexpected(answer);
    const body = await this.#client.readJson(answer, response, limitBytes);
    exchange.close();
    if (body === undefined) {
      const error = { code: "upstream", message: "the answer is not JSON" } as const;
      return this.#client.failed(answer, error, false);
    }
    // A failure under a success status. A job that has failed says `status` as well: that is an answer.
    const facts = "status" in body ? undefined : readFailure(body);
    return facts === undefined
      ? { kind: "answered", value: body }
      : this.failed(answer, judgeFailure(facts, this.#context()));
  }

  /** Fails an attempt whose answer is of another kind than what was asked for. */
  unexpected({ response, mediaType, ...sending }: MediaAnswer): Attempt<never> {
    response.body?.cancel().catch(() => {});
    const kind = /^[\w.+/-]{1,60}$/.test(mediaType) ? mediaType : "something";
    return this.failed(sending, {
      code: "upstream",
      message: `it answered with ${kind}, which is no answer`,
    });
  }

  /** Fails an attempt; what costs is not asked for again. */
  failed(sending: Sending, error: StreamError): Attempt<never> {
    return this.#client.failed(sending, error, false);
  }

  /** Judges an `error` that an answer tells of: an object, or words. */
  judge(error: unknown): StreamError {
    const body = { error: isJsonObject(error) || typeof error === "string" ? error : {} };
    return judgeFailure(readFailure(body) ?? {}, this.#context());
  }

  #context(): { origin: string; classify: ApiRules["classifyError"] } {
    return { origin: this.#family, classify: this.#rules.classifyError };
  }
}

/** A number of a server's; `undefined` for anything else. */
export function readNumber(value: unknown): number | undefined {
  return typeof value === "number" && Number.isFinite(value) ? value : undefined;
}

/** A text of a server's; `undefined` for none. */
export function readText(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** Refuses a request before it is sent. */
export function refuse(action: string, problem: string): never {
  throw new TransportError("invalid_request", `Cannot ${action}: ${problem}`);
}
