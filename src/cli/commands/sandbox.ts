/**
 * `grantway sandbox`: serves the stand-in for the providers on this machine, for tests and first
 * steps.
 *
 * @module
 */

import type { Command } from "commander";
import { createSandbox } from "../../sandbox/mod.ts";
import type { Invocation } from "../command.ts";
import type { Context } from "../context.ts";
import { createStateSaver, POLL_INTERVAL_MS, readSandboxState } from "../embedded_sandbox.ts";
import { UsageError } from "../exit_code.ts";
import { homePaths, rootHome } from "../home.ts";

interface Options {
  port: string;
  autoApprove?: boolean;
  tokenTtl?: string;
}

/** Arguments and options. */
export function define(command: Command): void {
  command
    .option("--port <port>", "port on 127.0.0.1; 0 takes a free one", "8700")
    .option("--auto-approve", "approve every sign-in by itself")
    .option("--token-ttl <seconds>", "lifetime of access tokens (default: 900)")
    .addHelpText(
      "after",
      `
It plays MiniMax (sign-in, Anthropic Messages) and xAI (sign-in by code and by
loopback, OpenAI Responses). Its page at / shows who waits for an approval.

Use it from another terminal:
  export GRANTWAY_SANDBOX=http://127.0.0.1:8700
  grantway auth add minimax-oauth       or xai-oauth
  grantway chat "Hello"`,
    );
}

/** Runs it. */
export async function run(context: Context, command: Invocation): Promise<void> {
  const { platform, output, interrupts } = context;
  const options = command.opts<Options>();
  const port = whole(options.port, "--port", 0, 65_535);
  const ttlSeconds = options.tokenTtl === undefined
    ? undefined
    : whole(options.tokenTtl, "--token-ttl", 1, 365 * 86_400);
  const inSandboxHome = { ...context, home: homePaths(rootHome(platform), true) };
  const state = await readSandboxState(inSandboxHome);
  const sandbox = createSandbox({
    autoApprove: options.autoApprove ?? false,
    pollIntervalMs: POLL_INTERVAL_MS,
    onChange: createStateSaver(inSandboxHome),
    quirks: { chunkDelayMs: 20 },
    ...(ttlSeconds === undefined ? {} : { accessTokenTtlMs: ttlSeconds * 1000 }),
    ...(state === undefined ? {} : { state }),
  });
  const server = await platform.serve((request) => sandbox.handle(request), { port });
  output.json({ type: "sandbox", origin: server.origin });
  output.line(`Sandbox at ${server.origin}`);
  output.note(`Use it from another terminal:
  export GRANTWAY_SANDBOX=${server.origin}
  grantway auth add minimax-oauth       or xai-oauth
  grantway chat "Hello"
Ctrl-C stops it.`);
  await new Promise<void>((resolve) => {
    if (interrupts.signal.aborted) resolve();
    interrupts.signal.addEventListener("abort", () => resolve(), { once: true });
  });
  // Waits for open answers, of which one may never end; the second Ctrl-C does not.
  await server.close();
}

function whole(text: string, flag: string, min: number, max: number): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= min && value <= max) return value;
  throw new UsageError(`${flag} takes a whole number from ${min} to ${max}, not "${text}"`);
}
