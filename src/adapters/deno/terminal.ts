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
): { isTerminal: boolean; write: (text: string) => boolean } {
  return {
    isTerminal: stream.isTerminal(),
    write: (text) => {
      let bytes = encoder.encode(text);
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

/** Reads standard input to its end. */
export async function readStdin(limitBytes: number): Promise<string> {
  const decoder = new TextDecoder();
  const buffer = new Uint8Array(64 * 1024);
  let text = "";
  let size = 0;
  for (;;) {
    const count = await Deno.stdin.read(buffer);
    if (count === null) return text + decoder.decode();
    size += count;
    if (size > limitBytes) {
      throw new RangeError(`Standard input is larger than ${limitBytes} bytes`);
    }
    text += decoder.decode(buffer.subarray(0, count), { stream: true });
  }
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
