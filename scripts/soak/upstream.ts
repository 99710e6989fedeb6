/**
 * A Messages server that answers in the ways that are hard on a gateway, and knows what becomes of each
 * answer. The prompt says how: `soak-drip-17` is the 17th question, and wants to be answered by drips.
 *
 * @module
 */

import { DELTA, END, START } from "../bench/gateway/frames.ts";
import { Message, writeAll } from "../bench/gateway/http.ts";

/** How a question is answered. */
export type Manner =
  | "late" // like `drip`, but only after a while
  | "drip" // a delta every 20 ms, without an end
  | "flood" // 50 MB as fast as they are taken
  | "brief" // a few deltas and the end, at once
  | "steady"; // 20 deltas, 250 ms apart, and the end

/** What became of an answer. */
export interface Answer {
  /** Bytes that were taken of it. */
  bytes: number;
  /** When its connection was seen to be closed, by `performance.now()`. */
  closedAt?: number;
}

/** The server. */
export interface SoakUpstream {
  origin: string;
  /** By the number of the question. */
  answers: Map<number, Answer>;
  /** Closes the connections that wait for another question. */
  closeIdle(): void;
  close(): void;
}

const encoder = new TextEncoder();
const START_BYTES = encoder.encode(START);
const DELTA_BYTES = encoder.encode(DELTA);
const BRIEF_BYTES = encoder.encode(START + DELTA.repeat(5) + END);
const END_BYTES = encoder.encode(END);
const BLOCK_BYTES = encoder.encode(DELTA.repeat(400));
const FLOOD_BYTES = 50_000_000;
const DRIP_MS = 20;
const LATE_MS = 300;
const STEADY = { deltas: 20, everyMs: 250 };

/** Starts it. */
export function startUpstream(): SoakUpstream {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const answers = new Map<number, Answer>();
  const open = new Set<Deno.Conn>();
  const idle = new Set<Deno.Conn>();
  const drips = new Set<Deno.Conn>();
  const dripping = setInterval(() => {
    for (const socket of drips) writeAll(socket, DELTA_BYTES).catch(() => drips.delete(socket));
  }, DRIP_MS);

  async function answer(socket: Deno.Conn, manner: Manner, told: Answer): Promise<void> {
    const write = async (bytes: Uint8Array) => {
      await writeAll(socket, bytes);
      told.bytes += bytes.length;
    };
    switch (manner) {
      case "brief":
        return await write(BRIEF_BYTES);
      case "late":
      case "drip":
        if (manner === "late") await new Promise((resolve) => setTimeout(resolve, LATE_MS));
        await write(START_BYTES);
        drips.add(socket);
        return;
      case "flood":
        await write(START_BYTES);
        while (told.bytes < FLOOD_BYTES) await write(BLOCK_BYTES);
        return await write(END_BYTES);
      case "steady":
        await write(START_BYTES);
        for (let i = 0; i < STEADY.deltas; i++) {
          await new Promise((resolve) => setTimeout(resolve, STEADY.everyMs));
          await write(DELTA_BYTES);
        }
        return await write(END_BYTES);
    }
  }

  async function serve(socket: Deno.TcpConn): Promise<void> {
    socket.setNoDelay();
    const buffer = new Uint8Array(64 * 1024);
    const request = new Message();
    let told: Answer | undefined;
    open.add(socket);
    try {
      for (;;) {
        const size = await socket.read(buffer);
        if (size === null) return;
        idle.delete(socket);
        if (!request.add(buffer.subarray(0, size))) continue;
        const asked = /soak-([a-z]+)-(\d+)/.exec(new TextDecoder().decode(request.body));
        request.reset();
        const current = told = { bytes: 0 };
        answers.set(Number(asked?.[2]), told);
        answer(socket, asked?.[1] as Manner, told).then(() => {
          if (asked?.[1] === "brief" || asked?.[1] === "steady") {
            if (told === current) told = undefined;
            idle.add(socket);
          }
        }).catch(() => {});
      }
    } catch {
      // The other side is gone.
    } finally {
      if (told !== undefined) told.closedAt = performance.now();
      for (const set of [open, idle, drips]) set.delete(socket);
      try {
        socket.close();
      } catch {
        // `closeIdle` was first.
      }
    }
  }

  (async () => {
    for await (const socket of listener) serve(socket);
  })().catch(() => {});
  return {
    origin: `http://127.0.0.1:${listener.addr.port}`,
    answers,
    closeIdle: () => {
      for (const socket of idle) socket.close();
      idle.clear();
    },
    close: () => {
      clearInterval(dripping);
      listener.close();
      for (const socket of open) socket.close();
    },
  };
}
