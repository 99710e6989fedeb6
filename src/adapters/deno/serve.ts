/**
 * An HTTP server of this process.
 *
 * By `node:http`, although `Deno.serve` takes less time for a request: of a client that leaves before
 * the answer begins, `Deno.serve` of 2.8.3 to 2.9.6 says nothing unless the whole request came in its
 * first 512 bytes, so an answer would be generated, and paid, for nobody.
 *
 * @module
 */

import { createServer } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { GrantwayError } from "../../core/errors.ts";
import { exchange, type Handler } from "./http_exchange.ts";

/** A client that cannot say in this time what it wants does not mean to. */
const HEAD_TIMEOUT_MS = 60_000;
const MAX_HEAD_BYTES = 64 * 1024;

/** Serves on `host`; rejects with `invalid_configuration` when the address cannot be had. */
export async function serve(
  handler: Handler,
  { port, host = "127.0.0.1" }: { port: number; host?: string },
): Promise<{ origin: string; close: (signal?: AbortSignal) => Promise<void> }> {
  /** Connections that no request has come on yet; `close()` of the server would wait for one. */
  const unused = new Set<Socket>();
  const server = createServer({
    headersTimeout: HEAD_TIMEOUT_MS,
    // A body has the gateway's own limit, which is answered in the client's dialect.
    requestTimeout: 0,
    // Whoever closes a quiet connection may cut the next request off: that is left to the client.
    keepAliveTimeout: 0,
    maxHeaderSize: MAX_HEAD_BYTES,
  }, (incoming, outgoing) => {
    unused.delete(incoming.socket);
    void exchange(handler, incoming, outgoing);
  });
  server.on("connection", (socket) => {
    unused.add(socket);
    socket.once("close", () => unused.delete(socket));
  });
  // It is no proxy; unanswered, the connection would just close.
  server.on("connect", (_, socket) => {
    // The server has left the socket to us: an error that nobody hears ends the process.
    socket.on("error", () => {}).resume();
    socket.end("HTTP/1.1 405 Method Not Allowed\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
  });
  try {
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(port, host, resolve);
    });
  } catch (error) {
    throw refusalOf(error, port, host) ?? error;
  }
  const address = server.address() as AddressInfo;
  return {
    origin: `http://${host.includes(":") ? `[${host}]` : host}:${address.port}`,
    close: async (signal) => {
      const ended = Promise.withResolvers<void>();
      signal?.addEventListener("abort", () => ended.resolve(), { once: true });
      if (signal?.aborted) ended.resolve();
      // Connections between two requests are closed at once, others with their answer. Answers that
      // are still open then end with the process.
      server.close(() => ended.resolve());
      for (const socket of unused) socket.destroy();
      await ended.promise;
    },
  };
}

function refusalOf(error: unknown, port: number, host: string): GrantwayError | undefined {
  const refusal = explain((error as { code?: unknown }).code, port, host);
  if (refusal === undefined) return undefined;
  const { message, hint } = refusal;
  return new GrantwayError("invalid_configuration", message, { cause: error, hint });
}

function explain(
  code: unknown,
  port: number,
  host: string,
): { message: string; hint?: string } | undefined {
  switch (code) {
    case "EADDRINUSE":
      return {
        message: `Cannot listen on port ${port}: it is taken`,
        hint: "Choose another one with --port, or 0 for a free one",
      };
    case "EACCES":
      return {
        message: `Cannot listen on port ${port}: the system does not allow it`,
        hint: "Choose one above 1023 with --port",
      };
    // Windows and others word an address that is not this machine's each in their own way.
    case "EADDRNOTAVAIL":
    case "EINVAL":
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return { message: `Cannot listen on ${host}: it is no address of this machine` };
    default:
      return undefined;
  }
}
