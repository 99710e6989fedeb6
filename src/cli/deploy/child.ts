/**
 * Runs a program to its end and keeps what it said.
 *
 * @module
 */

import { displayText } from "../../core/redact.ts";
import type { Context } from "../context.ts";

/** What a program left behind. */
export interface ChildResult {
  /** Its exit code. */
  code: number;
  /** Its standard output. */
  stdout: string;
  /** Its standard error. */
  stderr: string;
}

/** How it runs. */
export interface ChildOptions {
  /** Working folder. */
  cwd: string;
  /** Variables besides this process's. */
  env?: Readonly<Record<string, string>> | undefined;
  /** Standard input; secrets go here, for arguments are seen by everybody on the machine. */
  input?: string | undefined;
  /** Told of each line of its standard output, which then is not kept. */
  onLine?: ((line: string) => void) | undefined;
}

/** Kept of each stream, characters; the end says why a program failed. */
const MAX_OUTPUT = 1_000_000;

/** Some print it whatever the variables say. */
// deno-lint-ignore no-control-regex -- that is what it is
const COLOR = /\x1b\[[\d;]*m/g;

/** Own secrets, and keys of providers: no other program needs them. */
const OWN_VARIABLES = /^(GRANTWAY|XAI|MINIMAX)_/;

/** Runs `deno` with `args`. */
export async function runDeno(
  { platform, output, interrupts: { signal } }: Context,
  args: readonly string[],
  options: ChildOptions,
): Promise<ChildResult> {
  signal.throwIfAborted();
  const { cwd, input = "", onLine } = options;
  const variables = Object.entries(platform.allEnv()).filter(([name]) => !OWN_VARIABLES.test(name));
  const env = { ...Object.fromEntries(variables), NO_COLOR: "1", FORCE_COLOR: "0", ...options.env };
  const workspace = await platform.openWorkspace();
  const program = await workspace.start(platform.denoPath(), args, { cwd, env });
  const stop = () => void program.stop();
  signal.addEventListener("abort", stop, { once: true });
  try {
    const reading = Promise.all([
      onLine === undefined ? readText(program.stdout) : readLines(program.stdout, onLine),
      readText(program.stderr, (line) => output.detail(`  ${displayText(line, 300)}`)),
    ]);
    // A program that ends without reading says why by its exit code.
    if (input !== "") await program.write(input).catch(() => {});
    await program.closeInput();
    const [stdout, stderr] = await reading;
    const code = await program.ended;
    signal.throwIfAborted();
    return { code, stdout, stderr };
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

async function readText(
  stream: ReadableStream<Uint8Array>,
  onLine: (line: string) => void = () => {},
): Promise<string> {
  const lines: string[] = [];
  await readLines(stream, (line) => {
    lines.push(line);
    if (line.trim() !== "") onLine(line);
  });
  return lines.join("\n").slice(-MAX_OUTPUT);
}

async function readLines(
  stream: ReadableStream<Uint8Array>,
  onLine: (line: string) => void,
): Promise<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const bytes of stream) {
    const lines = (rest + decoder.decode(bytes, { stream: true })).split("\n");
    rest = lines.pop()!;
    for (const line of lines) onLine(line.replace(COLOR, ""));
  }
  if (rest !== "") onLine(rest.replace(COLOR, ""));
  return "";
}
