/**
 * Clients that leave the Worker in the middle of an answer, in workerd: the request upstream ends.
 *
 * workerd notices that a client has gone when it next writes to it. So there are two cases: an answer
 * that goes on, and one that is silent, where the sign of life is what is written. Before an answer
 * begins nothing is written, and only whoever stands before the Worker can tell.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { Miniflare } from "miniflare";
import { serve } from "../../../src/adapters/deno/serve.ts";
import { createKvStore, type KvNamespace } from "../../../src/adapters/cloudflare/mod.ts";
import { createSealedStore } from "../../../src/credentials/sealed_store.ts";
import { sleep } from "../../../src/core/runtime.ts";
import { createSealer, parseSealingKeys } from "../../../src/credentials/sealing.ts";
import { createClientKeyStore } from "../../../src/gateway/mod.ts";
import { bundle } from "../../support/bundle.ts";
import { KEY_A } from "../../support/credential_workers.ts";
import { OBJECTS, startWorkerd, workerOptions } from "../../support/workerd.ts";

/** Longer than the time between two signs of life. */
const BOUND_MS = 30_000;

const encoder = new TextEncoder();
const frame = (event: { type: string; [name: string]: unknown }) =>
  encoder.encode(`event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`);

const MESSAGE = {
  id: "msg_1",
  type: "message",
  role: "assistant",
  model: "MiniMax-M2.7",
  content: [],
  stop_reason: null,
  usage: { input_tokens: 1, output_tokens: 1 },
};

/** Waits for the end of every request upstream; without this bound a fault would hang. */
async function allEnded(
  provider: Awaited<ReturnType<typeof serveProvider>>,
  count: number,
): Promise<void> {
  assertEquals(provider.requests.length, count);
  const late = new AbortController();
  const tooLate = sleep(BOUND_MS, late.signal).then(() => assert(false, "one goes on"));
  tooLate.catch(() => {});
  await Promise.race([Promise.all(provider.requests.splice(0).map(({ ended }) => ended)), tooLate]);
  late.abort();
}

/** Makes a client key. */
async function makeKey(kv: KvNamespace): Promise<string> {
  const sealer = createSealer(parseSealingKeys(KEY_A));
  const store = createSealedStore(createKvStore(kv), { sealer, acceptsPlain: false });
  const keys = createClientKeyStore({ store, now: () => Date.now() });
  return (await keys.create({ name: "laptop" })).secret.expose();
}

/** What is asked, in each dialect. */
function question(path: string, secret: string): RequestInit {
  return {
    method: "POST",
    headers: { "x-api-key": secret, "content-type": "application/json" },
    body: JSON.stringify({
      model: "minimax/MiniMax-M2.7",
      stream: true,
      max_tokens: 9,
      [path === "/v1/responses" ? "input" : "messages"]: [{ role: "user", content: "Say hello" }],
    }),
  };
}

/** A provider that begins an answer, and then says a word every `gapMs`, or nothing more. */
async function serveProvider() {
  const requests: { ended: Promise<void> }[] = [];
  let gapMs: number | "mute" | undefined;
  // `Deno.serve` would not always see that its client has gone before an answer.
  const server = await serve(async (request) => {
    await request.text();
    const { promise: ended, resolve: end } = Promise.withResolvers<void>();
    requests.push({ ended });
    const ms = gapMs;
    if (ms === "mute") {
      request.signal.addEventListener("abort", () => end());
      return ended.then(() => new Response());
    }
    let timer: ReturnType<typeof setInterval> | undefined;
    const stop = () => {
      clearInterval(timer);
      end();
    };
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        controller.enqueue(frame({ type: "message_start", message: MESSAGE }));
        const content_block = { type: "text", text: "" };
        controller.enqueue(frame({ type: "content_block_start", index: 0, content_block }));
        if (ms === undefined) return;
        const delta = { type: "text_delta", text: "word " };
        timer = setInterval(() => {
          controller.enqueue(frame({ type: "content_block_delta", index: 0, delta }));
        }, ms);
      },
      cancel: stop,
    });
    return new Response(body, { headers: { "content-type": "text/event-stream" } });
  }, { port: 0 });
  return {
    origin: server.origin,
    requests,
    every: (ms: number | "mute" | undefined) => void (gapMs = ms),
    // What a fault has left open is not waited for.
    [Symbol.asyncDispose]: () => server.close(AbortSignal.abort()),
  };
}

Deno.test("a client that leaves the Worker ends the request upstream, in every dialect", async (t) => {
  await using provider = await serveProvider();
  await using workerd = await startWorkerd(await bundle("../src/worker.ts"), {
    bindings: { GRANTWAY_KEYS: KEY_A, GRANTWAY_SANDBOX: provider.origin, MINIMAX_API_KEY: "k" },
    hasObjects: true,
  });
  const secret = await makeKey(workerd.kv);

  /** Asks, reads a little, and leaves. */
  async function leave(path: string): Promise<void> {
    const controller = new AbortController();
    const response = await fetch(new URL(path, workerd.direct), {
      ...question(path, secret),
      signal: controller.signal,
    });
    assertEquals(response.status, 200);
    await response.body!.getReader().read();
    controller.abort();
  }

  for (const path of ["/v1/messages", "/v1/chat/completions", "/v1/responses"]) {
    await t.step(`${path}: an answer that goes on`, async () => {
      provider.every(50);
      await Promise.all(Array.from({ length: 4 }, () => leave(path)));
      await allEnded(provider, 4);
    });
  }

  await t.step("an answer that is silent, with the next sign of life", async () => {
    provider.every(undefined);
    await Promise.all(["/v1/messages", "/v1/chat/completions", "/v1/responses"].map(leave));
    await allEnded(provider, 3);
  });
});

/** What stands before a Worker on Cloudflare's network: it drops the request of a client that left. */
const FRONT = `export default {
  async fetch(request, env) {
    const controller = new AbortController();
    const asked = env.GATEWAY.fetch(request, { signal: controller.signal });
    // The provider has the request by then.
    while ((await (await fetch(env.COUNT)).text()) === "0") await scheduler.wait(20);
    controller.abort();
    return new Response(await asked.then(() => "answered", () => "left"));
  },
};`;

Deno.test("a client that leaves before its answer begins ends the request upstream behind a hop", async () => {
  await using provider = await serveProvider();
  provider.every("mute");
  const counter = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen: () => {} },
    () => new Response(String(provider.requests.length)),
  );
  const miniflare = new Miniflare({
    workers: [{
      ...workerOptions(FRONT),
      name: "front",
      serviceBindings: { GATEWAY: "gateway" },
      bindings: { COUNT: `http://127.0.0.1:${counter.addr.port}` },
    }, {
      ...workerOptions(await bundle("../src/worker.ts")),
      name: "gateway",
      bindings: { GRANTWAY_KEYS: KEY_A, GRANTWAY_SANDBOX: provider.origin, MINIMAX_API_KEY: "k" },
      kvNamespaces: ["KV"],
      durableObjects: OBJECTS,
    }],
  });
  try {
    const origin = await miniflare.ready;
    const kv = await miniflare.getKVNamespace("KV", "gateway") as unknown as KvNamespace;
    const secret = await makeKey(kv);
    const path = "/v1/messages";
    const answer = await fetch(new URL(path, origin), question(path, secret));
    assertEquals(await answer.text(), "left");
    await allEnded(provider, 1);
  } finally {
    await miniflare.dispose();
    await counter.shutdown();
  }
});
