/**
 * `grantway gateway serve`: the gateway on this machine.
 *
 * @module
 */

import type { Command } from "commander";
import { GrantwayError } from "../../core/errors.ts";
import { parseJsonObject, readBoundedText } from "../../core/http.ts";
import { createAccessLines, parseLogLevel } from "../access_lines.ts";
import type { Invocation } from "../command.ts";
import type { Context } from "../context.ts";
import { UsageError } from "../exit_code.ts";
import {
  type LocalGateway,
  type LocalGatewayOptions,
  startLocalGateway,
} from "../local_gateway.ts";

interface Options {
  port: string;
  host: string;
}

/** How long open answers may take once the gateway is told to stop, ms. */
const DRAIN_MS = 10_000;
/** Who holds a port is found out within this time, or not at all, ms. */
const PROBE_MS = 500;

/** Arguments and options. */
export function define(command: Command): void {
  command
    .option("--port <port>", "port to listen on; 0 takes a free one", "8645")
    .option("--host <address>", "address to listen on", "127.0.0.1")
    .addHelpText(
      "after",
      `
Clients speak Anthropic Messages, OpenAI Chat Completions or OpenAI Responses to
it; it answers from any signed-in subscription. It serves nobody without a
client key. What is signed in to, and every setting, may change while it runs.

Examples:
  grantway gateway keys create laptop      a client key, shown once
  grantway gateway serve
  grantway connect claude-code             the set-up of a client
  grantway gateway serve --host 0.0.0.0    for other machines too

A line per request goes to stderr; --json makes it JSON. GRANTWAY_LOG sets how
much: debug, info, warn, error or off. Ctrl-C lets open answers end; a second
one does not.`,
    );
}

/** Runs it. */
export async function run(context: Context, command: Invocation): Promise<void> {
  const { platform, output, interrupts } = context;
  const { port, host } = command.opts<Options>();
  const lines = createAccessLines({
    stream: platform.stderr,
    paint: output.paintError,
    level: parseLogLevel(platform.env("GRANTWAY_LOG"), output.options.quiet ? "warn" : "info"),
    json: output.options.json,
    sleep: platform.sleep,
  });
  const gateway = await start(context, { port: parsePort(port), host, log: lines.log });
  await announce(context, gateway);
  await new Promise<void>((resolve) => {
    if (interrupts.signal.aborted) resolve();
    interrupts.signal.addEventListener("abort", () => resolve(), { once: true });
  });
  output.note("Stopping: open answers may end; Ctrl-C ends them at once");
  const deadline = new AbortController();
  const closing = new AbortController();
  platform.sleep(DRAIN_MS, closing.signal).then(() => deadline.abort(), () => {});
  try {
    await gateway.close(deadline.signal);
  } finally {
    closing.abort();
    lines.flush();
  }
}

async function start(context: Context, options: LocalGatewayOptions): Promise<LocalGateway> {
  try {
    return await startLocalGateway(context, options);
  } catch (error) {
    if (!(error instanceof GrantwayError) || !/is taken$/.test(error.message)) throw error;
    const holder = await findHolder(context, options);
    throw holder === undefined
      ? error
      : new GrantwayError(error.code, `${error.message} ${holder}`, {
        cause: error,
        hint: error.hint,
      });
  }
}

/** Most often it is another gateway, forgotten in another terminal. */
async function findHolder(
  { platform }: Context,
  { host, port }: LocalGatewayOptions,
): Promise<string | undefined> {
  const origin = `http://${host.includes(":") ? `[${host}]` : host}:${port}`;
  const patience = new AbortController();
  platform.sleep(PROBE_MS).then(() => patience.abort(), () => {});
  try {
    const { signal } = patience;
    const response = await platform.fetch(`${origin}/healthz`, { signal, redirect: "manual" });
    const body = parseJsonObject(await readBoundedText(response.body, 1_024));
    return body?.["status"] === "ok" && typeof body["version"] === "string"
      ? "by another gateway"
      : "by another program";
  } catch {
    return undefined;
  }
}

/** Where it is, what it answers from, and what is still missing. */
async function announce(
  context: Context,
  { server, keys, upstreams }: LocalGateway,
): Promise<void> {
  const { output, usesSandbox } = context;
  const [hasKey, providers] = await Promise.all([keys.isConfigured(), upstreams.list()]);
  const accounts = new Set(
    await Promise.all(
      providers.map(async (provider) => (await upstreams.open(provider)).account.description),
    ),
  );
  output.json({
    type: "gateway",
    origin: server.origin,
    providers: providers.map(({ id }) => id),
    hasClientKey: hasKey,
  });
  output.line(`Gateway at ${server.origin}`);
  const sandbox = usesSandbox ? " --sandbox" : "";
  for (const account of accounts) output.note(`  ${account}`);
  if (accounts.size === 0) {
    output.warn(
      `Nobody is signed in. Run: grantway auth add minimax-oauth${sandbox}, or xai-oauth${sandbox}`,
    );
  }
  if (!hasKey) {
    output.warn(
      "There is no client key, so every request is refused. " +
        `Run: grantway gateway keys create <name>${sandbox}`,
    );
  }
  output.note(`Set up a client: grantway connect claude-code${sandbox}   Ctrl-C stops the gateway`);
}

function parsePort(text: string): number {
  const port = Number(text);
  if (/^\d+$/.test(text) && port <= 65_535) return port;
  throw new UsageError(`--port takes a whole number from 0 to 65535, not "${text}"`);
}
