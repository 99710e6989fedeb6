/**
 * Reads a body chunk by chunk into one buffer.
 *
 * A default reader takes a fresh 64 KiB buffer for every read, however small the chunk, which costs
 * several times the parsing of what is in it.
 *
 * @module
 */

import type { Exchange } from "../requests/exchange.ts";

const BUFFER_BYTES = 64 * 1024;

/** Reads a body. */
export interface ChunkReader {
  /** The next bytes, valid until the next call; null at the end. */
  read(): Promise<Uint8Array | null>;
  /** Stops; a read that waits resolves to null. */
  cancel(reason?: unknown): Promise<void>;
}

/** Takes over `body`. A body that is not a byte stream, as tests and proxies make them, works too. */
export function createChunkReader(body: ReadableStream<Uint8Array>): ChunkReader {
  let reader: ReadableStreamBYOBReader;
  try {
    reader = body.getReader({ mode: "byob" });
  } catch {
    const plain = body.getReader();
    return {
      read: async () => {
        const { done, value } = await plain.read();
        return done ? null : value;
      },
      cancel: (reason) => plain.cancel(reason),
    };
  }
  let buffer = new ArrayBuffer(BUFFER_BYTES);
  return {
    read: async () => {
      const { done, value } = await reader.read(new Uint8Array(buffer));
      if (done || value === undefined) return null;
      // The buffer travels with each read and comes back inside the result.
      buffer = value.buffer;
      return value;
    },
    cancel: (reason) => reader.cancel(reason),
  };
}

/**
 * Reads on after the last event of an answer, while nobody waits: the end of its bytes frees the
 * connection for the next request.
 */
export async function drain(reader: ChunkReader, exchange: Exchange): Promise<void> {
  exchange.linger();
  try {
    while (await reader.read() !== null);
    exchange.finish();
  } catch {
    exchange.close();
  }
}
