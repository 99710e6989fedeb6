/** What only a real socket can send, and what a socket that closes does. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { serve } from "../../src/adapters/deno/serve.ts";
import { ask, createWorld, KEY, type World, type WorldOptions } from "./support.ts";

/** A world behind a port. */
async function listen(
  options: WorldOptions = {},
): Promise<World & { port: number } & AsyncDisposable> {
  const world = await createWorld(options);
  const server = await serve((request) => world.gateway.fetch(request), { port: 0 });
  return {
    ...world,
    port: Number(new URL(server.origin).port),
    [Symbol.asyncDispose]: () => server.close(AbortSignal.timeout(1_000)),
  };
}

const encoder = new TextEncoder();
/** After its first bytes an answer is over when nothing has come for so long. */
const SILENCE_MS = 60;

/** Everything that comes back for these bytes, until the other side closes or is silent. */
async function exchange(
  port: number,
  bytes: string | Uint8Array,
): Promise<{ text: string; isClosed: boolean }> {
  using connection = await Deno.connect({ hostname: "127.0.0.1", port });
  const sending = writeAll(connection, typeof bytes === "string" ? encoder.encode(bytes) : bytes)
    .catch(() => {});
  const decoder = new TextDecoder();
  let text = "";
  const buffer = new Uint8Array(65_536);
  for (;;) {
    let timer: ReturnType<typeof setTimeout>;
    const silence = new Promise<"silent">((resolve) => {
      timer = setTimeout(() => resolve("silent"), text === "" ? 5_000 : SILENCE_MS);
    });
    const reading = connection.read(buffer).catch(() => null);
    const count = await Promise.race([reading, silence]);
    clearTimeout(timer!);
    if (count === "silent" || count === null) {
      const isClosed = count === null;
      if (!isClosed) {
        connection.close();
        await reading;
      }
      await sending;
      return { text, isClosed };
    }
    text += decoder.decode(buffer.subarray(0, count), { stream: true });
  }
}

async function writeAll(connection: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) {
    at += await connection.write(bytes.subarray(at, at + 65_536));
  }
}

function statusOf(text: string): number {
  return Number(/^HTTP\/1\.[01] (\d{3})/.exec(text)?.[1]);
}

async function assertAlive(port: number): Promise<void> {
  const { text } = await exchange(
    port,
    "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
  );
  assertEquals(statusOf(text), 200);
}

const HOST = "Host: localhost\r\n";
const AUTH = `x-api-key: ${KEY}\r\n`;
const BODY = JSON.stringify(ask("messages", "MiniMax-M2.7", "hi"));
const CHUNKED = `${BODY.length.toString(16)}\r\n${BODY}\r\n0\r\n\r\n`;
const post = (headers: string, body: string) =>
  `POST /v1/messages HTTP/1.1\r\n${HOST}${AUTH}${headers}\r\n${body}`;

const REQUESTS: { name: string; text: string; status: number | readonly number[] }[] = [
  { name: "a plain request", text: `GET /healthz HTTP/1.1\r\n${HOST}\r\n`, status: 200 },
  { name: "no Host", text: "GET /healthz HTTP/1.1\r\n\r\n", status: 400 },
  { name: "no Host, by HTTP/1.0", text: "GET /healthz HTTP/1.0\r\n\r\n", status: 400 },
  {
    name: "two Hosts",
    text: `GET /healthz HTTP/1.1\r\n${HOST}Host: evil.example\r\n\r\n`,
    status: 400,
  },
  { name: "the same Host twice", text: `GET /healthz HTTP/1.1\r\n${HOST}${HOST}\r\n`, status: 400 },
  {
    name: "a Host of another's",
    text: "GET /healthz HTTP/1.1\r\nHost: evil.example\r\n\r\n",
    status: 403,
  },
  {
    name: "a Host with a user",
    text: "GET /healthz HTTP/1.1\r\nHost: a@localhost\r\n\r\n",
    status: 403,
  },
  {
    name: "a Host with a dot",
    text: "GET /healthz HTTP/1.1\r\nHost: localhost.\r\n\r\n",
    status: 403,
  },
  {
    name: "the absolute form",
    text: `GET http://localhost/healthz HTTP/1.1\r\n${HOST}\r\n`,
    status: 200,
  },
  {
    name: "the absolute form of another's",
    text: `GET http://evil.example/healthz HTTP/1.1\r\n${HOST}\r\n`,
    status: 403,
  },
  {
    name: "the absolute form behind another's Host",
    text: "GET http://localhost/healthz HTTP/1.1\r\nHost: evil.example\r\n\r\n",
    status: 403,
  },
  {
    name: "the authority form",
    text: `CONNECT evil.example:443 HTTP/1.1\r\n${HOST}\r\n`,
    status: [400, 401, 403, 404, 405],
  },
  { name: "OPTIONS *", text: `OPTIONS * HTTP/1.1\r\n${HOST}\r\n`, status: [400, 401, 404] },
  {
    name: "bare line feeds",
    text: "GET /healthz HTTP/1.1\nHost: evil.example\n\n",
    status: [400, 403],
  },
  { name: "a dotted path", text: `GET /v1/../healthz HTTP/1.1\r\n${HOST}${AUTH}\r\n`, status: 404 },
  { name: "an escaped path", text: `GET /%68ealthz HTTP/1.1\r\n${HOST}${AUTH}\r\n`, status: 404 },
  { name: "a double slash", text: `GET //healthz HTTP/1.1\r\n${HOST}${AUTH}\r\n`, status: 404 },
  { name: "a NUL in the path", text: `GET /heal\0thz HTTP/1.1\r\n${HOST}\r\n`, status: 400 },
  {
    name: "a NUL in a header",
    text: `GET /healthz HTTP/1.1\r\n${HOST}x-a: \0\r\n\r\n`,
    status: 400,
  },
  {
    name: "a key of bytes beyond ASCII",
    text: `GET /v1/usage HTTP/1.1\r\n${HOST}x-api-key: gw_\u00e9\u00e9\u00e9\u00e9\u00e9\r\n\r\n`,
    status: 401,
  },
  {
    name: "a header of 64 KiB",
    text: `GET /healthz HTTP/1.1\r\n${HOST}x-a: ${"x".repeat(500_000)}\r\n\r\n`,
    status: [400, 431],
  },
  {
    name: "200 headers",
    text: `GET /healthz HTTP/1.1\r\n${HOST}${"x-a: 1\r\n".repeat(200)}\r\n`,
    status: [400, 431],
  },
  { name: "Content-Length", text: post(`Content-Length: ${BODY.length}\r\n`, BODY), status: 200 },
  { name: "chunks", text: post("Transfer-Encoding: chunked\r\n", CHUNKED), status: 200 },
  {
    name: "both lengths, Content-Length first",
    text: post(`Content-Length: ${BODY.length}\r\nTransfer-Encoding: chunked\r\n`, CHUNKED),
    status: 400,
  },
  {
    name: "both lengths, Transfer-Encoding first",
    text: post(`Transfer-Encoding: chunked\r\nContent-Length: 4\r\n`, CHUNKED),
    status: 400,
  },
  {
    name: "two lengths",
    text: post("Content-Length: 1\r\nContent-Length: 2\r\n", "ab"),
    status: 400,
  },
  {
    name: "an unknown coding",
    text: post("Transfer-Encoding: xchunked\r\n", CHUNKED),
    status: 400,
  },
  {
    name: "a folded header",
    text: post(`Content-Length:\r\n ${BODY.length}\r\n`, BODY),
    status: 400,
  },
  {
    name: "a space before the colon",
    text: post(`Content-Length : ${BODY.length}\r\n`, BODY),
    status: 400,
  },
  { name: "a length that is no number", text: post("Content-Length: 1e3\r\n", BODY), status: 400 },
  { name: "a negative length", text: post("Content-Length: -1\r\n", BODY), status: 400 },
];

Deno.test("the socket answers each of these as it should, and stays alive", async (t) => {
  await using world = await listen();
  for (const { name, text, status } of REQUESTS) {
    await t.step(name, async () => {
      const answer = await exchange(world.port, text);
      const expected = typeof status === "number" ? [status] : status;
      assert(expected.includes(statusOf(answer.text)), `${expected}: ${answer.text.slice(0, 200)}`);
      // What was refused as no HTTP is not followed by anything on that connection.
      if (statusOf(answer.text) === 400 && !answer.text.includes("{")) assert(answer.isClosed);
      assert(!answer.text.includes("evil"));
      await assertAlive(world.port);
    });
  }
});

Deno.test("a body that is longer than its length is another request, and no good one", async () => {
  await using world = await listen();
  const { text } = await exchange(world.port, post("Content-Length: 2\r\n", `{}${BODY}`));
  const statuses = [...text.matchAll(/^HTTP\/1\.1 (\d{3})/gm)].map(([, status]) => status);
  assert(statuses.length > 0 && statuses.every((status) => status === "400"), text);
  assertEquals(world.sent.length, 0);
});

Deno.test("a body that never ends is answered with 413 near the limit", async () => {
  const limit = 1_000_000;
  await using world = await listen({ signedIn: [], limits: { bodyBytes: limit } });
  const connection = await Deno.connect({ hostname: "127.0.0.1", port: world.port });
  await writeAll(connection, encoder.encode(post("Transfer-Encoding: chunked\r\n", "")));
  const chunk = encoder.encode(`10000\r\n${" ".repeat(65_536)}\r\n`);
  let written = 0;
  const sending = (async () => {
    for (; written < 100 * limit; written += chunk.length) await writeAll(connection, chunk);
  })().catch(() => {});
  const buffer = new Uint8Array(4_096);
  const count = await connection.read(buffer);
  // The limit, and what the system's own buffers hold. The server discards what still comes.
  assert(written < 12 * limit, `${written} bytes were taken`);
  assertEquals(statusOf(new TextDecoder().decode(buffer.subarray(0, count ?? 0))), 413);
  connection.close();
  await sending;
  await assertAlive(world.port);
});

for (const moment of ["before its headers", "in its stream"] as const) {
  Deno.test(`a client that closes its socket ${moment} ends the request upstream`, async () => {
    const isEarly = moment === "before its headers";
    const ended = Promise.withResolvers<void>();
    await using world = await listen({
      upstream: async (url, init) => {
        init.signal!.addEventListener("abort", () => ended.resolve());
        if (isEarly) {
          await new Promise((_resolve, reject) => {
            init.signal!.addEventListener("abort", () => reject(init.signal!.reason));
          });
        }
        return await world.sandbox.fetch(url, init);
      },
    });
    const connection = await Deno.connect({ hostname: "127.0.0.1", port: world.port });
    const body = JSON.stringify(ask("messages", "MiniMax-M2.7", "[hang] [long:30]", true));
    await writeAll(connection, encoder.encode(post(`Content-Length: ${body.length}\r\n`, body)));
    while (world.sent.length === 0) await new Promise((resolve) => setTimeout(resolve, 2));
    if (!isEarly) assertStringIncludes(await readSome(connection), "message_start");
    connection.close();
    await ended.promise;
    while (world.logged.length === 0) await new Promise((resolve) => setTimeout(resolve, 2));
    assertEquals(world.logged.map(({ outcome }) => outcome), ["cancelled"]);
    assertEquals(world.counted.map(({ outcome }) => outcome), ["cancelled"]);
  });
}

async function readSome(connection: Deno.Conn): Promise<string> {
  const buffer = new Uint8Array(65_536);
  let text = "";
  while (!text.includes("message_start")) {
    text += new TextDecoder().decode(buffer.subarray(0, await connection.read(buffer) ?? 0));
  }
  return text;
}

Deno.test("an answer that nobody reads is not fetched from upstream", async () => {
  let sent = 0;
  const event = (index: number) =>
    `event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"${index} ${
      "x".repeat(16_000)
    }"}}\n\n`;
  const start =
    'event: message_start\ndata: {"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"m","content":[],"usage":{"input_tokens":1,"output_tokens":1}}}\n\n' +
    'event: content_block_start\ndata: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}\n\n';
  await using world = await listen({
    signedIn: ["minimax-oauth"],
    upstream: () =>
      new Response(
        new ReadableStream({
          start: (controller) => controller.enqueue(encoder.encode(start)),
          pull: (controller) => {
            const bytes = encoder.encode(event(sent));
            sent += bytes.length;
            controller.enqueue(bytes);
          },
        }, { highWaterMark: 0 }),
        { headers: { "content-type": "text/event-stream" } },
      ),
  });
  const connection = await Deno.connect({ hostname: "127.0.0.1", port: world.port });
  const body = JSON.stringify(ask("messages", "MiniMax-M2.7", "hi", true));
  await writeAll(connection, encoder.encode(post(`Content-Length: ${body.length}\r\n`, body)));
  // Until nothing moves any more: the buffers of both sockets are full.
  for (let last = -1; sent !== last || sent === 0;) {
    last = sent;
    await new Promise((resolve) => setTimeout(resolve, 150));
  }
  assert(sent < 20_000_000, `${sent} bytes were taken from upstream`);
  connection.close();
  while (world.logged.length === 0) await new Promise((resolve) => setTimeout(resolve, 2));
  assertEquals(world.logged[0]!.outcome, "cancelled");
});
