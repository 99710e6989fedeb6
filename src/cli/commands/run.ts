/**
 * `grantway run`: starts a client against a gateway of its own, which ends with it.
 *
 * @module
 */

import type { Command } from "commander";
import { describeAccess } from "../clients/access.ts";
import { ANTHROPIC } from "../clients/anthropic.ts";
import type { Client } from "../clients/client.ts";
import { CLIENTS, findClient, unknownClient } from "../clients/mod.ts";
import { OPENAI } from "../clients/openai.ts";
import type { Invocation } from "../command.ts";
import type { Context } from "../context.ts";
import { UsageError } from "../exit_code.ts";
import type { Interrupt, RunningProgram } from "../platform.ts";
import { notSignedIn } from "../accounts.ts";

interface Options {
  provider?: string;
  model?: string;
}

/** Arguments and options. */
export function define(command: Command): void {
  const programs = CLIENTS.filter(({ program }) => program !== undefined);
  const libraries = CLIENTS.filter(({ program }) => program === undefined);
  command
    .argument("[client]", "which one")
    .argument("[args...]", "its own arguments, passed on as they are")
    .usage("[options] <client> [args...]\n       grantway run [options] -- <command> [args...]")
    .option("--provider <provider>", "provider to begin with")
    .option("-m, --model <model>", "model to begin with; provider/model names both")
    .addHelpText(
      "after",
      `
Clients: ${programs.map(({ id }) => id).join(", ")}; and ${libraries.map(({ id }) => id).join(", ")}
with a command of yours that uses that library. After "--" stands any command that
takes OPENAI_BASE_URL and OPENAI_API_KEY, or ANTHROPIC_BASE_URL and ANTHROPIC_API_KEY.

The gateway listens on a free port of this machine, with a key that only this client
has, and ends with it. No file of the client's is changed. The exit code is the
client's. Global options go before the client's name.

Examples:
  grantway run claude-code
  grantway run --model xai-oauth/grok-4.3 codex exec "Explain this repository"
  grantway run claude-code -p "hi"            the same with "--" before -p
  grantway run ai-sdk node chat.mjs
  grantway run -- python3 chat.py`,
    );
}

/** A program that is built with one of the vendors' SDKs. */
const ANY_PROGRAM: Client = {
  id: "any",
  name: "the command",
  keyVariables: [...OPENAI.keyVariables, ...ANTHROPIC.keyVariables],
  variables: (access) => ({ ...OPENAI.variables(access), ...ANTHROPIC.variables(access) }),
  conflicts: [...OPENAI.conflicts ?? [], ...ANTHROPIC.conflicts ?? []],
};

/** Runs it. */
export async function run(context: Context, command: Invocation): Promise<number> {
  const { platform, output } = context;
  const options = command.opts<Options>();
  const { client, words } = readCommand(command.args);
  const access = await describeAccess(context, "", options);
  if (!access.isSignedIn) throw notSignedIn(context, access.provider);
  const { startPrivateGateway } = await import("../private_gateway.ts");
  const gateway = await startPrivateGateway(context, `run-${client.id}`, access.model?.name);
  const reachable = { ...access, url: gateway.url };
  const variables: Record<string, string> = {
    ...client.variables(reachable),
    ...Object.fromEntries(client.keyVariables.map((name) => [name, gateway.key])),
  };
  const { program } = client;
  const [name, args] = program === undefined
    ? [words[0]!, words.slice(1)]
    : [program.command, [...program.args?.(reachable) ?? [], ...words]];
  const overriding = await overridingFile(context, client, words, variables);
  output.detail(`gateway at ${gateway.url} for ${name}, model ${access.model?.name}`);
  const env = environment(context, client, variables);
  const code = await accompany(
    context,
    () => platform.startProgram(name, [...overriding, ...args], env),
  );
  if (code !== null) return code;
  throw new UsageError(
    `Cannot start ${name}: there is no such program`,
    program === undefined ? "Is it on the PATH?" : `Install it: ${program.install}`,
  );
}

/** The client and what follows it; a "--" between them is for those who are used to it. */
function readCommand(args: readonly string[]): { client: Client; words: readonly string[] } {
  const [first, ...rest] = args;
  if (first === undefined) {
    throw new UsageError(
      "There is no client to run",
      `Clients: ${CLIENTS.map(({ id }) => id).join(", ")}; or: grantway run -- <command>`,
    );
  }
  const client = first === "--" ? ANY_PROGRAM : findClient(first);
  if (client === undefined) {
    throw unknownClient(first, `Any program: grantway run -- ${args.join(" ")}`);
  }
  const words = first !== "--" && rest[0] === "--" ? rest.slice(1) : rest;
  if (client.program === undefined && words.length === 0) {
    throw new UsageError(
      "There is no command to run",
      `Run: grantway run ${first} <command> [args...]`,
    );
  }
  return { client, words };
}

/** The user's variables, without ours and without those that lead elsewhere. */
function environment(
  { platform }: Context,
  { conflicts = [] }: Client,
  variables: Readonly<Record<string, string>>,
): Record<string, string> {
  const kept = Object.entries(platform.allEnv()).filter(([name]) =>
    !name.startsWith("GRANTWAY_") && !conflicts.includes(name)
  );
  return { ...Object.fromEntries(kept), ...variables };
}

/**
 * Where a client's own files set the same variables, and win over the environment: arguments that name
 * a file of ours that wins over them. It holds the key, so it is there only as long as the client.
 */
async function overridingFile(
  context: Context,
  { program, conflicts = [] }: Client,
  words: readonly string[],
  variables: Readonly<Record<string, string>>,
): Promise<string[]> {
  const { platform, output, home } = context;
  const { option, files } = program?.override ?? {};
  if (option === undefined || files === undefined) return [];
  const set = [];
  for (const path of files(platform)) {
    const text = new TextDecoder().decode((await platform.userFiles.read(path))?.bytes);
    if ([...Object.keys(variables), ...conflicts].some((name) => text.includes(`"${name}"`))) {
      set.push(path);
    }
  }
  if (set.length === 0) return [];
  if (words.some((word) => word === option || word.startsWith(`${option}=`))) {
    output.warn(`${set.join(" and ")} may lead elsewhere than to this run's gateway`);
    return [];
  }
  const path = `${home.path}/run-${crypto.randomUUID()}.json`;
  await context.files.write(path, JSON.stringify({ env: { ...blank(conflicts), ...variables } }));
  context.defer(async () => {
    const file = await platform.userFiles.read(path);
    if (file !== null) await platform.userFiles.remove(path, file);
  });
  return [option, path];
}

/** What is set to nothing counts as not set. */
function blank(names: readonly string[]): Record<string, string> {
  return Object.fromEntries(names.map((name) => [name, ""]));
}

/**
 * Starts the client and waits for it; null when there is none. Ctrl-C in a terminal reaches it without
 * us; what is sent to this process alone is passed on, however early it comes.
 */
async function accompany(
  { platform, interrupts, output }: Context,
  start: () => Promise<RunningProgram | null>,
): Promise<number | null> {
  const hasTerminal = [platform.stdin, platform.stdout, platform.stderr]
    .some(({ isTerminal }) => isTerminal);
  const early: Interrupt[] = interrupts.signal.aborted ? ["SIGTERM"] : [];
  let pass = (kind: Interrupt): void => void early.push(kind);
  const stop = interrupts.listen((kind) => {
    if (kind !== "SIGINT" || !hasTerminal) pass(kind);
  }, ["SIGINT", "SIGTERM", "SIGHUP"]);
  const release = output.hold();
  try {
    const program = await start();
    if (program === null) return null;
    pass = (kind) => program.kill(kind);
    early.forEach(pass);
    return await program.ended;
  } finally {
    stop();
    release();
  }
}
