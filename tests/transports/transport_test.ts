import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { TransportError } from "../../src/core/errors.ts";
import type { StreamEvent } from "../../src/protocols/event.ts";
import { resolveEndpoints } from "../../src/providers/endpoints.ts";
import { minimax, minimaxOAuth } from "../../src/providers/minimax/provider.ts";
import { collectStream } from "../../src/transports/collect.ts";
import {
  ANSWER,
  bodyOf,
  CLOSE,
  error,
  instantSleep,
  OPEN,
  PING,
  REQUEST,
  say,
  sseResponse,
  START,
  text,
  tokenSource,
  transportOver,
  upstream,
} from "./support.ts";

const json = (body: unknown, status = 200, headers: Record<string, string> = {}) => () =>
  Response.json(body, { status, headers });
const problem = (status: number, type: string, message: string, headers = {}) =>
  json({ type: "error", error: { type, message }, request_id: "req-1" }, status, headers);
const MESSAGE = {
  id: "m1",
  type: "message",
  model: "MiniMax-M2.7",
  content: [{ type: "text", text: "Hello" }],
  stop_reason: "end_turn",
  usage: { input_tokens: 3, output_tokens: 2 },
};

async function gather(stream: AsyncIterable<StreamEvent>): Promise<StreamEvent[]> {
  const events: StreamEvent[] = [];
  for await (const event of stream) events.push(event);
  return events;
}

Deno.test("Transport.stream() sends these headers and no others, and gives the events", async () => {
  const { fetch, sent } = upstream(() => sseResponse(ANSWER));
  const events = await gather(await transportOver(fetch).stream(REQUEST));
  assertEquals(events.map((event) => event.type), [
    "message_start",
    "block_start",
    "block_delta",
    "block_delta",
    "block_end",
    "message_end",
  ]);
  assertEquals(sent.length, 1);
  assertEquals(sent[0]!.url, "https://api.minimax.io/anthropic/v1/messages");
  assertEquals(Object.fromEntries(sent[0]!.headers), {
    authorization: "Bearer token-0",
    "content-type": "application/json",
    accept: "text/event-stream",
    "accept-encoding": "identity",
    "anthropic-version": "2023-06-01",
    "user-agent": "grantway",
  });
  assertEquals(sent[0]!.init.redirect, "manual");
  assertEquals(sent[0]!.body["stream"], true);
});

Deno.test("Transport.generate() asks for a whole answer", async () => {
  const { fetch, sent } = upstream(json(MESSAGE));
  const response = await transportOver(fetch).generate(REQUEST);
  assertEquals(response.content, [{ type: "text", text: "Hello" }]);
  assertEquals(sent[0]!.headers.get("accept"), "application/json");
  assertEquals(sent[0]!.body["stream"], undefined);
});

Deno.test("Transport tells what was changed in a request", async () => {
  const notes: string[] = [];
  const { fetch, sent } = upstream(() => sseResponse(ANSWER));
  await gather(
    await transportOver(fetch).stream({ ...REQUEST, temperature: 0, topK: 5 }, {
      onNote: (note) => notes.push(note),
    }),
  );
  assertEquals(notes.length, 2);
  assertEquals(sent[0]!.body["temperature"], 0.01);
  assertEquals("top_k" in sent[0]!.body, false);
});

const BASES: { name: string; resourceUrl?: string; region?: string; url: string }[] = [
  { name: "none", url: "https://api.minimax.io/anthropic/v1/messages" },
  {
    name: "another host of the vendor",
    resourceUrl: "https://eu.api.minimax.io/",
    url: "https://eu.api.minimax.io/anthropic/v1/messages",
  },
  { name: "a foreign host", resourceUrl: "https://minimax.io.example.com", url: "" },
  { name: "a look-alike", resourceUrl: "https://evilminimax.io", url: "" },
  { name: "plain http", resourceUrl: "http://api.minimax.io", url: "" },
  { name: "another port", resourceUrl: "https://api.minimax.io:8443", url: "" },
  { name: "a user name", resourceUrl: "https://a:b@api.minimax.io", url: "" },
  { name: "the other region's host", resourceUrl: "https://api.minimaxi.com", url: "" },
  { name: "no URL", resourceUrl: "api.minimax.io", url: "" },
];
for (const { name, resourceUrl, url } of BASES) {
  Deno.test(`Transport sends the bearer where it belongs: resource URL ${name}`, async () => {
    const { fetch, sent } = upstream(() => sseResponse(ANSWER));
    const source = tokenSource(["t"], resourceUrl === undefined ? {} : { resourceUrl });
    await gather(await transportOver(fetch, { source }).stream(REQUEST));
    assertEquals(sent[0]!.url, url || "https://api.minimax.io/anthropic/v1/messages");
  });
}

Deno.test("Transport prefers a base that the user named to the server's", async () => {
  const { fetch, sent } = upstream(() => sseResponse(ANSWER));
  const endpoints = resolveEndpoints(minimaxOAuth, minimaxOAuth.regions[0], {
    apiUrl: "https://staging.minimax.io/anthropic",
  });
  const source = tokenSource(["t"], { resourceUrl: "https://eu.api.minimax.io" });
  await gather(await transportOver(fetch, { source, endpoints }).stream(REQUEST));
  assertEquals(sent[0]!.url, "https://staging.minimax.io/anthropic/v1/messages");
});

const REFUSED = () => problem(401, "authentication_error", "login fail")();
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
for (const { name, answers, tokens = ["a"], bearers, waits = [], code, retryable } of ATTEMPTS) {
  Deno.test(`Transport.stream() after ${name}`, async () => {
    const { fetch, sent } = upstream(...answers);
    const waited: number[] = [];
    const transport = transportOver(fetch, {
      source: tokenSource(tokens),
      sleep: instantSleep(waited),
    });
    if (code === undefined) {
      const response = await collectStream(await transport.stream(REQUEST));
      assertEquals(response.content, [{ type: "text", text: "Hello" }]);
    } else {
      const failure = await assertRejects(() => transport.stream(REQUEST), TransportError);
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

Deno.test("Transport keeps status, request id and Retry-After of a failure", async () => {
  const { fetch } = upstream(
    problem(429, "rate_limit_error", "slow\u001b[2J", { "retry-after-ms": "61000" }),
  );
  const failure = await assertRejects(() => transportOver(fetch).stream(REQUEST), TransportError);
  assertEquals(
    [failure.status, failure.requestId, failure.retryAfterMs, failure.message],
    [429, "req-1", 61_000, "Cannot get an answer from MiniMax OAuth: slow [2J"],
  );
});

Deno.test("Transport repeats as often as it was told", async () => {
  const { fetch, sent } = upstream(problem(503, "overloaded_error", "busy"));
  await assertRejects(
    () => transportOver(fetch, { maxRetries: 0 }).stream(REQUEST),
    TransportError,
  );
  assertEquals(sent.length, 1);
});

Deno.test("Transport asks the source for a bearer on every attempt, and says which one was refused", async () => {
  const { fetch } = upstream(problem(503, "overloaded_error", "busy"), REFUSED, ok);
  const source = tokenSource(["a", "b"]);
  await gather(await transportOver(fetch, { source }).stream(REQUEST));
  assertEquals(source.calls.map(({ rejectedGeneration }) => rejectedGeneration), [
    undefined,
    undefined,
    0,
  ]);
});

Deno.test("Transport says how to mend a refused bearer", async () => {
  const hint = async (source: ReturnType<typeof tokenSource>, more = {}) => {
    const { fetch } = upstream(REFUSED);
    const failure = await assertRejects(
      () => transportOver(fetch, { source, ...more }).stream(REQUEST),
      TransportError,
    );
    return failure.hint;
  };
  assertEquals(await hint(tokenSource(["a"])), "Sign in again: grantway auth add minimax-oauth");
  assertEquals(
    await hint(tokenSource(["a"], { region: "cn" })),
    "Sign in again: grantway auth add minimax-oauth --region cn",
  );
  assertEquals(
    await hint(tokenSource(["a"], { expiresAt: null }), {
      provider: minimax,
      endpoints: resolveEndpoints(minimax, minimax.regions[0]),
    }),
    "Check the API key in MINIMAX_API_KEY",
  );
});

Deno.test("Transport conceals a bearer that upstream repeats", async () => {
  const { fetch } = upstream(problem(401, "authentication_error", "bad key token-0 !"));
  const failure = await assertRejects(() => transportOver(fetch).stream(REQUEST), TransportError);
  assertStringIncludes(failure.message, "bad key … !");
  const late = upstream(() => sseResponse([START, error("api_error", "token-0")]));
  const events = await gather(await transportOver(late.fetch).stream(REQUEST));
  assertEquals(events.at(-1), {
    type: "error",
    error: { code: "upstream", message: "…", upstreamCode: "api_error" },
  });
});

Deno.test("Transport reads no more of an error body than it must", async () => {
  let pulled = 0;
  let cancelled = false;
  const endless = new ReadableStream<Uint8Array>({
    pull: (controller) => {
      pulled++;
      controller.enqueue(new Uint8Array(16 * 1024).fill(32));
    },
    cancel: () => void (cancelled = true),
  }, { highWaterMark: 0 });
  const { fetch } = upstream(() => new Response(endless, { status: 400 }));
  const failure = await assertRejects(() => transportOver(fetch).stream(REQUEST), TransportError);
  assertEquals([failure.code, pulled, cancelled], ["invalid_request", 5, true]);
});

Deno.test("Transport.stream() ends with an error, without a repetition, once something was given", async () => {
  const cases: [Response, string][] = [
    [sseResponse([START, OPEN, text("a"), error("overloaded_error", "busy")]), "overloaded"],
    [sseResponse([START, OPEN, text("a")]), "stream_interrupted"],
    [sseResponse([START, OPEN, text("a")], { fail: reset }), "stream_interrupted"],
  ];
  for (const [response, code] of cases) {
    const { fetch, sent } = upstream(() => response);
    const events = await gather(await transportOver(fetch).stream(REQUEST));
    const last = events.at(-1)!;
    assertEquals<unknown>(last.type === "error" && last.error.code, code);
    assertEquals(events.filter((event) => event.type === "block_delta").length, 1);
    assertEquals(sent.length, 1);
  }
});

Deno.test("Transport.stream() passes pings on", async () => {
  const { fetch } = upstream(() => sseResponse([PING, START, PING, OPEN, PING, CLOSE]));
  const events = await gather(await transportOver(fetch).stream(REQUEST));
  assertEquals(events.map(({ type }) => type), [
    "ping",
    "message_start",
    "ping",
    "block_start",
    "ping",
    "block_end",
    "message_end",
  ]);
});

Deno.test("Transport.stream() leaves upstream when its reader does", async () => {
  for (const how of ["break", "cancel"] as const) {
    let cancelled = 0;
    const { fetch, sent } = upstream(() =>
      sseResponse([START, OPEN], { open: true, onCancel: () => cancelled++ })
    );
    const stream = await transportOver(fetch).stream(REQUEST);
    if (how === "break") { for await (const _event of stream) break; }
    else await stream.cancel();
    assertEquals([cancelled, sent[0]!.init.signal?.aborted], [1, true]);
    assertEquals(await stream.read(), null);
  }
});

/** Where a stream comes from: its events, or its bytes. */
const WAYS: Record<
  string,
  (transport: ReturnType<typeof transportOver>) => Promise<{ read(): Promise<unknown> }>
> = {
  "stream()": (transport) => transport.stream(REQUEST),
  "forward()": async (transport) => {
    const answer = await transport.forward({ request: REQUEST, clientModel: "mine" });
    assert(answer?.kind === "stream");
    return answer.stream;
  },
};
for (const [way, open] of Object.entries(WAYS)) {
  Deno.test(`Transport.${way} leaves upstream a moment after the last event, though it stays open`, async () => {
    const clock = manualClock();
    let cancelled = 0;
    const { fetch } = upstream(() =>
      sseResponse(ANSWER, { open: true, onCancel: () => cancelled++ })
    );
    const stream = await open(transportOver(fetch, clock));
    while (await stream.read() !== null);
    await clock.advance(999);
    assertEquals(cancelled, 0);
    await clock.advance(2);
    assertEquals(cancelled, 1);
  });

  Deno.test(`Transport.${way} reads an answer to its end, so that its connection serves again`, async () => {
    const ports = new Set<number>();
    await using server = Deno.serve(
      { port: 0, hostname: "127.0.0.1", onListen: () => {} },
      async (request, { remoteAddr }) => {
        await request.body?.cancel();
        ports.add((remoteAddr as Deno.NetAddr).port);
        return sseResponse(ANSWER);
      },
    );
    const transport = overSocket(server.addr.port);
    for (let turn = 0; turn < 5; turn++) {
      const stream = await open(transport);
      while (await stream.read() !== null);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    assertEquals(ports.size, 1);
  });
}

/** A transport to a server on this machine. */
function overSocket(port: number): ReturnType<typeof transportOver> {
  return transportOver((input, init) => globalThis.fetch(input, init), {
    endpoints: resolveEndpoints(minimaxOAuth, minimaxOAuth.regions[0], {
      apiUrl: `http://127.0.0.1:${port}/anthropic`,
      allowLoopback: true,
    }),
  });
}

Deno.test("Transport rethrows the reason of a cancellation, wherever it is", async (t) => {
  const reason = new Error("enough");
  await t.step("before the request", async () => {
    const { fetch, sent } = upstream(ok);
    const options = { signal: AbortSignal.abort(reason) };
    assertEquals(await assertRejects(() => transportOver(fetch).stream(REQUEST, options)), reason);
    assertEquals(sent.length, 0);
  });
  await t.step("while it waits for an answer", async () => {
    const controller = new AbortController();
    const transport = transportOver((_, init) => {
      queueMicrotask(() => controller.abort(reason));
      return new Promise((_, reject) =>
        init!.signal!.addEventListener("abort", () => reject(init!.signal!.reason))
      );
    });
    assertEquals(
      await assertRejects(() => transport.stream(REQUEST, { signal: controller.signal })),
      reason,
    );
  });
  await t.step("while it waits before a repetition", async () => {
    const controller = new AbortController();
    const { fetch } = upstream(problem(503, "overloaded_error", "busy"));
    const transport = transportOver(fetch, {
      signal: controller.signal,
      sleep: (ms, signal) => {
        if (ms < 60_000) controller.abort(reason);
        return instantSleep()(60_000, signal);
      },
    });
    assertEquals(await assertRejects(() => transport.stream(REQUEST)), reason);
  });
  await t.step("while it waits for the next event", async () => {
    const controller = new AbortController();
    let cancelled = 0;
    const { fetch } = upstream(() =>
      sseResponse([START], { open: true, onCancel: () => cancelled++ })
    );
    const stream = await transportOver(fetch).stream(REQUEST, { signal: controller.signal });
    assertEquals((await stream.read())?.length, 1);
    const next = stream.read();
    controller.abort(reason);
    assertEquals(await assertRejects(() => next), reason);
    assertEquals(cancelled, 1);
    assertEquals(await stream.read(), null);
  });
  await t.step("while it reads a whole answer", async () => {
    const controller = new AbortController();
    const transport = transportOver((_, init) => {
      const body = new ReadableStream<Uint8Array>({
        start: (c) => init!.signal!.addEventListener("abort", () => c.error(init!.signal!.reason)),
        pull: () => controller.abort(reason),
      }, { highWaterMark: 0 });
      return Promise.resolve(
        new Response(body, { headers: { "content-type": "application/json" } }),
      );
    });
    assertEquals(
      await assertRejects(() => transport.generate(REQUEST, { signal: controller.signal })),
      reason,
    );
  });
});

/** A clock that moves only when told, and fires its timers. */
function manualClock() {
  let time = 0;
  const timers = new Set<{ at: number; fire: () => void }>();
  return {
    now: () => time,
    startTimer: (ms: number, fire: () => void) => {
      const timer = { at: time + ms, fire };
      timers.add(timer);
      return () => void timers.delete(timer);
    },
    advance: async (ms: number) => {
      time += ms;
      for (const timer of [...timers]) {
        if (timer.at > time || !timers.delete(timer)) continue;
        timer.fire();
      }
      await new Promise((resolve) => setTimeout(resolve, 0));
    },
  };
}

Deno.test("Transport.stream() gives up a silent upstream, and pings do not count", async () => {
  const clock = manualClock();
  let push = (_piece: string) => {};
  let cancelled = 0;
  const body = new ReadableStream<Uint8Array>({
    start: (c) => void (push = (piece) => c.enqueue(new TextEncoder().encode(piece))),
    cancel: () => void cancelled++,
  });
  const { fetch } = upstream(() =>
    new Response(body, { headers: { "content-type": "text/event-stream" } })
  );
  push(START);
  const stream = await transportOver(fetch, { ...clock, idleTimeoutMs: 100_000 }).stream(REQUEST);
  const types: string[] = [];
  const reading = (async () => {
    for await (const event of stream) {
      types.push(event.type === "error" ? event.error.code : event.type);
    }
  })();
  await clock.advance(99_000);
  push(OPEN);
  await clock.advance(0);
  await clock.advance(60_000);
  push(PING);
  await clock.advance(0);
  await clock.advance(39_000);
  assertEquals(types, ["message_start", "block_start", "ping"]);
  await clock.advance(1_001);
  await reading;
  assertEquals(types.at(-1), "timeout");
  assertEquals(cancelled, 1);
});

Deno.test("Transport.stream() does not take a slow reader for a silent upstream", async () => {
  const clock = manualClock();
  const { fetch } = upstream(() => sseResponse(ANSWER));
  const stream = await transportOver(fetch, { ...clock, idleTimeoutMs: 100_000 }).stream(REQUEST);
  const types: string[] = [];
  for (let events = await stream.read(); events !== null; events = await stream.read()) {
    types.push(...events.map(({ type }) => type));
    await clock.advance(500_000);
  }
  assertEquals(types.at(-1), "message_end");
});

Deno.test("Transport gives up an upstream that never answers", async () => {
  const never: NonNullable<Parameters<typeof transportOver>[0]> = (_, init) =>
    new Promise((_, reject) =>
      init!.signal!.addEventListener("abort", () => reject(init!.signal!.reason))
    );
  for (const [method, ms] of [["stream", 120_000], ["generate", 600_000]] as const) {
    const clock = manualClock();
    const pending = assertRejects(
      () => transportOver(never, clock)[method](REQUEST),
      TransportError,
    );
    await clock.advance(0);
    await clock.advance(ms);
    const failure = await pending;
    assertEquals([failure.code, failure.retryable], ["timeout", true]);
    assertStringIncludes(failure.message, `nothing came for ${ms / 1000} s`);
  }
});

Deno.test("Transport.generate() reads a stream where it asked for none", async () => {
  const { fetch } = upstream(ok);
  assertEquals((await transportOver(fetch).generate(REQUEST)).content, [{
    type: "text",
    text: "Hello",
  }]);
});

Deno.test("Transport ends an answer at a stop sequence that upstream ignores", async () => {
  let cancelled = 0;
  const { fetch } = upstream(() =>
    sseResponse([START, OPEN, text("one tw"), text("o STO"), text("P three"), CLOSE], {
      open: true,
      onCancel: () => cancelled++,
    })
  );
  const request = say("count", { stopSequences: ["STOP"] });
  const response = await collectStream(await transportOver(fetch).stream(request));
  assertEquals(response.content, [{ type: "text", text: "one two " }]);
  assertEquals([response.stopReason, response.stopSequence, cancelled], [
    "stop_sequence",
    "STOP",
    1,
  ]);
  const whole = upstream(json({ ...MESSAGE, content: [{ type: "text", text: "one STOP two" }] }));
  const generated = await transportOver(whole.fetch).generate(request);
  assertEquals([generated.content, generated.stopReason], [
    [{ type: "text", text: "one " }],
    "stop_sequence",
  ]);
});

Deno.test("Transport.countTokens() takes upstream's count", async () => {
  const { fetch, sent } = upstream(json({ input_tokens: 42 }));
  assertEquals(await transportOver(fetch).countTokens({ ...REQUEST, temperature: 1 }), 42);
  assertEquals(sent[0]!.url, "https://api.minimax.io/anthropic/v1/messages/count_tokens");
  assertEquals(Object.keys(sent[0]!.body), ["model", "messages"]);
});

Deno.test("Transport.countTokens() estimates where upstream cannot count, and asks once", async () => {
  const { fetch, sent } = upstream(problem(404, "not_found_error", "no such path"));
  const transport = transportOver(fetch);
  const small = await transport.countTokens(REQUEST);
  const system = [{ type: "text" as const, text: "word ".repeat(1000) }];
  const large = await transport.countTokens({ ...REQUEST, system });
  assertEquals(sent.length, 1);
  assert(0 < small && small < 100, `${small}`);
  assert(large - small > 1000 && large - small < 2000, `${large}`);
  const failing = upstream(problem(403, "permission_error", "no"));
  await assertRejects(() => transportOver(failing.fetch).countTokens(REQUEST), TransportError);
});

Deno.test("Transport over a socket reads byte streams, and its cancellation reaches the server", async () => {
  const gone = Promise.withResolvers<void>();
  await using server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen: () => {} },
    async (request) => {
      const { messages } = await request.json();
      const said = JSON.stringify(messages);
      const pieces = [
        START,
        OPEN,
        text("Grüße 👩‍🚀 "),
        ...Array.from({ length: 200 }, (_, i) => text(`${i} `)),
      ];
      if (said.includes("hang")) {
        return sseResponse(pieces, {
          open: true,
          onCancel: () => gone.resolve(),
        });
      }
      return sseResponse([...pieces, CLOSE]);
    },
  );
  const transport = overSocket(server.addr.port);
  const response = await collectStream(await transport.stream(REQUEST));
  const [block] = response.content;
  assert(block?.type === "text");
  assertEquals(block.text, `Grüße 👩‍🚀 ${Array.from({ length: 200 }, (_, i) => `${i} `).join("")}`);
  const stream = await transport.stream(say("hang"));
  for await (const event of stream) if (event.type === "block_delta") break;
  await gone.promise;
});
