/**
 * `grantway doctor`: what is in order and what is not, with the command that mends it. It refreshes no
 * token and sends no request.
 *
 * @module
 */

import type { Command } from "commander";
import type { Invocation } from "../command.ts";
import type { Context } from "../context.ts";
import { type Check, inspect, type Section } from "../diagnosis.ts";
import { EXIT, UsageError } from "../exit_code.ts";
import { addRemoteOption, openRemote } from "../remote/remote_gateway.ts";

interface Options {
  fix?: boolean;
  remote?: string;
}

/** Arguments and options. */
export function define(command: Command): void {
  addRemoteOption(command).option(
    "--fix",
    "mend what can be mended; a broken file is set aside after asking",
  );
}

const MARKS = { ok: ["✓", "green"], warning: ["⚠", "yellow"], error: ["✗", "red"] } as const;

/** Runs it. */
export async function run(context: Context, command: Invocation): Promise<number> {
  const { output } = context;
  const { fix = false, remote } = command.opts<Options>();
  if (remote !== undefined && fix) {
    throw new UsageError("--fix mends this machine: leave it or --remote out");
  }
  let sections: Section[] = remote === undefined
    ? await inspect(context)
    : await (await openRemote(context, remote)).doctor();
  if (fix) {
    const broken = sections.flatMap(({ checks }) => checks).filter(({ repair }) => repair);
    for (const check of broken) await mend(context, check);
    if (broken.length > 0) sections = await inspect(context);
  }
  const checks = sections.flatMap(({ checks }) => checks);
  const isHealthy = checks.every(({ status }) => status !== "error");
  output.json({
    type: "doctor",
    healthy: isHealthy,
    sections: sections.map(({ name, checks }) => ({
      name,
      checks: checks.map(({ status, text, details, command }) => ({
        status,
        text,
        details: details ?? [],
        command: command ?? null,
      })),
    })),
  });
  for (const { name, checks } of sections) {
    output.line(output.paint("bold", `◆ ${name}`));
    for (const { status, text, details = [], command } of checks) {
      const [mark, color] = MARKS[status];
      output.line(`  ${output.paint(color, mark)} ${text}`);
      for (const detail of details) output.line(`    → ${detail}`);
      if (command !== undefined) output.line(`    → ${command}`);
    }
  }
  return isHealthy ? EXIT.ok : EXIT.failure;
}

async function mend(context: Context, check: Check): Promise<void> {
  const { output, globals, interactive } = context;
  const { question, run } = check.repair!;
  if (!globals.has("--yes")) {
    if (!interactive) throw new UsageError(`${question} Say so with --yes`);
    const { confirm } = await import("../prompts.ts");
    if (!await confirm(question)) return;
  }
  output.note(await run());
}
