/**
 * What comes back from a provider's API: events, or bytes for a client of the same dialect.
 *
 * It reads an answer far enough to know that it is one. What fails before that may be asked again.
 *
 * @module
 */

import { displayText } from "../core/redact.ts";
import type { AnswerCodec, FailedAnswer, UpstreamContext } from "../protocols/codec.ts";
import type {
  GenerateRequest,
  GenerateResponse,
  StreamError,
  StreamEvent,
} from "../protocols/event.ts";
import type { RelayCodec } from "../protocols/relay.ts";
import type { ApiRules, PreparedRequest, Provider } from "../providers/provider.ts";
import {
  type ApiClient,
  type Attempt,
  conceal,
  readMediaType,
  type Sending,
} from "../requests/api_client.ts";
import { createCallerTools, type EventFilter } from "./caller_tools.ts";
import { createChunkReader } from "./chunk_reader.ts";
import { collectStream, replayResponse } from "./collect.ts";
import { BufferedEventStream, type EventStream, UpstreamEventStream } from "./event_stream.ts";
import {
  type ForwardedAnswer,
  type ForwardRequest,
  UpstreamRelayedStream,
} from "./relayed_answer.ts";
import { createStopScanner } from "./stop_sequences.ts";

/** One attempt, with the request it is about. */
export interface PreparedSending extends Sending {
  /** The request, fit for the API. */
  prepared: PreparedRequest;
}

/** Whose answers are read. */
export interface AnswersOptions {
  /** Whose. */
  provider: Provider;
  /** What its API asks beyond its protocol. */
  rules: ApiRules;
  /** Reads its dialect. */
  codec: AnswerCodec;
  /** What has sent the request. */
  client: ApiClient;
  /** Wall clock, ms since the epoch. */
  now: () => number;
}

const MAX_BODY_BYTES = 32 * 1024 * 1024;

/** Reads the answers of one provider. */
export class Answers {
  readonly #options: AnswersOptions;
  readonly #client: ApiClient;

  constructor(options: AnswersOptions) {
    this.#options = options;
    this.#client = options.client;
  }

  /** Judges an answer whose status says failure. */
  decodeFailure(answer: FailedAnswer, request: GenerateRequest): StreamError {
    return this.#options.codec.decodeFailure(answer, this.#contextOf(request));
  }

  /** What the codec must know of the provider, and of the request. */
  #contextOf({ tools = [] }: GenerateRequest): UpstreamContext {
    return {
      origin: this.#options.provider.family,
      classify: this.#options.rules.classifyError,
      customTools: tools.flatMap((tool) =>
        tool.type === "function" && tool.custom ? [tool.name] : []
      ),
    };
  }

  /** Reads a whole answer. */
  async collect(
    sending: PreparedSending,
    response: Response,
  ): Promise<Attempt<GenerateResponse>> {
    const opened = await this.openStream(sending, response);
    return opened.kind === "failed"
      ? opened
      : { kind: "answered", value: await collectStream(opened.value) };
  }

  /** Reads an answer up to its first event that means something. */
  async openStream(
    sending: PreparedSending,
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
      const body = await this.#client.readJson(sending, response, MAX_BODY_BYTES);
      exchange.finish();
      if (body === undefined) {
        return this.#client.failed(
          sending,
          { code: "upstream", message: "the answer is not JSON" },
          false,
        );
      }
      const decoded = this.#options.codec.decodeBody(body, context);
      if (decoded.kind === "error") return this.#client.failed(sending, decoded.error);
      const events = filter(replayResponse(decoded.response));
      return { kind: "answered", value: new BufferedEventStream(events) };
    }
    if (mediaType !== "text/event-stream" && mediaType !== "") {
      response.body?.cancel().catch(() => {});
      return this.#client.failed(sending, {
        code: "upstream",
        message: `it answered with ${displayText(mediaType, 40)}, which is no answer`,
      }, false);
    }
    const stream = new UpstreamEventStream({
      exchange,
      reader: createChunkReader(response.body ?? new ReadableStream({ start: (c) => c.close() })),
      decoder: this.#options.codec.createStreamDecoder(context),
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
    if (head.type === "error") return this.#client.failed(sending, head.error);
    stream.unread(first);
    return { kind: "answered", value: stream };
  }

  /** Passes an answer on to a client of the same dialect. */
  async relay(
    sending: PreparedSending,
    response: Response,
    relays: RelayCodec,
    { request: asked, clientModel }: ForwardRequest,
  ): Promise<Attempt<ForwardedAnswer>> {
    const { exchange, prepared: { request } } = sending;
    const context = {
      ...this.#contextOf(request),
      model: clientModel,
      request: asked,
      createdAt: this.#options.now(),
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
        : this.#client.failed(sending, error);
    }
    if (!request.stream && mediaType === "application/json") {
      const body = await this.#client.readJson(sending, response, MAX_BODY_BYTES);
      exchange.finish();
      const decoded = body && this.#options.codec.decodeBody(body, context);
      if (body === undefined || decoded === undefined) {
        const error = { code: "upstream", message: "the answer is not JSON" } as const;
        return this.#client.failed(sending, error, false);
      }
      if (decoded.kind === "error") return this.#client.failed(sending, decoded.error);
      return { kind: "answered", value: { kind: "body", ...relays.relayBody(body, context) } };
    }
    const opened = await this.openStream(sending, response);
    return opened.kind === "failed"
      ? opened
      : { kind: "answered", value: { kind: "events", events: opened.value } };
  }
}
