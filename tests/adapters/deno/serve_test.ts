import { connect } from "node:net";
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { serve } from "../../../src/adapters/deno/serve.ts";
import { GrantwayError } from "../../../src/core/errors.ts";

const encoder = new TextEncoder();
type Handler = Parameters<typeof serve>[0];

async function listen(handler: Handler) {
  const server = await serve(handler, { port: 0 });
  return {
    ...server,
    port: Number(new URL(server.origin).port),
    [Symbol.asyncDispose]: () => server.close(AbortSignal.timeout(1_000)),
  };
}

/** Sends these bytes, and reads until `isEnough` or the end. */
async function exchange(
  port: number,
  request: string | Uint8Array,
  isEnough: (text: string) => boolean = () => false,
): Promise<string> {
  using connection = await Deno.connect({ hostname: "127.0.0.1", port });
  await writeAll(connection, request);
  return await readUntil(connection, isEnough);
}

async function writeAll(connection: Deno.Conn, data: string | Uint8Array): Promise<void> {
  const bytes = typeof data === "string" ? encoder.encode(data) : data;
  for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
}

async function readUntil(
  connection: Deno.Conn,
  isEnough: (text: string) => boolean,
): Promise<string> {
  const decoder = new TextDecoder(), buffer = new Uint8Array(65_536);
  let text = "";
  while (!isEnough(text)) {
    const count = await connection.read(buffer);
    if (count === null) break;
    text += decoder.decode(buffer.subarray(0, count), { stream: true });
  }
  return text;
}

const CLOSE = "Host: localhost\r\nConnection: close\r\n";

Deno.test("serve() hands over method, headers, body and the URL as it was sent", async () => {
  await using server = await listen(async (request) =>
    Response.json([
      request.method,
      request.url,
      request.headers.get("x-a"),
      await request.text(),
    ])
  );
  const CASES = [
    { line: "GET /a?b=%2e", url: "http://localhost/a?b=%2e", body: "" },
    { line: "GET /a/../%2e%2e//b", url: "http://localhost/a/../%2e%2e//b", body: "" },
    { line: "GET //evil.example/", url: "http://localhost//evil.example/", body: "" },
    { line: "GET http://evil.example/x", url: "http://evil.example/x", body: "" },
    { line: "OPTIONS *", url: "http://localhost/*", body: "" },
    { line: "POST /p", url: "http://localhost/p", body: "péri" },
    { line: "DELETE /p", url: "http://localhost/p", body: "" },
  ];
  for (const { line, url, body } of CASES) {
    const text = await exchange(
      server.port,
      `${line} HTTP/1.1\r\n${CLOSE}x-a: 1\r\nx-a: 2\r\nContent-Length: ${
        encoder.encode(body).length
      }\r\n\r\n${body}`,
    );
    const [method] = line.split(" ");
    assertStringIncludes(text, JSON.stringify([method, url, "1, 2", body]));
  }
});

Deno.test("serve() carries megabytes both ways, byte by byte, however they are read", async () => {
  const READERS: Record<string, (request: Request) => BodyInit | null | Promise<BodyInit>> = {
    bytes: async (request) => await request.bytes(),
    stream: (request) => request.body,
    blob: (request) => request.blob(),
    clone: async (request) => {
      const other = request.clone();
      return (await Promise.all([request.bytes(), other.bytes()]))[1];
    },
  };
  await using server = await listen(async (request) => {
    const read = READERS[new URL(request.url).pathname.slice(1)]!;
    return new Response(await read(request));
  });
  const sent = Uint8Array.from({ length: 3_000_001 }, (_, i) => (i * 31) ^ (i >> 8));
  for (const name of Object.keys(READERS)) {
    const response = await fetch(`${server.origin}/${name}`, { method: "POST", body: sent });
    assertEquals(await response.bytes(), sent, name);
  }
});

Deno.test("serve() sends status and headers, two cookies too, and no body to HEAD", async () => {
  await using server = await listen(() => {
    const headers = new Headers({ "content-type": "text/plain" });
    headers.append("set-cookie", "a=1");
    headers.append("set-cookie", "b=2");
    return new Response("hello", { status: 418, headers });
  });
  const got = await fetch(server.origin);
  assertEquals([got.status, await got.text()], [418, "hello"]);
  assertEquals(got.headers.getSetCookie(), ["a=1", "b=2"]);
  const head = await exchange(server.port, `HEAD / HTTP/1.1\r\n${CLOSE}\r\n`);
  assertStringIncludes(head, "418");
  assert(head.endsWith("\r\n\r\n"), head);
});

Deno.test("serve() sends the head of an answer whose body is not there yet", async () => {
  const go = Promise.withResolvers<void>();
  await using server = await listen(() =>
    new Response(
      new ReadableStream({
        pull: async (controller) => {
          await go.promise;
          controller.enqueue(encoder.encode("later"));
          controller.close();
        },
      }),
    )
  );
  const response = await fetch(server.origin);
  go.resolve();
  assertEquals(await response.text(), "later");
});

Deno.test("serve() keeps a connection whose request was answered unread", async () => {
  let read = 0;
  await using server = await listen(async (request) => {
    if (request.url.endsWith("/read")) read += (await request.bytes()).length;
    return new Response("done.");
  });
  using connection = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
  for (const path of ["/unread", "/read", "/unread", "/unread", "/read"]) {
    const body = "x".repeat(600_000);
    await writeAll(
      connection,
      `POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
    const text = await readUntil(connection, (text) => text.includes("done."));
    assertStringIncludes(text, "200 OK");
  }
  assertEquals(read, 1_200_000);
});

Deno.test("serve() answers 500 for a handler that throws, and breaks a body that fails", async () => {
  await using server = await listen((request) => {
    if (request.url.endsWith("/throw")) throw new Error("a secret");
    return new Response(
      new ReadableStream({
        start: (controller) => controller.enqueue(encoder.encode("half")),
        pull: (controller) => controller.error(new Error("a secret")),
      }, { highWaterMark: 0 }),
    );
  });
  const thrown = await fetch(`${server.origin}/throw`);
  assertEquals([thrown.status, await thrown.text()], [500, ""]);
  const text = await exchange(server.port, `GET /fail HTTP/1.1\r\nHost: a\r\n\r\n`);
  assert(!text.includes("0\r\n\r\n") && !text.includes("secret"), text);
});

Deno.test("serve() tells a request's signal that its client left, and of nothing else", async () => {
  const signals: AbortSignal[] = [];
  const aborted = Promise.withResolvers<void>();
  await using server = await listen(async (request) => {
    signals.push(request.signal);
    if (request.url.endsWith("/done")) return new Response(await request.text());
    request.signal.addEventListener("abort", () => aborted.resolve());
    return await new Promise<Response>(() => {});
  });
  const done = await fetch(`${server.origin}/done`, { method: "POST", body: "x".repeat(1_000) });
  await done.text();
  const client = new AbortController();
  const waiting = fetch(server.origin, { signal: client.signal }).catch(() => {});
  while (signals.length < 2) await new Promise((resolve) => setTimeout(resolve, 2));
  client.abort();
  await Promise.all([aborted.promise, waiting]);
  assertEquals(signals.map(({ aborted }) => aborted), [false, true]);
});

Deno.test("serve() fails the body of a client that leaves half-way, after its signal", async () => {
  const seen = Promise.withResolvers<unknown[]>();
  await using server = await listen(async (request) => {
    const error = await request.text().catch((error) => error);
    seen.resolve([error instanceof DOMException && error.name, request.signal.aborted]);
    return new Response();
  });
  using connection = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
  await writeAll(connection, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9000\r\n\r\nhalf");
  await connection.closeWrite();
  assertEquals(await seen.promise, ["AbortError", true]);
});

Deno.test("serve() takes no more of an answer than its client does", async () => {
  let made = 0;
  const cancelled = Promise.withResolvers<void>();
  await using server = await listen(() =>
    new Response(
      new ReadableStream({
        pull: (controller) => {
          made += 65_536;
          controller.enqueue(new Uint8Array(65_536));
        },
        cancel: () => cancelled.resolve(),
      }, { highWaterMark: 0 }),
    )
  );
  const connection = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
  await writeAll(connection, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  for (let last = -1; made !== last || made === 0;) {
    last = made;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  assert(made < 20_000_000, `${made}`);
  connection.close();
  await cancelled.promise;
});

Deno.test("serve() lets an open answer end before it closes, and no quiet connection wait", async () => {
  const go = Promise.withResolvers<void>();
  const server = await listen(async (request) => {
    if (request.url.endsWith("/slow")) await go.promise;
    return new Response("done.");
  });
  using quiet = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
  await writeAll(quiet, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  await readUntil(quiet, (text) => text.includes("done."));
  using busy = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
  await writeAll(busy, "GET /slow HTTP/1.1\r\nHost: a\r\n\r\n");
  const answer = readUntil(busy, () => false);
  await new Promise((resolve) => setTimeout(resolve, 20));
  let isClosed = false;
  const closing = server.close().then(() => isClosed = true);
  assertEquals(await quiet.read(new Uint8Array(1)).catch(() => null), null);
  await assertRejects(() => Deno.connect({ hostname: "127.0.0.1", port: server.port }));
  assert(!isClosed);
  go.resolve();
  assertStringIncludes(await answer, "done.");
  await closing;
});

Deno.test("serve() says why an address cannot be had", async () => {
  await using server = await listen(() => new Response());
  const CASES = [
    { port: server.port, says: `Cannot listen on port ${server.port}: it is taken` },
    { port: 0, host: "203.0.113.7", says: "it is no address of this machine" },
    { port: 0, host: "no-such-host.invalid", says: "it is no address of this machine" },
  ];
  for (const { says, ...options } of CASES) {
    const error = await assertRejects(() => serve(() => new Response(), options), GrantwayError);
    assertEquals(error.code, "invalid_configuration");
    assertStringIncludes(error.message, says);
  }
  await using six = await serve(() => new Response("six"), { port: 0, host: "::1" }).then(
    (server) => ({ ...server, [Symbol.asyncDispose]: () => server.close() }),
  );
  assertEquals(await (await fetch(six.origin, { headers: { connection: "close" } })).text(), "six");
});

Deno.test("serve() fails a body that is first read when its client has left", async () => {
  const seen = Promise.withResolvers<unknown>();
  await using server = await listen(async (request) => {
    await new Promise((resolve) => request.signal.addEventListener("abort", resolve));
    seen.resolve(await request.text().catch((error) => error.name));
    return new Response();
  });
  const connection = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
  await writeAll(connection, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9000\r\n\r\nhalf");
  connection.close();
  assertEquals(await seen.promise, "AbortError");
});

Deno.test("serve() begins no request whose client left while another was answered", async () => {
  const begun: string[] = [];
  const left = Promise.withResolvers<void>();
  await using server = await listen((request) => {
    begun.push(new URL(request.url).pathname);
    if (begun.length > 1) return new Response("ok");
    request.signal.addEventListener("abort", () => left.resolve());
    return new Promise<Response>(() => {});
  });
  const connection = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
  const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`;
  await writeAll(connection, get("/1") + get("/2"));
  while (begun.length === 0) await new Promise((resolve) => setTimeout(resolve, 2));
  connection.close();
  await left.promise;
  await (await fetch(`${server.origin}/3`)).text();
  assertEquals(begun, ["/1", "/3"]);
});

Deno.test("serve() answers requests that came together, in their order", async () => {
  await using server = await listen(async (request) => {
    const { pathname } = new URL(request.url);
    if (pathname === "/1") await new Promise((resolve) => setTimeout(resolve, 20));
    return new Response(`<${pathname}>`);
  });
  const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`;
  const text = await exchange(server.port, get("/1") + get("/2"), (text) => text.includes("</2>"));
  assertEquals(text.match(/<[^>]*>/g), ["</1>", "</2>"]);
});

Deno.test("serve() refuses methods that no request can have", async () => {
  await using server = await listen(() => new Response("ok"));
  for (const method of ["TRACE", "CONNECT"]) {
    const text = await exchange(server.port, `${method} / HTTP/1.1\r\n${CLOSE}\r\n`);
    assertStringIncludes(text, "HTTP/1.1 405 ");
  }
});

Deno.test("serve() outlives clients that want a tunnel and reset their connection", async () => {
  await using server = await listen(() => new Response("ok"));
  for (let round = 0; round < 10; round++) {
    const socket = connect(server.port, "127.0.0.1");
    const closed = new Promise((resolve) => socket.once("close", resolve));
    socket.write("CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n", () => socket.resetAndDestroy());
    await closed;
    assertEquals(await (await fetch(server.origin)).text(), "ok");
  }
});

Deno.test("serve() closes at once where a client is connected that has asked for nothing", async () => {
  const server = await serve(() => new Response("ok"), { port: 0 });
  const port = Number(new URL(server.origin).port);
  using _connection = await Deno.connect({ hostname: "127.0.0.1", port });
  // It is accepted before what comes later is answered.
  await (await fetch(server.origin)).text();
  const hang = AbortSignal.timeout(30_000);
  await server.close(hang);
  assertEquals(hang.aborted, false);
});
