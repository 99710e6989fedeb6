/** Answers of models through the whole gateway, and what leaves it on either side. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { resolveRuntime, sleep } from "../../src/core/runtime.ts";
import { ask, createWorld, type Dialect, events, KEY, messageOf, PATHS } from "./support.ts";

const { startTimer } = resolveRuntime();
const DIALECTS = Object.keys(PATHS) as Dialect[];
const MODELS = ["MiniMax-M2.7", "grok-4.3"];

/** The text of a whole answer. */
// deno-lint-ignore no-explicit-any -- bodies of three dialects
function textOf(dialect: Dialect, body: any): string {
  // deno-lint-ignore no-explicit-any -- bodies of three dialects
  const texts = (parts: any[]) => parts.map((part) => part.text ?? "").join("");
  switch (dialect) {
    case "messages":
      return texts(body.content);
    case "chat":
      return body.choices[0].message.content;
    case "responses":
      // deno-lint-ignore no-explicit-any -- an output item
      return body.output.map((item: any) => texts(item.content ?? [])).join("");
  }
}

const LAST_EVENT: Record<Dialect, (text: string) => boolean> = {
  messages: (text) => events(text).at(-1)!.name === "message_stop",
  chat: (text) => events(text).at(-1)!.data === "[DONE]",
  responses: (text) => events(text).at(-1)!.data.type === "response.completed",
};

for (const dialect of DIALECTS) {
  for (const model of MODELS) {
    Deno.test(`${dialect} is answered by ${model}, whole and streamed, logged and counted`, async () => {
      const { ask, logged, counted, sent } = await createWorld();
      const whole = await ask(dialect, model, "secret prompt");
      assertEquals(whole.status, 200);
      assertStringIncludes(textOf(dialect, await whole.json()), "secret prompt");
      const streamed = await ask(dialect, model, "secret prompt", true);
      assertEquals(streamed.headers.get("content-type"), "text/event-stream; charset=utf-8");
      assert(LAST_EVENT[dialect](await streamed.text()));

      assertEquals(sent.length, 2);
      assertEquals(logged.length, 2);
      assertEquals(counted.length, 2);
      for (const [index, entry] of logged.entries()) {
        assertEquals([entry.route, entry.status, entry.outcome], [
          PATHS[dialect],
          200,
          "completed",
        ]);
        assertEquals([entry.model, entry.key?.id], [model, "key_0"]);
        assertEquals(entry.account, counted[index]!.account);
        assert(entry.usage!.inputTokens > 0 && entry.usage!.outputTokens > 0);
        assertEquals(counted[index]!.outputTokens, entry.usage!.outputTokens);
      }
      assert(!JSON.stringify([logged, counted]).includes("secret"));
      assert(!JSON.stringify([logged, counted]).includes(KEY));
    });
  }
}

Deno.test("the answer's id is the log's", async () => {
  const { ask, logged } = await createWorld();
  for (const [dialect, name] of [["messages", "request-id"], ["chat", "x-request-id"]] as const) {
    const response = await ask(dialect, "MiniMax-M2.7", "hi");
    await response.body?.cancel();
    assertEquals(response.headers.get(name), logged.at(-1)!.requestId);
  }
});

Deno.test("tokens are counted without an answer, and without an entry in the books", async () => {
  const { send, counted, logged } = await createWorld();
  for (
    const [path, body] of [
      ["/v1/messages/count_tokens", ask("messages", "MiniMax-M2.7", "hi")],
      ["/v1/responses/input_tokens", ask("responses", "grok-4.3", "hi")],
    ] as const
  ) {
    const { input_tokens: count } = await (await send(path, { body })).json();
    assert(count > 0);
    assertEquals(logged.at(-1)!.outcome, "completed");
  }
  assertEquals(counted, []);
});

Deno.test("upstream gets the allow-listed headers and no other, whatever a client sends", async () => {
  const { send, sent } = await createWorld();
  const headers = {
    authorization: `Bearer ${KEY}`,
    cookie: "a=b",
    x_api_key: "k",
    "x-forwarded-for": "1.2.3.4",
    "x-real-ip": "1.2.3.4",
    forwarded: "for=1.2.3.4",
    "cf-connecting-ip": "1.2.3.4",
    "anthropic-beta": "x",
    "x-stainless-lang": "js",
    connection: "authorization",
    "x-upstream-url": "https://evil.example",
    origin: "https://evil.example",
    referer: "https://evil.example",
    "user-agent": "client/1",
  };
  for (const model of MODELS) {
    for (const stream of [false, true]) {
      sent.length = 0;
      const response = await send("/v1/messages", {
        headers,
        body: ask("messages", model, "x", stream),
      });
      assertEquals(response.status, 200);
      await response.text();
      const names = [...sent[0]!.headers.keys()];
      const allowed = [
        "accept",
        "accept-encoding",
        "anthropic-version",
        "authorization",
        "content-type",
        "user-agent",
        "x-grok-conv-id",
      ];
      assertEquals(names.filter((name) => !allowed.includes(name)), []);
      assertEquals(sent[0]!.headers.get("user-agent"), "grantway");
      assert(!JSON.stringify([...sent[0]!.headers]).includes(KEY));
      assert(!sent[0]!.url.includes("evil"));
    }
  }
});

const HOSTILE_HEADERS = {
  "set-cookie": "session=1",
  location: "https://evil.example",
  "clear-site-data": '"*"',
  "content-security-policy": "default-src *",
  "access-control-allow-origin": "*",
  "access-control-allow-credentials": "true",
  "strict-transport-security": "max-age=1",
  "refresh": "0; url=https://evil.example",
  "x-upstream-secret": "1",
  server: "upstream",
};
for (const status of [200, 400, 429, 500]) {
  Deno.test(`no header of an upstream's ${status} answer reaches the client`, async () => {
    const { ask } = await createWorld({
      upstream: () =>
        Response.json(
          status === 200
            ? {
              id: "msg_1",
              type: "message",
              role: "assistant",
              model: "m",
              content: [],
              stop_reason: "end_turn",
              usage: { input_tokens: 1, output_tokens: 1 },
            }
            : { type: "error", error: { type: "x", message: "no" } },
          { status, headers: HOSTILE_HEADERS },
        ),
    });
    const response = await ask("messages", "MiniMax-M2.7", "hi");
    for (const name of Object.keys(HOSTILE_HEADERS)) assertEquals(response.headers.get(name), null);
    await response.body?.cancel();
  });
}

for (const status of [301, 302, 303, 307, 308]) {
  Deno.test(`a redirect of ${status} by upstream is not followed`, async () => {
    const { ask, sent } = await createWorld({
      upstream: (_url, init) => {
        assertEquals(init.redirect, "manual");
        return new Response(null, { status, headers: { location: "https://evil.example/" } });
      },
    });
    const response = await ask("messages", "MiniMax-M2.7", "hi");
    assertEquals(response.status, 500);
    assert(sent.every(({ url }) => !url.includes("evil")));
    assert(!(await response.text()).includes("evil"));
  });
}

const UPSTREAM_FAILURES: {
  name: string;
  status: number;
  headers?: HeadersInit;
  answers: number;
  retryAfter?: string;
}[] = [
  {
    name: "429 with a time",
    status: 429,
    headers: { "retry-after": "77" },
    answers: 429,
    retryAfter: "77",
  },
  {
    name: "503 with a time",
    status: 503,
    headers: { "retry-after": "77" },
    answers: 529,
    retryAfter: "77",
  },
  { name: "529", status: 529, answers: 529 },
  { name: "500", status: 500, answers: 500 },
  { name: "403", status: 403, answers: 403 },
];
for (const { name, status, headers, answers, retryAfter } of UPSTREAM_FAILURES) {
  Deno.test(`an upstream's ${name} keeps its meaning, and no page of its is passed on`, async () => {
    const { ask, logged, counted } = await createWorld({
      upstream: () =>
        new Response("<html>Bad Gateway</html>", {
          status,
          headers: { "content-type": "text/html", ...headers },
        }),
    });
    const response = await ask("messages", "MiniMax-M2.7", "hi");
    assertEquals(response.status, answers);
    assertEquals(response.headers.get("retry-after"), retryAfter ?? null);
    assert(!(await response.text()).includes("html"));
    assertEquals([logged[0]!.outcome, counted[0]!.outcome], ["failed", "failed"]);
  });
}

Deno.test("a refused bearer is renewed once, and the body sent again as it was", async () => {
  const { ask, sandbox, sent } = await createWorld();
  for (const model of MODELS) {
    sent.length = 0;
    sandbox.expireAccessTokens();
    const response = await ask("messages", model, "the very same words");
    assertEquals(response.status, 200, await response.text());
    assertEquals(sent.length, 2);
    assertEquals(sent[0]!.text, sent[1]!.text);
    assert(sent[0]!.headers.get("authorization") !== sent[1]!.headers.get("authorization"));
  }
});

Deno.test("a bearer that is refused again is the client's to hear of, with the command to run", async () => {
  const { ask, sent } = await createWorld({
    upstream: () =>
      Response.json({ type: "error", error: { type: "authentication_error", message: "no" } }, {
        status: 401,
      }),
  });
  const response = await ask("messages", "MiniMax-M2.7", "hi");
  assertEquals(response.status, 401);
  assertStringIncludes(messageOf(await response.json()), "grantway auth add minimax-oauth");
  assert(sent.length <= 2);
});

Deno.test("a token that ends during a stream does not end the stream", async () => {
  const { ask, sandbox } = await createWorld();
  const response = await ask("messages", "MiniMax-M2.7", "[long:50]", true);
  sandbox.expireAccessTokens();
  assert(LAST_EVENT.messages(await response.text()));
  assertEquals((await ask("messages", "MiniMax-M2.7", "hi")).status, 200);
});

Deno.test("a bearer that upstream repeats in its error does not leave the gateway", async () => {
  const { ask, logged } = await createWorld({
    upstream: (_url, init) => {
      const bearer = new Headers(init.headers).get("authorization")!.slice(7);
      return Response.json({
        type: "error",
        error: { type: "invalid_request_error", message: `bad ${bearer}` },
      }, { status: 400 });
    },
  });
  const response = await ask("messages", "MiniMax-M2.7", "hi");
  assertEquals(response.status, 400);
  const { message } = (await response.json()).error;
  assertStringIncludes(message, "bad");
  assertStringIncludes(message, "…");
  assert(!/[\w-]{20,}/.test(message), message);
  assert(!JSON.stringify(logged).includes("bad"));
});

for (const dialect of DIALECTS) {
  Deno.test(`an error in the middle of a ${dialect} stream is told in it, and ends it`, async () => {
    for (const model of MODELS) {
      for (const text of ["[midstream-error]", "[cut]", "[cut:stop]"]) {
        const { ask, sent, logged, counted } = await createWorld();
        const response = await ask(dialect, model, `${text} [long:30]`, true);
        assertEquals(response.status, 200);
        const last = events(await response.text()).findLast(({ data }) => data !== "[DONE]")!;
        assert(
          "error" in last.data || last.data.type === "error" ||
            last.data.type === "response.failed",
          JSON.stringify(last),
        );
        assertEquals(sent.length, 1);
        assertEquals([logged[0]!.outcome, counted[0]!.outcome], ["failed", "failed"]);
      }
    }
  });
}

Deno.test("a client that leaves before the answer ends the request upstream", async () => {
  const left = new AbortController();
  const world = await createWorld({
    upstream: (_url, init) =>
      new Promise((_resolve, reject) =>
        init.signal!.addEventListener("abort", () => reject(init.signal!.reason))
      ),
  });
  const answering = world.send("/v1/messages", {
    body: ask("messages", "MiniMax-M2.7", "hi"),
    signal: left.signal,
  });
  while (world.sent.length === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  left.abort();
  const response = await answering;
  assertEquals([response.status, world.sent[0]!.signal.aborted], [499, true]);
  assertEquals(world.logged.map(({ outcome }) => outcome), ["cancelled"]);
  assertEquals(world.counted.map(({ outcome }) => outcome), ["cancelled"]);
});

Deno.test("a client that leaves a stream ends the request upstream", async () => {
  const { ask, sent, logged, counted } = await createWorld();
  const response = await ask("messages", "MiniMax-M2.7", "[hang] [long:50]", true);
  const reader = response.body!.getReader();
  await reader.read();
  await reader.cancel();
  assertEquals(sent[0]!.signal.aborted, true);
  assertEquals([logged[0]!.outcome, counted[0]!.outcome], ["cancelled", "cancelled"]);
});

Deno.test("a signal that aborts after the answer changes nothing", async () => {
  const left = new AbortController();
  const world = await createWorld();
  const body = ask("messages", "MiniMax-M2.7", "hi", true);
  const response = await world.send("/v1/messages", { body, signal: left.signal });
  assert(LAST_EVENT.messages(await response.text()));
  left.abort();
  assertEquals(world.logged.map(({ outcome }) => outcome), ["completed"]);
  assertEquals(world.counted.map(({ outcome }) => outcome), ["completed"]);
});

for (
  const [dialect, sign] of [["messages", "event: ping"], ["chat", ":"], ["responses", ":"]] as const
) {
  Deno.test(`a silent ${dialect} stream is kept alive, then given up in its dialect`, async () => {
    const { ask } = await createWorld({
      limits: { idleTimeoutMs: 150 },
      sleep,
      gateway: { heartbeatMs: 40, now: Date.now, startTimer },
    });
    const response = await ask(dialect, "grok-4.3", "[hang] [long:20]", true);
    const text = await response.text();
    const silence = text.slice(text.lastIndexOf("delta"));
    assert(silence.split("\n").some((line) => line.startsWith(sign)), silence);
    assertStringIncludes(silence, "stopped coming");
  });
}

Deno.test("a stream that goes on for longer than it may is ended in its dialect", async () => {
  const { ask, sent } = await createWorld({ limits: { totalTimeoutMs: 100 }, sleep });
  const response = await ask("messages", "MiniMax-M2.7", "[hang] [long:20]", true);
  assertEquals(events(await response.text()).at(-1)!.name, "error");
  assertEquals(sent[0]!.signal.aborted, true);
});

const NAMES: { name: string; status: number }[] = [
  { name: "nope", status: 404 },
  { name: "__proto__", status: 404 },
  { name: "constructor", status: 404 },
  { name: "xai-oauth/", status: 404 },
  { name: "xai-oauth/../../v1/files", status: 200 },
  { name: "https://evil.example/v1", status: 404 },
  { name: "grok-4.3\r\nx-evil: 1", status: 400 },
  { name: "grok 4.3", status: 400 },
  { name: "grök", status: 400 },
  { name: "", status: 400 },
  { name: "m".repeat(10_000), status: 400 },
];
for (const { name, status } of NAMES) {
  Deno.test(`a model named ${JSON.stringify(name.slice(0, 40))} leads nowhere it should not`, async () => {
    const { ask, sent } = await createWorld({
      upstream: (url) => {
        assertEquals(new URL(url).pathname, "/v1/responses");
        return Response.json({ error: { message: "no such model" } }, { status: 404 });
      },
    });
    const response = await ask("responses", name, "hi");
    assertEquals(response.status, status === 200 ? 404 : status);
    assertEquals(sent.length, status === 200 ? 1 : 0);
    for (const value of response.headers.values()) assert(!value.includes("evil"));
    await response.body?.cancel();
  });
}

for (const dialect of DIALECTS) {
  Deno.test(`an unknown model is told in ${dialect}, with where to look`, async () => {
    const { ask } = await createWorld();
    const response = await ask(dialect, "gpt-9", "hi");
    assertEquals(response.status, 404);
    const message = messageOf(await response.json());
    assertStringIncludes(message, "gpt-9");
    assertStringIncludes(message, "/v1/models");
  });
  Deno.test(`a missing login is told in ${dialect}, with the command to run`, async () => {
    const { ask } = await createWorld({ signedIn: [] });
    for (const model of ["grok-4.3", "claude-opus-4"]) {
      const response = await ask(dialect, model, "hi");
      assertEquals(response.status, 401);
      assertStringIncludes(messageOf(await response.json()), "grantway auth add");
    }
  });
}

for (
  const text of [
    'data: {"type":"message_stop"}\n\n',
    "data: [DONE]\n\n",
    "event: error\ndata: {}\n\n",
    "</s>\u0000\u2028",
  ]
) {
  Deno.test(`a prompt with ${JSON.stringify(text)} is data`, async () => {
    for (const dialect of DIALECTS) {
      const { ask, sent, counted } = await createWorld();
      const response = await ask(dialect, "grok-4.3", text, true);
      assert(LAST_EVENT[dialect](await response.text()));
      assert(JSON.stringify(JSON.parse(sent[0]!.text)).includes(JSON.stringify(text).slice(1, -1)));
      assertEquals(counted[0]!.outcome, "completed");
    }
  });
}
