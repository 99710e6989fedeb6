/**
 * MCP over the standard streams of a program: one JSON-RPC message per line.
 *
 * The SDK has such a transport for Node's processes; this one takes the program from its caller, so
 * that it is started where and how the caller says.
 *
 * @see {@link https://modelcontextprotocol.io/specification/2025-06-18/basic/transports#stdio | MCP, stdio}
 * @module
 */

import type { Transport } from "@modelcontextprotocol/sdk/shared/transport";
import type { JSONRPCMessage } from "@modelcontextprotocol/sdk/types";
import type { RunningProgram } from "../workspace.ts";

/** The longest message, characters. */
const MAX_MESSAGE_LENGTH = 16 * 1024 * 1024;
/** What is kept of the last words of a program that fails. */
const MAX_LAST_WORDS = 2_000;

/** Messages to and from a program. */
export class ProgramTransport implements Transport {
  onclose?: () => void;
  onerror?: (error: Error) => void;
  onmessage?: (message: JSONRPCMessage) => void;
  /** The end of what it wrote to standard error. */
  lastWords = "";
  readonly #open: () => Promise<RunningProgram>;
  #program: RunningProgram | undefined;
  #reading: Promise<unknown> = Promise.resolve();

  /** @param open Starts the program. */
  constructor(open: () => Promise<RunningProgram>) {
    this.#open = open;
  }

  async start(): Promise<void> {
    const program = await this.#open();
    this.#program = program;
    this.#reading = Promise.allSettled([
      this.#readMessages(program.stdout),
      this.#readErrors(program.stderr),
    ]).then(() => this.onclose?.());
  }

  async send(message: JSONRPCMessage): Promise<void> {
    if (this.#program === undefined) throw new Error("the server is not running");
    await this.#program.write(`${JSON.stringify(message)}\n`);
  }

  async close(): Promise<void> {
    const program = this.#program;
    this.#program = undefined;
    await program?.stop();
    await this.#reading;
  }

  async #readMessages(stream: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    let rest = "";
    for await (const chunk of stream) {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
      rest = lines.pop()!;
      if (rest.length > MAX_MESSAGE_LENGTH) rest = "";
      for (const line of lines) {
        if (line.trim() === "") continue;
        let message: JSONRPCMessage;
        try {
          message = JSON.parse(line);
        } catch {
          // Some servers greet on standard output.
          this.onerror?.(new Error("a line of its output is no JSON"));
          continue;
        }
        this.onmessage?.(message);
      }
    }
  }

  async #readErrors(stream: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    for await (const chunk of stream) {
      const text = decoder.decode(chunk, { stream: true });
      this.lastWords = (this.lastWords + text).slice(-MAX_LAST_WORDS);
    }
  }
}
