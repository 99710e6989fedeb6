/**
 * Clients that leave before their answer begins: what they asked for ends upstream, and what they held
 * of their key is free again. Over sockets on both sides, with requests that fill one packet and many.
 */

import { assertEquals } from "@std/assert";
import { serve } from "../../src/adapters/deno/serve.ts";
import { ask, createWorld, KEY, PATHS } from "./support.ts";

const encoder = new TextEncoder();
/** It takes milliseconds; a runtime that never tells would hold the test for ever. */
const LIMIT_MS = 10_000;

async function within<T>(promise: Promise<T>, what: string): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error(`Still waiting until ${what}`)), LIMIT_MS);
  try {
    return await Promise.race([promise, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

async function until(isSo: () => boolean, what: string): Promise<void> {
  let isOver = false;
  const looking = (async () => {
    while (!isSo() && !isOver) await new Promise((resolve) => setTimeout(resolve, 2));
  })();
  await within(looking, what).finally(() => isOver = true);
}

/** An upstream that answers nobody, and tells when its caller has come, and has gone. */
function startSilence() {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const come = Promise.withResolvers<void>(), gone = Promise.withResolvers<void>();
  const ended = (async () => {
    for await (const connection of listener) {
      using socket = connection;
      const buffer = new Uint8Array(65_536);
      while (await socket.read(buffer).catch(() => null) !== null) come.resolve();
      gone.resolve();
    }
  })().catch(() => {});
  return {
    origin: `http://127.0.0.1:${(listener.addr as Deno.NetAddr).port}`,
    come: come.promise,
    gone: gone.promise,
    [Symbol.asyncDispose]: async () => {
      listener.close();
      await ended;
    },
  };
}

function requestOf(dialect: keyof typeof PATHS, size: number, isChunked: boolean, stream: boolean) {
  const body = JSON.stringify(ask(dialect, "MiniMax-M2.7", "x".repeat(size), stream));
  const [length, bytes] = isChunked
    ? ["Transfer-Encoding: chunked", `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`]
    : [`Content-Length: ${body.length}`, body];
  return encoder.encode(
    `POST ${
      PATHS[dialect]
    } HTTP/1.1\r\nHost: localhost\r\nx-api-key: ${KEY}\r\n${length}\r\n\r\n${bytes}`,
  );
}

async function writeAll(connection: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
}

const SIZES = [1, 1_000, 100_000];
const WAYS: { name: string; leave: (connection: Deno.TcpConn) => Promise<void> | void }[] = [
  { name: "closes its connection", leave: (connection) => connection.close() },
  { name: "says that it will send no more", leave: (connection) => connection.closeWrite() },
];

for (const { name, leave } of WAYS) {
  for (const isChunked of [false, true]) {
    for (const stream of [false, true]) {
      const what = `${stream ? "a stream" : "an answer"}, ${isChunked ? "in chunks" : "by length"}`;
      Deno.test(`a client that asks for ${what}, and ${name}, ends it upstream`, async (t) => {
        for (const [index, size] of SIZES.entries()) {
          await t.step(`${size} bytes`, async () => {
            await using upstream = startSilence();
            let isSilent = true;
            const world = await createWorld({
              signedIn: ["minimax-oauth"],
              limits: { concurrent: 1 },
              upstream: (url, init) =>
                isSilent
                  ? fetch(upstream.origin + new URL(url).pathname, init)
                  : world.sandbox.fetch(url, init),
            });
            const server = await serve((request) => world.gateway.fetch(request), { port: 0 });
            const port = Number(new URL(server.origin).port);
            const dialect = (["messages", "chat", "responses"] as const)[index]!;
            const connection = await Deno.connect({ hostname: "127.0.0.1", port });
            await writeAll(connection, requestOf(dialect, size, isChunked, stream));
            await within(upstream.come, "the request is upstream");
            await leave(connection);
            await within(upstream.gone, "it is gone from there");
            await until(() => world.logged.length > 0, "it is logged");
            assertEquals(world.logged.map(({ outcome }) => outcome), ["cancelled"]);
            assertEquals(world.counted.map(({ outcome }) => outcome), ["cancelled"]);
            // Its place is free: the key has but one.
            isSilent = false;
            const next = await fetch(server.origin + PATHS[dialect], {
              method: "POST",
              headers: { "x-api-key": KEY },
              body: JSON.stringify(ask(dialect, "MiniMax-M2.7", "hi")),
            });
            assertEquals([next.status, (await next.json()).error ?? null], [200, null]);
            if (name.startsWith("says")) connection.close();
            await server.close(AbortSignal.timeout(1_000));
          });
        }
      });
    }
  }
}

Deno.test("a client that leaves with half its request sent leaves nothing", async () => {
  const world = await createWorld({ signedIn: ["minimax-oauth"], limits: { concurrent: 1 } });
  const server = await serve((request) => world.gateway.fetch(request), { port: 0 });
  const port = Number(new URL(server.origin).port);
  for (const isChunked of [false, true]) {
    const connection = await Deno.connect({ hostname: "127.0.0.1", port });
    const request = requestOf("messages", 100_000, isChunked, true);
    await writeAll(connection, request.subarray(0, 60_000));
    await new Promise((done) => setTimeout(done, 20));
    connection.close();
    const before = world.logged.length;
    await until(() => world.logged.length > before, "it is logged");
    assertEquals(world.logged.at(-1)!.outcome, "cancelled");
  }
  assertEquals([world.sent.length, world.counted.length], [0, 0]);
  await server.close(AbortSignal.timeout(1_000));
});
