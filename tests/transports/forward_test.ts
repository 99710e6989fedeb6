/** Transport.forward(): what holds of it beside what attempts_test.ts asks of every way. */

import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { TransportError } from "../../src/core/errors.ts";
import type { Credential } from "../../src/credentials/credential.ts";
import type { Pool } from "../../src/credentials/pool.ts";
import { resolveEndpoints } from "../../src/providers/endpoints.ts";
import { xai } from "../../src/providers/xai/provider.ts";
import { readClientBody } from "../../src/transports/client_body.ts";
import { createFailoverTransport } from "../../src/transports/failover.ts";
import type { ForwardRequest, RelayedStream } from "../../src/transports/relayed_answer.ts";
import type { Transport, TransportRequestOptions } from "../../src/transports/transport.ts";
import {
  ANSWER,
  error,
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
  transportOver,
  upstream,
} from "./support.ts";

const FORWARD: ForwardRequest = { request: REQUEST, clientModel: "mine" };
const WHOLE: ForwardRequest = { ...FORWARD, request: { ...REQUEST, stream: false } };

async function streamOf(
  transport: Transport,
  options?: TransportRequestOptions,
): Promise<RelayedStream> {
  const answer = await transport.forward(FORWARD, options);
  assert(answer?.kind === "stream", answer?.kind);
  return answer.stream;
}

async function bytesOf(stream: RelayedStream): Promise<string> {
  let all = "";
  for (let bytes = await stream.read(); bytes !== null; bytes = await stream.read()) {
    all += new TextDecoder().decode(bytes);
  }
  return all;
}

Deno.test("Transport.forward() gives the bytes, with the client's name of the model, and counts", async () => {
  const { fetch } = upstream(() => sseResponse([PING, ...ANSWER]));
  const stream = await streamOf(transportOver(fetch));
  const all = await bytesOf(stream);
  assert(all.startsWith(PING));
  assertStringIncludes(all, '"model":"mine"');
  for (const frame of [OPEN, text("Hel"), text("lo")]) assertStringIncludes(all, frame);
  assertEquals([stream.usage?.inputTokens, stream.usage?.outputTokens], [3, 2]);
});

Deno.test("Transport.forward() gives a whole answer as its body", async () => {
  const { fetch, sent } = upstream(json({ ...MESSAGE, base_resp: { status_code: 0 } }));
  const answer = await transportOver(fetch).forward(WHOLE);
  assert(answer?.kind === "body");
  assertEquals([answer.body["model"], answer.body["base_resp"], answer.usage.outputTokens], [
    "mine",
    undefined,
    2,
  ]);
  assertEquals(sent[0]!.headers.get("accept"), "application/json");
});

const OTHER_FORMS: { name: string; ask: ForwardRequest; answer: () => Response }[] = [
  { name: "a body for a stream", ask: FORWARD, answer: json(MESSAGE) },
  { name: "a stream for a body", ask: WHOLE, answer: () => sseResponse(ANSWER) },
];
for (const { name, ask, answer } of OTHER_FORMS) {
  Deno.test(`Transport.forward() reads ${name}`, async () => {
    const forwarded = await transportOver(upstream(answer).fetch).forward(ask);
    assertEquals(forwarded?.kind, "events");
  });
}

const BROKEN: { name: string; answer: () => Response; code: string }[] = [
  {
    name: "an error event",
    answer: () => sseResponse([START, OPEN, error("overloaded_error", "busy token-0")]),
    code: "overloaded",
  },
  { name: "an end too soon", answer: () => sseResponse([START, OPEN]), code: "stream_interrupted" },
  {
    name: "a lost connection",
    answer: () => sseResponse([START, OPEN], { fail: new TypeError("reset") }),
    code: "stream_interrupted",
  },
  {
    name: "a second beginning",
    answer: () => sseResponse([START, OPEN, text("a"), START]),
    code: "stream_interrupted",
  },
];
for (const { name, answer, code } of BROKEN) {
  Deno.test(`Transport.forward() ends with the dialect's error on ${name}, and asks once`, async () => {
    const { fetch, sent } = upstream(answer);
    const stream = await streamOf(transportOver(fetch));
    const all = await bytesOf(stream);
    assert(/event: error\ndata: \{"type":"error","error":\{.*\}\}\n\n$/.test(all), all);
    assert(!all.includes("message_stop") && !all.includes("token-0"), all);
    assertEquals<string | undefined>(stream.error?.code, code);
    assertEquals(sent.length, 1);
  });
}

const ELSEWHERE: { name: string; request: Partial<typeof REQUEST> }[] = [
  { name: "stop sequences that upstream ignores", request: { stopSequences: ["STOP"] } },
  {
    name: "a tool that has to go by another name",
    request: { tools: [{ type: "function", name: "a.b" }] },
  },
  {
    name: "a tool that takes free text",
    request: { tools: [{ type: "function", name: "f", custom: true }] },
  },
];
for (const { name, request } of ELSEWHERE) {
  Deno.test(`Transport.forward() sends nothing, and tells nothing, with ${name}`, async () => {
    const { fetch, sent } = upstream(() => sseResponse(ANSWER));
    const notes: string[] = [];
    const answer = await transportOver(fetch).forward(
      { ...FORWARD, request: { ...REQUEST, topK: 1, ...request } },
      { onNote: (note) => notes.push(note) },
    );
    assertEquals([answer, sent.length, notes.length], [undefined, 0, 0]);
  });
}

Deno.test("Transport.forward() mends what was refused, and sends that from then on", async () => {
  const { fetch, sent } = upstream(
    () =>
      Response.json(
        {
          code: "invalid-argument",
          error: "Model grok-4.3 does not support parameter reasoningEffort",
        },
        { status: 400 },
      ),
    () =>
      Response.json({
        id: "r",
        object: "response",
        status: "completed",
        model: "grok-4.3",
        output: [],
        usage: { input_tokens: 1, output_tokens: 1 },
      }),
  );
  const transport = transportOver(fetch, {
    provider: xai,
    endpoints: resolveEndpoints(xai, xai.regions[0]!),
  });
  const request = {
    ...say("Hi", { model: "grok-4.3", reasoning: { effort: "high" } }),
    stream: false,
  };
  const body = { model: "grok-4.3", input: "Hi", reasoning: { effort: "high" } };
  for (let turn = 0; turn < 2; turn++) {
    const bytes = new TextEncoder().encode(JSON.stringify(body));
    const answer = await transport.forward({
      request,
      clientModel: "mine",
      body: readClientBody(bytes),
    });
    assertEquals(answer?.kind, "body");
  }
  assertEquals(sent.map(({ body }) => "reasoning" in body), [true, false, false]);
});

Deno.test("Transport.forward() sends a client's bytes again as they are", async () => {
  const written =
    '{"model":"MiniMax-M2.7",  "max_tokens":5,"stream":true,"messages":[{"role":"user","content":"Hello"}]}';
  const bodies: unknown[] = [];
  const answers = [REFUSED, problem(529, "overloaded_error", "busy"), () => sseResponse(ANSWER)];
  const transport = transportOver((_, init) => {
    bodies.push(new TextDecoder().decode(init!.body as Uint8Array<ArrayBuffer>));
    return Promise.resolve(answers[bodies.length - 1]!());
  }, {
    source: {
      get: ({ rejectedGeneration } = {}) =>
        Promise.resolve({
          value: rejectedGeneration === undefined ? "a" : "b",
          generation: rejectedGeneration === undefined ? 0 : 1,
          expiresAt: 9e15,
          credential: { provider: "minimax-oauth", id: "a", label: "a", region: "global" },
        }),
    },
  });
  const answer = await transport.forward({
    request: { ...REQUEST, maxOutputTokens: 5 },
    clientModel: "mine",
    body: readClientBody(new TextEncoder().encode(written)),
  });
  assert(answer?.kind === "stream");
  await bytesOf(answer.stream);
  assertEquals(bodies, [written, written, written]);
});

Deno.test("Transport.forward() goes to the next account before the first byte, and not after it", async () => {
  const pool = {
    candidates: () => Promise.resolve([{ id: "a" }, { id: "b" }] as Credential[]),
    report: () => Promise.resolve({ until: 1, code: "rate_limited", message: "" }),
  } as unknown as Pool;
  const over = (answer: () => Response) =>
    createFailoverTransport({
      pool,
      open: ({ id }) =>
        Promise.resolve(
          transportOver(upstream(id === "a" ? answer : () => sseResponse(ANSWER)).fetch),
        ),
    });
  const limited = over(problem(429, "rate_limit_error", "usage limit exceeded (2056)"));
  assertStringIncludes(await bytesOf(await streamOf(limited)), "message_stop");
  const late = over(() => sseResponse([START, OPEN, error("rate_limit_error", "slow")]));
  assertEquals((await bytesOf(await streamOf(late))).includes("message_stop"), false);
});

Deno.test("Transport.forward() rethrows the reason of a cancellation, wherever it is", async (t) => {
  const reason = new Error("enough");
  await t.step("before the request", async () => {
    const { fetch, sent } = upstream(() => sseResponse(ANSWER));
    const options = { signal: AbortSignal.abort(reason) };
    assertEquals(await assertRejects(() => streamOf(transportOver(fetch), options)), reason);
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
    const options = { signal: controller.signal };
    assertEquals(await assertRejects(() => streamOf(transport, options)), reason);
  });
  await t.step("while it waits for the next bytes", async () => {
    const controller = new AbortController();
    let cancelled = 0;
    const { fetch } = upstream(() =>
      sseResponse([START], { open: true, onCancel: () => cancelled++ })
    );
    const stream = await streamOf(transportOver(fetch), { signal: controller.signal });
    await stream.read();
    const next = stream.read();
    controller.abort(reason);
    assertEquals(await assertRejects(() => next), reason);
    assertEquals([cancelled, await stream.read()], [1, null]);
  });
  await t.step("and leaves upstream when its reader does", async () => {
    let cancelled = 0;
    const { fetch } = upstream(() =>
      sseResponse([START], { open: true, onCancel: () => cancelled++ })
    );
    const stream = await streamOf(transportOver(fetch));
    await stream.cancel();
    assertEquals([cancelled, await stream.read()], [1, null]);
  });
});

Deno.test("Transport.forward() has a deadline where it was given one", async () => {
  let fire = () => {};
  const never = transportOver(
    (_, init) =>
      new Promise((_, reject) =>
        init!.signal!.addEventListener("abort", () => reject(init!.signal!.reason))
      ),
    {
      totalTimeoutMs: 90_000,
      startTimer: (ms, run) => {
        if (ms === 90_000) fire = run;
        return () => {};
      },
    },
  );
  const pending = assertRejects(() => streamOf(never), TransportError);
  await new Promise((resolve) => setTimeout(resolve, 0));
  fire();
  const failure = await pending;
  assertEquals(failure.code, "timeout");
  assertStringIncludes(failure.message, "it took longer than 90 s");
});
