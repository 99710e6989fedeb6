import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { TransportError } from "../../src/core/errors.ts";
import type { StreamEvent } from "../../src/protocols/event.ts";
import { resolveEndpoints } from "../../src/providers/endpoints.ts";
import { minimax, minimaxOAuth } from "../../src/providers/minimax/provider.ts";
import { collectStream } from "../../src/transports/collect.ts";
import {
  ANSWER,
  CLOSE,
  error,
  instantSleep,
  json,
  MESSAGE,
  OPEN,
  PING,
  problem,
  REFUSED,
  REQUEST,
  say,
  sseResponse,
  START,
  text,
  tokenSource,
  transportOver,
  upstream,
} from "./support.ts";

const ok = () => sseResponse(ANSWER);
const reset = Object.assign(new TypeError("connection reset"), { code: "ECONNRESET" });

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
    let ended = Promise.withResolvers<void>();
    await using server = Deno.serve(
      { port: 0, hostname: "127.0.0.1", onListen: () => {} },
      async (request, { remoteAddr }) => {
        await request.body?.cancel();
        ports.add((remoteAddr as Deno.NetAddr).port);
        // The end of the bytes comes after the last event, in a packet of its own.
        const { readable, writable } = new TransformStream<Uint8Array>();
        const writer = writable.getWriter();
        writer.write(new TextEncoder().encode(ANSWER.join("")))
          .then(() => new Promise((resolve) => setTimeout(resolve, 10)))
          .then(() => writer.close()).catch(() => {}).finally(() => ended.resolve());
        return new Response(readable, { headers: { "content-type": "text/event-stream" } });
      },
    );
    const transport = overSocket(server.addr.port);
    for (let turn = 0; turn < 3; turn++) {
      ended = Promise.withResolvers();
      const stream = await open(transport);
      while (await stream.read() !== null);
      await ended.promise;
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
