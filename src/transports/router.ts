/**
 * Answers clients of any dialect from any provider.
 *
 * A client that speaks the provider's own dialect gets upstream's bytes, changed only where they have
 * to be; any other gets a translation. Which provider answers a model's name is its caller's to say.
 * It knows `Request` bodies and `Response`s, and no framework.
 *
 * @module
 */

import type { JsonObject } from "../core/http.ts";
import { createTextWriter } from "../core/text_writer.ts";
import { resolveRuntime, type Runtime, type RuntimeOptions } from "../core/runtime.ts";
import type { AnswerContext, ClientCodec } from "../protocols/codec.ts";
import type {
  Dialect,
  GenerateRequest,
  GenerateResponse,
  StreamError,
  StreamEvent,
  Usage,
} from "../protocols/event.ts";
import type { Provider } from "../providers/provider.ts";
import { type AnswerSource, createAnswerStream } from "./answer_stream.ts";
import { encodeErrorResponse } from "./client_error.ts";
import {
  type ClientCall,
  type ClientRequest,
  conversationOf,
  loadClientCodec,
  readClientRequest,
} from "./client_request.ts";
import { collectStream } from "./collect.ts";
import type { EventStream } from "./event_stream.ts";
import type { RelayedStream } from "./relayed_answer.ts";
import type { Transport, TransportRequestOptions } from "./transport.ts";

/** Who answers a request. */
export interface Target {
  /** The provider. */
  provider: Provider;
  /** The way to it. */
  transport: Transport;
  /** The provider's own name of the model. */
  model: string;
}

/** What one answer has cost. */
export interface UsageReport {
  /** The provider's id. */
  provider: string;
  /** The provider's own name of the model. */
  model: string;
  /** The client's dialect. */
  dialect: Dialect;
  /** Token counts, as far as upstream has told them; `undefined` where it has told none. */
  usage: Usage | undefined;
  /** How the answer ended: to the end, with an error after its start, or left by the client. */
  outcome: "completed" | "failed" | "cancelled";
  /** Id of the request. */
  requestId?: string | undefined;
}

/** How a router is set up. */
export interface RouterOptions extends RuntimeOptions {
  /**
   * Who answers. A `GrantwayError` that it throws becomes the client's answer: `not_found` for a
   * model that nobody has.
   */
  resolve: (model: string, request: ClientRequest) => Target | Promise<Target>;
  /** The longest silence of a streamed answer before a sign of life, ms. Default: 12,000. */
  heartbeatMs?: number | undefined;
  /** Told what an answer has cost, after its last byte. */
  onUsage?: ((report: UsageReport) => void) | undefined;
}

/** Answers clients. */
export interface Router {
  /**
   * Answers a request for a message, streamed or whole. Failures are answers too, in the client's
   * dialect.
   *
   * @throws The signal's reason, unchanged, when the client leaves before its answer begins.
   */
  generate(call: ClientCall): Promise<Response>;
  /** Answers how many input tokens a request has: in the forms of Messages and of Responses. */
  countTokens(call: ClientCall): Promise<Response>;
}

/** In the middle of the 10 to 15 s that clients and proxies are known to wait. */
const DEFAULT_HEARTBEAT_MS = 12_000;

/** The header that tells what of a request could not be kept. */
const NOTES_HEADER = "grantway-notes";
const MAX_NOTES_LENGTH = 1_000;

const STREAM_HEADERS = {
  "content-type": "text/event-stream; charset=utf-8",
  "cache-control": "no-cache, no-transform",
  "x-accel-buffering": "no",
};

/** Creates a router. */
export function createRouter(options: RouterOptions): Router {
  const runtime = resolveRuntime(options);
  const answer = async (call: ClientCall, run: (answering: Answering) => Promise<Response>) => {
    const codec = await loadClientCodec(call.dialect);
    try {
      call.signal?.throwIfAborted();
      const client = await readClientRequest(call);
      const target = await options.resolve(client.request.model, client);
      return await run(new Answering(options, runtime, codec, call, client, target));
    } catch (error) {
      call.signal?.throwIfAborted();
      return encodeErrorResponse(call.dialect, error, call.requestId);
    }
  };
  return {
    generate: (call) => answer(call, (answering) => answering.generate()),
    countTokens: (call) => answer(call, (answering) => answering.countTokens()),
  };
}

/** One request while it is answered. */
class Answering {
  readonly #options: RouterOptions;
  readonly #runtime: Runtime;
  readonly #codec: ClientCodec;
  readonly #call: ClientCall;
  readonly #client: ClientRequest;
  readonly #target: Target;
  readonly #notes = new Set<string>();

  constructor(
    options: RouterOptions,
    runtime: Runtime,
    codec: ClientCodec,
    call: ClientCall,
    client: ClientRequest,
    target: Target,
  ) {
    this.#options = options;
    this.#runtime = runtime;
    this.#codec = codec;
    this.#call = call;
    this.#client = client;
    this.#target = target;
  }

  async generate(): Promise<Response> {
    for (const note of this.#client.notes) this.#notes.add(note);
    const { provider } = this.#target;
    if (provider.protocol === this.#client.dialect) return await this.#passThrough();
    for (const note of this.#codec.checkTranslation(this.#client.request)) this.#notes.add(note);
    return await this.#translate();
  }

  async countTokens(): Promise<Response> {
    const { transport } = this.#target;
    const count = await transport.countTokens(this.#request(), this.#requestOptions());
    return this.#json(
      this.#client.dialect === "messages"
        ? { input_tokens: count }
        : { object: "response.input_tokens", input_tokens: count },
    );
  }

  /** What the provider is asked. */
  #request(): GenerateRequest {
    const { request } = this.#client;
    const conversation = request.promptCacheKey ?? this.#call.conversation ??
      conversationOf(this.#client);
    return {
      ...request,
      model: this.#target.model,
      ...(conversation === undefined ? {} : { promptCacheKey: conversation }),
    };
  }

  #requestOptions(): TransportRequestOptions {
    return { signal: this.#call.signal, onNote: (note) => this.#notes.add(note) };
  }

  async #passThrough(): Promise<Response> {
    const { request, body, hasSeals } = this.#client;
    const { transport } = this.#target;
    const answer = await transport.forward({
      request: this.#request(),
      clientModel: request.model,
      body: hasSeals ? undefined : body,
    }, this.#requestOptions());
    switch (answer?.kind) {
      case "stream":
        return this.#streamBytes(answer.stream);
      case "body":
        this.#report(answer.usage, "completed");
        return this.#json(answer.body);
      case "events":
        return request.stream
          ? this.#streamEvents(answer.events)
          : this.#whole(await collectStream(answer.events));
      default:
        return await this.#translate();
    }
  }

  async #translate(): Promise<Response> {
    const { transport } = this.#target;
    return this.#client.request.stream
      ? this.#streamEvents(await transport.stream(this.#request(), this.#requestOptions()))
      : this.#whole(await transport.generate(this.#request(), this.#requestOptions()));
  }

  #whole(response: GenerateResponse): Response {
    this.#report(response.usage, "completed");
    return this.#json(this.#codec.encodeResponse(response, this.#context()));
  }

  #context(): AnswerContext {
    return { request: this.#client.request, createdAt: this.#runtime.now() };
  }

  #streamBytes(stream: RelayedStream): Response {
    return this.#stream(stream, () => stream);
  }

  #streamEvents(events: EventStream): Response {
    const stream = this.#codec.createStreamEncoder(this.#context());
    const writeText = createTextWriter();
    const seen: Seen = { usage: undefined, error: undefined, ended: false };
    return this.#stream({
      read: async () => {
        for (;;) {
          const batch = await events.read();
          if (batch === null) return null;
          look(batch, seen);
          const text = stream.write(batch);
          if (text !== "") return writeText(text);
        }
      },
      cancel: () => events.cancel(),
      heartbeat: () => writeText(stream.write([{ type: "ping" }])),
    }, () => seen);
  }

  #stream(
    source: AnswerSource,
    seen: () => Readonly<Seen>,
  ): Response {
    const body = createAnswerStream(source, {
      runtime: this.#runtime,
      heartbeatMs: this.#options.heartbeatMs ?? DEFAULT_HEARTBEAT_MS,
      left: this.#call.left,
      onEnd: (how) => {
        const { usage, error, ended } = seen();
        // Many clients leave with the last event instead of waiting for the end.
        const outcome = ended ? "completed" : how;
        this.#report(usage, error === undefined ? outcome : "failed");
      },
    });
    return new Response(body, { headers: { ...STREAM_HEADERS, ...this.#headers() } });
  }

  #json(body: JsonObject): Response {
    return Response.json(body, { headers: { "cache-control": "no-store", ...this.#headers() } });
  }

  #headers(): Record<string, string> {
    const { requestId } = this.#call;
    const notes = [...this.#notes].join("; ").replace(/[^\x20-\x7e]/g, "?");
    return {
      ...(requestId === undefined
        ? {}
        : { [this.#client.dialect === "messages" ? "request-id" : "x-request-id"]: requestId }),
      ...(notes === "" ? {} : { [NOTES_HEADER]: notes.slice(0, MAX_NOTES_LENGTH) }),
    };
  }

  /** Later: nobody waits for the books. */
  #report(usage: Usage | undefined, outcome: UsageReport["outcome"]): void {
    const { onUsage } = this.#options;
    if (onUsage === undefined) return;
    const { provider, model } = this.#target;
    const { dialect } = this.#client;
    const { requestId } = this.#call;
    queueMicrotask(() =>
      onUsage({ provider: provider.id, model, dialect, usage, outcome, requestId })
    );
  }
}

/** What is known of an answer's end. */
interface Seen {
  usage: Usage | undefined;
  error: StreamError | undefined;
  /** Its last event is there. */
  ended: boolean;
}

/** Only the first and the last event of an answer tell of its cost. */
function look(events: readonly StreamEvent[], seen: Seen): void {
  const first = events[0]!;
  if (first.type === "message_start") seen.usage = first.usage;
  const last = events[events.length - 1]!;
  if (last.type === "error") seen.error = last.error;
  else if (last.type === "message_end") {
    seen.usage = last.usage;
    seen.ended = true;
  }
}
