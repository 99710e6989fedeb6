/**
 * An upstream that answers Messages requests at once. The model's name says with what:
 * `mock-n200-d10` streams 200 deltas, one HTTP chunk each, 10 ms apart; `d0` is all in one go.
 * A request that does not ask for a stream gets one body of 0.9 KB.
 *
 * `deno run --allow-net upstream.ts PORT`
 *
 * @module
 */

import { DELTA, END, MESSAGE, START, USAGE } from "./frames.ts";
import { Message, writeAll } from "./http.ts";

const TICK_MS = 10;
const encoder = new TextEncoder();

const text = "x".repeat(600);
const body = JSON.stringify({
  ...MESSAGE,
  content: [{ type: "text", text }],
  stop_reason: "end_turn",
  stop_sequence: null,
  usage: USAGE,
});
const WHOLE = encoder.encode(
  `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
);

const START_BYTES = encoder.encode(START);
const DELTA_BYTES = encoder.encode(DELTA);
const END_BYTES = encoder.encode(END);
const bursts = new Map<number, Uint8Array>();

interface Paced {
  socket: Deno.Conn;
  left: number;
  everyTicks: number;
  ticks: number;
}
const paced = new Set<Paced>();

setInterval(() => {
  for (const stream of paced) {
    if (++stream.ticks % stream.everyTicks !== 0) continue;
    const isLast = --stream.left < 0;
    if (isLast) paced.delete(stream);
    writeAll(stream.socket, isLast ? END_BYTES : DELTA_BYTES).catch(() => paced.delete(stream));
  }
}, TICK_MS);

async function answer(socket: Deno.Conn, request: Message): Promise<void> {
  const json = new TextDecoder().decode(request.body);
  if (!/"stream": ?true/.test(json)) return await writeAll(socket, WHOLE);
  const [, count, delay] = /mock-n(\d+)-d(\d+)/.exec(json) ?? ["", "1", "0"];
  const deltas = Number(count), delayMs = Number(delay);
  if (delayMs > 0) {
    await writeAll(socket, START_BYTES);
    paced.add({ socket, left: deltas, everyTicks: delayMs / TICK_MS, ticks: 0 });
    return;
  }
  let burst = bursts.get(deltas);
  if (burst === undefined) {
    bursts.set(deltas, burst = encoder.encode(START + DELTA.repeat(deltas) + END));
  }
  await writeAll(socket, burst);
}

async function serve(socket: Deno.TcpConn): Promise<void> {
  socket.setNoDelay();
  const buffer = new Uint8Array(256 * 1024);
  const request = new Message();
  try {
    for (;;) {
      const size = await socket.read(buffer);
      if (size === null) return;
      if (!request.add(buffer.subarray(0, size))) continue;
      await answer(socket, request);
      request.reset();
    }
  } catch {
    // The other side is gone.
  } finally {
    socket.close();
  }
}

const listener = Deno.listen({ hostname: "127.0.0.1", port: Number(Deno.args[0]) });
console.log("ready");
for await (const socket of listener) serve(socket);
