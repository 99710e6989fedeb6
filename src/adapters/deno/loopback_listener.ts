/**
 * {@linkcode BindLoopback} of Deno: a listener on 127.0.0.1 that anybody on this machine may poke at.
 *
 * `Deno.serve` knows no deadline for a request's head and accepts requests without a host, or with
 * another one in their first line. Here each connection carries one request, has five seconds for
 * all of it, and hinders no other; what is not plain HTTP/1.1 for this address is answered with 400
 * and ends there.
 *
 * @see {@link https://www.rfc-editor.org/rfc/rfc9112 | RFC 9112}
 * @module
 */

import { resolveRuntime, type RuntimeOptions } from "../../core/runtime.ts";
import type { BindLoopback, LoopbackSocket } from "../../oauth/loopback.ts";

const HOSTNAME = "127.0.0.1";
const MAX_CONNECTIONS = 32;
const CONNECTION_MS = 5_000;
const ACCEPT_PAUSE_MS = 50;
/** Cookies of other programs on 127.0.0.1 come along. */
const MAX_HEAD_BYTES = 64 * 1024;

/** Creates a {@linkcode BindLoopback}; `startTimer` measures the time of each connection. */
export function createLoopbackBinder(
  options: Pick<RuntimeOptions, "startTimer"> = {},
): BindLoopback {
  const { startTimer } = resolveRuntime(options);
  // deno-lint-ignore require-await -- an error must reject, not throw
  return async (port: number): Promise<LoopbackSocket> => listenOn(bind(port), startTimer);
}

/** The wanted port, or any other. */
function bind(port: number): Deno.TcpListener {
  try {
    return Deno.listen({ hostname: HOSTNAME, port });
  } catch (error) {
    const isTaken = error instanceof Deno.errors.AddrInUse ||
      error instanceof Deno.errors.PermissionDenied;
    if (!isTaken) throw error;
    return Deno.listen({ hostname: HOSTNAME, port: 0 });
  }
}

/** One connection: what it is at, and what ends it. */
interface Connection {
  conn: Deno.TcpConn;
  /** Whether an answer is on its way. */
  isAnswering: boolean;
  /** Resolves when it is closed. */
  done: Promise<void>;
}

function listenOn(
  listener: Deno.TcpListener,
  startTimer: (ms: number, fire: () => void) => () => void,
): LoopbackSocket {
  const connections = new Set<Connection>();
  let accepting = Promise.resolve();
  let isClosed = false;

  async function accept(handle: (request: Request) => Response): Promise<void> {
    for (;;) {
      let conn: Deno.TcpConn;
      try {
        conn = await listener.accept();
      } catch {
        if (isClosed) return;
        // A peer that is gone again, or no descriptor left: that passes.
        await new Promise<void>((resolve) => startTimer(ACCEPT_PAUSE_MS, resolve));
        continue;
      }
      if (connections.size >= MAX_CONNECTIONS) {
        close(conn);
        continue;
      }
      const connection: Connection = { conn, isAnswering: false, done: Promise.resolve() };
      connections.add(connection);
      const cancelTimer = startTimer(CONNECTION_MS, () => close(conn));
      connection.done = converse(connection, handle)
        .catch(() => {}) // broken off, by either side
        .finally(() => {
          cancelTimer();
          close(conn);
          connections.delete(connection);
        });
    }
  }

  return {
    port: listener.addr.port,
    serve(handle: (request: Request) => Response): void {
      accepting = accept(handle);
    },
    async close(): Promise<void> {
      isClosed = true;
      listener.close();
      for (const { conn, isAnswering } of connections) if (!isAnswering) close(conn);
      await accepting;
      await Promise.all([...connections].map(({ done }) => done));
    },
  };
}

function close(conn: Deno.TcpConn): void {
  try {
    conn.close();
  } catch { /* closed before */ }
}

async function converse(
  connection: Connection,
  handle: (request: Request) => Response,
): Promise<void> {
  const { conn } = connection;
  const head = await readHead(conn);
  if (head === undefined) return; // it left without a word
  connection.isAnswering = true;
  const request = parseHead(head);
  const response = request === undefined ? badRequest() : handle(request);
  await writeAll(conn, await encodeResponse(response, request?.method === "HEAD"));
  await conn.closeWrite();
  connection.isAnswering = false;
  // Closed with unread bytes, the connection would be reset, and the answer with it.
  const rest = new Uint8Array(4096);
  while (await conn.read(rest) !== null) { /* until the peer has read its answer */ }
}

/**
 * The head of a request as text, without its last empty line; `null` where it is none or too long,
 * `undefined` where nothing came.
 */
async function readHead(conn: Deno.TcpConn): Promise<string | null | undefined> {
  const bytes = new Uint8Array(MAX_HEAD_BYTES);
  const decoder = new TextDecoder("latin1");
  let size = 0;
  for (;;) {
    const read = size < bytes.length ? await conn.read(bytes.subarray(size)) : null;
    if (read === null) return size === 0 ? undefined : null;
    size += read;
    const text = decoder.decode(bytes.subarray(0, size));
    const end = text.indexOf("\r\n\r\n");
    if (end !== -1) return text.slice(0, end);
    // TLS, a probe, or lines that end like no other: such a peer waits for us, and we for it.
    if (!/^[A-Z]/.test(text) || /(^|[^\r])\n/.test(text)) return null;
  }
}

const REQUEST_LINE = /^([A-Z]{1,16}) ([\x21-\x7e]{1,8192}) HTTP\/1\.[01]$/;
// deno-lint-ignore no-control-regex
const HEADER_LINE = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\x00-\x08\x0a-\x1f\x7f]*?)[ \t]*$/;
/** What decides about an answer; the rest of a head is only looked at for its form. */
const READ_HEADERS: readonly string[] = ["host", "origin"];
const AUTHORITY = /^[A-Za-z0-9.:[\]-]{1,255}$/;

/** The request that a head asks for; `undefined` for what is not plain, or has not one host. */
function parseHead(head: string | null): Request | undefined {
  const [first = "", ...lines] = head?.split("\r\n") ?? [];
  const [, method, target] = REQUEST_LINE.exec(first) ?? [];
  if (method === undefined || target === undefined) return undefined;
  const headers = new Headers();
  for (const line of lines) {
    const [, name, value] = HEADER_LINE.exec(line) ?? [];
    if (name === undefined || value === undefined) return undefined;
    if (!READ_HEADERS.includes(name.toLowerCase())) continue;
    if (headers.has(name) || !/^[\x21-\x7e]*$/.test(value)) return undefined;
    headers.set(name, value);
  }
  const host = headers.get("host");
  if (host === null || !AUTHORITY.test(host)) return undefined;
  const address = target.startsWith("/") ? `http://${host}${target}` : target;
  if (!URL.canParse(address)) return undefined;
  const url = new URL(address);
  // A path that changes by being parsed has two readings, and this must have one.
  const path = /^(?:http:\/\/[^/?#]+)?([^?#]*)/.exec(target)![1];
  if (url.protocol !== "http:" || url.pathname !== path || url.username !== "") return undefined;
  try {
    return new Request(url, { method, headers });
  } catch {
    return undefined; // CONNECT, TRACE
  }
}

function badRequest(): Response {
  return new Response("400 bad request\n", {
    status: 400,
    headers: { "content-type": "text/plain", connection: "close" },
  });
}

async function encodeResponse(response: Response, isHead: boolean): Promise<Uint8Array> {
  const body = new Uint8Array(await response.arrayBuffer());
  const headers = new Headers(response.headers);
  if (response.status !== 204) headers.set("content-length", String(body.byteLength));
  const lines = [
    `HTTP/1.1 ${response.status} `,
    ...Array.from(headers, ([name, value]) => `${name}: ${value}`),
  ];
  const head = new TextEncoder().encode(`${lines.join("\r\n")}\r\n\r\n`);
  const bytes = new Uint8Array(head.byteLength + (isHead ? 0 : body.byteLength));
  bytes.set(head);
  if (!isHead) bytes.set(body, head.byteLength);
  return bytes;
}

async function writeAll(conn: Deno.TcpConn, bytes: Uint8Array): Promise<void> {
  for (let offset = 0; offset < bytes.byteLength;) {
    offset += await conn.write(bytes.subarray(offset));
  }
}
