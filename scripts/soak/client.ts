/**
 * Clients that come, read as far as they like, and leave.
 *
 * @module
 */

import { Message, writeAll } from "../bench/gateway/http.ts";
import type { Manner } from "./upstream.ts";

/** Where a client leaves. */
export interface Leaving {
  /** What it asks for. */
  manner: Manner;
  /** Sends so much of its request, a share of 1. */
  sends?: number;
  /** Leaves after so many bytes of the answer; `Infinity`: after its end. */
  reads: number;
  /** Waits so long before it leaves, ms, and reads nothing meanwhile. */
  waitsMs?: number;
}

/** How a visit ended. */
export interface Visit {
  /** When the client left, by `performance.now()`. */
  leftAt: number;
  /** Marked deltas that came. */
  deltas: number;
  /** What was not as it should be. */
  problem?: string;
}

/** Whom clients talk to. */
export interface Door {
  port: number;
  key: string;
}

/** A request of a dialect, for the `number`th question. */
export function requestOf(
  { port, key }: Door,
  path: string,
  manner: Manner,
  number: number,
): Uint8Array {
  const body = JSON.stringify({
    model: "MiniMax-M2.7",
    max_tokens: 1_000,
    stream: true,
    messages: [{ role: "user", content: `soak-${manner}-${number} ${"All work. ".repeat(100)}` }],
  });
  return new TextEncoder().encode(
    `POST ${path} HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\ncontent-type: application/json\r\n` +
      `authorization: Bearer ${key}\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
  );
}

/** A request with a client key that nobody has. */
export function guessOf({ port }: Door, guess: string): Uint8Array {
  return new TextEncoder().encode(
    `GET /v1/models HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\nx-api-key: gw_guess-${guess}\r\n\r\n`,
  );
}

/** One visit. */
export async function visit(
  door: Door,
  path: string,
  { manner, sends = 1, reads, waitsMs = 0 }: Leaving,
  number: number,
): Promise<Visit> {
  const request = requestOf(door, path, manner, number);
  using socket = await Deno.connect({ hostname: "127.0.0.1", port: door.port });
  const answer = new Message();
  const buffer = new Uint8Array(16 * 1024);
  let size = 0, ended = false;
  let problem: string | undefined;
  try {
    await writeAll(socket, request.subarray(0, Math.ceil(sends * request.length)));
    while (size < reads && !ended) {
      const read = await socket.read(buffer);
      if (read === null) {
        problem = "the connection was closed";
        break;
      }
      size += read;
      ended = answer.add(buffer.subarray(0, read));
    }
    if (size > 0 && !answer.head.startsWith("HTTP/1.1 200")) problem = answer.head;
    if (reads !== Infinity && ended) problem ??= "the answer ended";
    if (waitsMs > 0) await new Promise((resolve) => setTimeout(resolve, waitsMs));
  } catch (error) {
    problem = String(error);
  }
  return {
    leftAt: performance.now(),
    deltas: size === 0 ? 0 : marks(answer.body),
    ...(problem === undefined ? {} : { problem }),
  };
}

function marks(bytes: Uint8Array): number {
  let found = 0;
  for (let at = bytes.indexOf(64); at >= 0; at = bytes.indexOf(64, at + 2)) {
    if (bytes[at + 1] === 64) found++;
  }
  return found;
}
