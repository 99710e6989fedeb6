/**
 * Clients that leave the Worker in the middle of an answer, in workerd: the request upstream ends.
 *
 * workerd notices that a client has gone when it next writes to it. So there are two cases: an answer
 * that goes on, and one that is silent, where the sign of life is what is written.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { createKvStore } from "../../../src/adapters/cloudflare/mod.ts";
import { createSealedStore } from "../../../src/credentials/sealed_store.ts";
import { sleep } from "../../../src/core/runtime.ts";
import { createSealer, parseSealingKeys } from "../../../src/credentials/sealing.ts";
import { createClientKeyStore } from "../../../src/gateway/mod.ts";
import { bundle } from "../../support/bundle.ts";
import { KEY_A } from "../../support/credential_workers.ts";
import { startWorkerd } from "../../support/workerd.ts";

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

/** A provider that begins an answer, and then says a word every `gapMs`, or nothing more. */
function serveProvider() {
  const requests: { ended: Promise<void> }[] = [];
  let gapMs: number | undefined;
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, () => {
    const { promise: ended, resolve: end } = Promise.withResolvers<void>();
    requests.push({ ended });
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
        if (gapMs === undefined) return;
        const delta = { type: "text_delta", text: "word " };
        timer = setInterval(() => {
          controller.enqueue(frame({ type: "content_block_delta", index: 0, delta }));
        }, gapMs);
      },
      cancel: stop,
    });
    return new Response(body, { headers: { "content-type": "text/event-stream" } });
  });
  return {
    origin: `http://127.0.0.1:${server.addr.port}`,
    requests,
    every: (ms: number | undefined) => void (gapMs = ms),
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

Deno.test("a client that leaves the Worker ends the request upstream, in every dialect", async (t) => {
  await using provider = serveProvider();
  await using workerd = await startWorkerd(await bundle("../src/worker.ts"), {
    bindings: { GRANTWAY_KEYS: KEY_A, GRANTWAY_SANDBOX: provider.origin, MINIMAX_API_KEY: "k" },
    hasObjects: true,
  });
  const store = createSealedStore(createKvStore(workerd.kv), {
    sealer: createSealer(parseSealingKeys(KEY_A)),
    acceptsPlain: false,
  });
  const { secret } = await createClientKeyStore({ store, now: () => Date.now() })
    .create({ name: "laptop" });

  /** Asks, reads a little, and leaves. */
  async function leave(path: string): Promise<void> {
    const controller = new AbortController();
    const question = [{ role: "user", content: "Say hello" }];
    const response = await fetch(new URL(path, workerd.direct), {
      method: "POST",
      headers: { "x-api-key": secret.expose(), "content-type": "application/json" },
      body: JSON.stringify({
        model: "minimax/MiniMax-M2.7",
        stream: true,
        max_tokens: 9,
        [path === "/v1/responses" ? "input" : "messages"]: question,
      }),
      signal: controller.signal,
    });
    assertEquals(response.status, 200);
    await response.body!.getReader().read();
    controller.abort();
  }

  /** Waits for the end of every request upstream; without this bound a fault would hang. */
  async function allEnded(count: number): Promise<void> {
    assertEquals(provider.requests.length, count);
    const late = new AbortController();
    const tooLate = sleep(BOUND_MS, late.signal).then(() => assert(false, "one goes on"));
    tooLate.catch(() => {});
    await Promise.race([
      Promise.all(provider.requests.splice(0).map(({ ended }) => ended)),
      tooLate,
    ]);
    late.abort();
  }

  for (const path of ["/v1/messages", "/v1/chat/completions", "/v1/responses"]) {
    await t.step(`${path}: an answer that goes on`, async () => {
      provider.every(50);
      await Promise.all(Array.from({ length: 4 }, () => leave(path)));
      await allEnded(4);
    });
  }

  await t.step("an answer that is silent, with the next sign of life", async () => {
    provider.every(undefined);
    await Promise.all(["/v1/messages", "/v1/chat/completions", "/v1/responses"].map(leave));
    await allEnded(3);
  });
});
