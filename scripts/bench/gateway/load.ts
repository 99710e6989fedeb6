/**
 * Asks one server again and again, over connections that stay open, and reads every answer to its end.
 *
 * `deno run --allow-net load.ts` reads a {@linkcode LoadOptions} as JSON from standard input, and prints
 * a {@linkcode LoadResult}.
 *
 * @module
 */

import { Message, writeAll } from "./http.ts";

/** What to ask. */
export interface LoadOptions {
  port: number;
  path: string;
  headers: Record<string, string>;
  /** Fields of the JSON body. */
  body: Record<string, unknown>;
  connections: number;
  /** How long. */
  ms?: number;
  /** How often in all. */
  count?: number;
}

/** What came back. */
export interface LoadResult {
  /** Answers with status 200 that were complete. */
  answers: number;
  /** Answers with another status, and connections that broke. */
  failures: number;
  /** The first other answer. */
  failure?: string;
  /** How long it took. */
  ms: number;
  /** Marked deltas in all answers. */
  deltas: number;
  /** Time to the first byte, median, ms. */
  firstByteMs: number;
}

async function load(options: LoadOptions): Promise<LoadResult> {
  const { port, path, headers, connections, ms = Infinity, count = Infinity } = options;
  const encoder = new TextEncoder();
  const body = encoder.encode(JSON.stringify(options.body));
  const head = encoder.encode(
    `POST ${path} HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\ncontent-type: application/json\r\n` +
      Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`).join("") +
      `content-length: ${body.length}\r\n\r\n`,
  );
  const request = new Uint8Array(head.length + body.length);
  request.set(head);
  request.set(body, head.length);

  const result: LoadResult = { answers: 0, failures: 0, ms: 0, deltas: 0, firstByteMs: 0 };
  const firstBytes: number[] = [];
  const startedAt = performance.now();
  let asked = 0;
  const talk = async () => {
    const socket = await Deno.connect({ hostname: "127.0.0.1", port });
    socket.setNoDelay();
    const buffer = new Uint8Array(256 * 1024);
    const answer = new Message();
    try {
      while (asked < count && performance.now() - startedAt < ms) {
        asked++;
        const askedAt = performance.now();
        let isFirst = true;
        answer.reset();
        await writeAll(socket, request);
        for (;;) {
          const size = await socket.read(buffer);
          if (size === null) throw new Error("connection closed");
          if (isFirst) firstBytes.push(performance.now() - askedAt);
          isFirst = false;
          if (answer.add(buffer.subarray(0, size))) break;
        }
        if (answer.head.startsWith("HTTP/1.1 200")) result.answers++;
        else {
          result.failures++;
          const text = new TextDecoder().decode(answer.body);
          result.failure ??= `${answer.head}\n${text.slice(0, 500)}`;
        }
        result.deltas += marks(answer.body);
      }
    } catch (error) {
      result.failures++;
      result.failure ??= String(error);
    } finally {
      socket.close();
    }
  };
  await Promise.all(Array.from({ length: connections }, talk));
  result.ms = performance.now() - startedAt;
  result.firstByteMs = firstBytes.sort((a, b) => a - b)[firstBytes.length >> 1] ?? 0;
  return result;
}

function marks(bytes: Uint8Array): number {
  let found = 0;
  for (let at = bytes.indexOf(64); at >= 0; at = bytes.indexOf(64, at + 2)) {
    if (bytes[at + 1] === 64) found++;
  }
  return found;
}

if (import.meta.main) {
  const options: LoadOptions = await new Response(Deno.stdin.readable).json();
  console.log(JSON.stringify(await load(options)));
}
