/**
 * What the transport tests share: a token source, a clock, and upstreams made of prepared answers.
 *
 * @module
 */

import type { AccessTokenSource, GetTokenOptions } from "../../src/credentials/access_token.ts";
import type { GenerateRequest } from "../../src/protocols/event.ts";
import { resolveEndpoints } from "../../src/providers/endpoints.ts";
import { minimaxOAuth } from "../../src/providers/minimax/provider.ts";
import {
  createTransport,
  type Transport,
  type TransportOptions,
} from "../../src/transports/transport.ts";

export const REQUEST: GenerateRequest = {
  model: "MiniMax-M2.7",
  messages: [{ role: "user", content: [{ type: "text", text: "Hello" }] }],
  stream: true,
};

/** A request that says `text`. */
export function say(text: string, more: Partial<GenerateRequest> = {}): GenerateRequest {
  return { ...REQUEST, messages: [{ role: "user", content: [{ type: "text", text }] }], ...more };
}

/** Hands out `values` in turn: the next one each time the current one is rejected. */
export function tokenSource(
  values: string[],
  more: { resourceUrl?: string; expiresAt?: number | null; region?: string } = {},
): AccessTokenSource & { calls: GetTokenOptions[] } {
  let generation = 0;
  const calls: GetTokenOptions[] = [];
  return {
    calls,
    get: (options = {}) => {
      calls.push(options);
      if (options.rejectedGeneration === generation && generation < values.length - 1) generation++;
      return Promise.resolve({
        value: values[generation]!,
        generation,
        expiresAt: more.expiresAt === undefined ? 9e15 : more.expiresAt,
        credential: {
          provider: "minimax-oauth",
          id: "abcd1234",
          label: "test",
          region: more.region ?? "global",
        },
        resourceUrl: more.resourceUrl,
      });
    },
  };
}

/** Sleeps below a minute pass at once and are noted; longer ones (the watch over silence) last. */
export function instantSleep(waits: number[] = []) {
  return (ms: number, signal?: AbortSignal): Promise<void> => {
    if (ms < 60_000) {
      waits.push(ms);
      return Promise.resolve();
    }
    return new Promise((_, reject) => {
      if (signal?.aborted) reject(signal.reason);
      signal?.addEventListener("abort", () => reject(signal.reason), { once: true });
    });
  };
}

type Fetch = NonNullable<TransportOptions["fetch"]>;

/** A sent request. */
export interface Sent {
  url: string;
  headers: Headers;
  body: Record<string, unknown>;
  init: RequestInit;
}

/** An upstream that gives `answers` in turn, the last one for ever. An `Error` rejects. */
export function upstream(
  ...answers: (Error | (() => Response | Promise<Response>))[]
): { fetch: Fetch; sent: Sent[] } {
  const sent: Sent[] = [];
  return {
    sent,
    fetch: async (input, init = {}) => {
      init.signal?.throwIfAborted();
      sent.push({
        url: String(input),
        headers: new Headers(init.headers),
        body: JSON.parse(String(init.body)),
        init,
      });
      const answer = answers[Math.min(sent.length, answers.length) - 1]!;
      if (answer instanceof Error) throw answer;
      return await answer();
    },
  };
}

/** A transport to MiniMax over `fetch`. */
export function transportOver(fetch: Fetch, more: Partial<TransportOptions> = {}): Transport {
  return createTransport({
    provider: minimaxOAuth,
    endpoints: resolveEndpoints(minimaxOAuth, minimaxOAuth.regions[0]),
    source: tokenSource(["token-0"]),
    sleep: instantSleep(),
    fetch,
    ...more,
  });
}

const encoder = new TextEncoder();

/** A stream that gives `pieces`, then ends, or with `open` stays open until it is cancelled. */
export function bodyOf(
  pieces: string[],
  options: { open?: boolean; onCancel?: () => void; fail?: Error } = {},
): ReadableStream<Uint8Array> {
  let next = 0;
  return new ReadableStream({
    pull(controller) {
      if (next < pieces.length) return controller.enqueue(encoder.encode(pieces[next++]));
      if (options.fail) return controller.error(options.fail);
      if (!options.open) return controller.close();
      return new Promise(() => {});
    },
    cancel: () => options.onCancel?.(),
  }, { highWaterMark: 0 });
}

/** A streamed answer. */
export function sseResponse(
  pieces: string[],
  options: Parameters<typeof bodyOf>[1] = {},
): Response {
  return new Response(bodyOf(pieces, options), {
    headers: { "content-type": "text/event-stream" },
  });
}

const frame = (event: Record<string, unknown>) =>
  `event: ${event["type"]}\ndata: ${JSON.stringify(event)}\n\n`;

export const START = frame({
  type: "message_start",
  message: {
    id: "m1",
    model: "MiniMax-M2.7",
    content: [],
    usage: { input_tokens: 3, output_tokens: 0 },
  },
});
export const OPEN = frame({
  type: "content_block_start",
  index: 0,
  content_block: { type: "text", text: "" },
});
export const text = (piece: string) =>
  frame({ type: "content_block_delta", index: 0, delta: { type: "text_delta", text: piece } });
export const CLOSE = frame({ type: "content_block_stop", index: 0 }) +
  frame({
    type: "message_delta",
    delta: { stop_reason: "end_turn" },
    usage: { output_tokens: 2 },
  }) +
  frame({ type: "message_stop" });
export const PING = frame({ type: "ping" });
export const error = (type: string, message: string) =>
  frame({ type: "error", error: { type, message } });

/** A whole streamed answer. */
export const ANSWER = [START, OPEN, text("Hel"), text("lo"), CLOSE];

/** A JSON answer. */
export const json = (body: unknown, status = 200, headers: Record<string, string> = {}) => () =>
  Response.json(body, { status, headers });
/** A failure in the dialect's form. */
export const problem = (status: number, type: string, message: string, headers = {}) =>
  json({ type: "error", error: { type, message }, request_id: "req-1" }, status, headers);
/** A whole answer. */
export const MESSAGE = {
  id: "m1",
  type: "message",
  model: "MiniMax-M2.7",
  content: [{ type: "text", text: "Hello" }],
  stop_reason: "end_turn",
  usage: { input_tokens: 3, output_tokens: 2 },
};

/** A bearer is refused. */
export const REFUSED = () => problem(401, "authentication_error", "login fail")();
