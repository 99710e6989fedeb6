// oauth.md 2.3, 6 rows 28, 36; faults 1.1 (loopback), L06-L08, X06.

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { createLoopbackBinder } from "../../../src/adapters/deno/loopback_listener.ts";
import type { LoopbackSocket } from "../../../src/oauth/loopback.ts";

/** A listener that answers what it is asked for, and timers that a test fires. */
async function withListener(
  run: (listener: {
    socket: LoopbackSocket;
    handled: Request[];
    connect: () => Promise<Deno.TcpConn>;
    fireTimers: () => void;
  }) => Promise<void>,
): Promise<void> {
  const timers = new Set<() => void>();
  const handled: Request[] = [];
  const socket = await createLoopbackBinder({
    startTimer: (_ms, fire) => {
      timers.add(fire);
      return () => timers.delete(fire);
    },
  })(0);
  socket.serve((request) => {
    handled.push(request);
    return new Response(`${request.method} ${request.url}`, { headers: { "x-test": "1" } });
  });
  const open: Deno.TcpConn[] = [];
  try {
    await run({
      socket,
      handled,
      connect: async () => {
        const conn = await Deno.connect({ hostname: "127.0.0.1", port: socket.port });
        open.push(conn);
        return conn;
      },
      fireTimers: () => [...timers].forEach((fire) => fire()),
    });
  } finally {
    await socket.close();
    for (const conn of open) {
      try {
        conn.close();
      } catch { /* closed by the test */ }
    }
    assertEquals(timers.size, 0, "a timer is left behind");
  }
}

/** Everything that comes until the other side is done. */
async function readAll(conn: Deno.TcpConn): Promise<string> {
  let text = "";
  const bytes = new Uint8Array(4096);
  try {
    for (let n = await conn.read(bytes); n !== null; n = await conn.read(bytes)) {
      text += new TextDecoder().decode(bytes.subarray(0, n));
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.ConnectionReset)) throw error;
  }
  return text;
}

async function send(conn: Deno.TcpConn, text: string | Uint8Array): Promise<void> {
  await conn.write(typeof text === "string" ? new TextEncoder().encode(text) : text);
}

Deno.test("createLoopbackBinder() takes the wanted port, or any other, on IPv4 alone", async () => {
  const bind = createLoopbackBinder();
  const first = await bind(0);
  const second = await bind(first.port);
  assert(second.port !== first.port && second.port > 0);
  await first.close();
  const again = await bind(first.port);
  assertEquals(again.port, first.port);
  // Another program may hold the port of [::1]: it never hears of ours.
  try {
    Deno.listen({ hostname: "::1", port: first.port }).close();
  } catch (error) {
    assert(!(error instanceof Deno.errors.AddrInUse), "the port of [::1] is held as well");
  }
  await again.close();
  await second.close();
});

Deno.test("createLoopbackBinder() answers a browser, and closes", async () => {
  await withListener(async ({ socket, connect, handled }) => {
    const conn = await connect();
    await send(
      conn,
      `GET /callback?code=1 HTTP/1.1\r\nHost: 127.0.0.1:${socket.port}\r\n` +
        "Origin: https://accounts.example\r\nCookie: a=\u00e9\r\n" +
        "Connection: keep-alive\r\n\r\n",
    );
    const answer = await readAll(conn);
    assertMatch(answer, /^HTTP\/1\.1 200 \r\n/);
    assertStringIncludes(answer, "\r\nx-test: 1\r\n");
    assertStringIncludes(answer, `GET http://127.0.0.1:${socket.port}/callback?code=1`);
    assertEquals(handled.length, 1);
    assertEquals(Object.fromEntries(handled[0]!.headers), {
      host: `127.0.0.1:${socket.port}`,
      origin: "https://accounts.example",
    });
  });
});

Deno.test("createLoopbackBinder() answers fetch()", async () => {
  await withListener(async ({ socket }) => {
    const response = await fetch(`http://127.0.0.1:${socket.port}/callback?code=1`);
    assertEquals(response.status, 200);
    assertStringIncludes(await response.text(), "/callback?code=1");
  });
});

Deno.test("createLoopbackBinder() reads a head in pieces, and leaves a body alone", async () => {
  await withListener(async ({ socket, connect }) => {
    const conn = await connect();
    const head = `POST /x HTTP/1.1\r\nhost:127.0.0.1:${socket.port} \r\nContent-Length: 5\r\n\r\n`;
    for (const part of [head.slice(0, 3), head.slice(3, 20), head.slice(20), "hello"]) {
      await send(conn, part);
    }
    assertMatch(await readAll(conn), /^HTTP\/1\.1 200 /);
  });
});

const HOST = "Host: 127.0.0.1:PORT\r\n";
const HANDED_ON: { name: string; head: string; url: string }[] = [
  {
    name: "an origin form",
    head: `GET /callback HTTP/1.1\r\n${HOST}`,
    url: "http://127.0.0.1:PORT/callback",
  },
  {
    name: "HTTP/1.0 with a host",
    head: `GET / HTTP/1.0\r\n${HOST}`,
    url: "http://127.0.0.1:PORT/",
  },
  {
    name: "an absolute form",
    head: `GET http://127.0.0.1:PORT/callback HTTP/1.1\r\n${HOST}`,
    url: "http://127.0.0.1:PORT/callback",
  },
  // The handler refuses these two: their authorities differ from the port's.
  {
    name: "an absolute form of another authority",
    head: `GET http://evil.example/callback HTTP/1.1\r\n${HOST}`,
    url: "http://evil.example/callback",
  },
  {
    name: "another host",
    head: "GET /callback HTTP/1.1\r\nHost: evil.example\r\n",
    url: "http://evil.example/callback",
  },
  {
    name: "two slashes",
    head: `GET //evil.example/callback HTTP/1.1\r\n${HOST}`,
    url: "http://127.0.0.1:PORT//evil.example/callback",
  },
];
for (const { name, head, url } of HANDED_ON) {
  Deno.test(`createLoopbackBinder() hands on ${name}`, async () => {
    await withListener(async ({ socket, connect, handled }) => {
      const conn = await connect();
      await send(conn, `${head}\r\n`.replaceAll("PORT", String(socket.port)));
      assertMatch(await readAll(conn), /^HTTP\/1\.1 200 /);
      assertEquals(handled.map((request) => request.url), [
        url.replace("PORT", String(socket.port)),
      ]);
    });
  });
}

const REFUSED: { name: string; bytes: string | Uint8Array }[] = [
  { name: "no host", bytes: "GET /callback HTTP/1.1\r\n\r\n" },
  { name: "an empty host", bytes: "GET /callback HTTP/1.1\r\nHost:\r\n\r\n" },
  { name: "two hosts", bytes: `GET /callback HTTP/1.1\r\n${HOST}${HOST}\r\n` },
  {
    name: "two origins",
    bytes: `GET / HTTP/1.1\r\n${HOST}Origin: https://a\r\nOrigin: https://b\r\n\r\n`,
  },
  {
    name: "a user name in the host",
    bytes: "GET /callback HTTP/1.1\r\nHost: a@127.0.0.1:PORT\r\n\r\n",
  },
  {
    name: "a user name in the URL",
    bytes: `GET http://a@127.0.0.1:PORT/callback HTTP/1.1\r\n${HOST}\r\n`,
  },
  { name: "a path in the host", bytes: "GET /callback HTTP/1.1\r\nHost: 127.0.0.1:PORT/x\r\n\r\n" },
  { name: "an https URL", bytes: `GET https://127.0.0.1:PORT/callback HTTP/1.1\r\n${HOST}\r\n` },
  { name: "a path with two readings", bytes: `GET /x/../callback HTTP/1.1\r\n${HOST}\r\n` },
  {
    name: "an encoded path with two readings",
    bytes: `GET /x/%2e%2e/callback HTTP/1.1\r\n${HOST}\r\n`,
  },
  { name: "a backslash", bytes: `GET /\\callback HTTP/1.1\r\n${HOST}\r\n` },
  { name: "OPTIONS *", bytes: `OPTIONS * HTTP/1.1\r\n${HOST}\r\n` },
  { name: "CONNECT", bytes: `CONNECT 127.0.0.1:PORT HTTP/1.1\r\n${HOST}\r\n` },
  { name: "TRACE", bytes: `TRACE / HTTP/1.1\r\n${HOST}\r\n` },
  { name: "bare line feeds", bytes: "GET /callback HTTP/1.1\nHost: 127.0.0.1:PORT\n\n" },
  {
    name: "one bare line feed",
    bytes: `GET /callback HTTP/1.1\r\nX: 1\nHost: 127.0.0.1:PORT\r\n\r\n`,
  },
  { name: "a folded line", bytes: `GET /callback HTTP/1.1\r\n${HOST}X: 1\r\n 2\r\n\r\n` },
  {
    name: "a space before the colon",
    bytes: "GET /callback HTTP/1.1\r\nHost : 127.0.0.1:PORT\r\n\r\n",
  },
  { name: "a NUL", bytes: `GET /callback HTTP/1.1\r\n${HOST}X: \0\r\n\r\n` },
  { name: "HTTP/0.9", bytes: "GET /callback\r\n\r\n" },
  { name: "HTTP/2", bytes: "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" },
  { name: "two spaces", bytes: `GET  /callback HTTP/1.1\r\n${HOST}\r\n` },
  { name: "a method in lower case", bytes: `get /callback HTTP/1.1\r\n${HOST}\r\n` },
  { name: "a TLS hello", bytes: new Uint8Array([0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3]) },
  { name: "a probe", bytes: "\r\n" },
  { name: "a huge head", bytes: `GET /callback HTTP/1.1\r\n${HOST}X: ${"x".repeat(70_000)}` },
];
for (const { name, bytes } of REFUSED) {
  Deno.test(`createLoopbackBinder() refuses ${name}`, async () => {
    await withListener(async ({ socket, connect, handled }) => {
      const conn = await connect();
      const sent = typeof bytes === "string"
        ? bytes.replaceAll("PORT", String(socket.port))
        : bytes;
      const answer = readAll(conn);
      await send(conn, sent).catch(() => {});
      assertMatch(await answer, /^HTTP\/1\.1 400 /);
      assertEquals(handled, []);
    });
  });
}

Deno.test("createLoopbackBinder() is not held up by silent, slow and stuck connections", async () => {
  await withListener(async ({ socket, connect, fireTimers }) => {
    const silent = await connect();
    const slow = await connect();
    await send(slow, "GET /callback HTTP/1.1\r\nHo");
    const stuck = await connect();
    await send(stuck, `GET / HTTP/1.1\r\nHost: 127.0.0.1:${socket.port}\r\n\r\n`);
    const response = await fetch(`http://127.0.0.1:${socket.port}/`);
    assertEquals(response.status, 200);
    await response.body?.cancel();
    fireTimers();
    assertEquals([await readAll(silent), await readAll(slow)], ["", ""]);
  });
});

Deno.test("createLoopbackBinder() takes 32 connections at a time", async () => {
  await withListener(async ({ socket, connect, fireTimers }) => {
    const silent = await Promise.all(Array.from({ length: 32 }, connect));
    // Accepted in their order: once the 33rd is closed, the 32 have been taken.
    const late = await connect();
    assertEquals(await readAll(late), "");
    fireTimers();
    for (const conn of silent) assertEquals(await readAll(conn), "");
    const response = await fetch(`http://127.0.0.1:${socket.port}/`);
    assertEquals(response.status, 200);
    await response.body?.cancel();
  });
});

Deno.test("close() ends open connections and gives the port back at once", async () => {
  const socket = await createLoopbackBinder({ startTimer: () => () => {} })(0);
  socket.serve(() => new Response("ok"));
  const silent = await Deno.connect({ hostname: "127.0.0.1", port: socket.port });
  const kept = await Deno.connect({ hostname: "127.0.0.1", port: socket.port });
  await send(kept, `GET / HTTP/1.1\r\nHost: 127.0.0.1:${socket.port}\r\n\r\n`);
  const bytes = new Uint8Array(1024);
  const size = await kept.read(bytes);
  assertMatch(new TextDecoder().decode(bytes.subarray(0, size!)), /^HTTP\/1\.1 200 /);
  await socket.close();
  assertEquals(await readAll(silent), "");
  silent.close();
  kept.close();
  Deno.listen({ hostname: "127.0.0.1", port: socket.port }).close();
});

Deno.test("close() works before anything is served", async () => {
  const socket = await createLoopbackBinder()(0);
  await socket.close();
  Deno.listen({ hostname: "127.0.0.1", port: socket.port }).close();
});
