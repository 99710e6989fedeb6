/** What is asked again, how often, after which wait, and what each failure becomes: for events and for bytes. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { TransportError } from "../../src/core/errors.ts";
import { collectStream } from "../../src/transports/collect.ts";
import type { Transport } from "../../src/transports/transport.ts";
import {
  ANSWER,
  bodyOf,
  error,
  instantSleep,
  json,
  MESSAGE,
  PING,
  problem,
  REFUSED,
  REQUEST,
  sseResponse,
  tokenSource,
  transportOver,
  upstream,
} from "./support.ts";

const ok = () => sseResponse(ANSWER);
const reset = Object.assign(new TypeError("connection reset"), { code: "ECONNRESET" });
const unreachable = Object.assign(new TypeError("no route"), { code: "ECONNREFUSED" });

/** Each row: what upstream answers in turn, the waits between, and how it ends. */
const ATTEMPTS: {
  name: string;
  answers: Parameters<typeof upstream>;
  tokens?: string[];
  /** Bearers in the order of sending. */
  bearers: string[];
  /** Lower and upper bound of each wait. */
  waits?: [number, number][];
  code?: string;
  retryable?: boolean;
}[] = [
  { name: "200", answers: [ok], bearers: ["a"] },
  {
    name: "401, then 200 with a new bearer",
    answers: [REFUSED, ok],
    tokens: ["a", "b"],
    bearers: ["a", "b"],
  },
  {
    name: "401 twice",
    answers: [REFUSED],
    tokens: ["a", "b", "c"],
    bearers: ["a", "b"],
    code: "unauthorized",
    retryable: false,
  },
  {
    name: "401 with nothing better to send",
    answers: [REFUSED],
    bearers: ["a"],
    code: "unauthorized",
  },
  {
    name: "base_resp 1004 under HTTP 200, then 200",
    answers: [json({ base_resp: { status_code: 1004, status_msg: "login fail" } }), ok],
    tokens: ["a", "b"],
    bearers: ["a", "b"],
  },
  {
    name: "an authentication error as the first event, then 200",
    answers: [() => sseResponse([error("authentication_error", "expired")]), ok],
    tokens: ["a", "b"],
    bearers: ["a", "b"],
  },
  {
    name: "403",
    answers: [problem(403, "permission_error", "no")],
    tokens: ["a", "b"],
    bearers: ["a"],
    code: "not_entitled",
    retryable: false,
  },
  {
    name: "400",
    answers: [problem(400, "invalid_request_error", "bad")],
    bearers: ["a"],
    code: "invalid_request",
  },
  {
    name: "400 for an overlong prompt",
    answers: [
      problem(400, "bad_request_error", "invalid params, context window exceeds limit (2013)"),
    ],
    bearers: ["a"],
    code: "context_overflow",
  },
  {
    name: "404",
    answers: [problem(404, "not_found_error", "model")],
    bearers: ["a"],
    code: "not_found",
  },
  {
    name: "500, then 200",
    answers: [problem(500, "api_error", "oops"), ok],
    bearers: ["a", "a"],
    waits: [[375, 500]],
  },
  {
    name: "529 for ever",
    answers: [problem(529, "overloaded_error", "busy")],
    bearers: ["a", "a", "a"],
    waits: [[375, 500], [750, 1000]],
    code: "overloaded",
    retryable: true,
  },
  {
    name: "HTML 502 for ever",
    answers: [
      () =>
        new Response("<html>secret</html>", {
          status: 502,
          headers: { "content-type": "text/html" },
        }),
    ],
    bearers: ["a", "a", "a"],
    waits: [[375, 500], [750, 1000]],
    code: "upstream",
    retryable: true,
  },
  { name: "501", answers: [problem(501, "api_error", "no")], bearers: ["a"], code: "upstream" },
  {
    name: "408 without a body, then 200",
    answers: [() => new Response(null, { status: 408 }), ok],
    bearers: ["a", "a"],
    waits: [[375, 500]],
  },
  {
    name: "429 with a short Retry-After, then 200",
    answers: [problem(429, "rate_limit_error", "slow", { "retry-after": "3" }), ok],
    bearers: ["a", "a"],
    waits: [[3000, 3000]],
  },
  {
    name: "429 with a long Retry-After",
    answers: [problem(429, "rate_limit_error", "slow", { "retry-after": "60" })],
    bearers: ["a"],
    code: "rate_limited",
    retryable: true,
  },
  {
    name: "429 for the plan's limit",
    answers: [problem(429, "rate_limit_error", "usage limit exceeded (2056)")],
    bearers: ["a"],
    code: "quota_exhausted",
    retryable: false,
  },
  {
    name: "402",
    answers: [problem(402, "billing_error", "insufficient balance (1008)")],
    bearers: ["a"],
    code: "quota_exhausted",
  },
  {
    name: "flagged input",
    answers: [problem(400, "bad_request_error", "input new_sensitive (1026)")],
    bearers: ["a"],
    code: "content_filter",
  },
  {
    name: "base_resp 1033 under HTTP 200, then 200",
    answers: [json({ base_resp: { status_code: 1033, status_msg: "downstream" } }), ok],
    bearers: ["a", "a"],
    waits: [[375, 500]],
  },
  {
    name: "overload as the first event, then 200",
    answers: [() => sseResponse([PING, error("overloaded_error", "busy")]), ok],
    bearers: ["a", "a"],
    waits: [[375, 500]],
  },
  {
    name: "an end before any event",
    answers: [() => sseResponse([PING])],
    bearers: ["a"],
    code: "stream_interrupted",
    retryable: true,
  },
  {
    name: "no body",
    answers: [() => new Response(null, { headers: { "content-type": "text/event-stream" } })],
    bearers: ["a"],
    code: "stream_interrupted",
  },
  {
    name: "no connection, then 200",
    answers: [unreachable, ok],
    bearers: ["a", "a"],
    waits: [[375, 500]],
  },
  {
    name: "no connection for ever",
    answers: [unreachable],
    bearers: ["a", "a", "a"],
    waits: [[375, 500], [750, 1000]],
    code: "network",
    retryable: true,
  },
  {
    name: "a connection lost after sending",
    answers: [reset],
    bearers: ["a"],
    code: "network",
    retryable: true,
  },
  {
    name: "a redirect",
    answers: [
      () => new Response(null, { status: 307, headers: { location: "https://example.com/" } }),
    ],
    bearers: ["a"],
    code: "upstream",
  },
  {
    name: "a redirect that the runtime hides",
    answers: [
      () =>
        Object.defineProperties(new Response(null), {
          ok: { value: false },
          status: { value: 0 },
          type: { value: "opaqueredirect" },
        }),
    ],
    bearers: ["a"],
    code: "upstream",
  },
  {
    name: "HTML under HTTP 200",
    answers: [
      () =>
        new Response("<html>secret", { headers: { "content-type": "text/html; charset=utf-8" } }),
    ],
    bearers: ["a"],
    code: "upstream",
  },
  {
    name: "JSON that is no message",
    answers: [json({ secret: 1 })],
    bearers: ["a"],
    code: "upstream",
  },
  {
    name: "JSON that breaks off",
    answers: [
      () => new Response('{"id":"secret', { headers: { "content-type": "application/json" } }),
    ],
    bearers: ["a"],
    code: "upstream",
  },
  { name: "a whole answer instead of a stream", answers: [json(MESSAGE)], bearers: ["a"] },
  {
    name: "a stream without a content type",
    answers: [() => new Response(bodyOf(ANSWER))],
    bearers: ["a"],
  },
];

/** The text of an answer, asked for in one way or another. */
const WAYS: Record<string, (transport: Transport) => Promise<string>> = {
  stream: async (transport) => textOf(await collectStream(await transport.stream(REQUEST))),
  forward: async (transport) => {
    const answer = await transport.forward({ request: REQUEST, clientModel: "mine" });
    if (answer?.kind === "events") return textOf(await collectStream(answer.events));
    assert(answer?.kind === "stream", answer?.kind);
    const decoder = new TextDecoder();
    let text = "";
    for (
      let bytes = await answer.stream.read();
      bytes !== null;
      bytes = await answer.stream.read()
    ) {
      text += decoder.decode(bytes, { stream: true });
    }
    assertEquals([answer.stream.ended, answer.stream.error], [true, undefined]);
    return [...text.matchAll(/"text_delta","text":"(.*?)"/g)].map(([, piece]) => piece).join("");
  },
};
const textOf = ({ content }: { content: readonly { type: string; text?: string }[] }) =>
  content.map(({ text }) => text).join("");

for (const [way, ask] of Object.entries(WAYS)) {
  for (const { name, answers, tokens = ["a"], bearers, waits = [], code, retryable } of ATTEMPTS) {
    Deno.test(`Transport.${way}() after ${name}`, async () => {
      const { fetch, sent } = upstream(...answers);
      const waited: number[] = [];
      const transport = transportOver(fetch, {
        source: tokenSource(tokens),
        sleep: instantSleep(waited),
      });
      if (code === undefined) assertEquals(await ask(transport), "Hello");
      else {
        const failure = await assertRejects(() => ask(transport), TransportError);
        assertEquals<string>(failure.code, code);
        if (retryable !== undefined) assertEquals(failure.retryable, retryable);
        assert(
          failure.message.startsWith("Cannot get an answer from MiniMax OAuth: "),
          failure.message,
        );
        assert(!failure.message.includes("secret"), failure.message);
      }
      assertEquals(
        sent.map(({ headers }) => headers.get("authorization")),
        bearers.map((b) => `Bearer ${b}`),
      );
      assertEquals(new Set(sent.map(({ init }) => init.body)).size, 1, "the same body each time");
      assertEquals(waited.length, waits.length);
      for (const [i, [low, high]] of waits.entries()) {
        assert(low <= waited[i]! && waited[i]! <= high, `wait ${waited[i]}`);
      }
    });
  }
}
