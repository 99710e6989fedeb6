/**
 * Standard streams and interrupts of a Deno process.
 *
 * @module
 */

/** The signals that interrupt a command. */
export type Interrupt = "SIGINT" | "SIGTERM" | "SIGHUP";

const encoder = new TextEncoder();

/** An output stream that writes at once; `write` is false when the reader is gone. */
export function createOutputStream(
  stream: typeof Deno.stdout,
): { isTerminal: boolean; write: (data: string | Uint8Array) => boolean } {
  return {
    isTerminal: stream.isTerminal(),
    write: (data) => {
      let bytes = typeof data === "string" ? encoder.encode(data) : data;
      try {
        while (bytes.byteLength > 0) bytes = bytes.subarray(stream.writeSync(bytes));
        return true;
      } catch (error) {
        if (error instanceof Deno.errors.BrokenPipe || error instanceof Deno.errors.BadResource) {
          return false;
        }
        throw error;
      }
    },
  };
}

/** Reads standard input to its end, piece by piece. */
async function eachPiece(
  limitBytes: number,
  take: (piece: Uint8Array<ArrayBuffer>) => void,
): Promise<void> {
  const buffer = new Uint8Array(64 * 1024);
  let size = 0;
  for (;;) {
    const count = await Deno.stdin.read(buffer);
    if (count === null) return;
    size += count;
    if (size > limitBytes) {
      throw new RangeError(`Standard input is larger than ${limitBytes} bytes`);
    }
    take(buffer.subarray(0, count));
  }
}

/** Reads standard input to its end, as text. */
export async function readStdin(limitBytes: number): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  await eachPiece(limitBytes, (piece) => text += decoder.decode(piece, { stream: true }));
  return text + decoder.decode();
}

/** Reads standard input to its end, as bytes. */
export async function readStdinBytes(limitBytes: number): Promise<Uint8Array<ArrayBuffer>> {
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  await eachPiece(limitBytes, (piece) => void pieces.push(piece.slice()));
  return new Uint8Array(await new Blob(pieces).arrayBuffer());
}

const listeners = new Set<(kind: Interrupt) => void>();

/** Hands an interrupt to its listeners. */
export function dispatch(kind: Interrupt): void {
  for (const listener of [...listeners]) listener(kind);
}

const KINDS: readonly Interrupt[] = Deno.build.os === "windows"
  ? ["SIGINT"]
  : ["SIGINT", "SIGTERM", "SIGHUP"];
const handlers = KINDS.map((kind) => ({ kind, handle: () => dispatch(kind) }));

/** Calls `listener` on SIGINT, SIGTERM and SIGHUP, until the returned function is called. */
export function onInterrupt(listener: (kind: Interrupt) => void): () => void {
  if (listeners.size === 0) {
    for (const { kind, handle } of handlers) Deno.addSignalListener(kind, handle);
  }
  listeners.add(listener);
  return () => {
    if (!listeners.delete(listener) || listeners.size > 0) return;
    for (const { kind, handle } of handlers) Deno.removeSignalListener(kind, handle);
  };
}
