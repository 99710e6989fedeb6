/**
 * What every dialect's codec offers: to the code that talks to an upstream in it, and to the code that
 * answers a client in it.
 *
 * @module
 */

import type { ErrorCode } from "../core/errors.ts";
import type { JsonObject } from "../core/http.ts";
import type {
  Dialect,
  GenerateRequest,
  GenerateResponse,
  StreamError,
  StreamErrorCode,
  StreamEvent,
} from "./event.ts";

/** What an upstream said when it failed: read, not yet judged. */
export interface FailureFacts {
  /** HTTP status; absent inside a stream and under a success status. */
  status?: number | undefined;
  /** The protocol's own error type. */
  type?: string | undefined;
  /** The vendor's own code, as text. */
  code?: string | undefined;
  /** A machine-readable mark that the server put into its words; taken out of `message`. */
  tag?: string | undefined;
  /** Its words, safe to print. */
  message?: string | undefined;
  /** How long it asks to wait, ms. */
  retryAfterMs?: number | undefined;
  /** Its id of the request. */
  requestId?: string | undefined;
}

/** A class of failure, with how long it lasts where the vendor is known not to say so itself, ms. */
export type FailureVerdict = StreamErrorCode | { code: StreamErrorCode; retryAfterMs: number };

/** A vendor's judgement of a failure; `undefined` leaves it to the protocol's own rules. */
export type ClassifyFailure = (facts: FailureFacts) => FailureVerdict | undefined;

/** What a codec must know of the upstream it reads. */
export interface UpstreamContext {
  /** Provider family, written into the provenance of thinking blocks: `minimax`, `xai`. */
  origin: string;
  /** The vendor's judgement of failures. */
  classify?: ClassifyFailure | undefined;
  /** Names of the request's tools that take free text; calls of other such tools are upstream's own. */
  customTools?: readonly string[] | undefined;
}

/** Bytes of one streamed answer in, events out. */
export interface StreamDecoder {
  /** The events that these bytes complete. Nothing follows `message_end` or `error`. */
  feed(bytes: Uint8Array): StreamEvent[];
  /** The bytes are over: the events still due, an `error` if the answer was cut short. */
  end(): StreamEvent[];
}

/** An answer's JSON body, read. */
export type DecodedBody =
  | { kind: "response"; response: GenerateResponse }
  | { kind: "error"; error: StreamError };

/** What is known of a failed answer besides its body. */
export interface FailedAnswer {
  /** HTTP status. */
  status: number;
  /** Its JSON body; a string where that was all; `undefined` where it had none. */
  body: JsonObject | string | undefined;
  /** From its headers, ms. */
  retryAfterMs?: number | undefined;
  /** From its headers. */
  requestId?: string | undefined;
}

/** The half of a dialect that asks an upstream. */
export interface RequestCodec {
  /** Which dialect. */
  dialect: Dialect;
  /** Path of the generating endpoint below the API base. */
  path: string;
  /** Path of the endpoint that counts input tokens, where the dialect has one. */
  countTokensPath?: string | undefined;
  /** Headers that the dialect asks for. */
  headers: Readonly<Record<string, string>>;
  /** The request's JSON body. */
  encodeRequest(request: GenerateRequest): JsonObject;
  /** The JSON body of a request to count tokens. */
  encodeCountTokens?(request: GenerateRequest): JsonObject;
}

/** The half of a dialect that reads what an upstream answers. */
export interface AnswerCodec {
  /** A decoder for one streamed answer. */
  createStreamDecoder(context: UpstreamContext): StreamDecoder;
  /** Reads the JSON body of an answer whose status says success; it may hold an error all the same. */
  decodeBody(body: JsonObject, context: UpstreamContext): DecodedBody;
  /** Judges an answer whose status says failure. */
  decodeFailure(answer: FailedAnswer, context: UpstreamContext): StreamError;
}

/** One dialect, as spoken to an upstream. */
export interface UpstreamCodec extends RequestCodec, AnswerCodec {}

/** What an answer to a client depends on besides what upstream says. */
export interface AnswerContext {
  /** The client's request as it was decoded: with the client's own name of the model. */
  request: GenerateRequest;
  /** When the answer began, ms since the epoch. */
  createdAt: number;
}

/** Turns the events of one answer into the text of its stream. */
export interface StreamEncoder {
  /**
   * The text for these events, empty for none. A `ping` becomes a sign of life, whatever was sent
   * before; `message_end` and `error` are followed by nothing.
   */
  write(events: readonly StreamEvent[]): string;
}

/** Why a client gets no answer. */
export interface AnswerError {
  /** The class of the failure. */
  code: ErrorCode;
  /** For a person. Holds no secret. */
  message: string;
  /** How long to wait, ms. */
  retryAfterMs?: number | undefined;
  /** Id of the request, for logs. */
  requestId?: string | undefined;
}

/** A failed answer as its client expects it. */
export interface EncodedError {
  /** HTTP status. */
  status: number;
  /** Headers besides the content type. */
  headers: Readonly<Record<string, string>>;
  /** JSON body. */
  body: JsonObject;
}

/** One dialect, as spoken by a client. */
export interface ClientCodec {
  /** Which. */
  dialect: Dialect;
  /**
   * Reads a request body.
   *
   * @throws {GrantwayError} `invalid_request` when a field is not what the dialect says; the message
   * names the field.
   */
  decodeRequest(body: JsonObject): GenerateRequest;
  /** Whether a request body that could be read holds sealed reasoning in an envelope of ours. */
  hasSeals?(body: JsonObject): boolean;
  /**
   * What another dialect cannot say of a request of this one: a sentence for each wish that is left
   * out, without which the answer is still an answer.
   *
   * @throws {GrantwayError} `unsupported` when it would be none.
   */
  checkTranslation(request: GenerateRequest): readonly string[];
  /** The JSON body of a whole answer. */
  encodeResponse(response: GenerateResponse, context: AnswerContext): JsonObject;
  /** An encoder for one streamed answer. */
  createStreamEncoder(context: AnswerContext): StreamEncoder;
  /** A failure before the first byte. `status` stands in for the class's own where it is known better. */
  encodeError(error: AnswerError, status?: number): EncodedError;
}
