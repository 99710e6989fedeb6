/**
 * `grantway gateway logs`: follows the log of the gateway on Cloudflare Workers.
 *
 * @module
 */

import type { Command } from "commander";
import { GrantwayError } from "../../core/errors.ts";
import { displayText } from "../../core/redact.ts";
import { createAccessLines, parseLogLevel } from "../access_lines.ts";
import type { Invocation } from "../command.ts";
import type { Context } from "../context.ts";

/** Arguments and options. */
export function define(command: Command): void {
  command
    .option("--name <name>", "name of the Worker", "grantway")
    .addHelpText(
      "after",
      `
A line per request, as it comes: who asked for what, how it ended, what it took.
Prompts, answers and secrets are in no log. GRANTWAY_LOG sets how much: debug,
info, warn, error. Ctrl-C ends it. What was logged before is in Cloudflare's
dashboard, under the Worker's logs.

"gateway serve", on this machine, writes the same lines to its own terminal, and
keeps none: grantway gateway serve 2>> gateway.log

Examples:
  grantway gateway logs
  GRANTWAY_LOG=warn grantway gateway logs
  grantway gateway logs --json | jq .status`,
    );
}

/** Runs it. */
export async function run(context: Context, command: Invocation): Promise<void> {
  const { output, platform } = context;
  const { name } = command.opts<{ name: string }>();
  const { openDeployments } = await import("../deploy/deployments.ts");
  const { openFolder } = await import("../deploy/deploy.ts");
  const { createWrangler } = await import("../deploy/wrangler.ts");
  const { createTailReader } = await import("../deploy/tail_events.ts");
  const deployment = await openDeployments(context).read(name);
  if (deployment === null) {
    throw new GrantwayError(
      "not_found",
      `No gateway "${displayText(name, 60)}" was deployed here`,
      {
        hint: "Deploy one: grantway gateway deploy. A gateway of this machine logs to its own " +
          "terminal",
      },
    );
  }
  const lines = createAccessLines({
    // They are what was asked for.
    stream: platform.stdout,
    paint: output.paint,
    level: parseLogLevel(platform.env("GRANTWAY_LOG"), output.options.quiet ? "warn" : "info"),
    json: output.options.json,
    sleep: platform.sleep,
  });
  const read = createTailReader({ onRequest: lines.log, onMessage: output.warn });
  output.note(`Log of ${deployment.url ?? name}; Ctrl-C ends it`);
  const wrangler = createWrangler(context, await openFolder(context, name), deployment.account.id);
  try {
    await wrangler.tail(name, read);
  } finally {
    lines.flush();
  }
}
