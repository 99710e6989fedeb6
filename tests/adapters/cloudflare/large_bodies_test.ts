/**
 * G25: several large bodies at once in one isolate of the Worker, in workerd. What does not fit beside
 * the others is refused, and comes through later.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { createKvStore } from "../../../src/adapters/cloudflare/mod.ts";
import { createSealedStore } from "../../../src/credentials/sealed_store.ts";
import { createSealer, parseSealingKeys } from "../../../src/credentials/sealing.ts";
import { createClientKeyStore } from "../../../src/gateway/mod.ts";
import { bundle } from "../../support/bundle.ts";
import { KEY_A } from "../../support/credential_workers.ts";
import { startWorkerd } from "../../support/workerd.ts";

const TEN_MB = 10_000_000;

Deno.test("the Worker holds no more of large bodies at once than its memory allows", async () => {
  const lengths: number[] = [];
  const { promise: twoThere, resolve: thereAreTwo } = Promise.withResolvers<void>();
  const { promise: answering, resolve: answer } = Promise.withResolvers<void>();
  const server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen: () => {} },
    async (request) => {
      lengths.push((await request.arrayBuffer()).byteLength);
      if (lengths.length === 2) thereAreTwo();
      await answering;
      return Response.json({
        id: "msg_1",
        type: "message",
        role: "assistant",
        model: "MiniMax-M2.7",
        content: [{ type: "text", text: "Hello" }],
        stop_reason: "end_turn",
        usage: { input_tokens: 1, output_tokens: 1 },
      });
    },
  );
  await using workerd = await startWorkerd(await bundle("../src/worker.ts"), {
    bindings: {
      GRANTWAY_KEYS: KEY_A,
      GRANTWAY_SANDBOX: `http://127.0.0.1:${server.addr.port}`,
      MINIMAX_API_KEY: "k",
    },
    hasObjects: true,
  });
  const sealer = createSealer(parseSealingKeys(KEY_A));
  const store = createSealedStore(createKvStore(workerd.kv), { sealer, acceptsPlain: false });
  const { secret } = await createClientKeyStore({ store, now: () => Date.now() })
    .create({ name: "laptop" });
  const post = (length: number) =>
    fetch(new URL("/v1/messages", workerd.direct), {
      method: "POST",
      headers: { "x-api-key": secret.expose(), "content-type": "application/json" },
      body: JSON.stringify({
        model: "minimax/MiniMax-M2.7",
        max_tokens: 9,
        messages: [{ role: "user", content: "x".repeat(length) }],
      }),
    });
  try {
    const first = [post(TEN_MB), post(TEN_MB)];
    await twoThere;
    const third = await post(TEN_MB);
    assertEquals([third.status, third.headers.get("retry-after")], [503, "2"]);
    const { error } = await third.json();
    assertEquals(error.type, "overloaded_error");
    answer();
    assertEquals((await Promise.all(first)).map(({ status }) => status), [200, 200]);
    for (const response of await Promise.all(first)) await response.body!.cancel();
    const again = await post(TEN_MB);
    assertEquals([again.status, lengths.length], [200, 3]);
    await again.body!.cancel();
    // Larger than what several may hold, and alone.
    const large = await post(3 * TEN_MB);
    assertEquals(large.status, 200);
    await large.body!.cancel();
  } finally {
    answer();
    await server.shutdown();
  }
});
