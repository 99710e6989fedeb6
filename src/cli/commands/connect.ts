/**
 * `grantway connect`: what a client has to be told to use the gateway; `--write` tells it.
 *
 * @module
 */

import type { Command } from "commander";
import type { ClientFile } from "../clients/client.ts";
import { type Client, type GatewayAccess, KEY_VARIABLE } from "../clients/client.ts";
import { describeAccess, LOCAL_GATEWAY, parseGatewayUrl } from "../clients/access.ts";
import { CLIENTS, findClient, unknownClient } from "../clients/mod.ts";
import type { Change, OpenFile } from "../clients/written_file.ts";
import type { Invocation } from "../command.ts";
import type { Context } from "../context.ts";
import { UsageError } from "../exit_code.ts";

interface Options {
  provider?: string;
  model?: string;
  gateway?: string;
  write?: boolean;
  undo?: boolean;
  keyName?: string;
  keyStdin?: boolean;
}

const MAX_KEY_BYTES = 4096;

/** Arguments and options. */
export function define(command: Command): void {
  const width = Math.max(...CLIENTS.map(({ id }) => id.length));
  command
    .argument("[client]", "which one; without it, the list")
    .option("--gateway <url>", "where the gateway is", LOCAL_GATEWAY)
    .option("--provider <provider>", "provider to begin with")
    .option("-m, --model <model>", "model to begin with; provider/model names both")
    .option("--write", "put it into the client's own configuration, with a key made for it")
    .option("--undo", "take it out again, give back what was there, and revoke that key")
    .option("--key-name <name>", "--write: name of the key (default: the client's)")
    .option("--key-stdin", "--write: take the key from standard input instead of making one")
    .addHelpText(
      "after",
      `
Clients:
${
        CLIENTS.map(({ id, name, file }) =>
          `  ${id.padEnd(width)}  ${name}${file === undefined ? "" : " (--write, --undo)"}`
        ).join("\n")
      }

Examples:
  grantway connect claude-code                prints what to set
  eval "$(grantway connect openai)"           sets it in this shell
  grantway connect codex --write              edits ~/.codex/config.toml
  grantway connect codex --undo               takes it back
  grantway connect claude-code --gateway https://gateway.example --write --key-stdin < key.txt`,
    );
}

/** Runs it. */
export async function run(context: Context, command: Invocation): Promise<void> {
  const options = command.opts<Options>();
  const [name] = command.args;
  if (name === undefined) return list(context);
  const client = findClient(name);
  if (client === undefined) throw unknownClient(name);
  check(client, options);
  if (options.undo) return await undo(context, withFile(client, "--undo"));
  const access = await describeAccess(
    context,
    parseGatewayUrl(options.gateway ?? LOCAL_GATEWAY),
    options,
  );
  if (options.write) return await write(context, withFile(client, "--write"), access, options);
  await print(context, client, access);
}

function check({ id }: Client, { write, undo, keyName, keyStdin }: Options): void {
  if (write && undo) throw new UsageError("--write and --undo exclude each other");
  if (!write && (keyName !== undefined || keyStdin)) {
    throw new UsageError(
      `${keyStdin ? "--key-stdin" : "--key-name"} belongs to --write`,
      `Run: grantway connect ${id} --write`,
    );
  }
  if (keyName !== undefined && keyStdin) {
    throw new UsageError("--key-name and --key-stdin exclude each other");
  }
}

type FileClient = Client & { file: ClientFile };

function withFile(client: Client, flag: string): FileClient {
  const { id, file } = client;
  if (file !== undefined) return { ...client, file };
  const able = CLIENTS.filter(({ file }) => file !== undefined).map(({ id }) => id).join(" and ");
  throw new UsageError(`${flag} works for ${able}, not for ${id}`, `Run: grantway connect ${id}`);
}

function list({ output }: Context): void {
  output.json({
    type: "connect_list",
    clients: CLIENTS.map(({ id, name, file, program }) => ({
      id,
      name,
      writes: file !== undefined,
      program: program?.command,
    })),
  });
  const width = Math.max(...CLIENTS.map(({ id }) => id.length));
  for (const { id, name } of CLIENTS) output.line(`${id.padEnd(width)}  ${name}`);
  output.note("What to set: grantway connect <client>; to start one: grantway run <client>");
}

/** What to set by hand. */
async function print(context: Context, client: Client, access: GatewayAccess): Promise<void> {
  const { output, platform } = context;
  const { url, model, models } = access;
  const snippet = await client.snippet?.(access, platform);
  const variables = snippet === undefined ? client.variables(access) : {};
  const notes = client.notes?.(access) ?? [];
  output.json({
    type: "connect",
    client: client.id,
    gateway: url,
    variables,
    keyVariables: client.keyVariables,
    ...(snippet === undefined ? {} : { file: snippet }),
    ...(model === undefined ? {} : { model: model.name }),
    models: models.map(({ name }) => name),
    notes,
  });
  if (snippet === undefined) {
    for (const name of conflictsOf(context, client)) output.line(`unset ${name}`);
  }
  for (const [name, value] of Object.entries(variables)) {
    output.line(`export ${name}=${quote(value)}`);
  }
  if (snippet === undefined) {
    for (const name of client.keyVariables) output.line(`export ${name}="$${KEY_VARIABLE}"`);
  } else if (!output.options.json) {
    output.note(`In ${snippet.path}:`);
    output.text(snippet.text);
  }
  output.note();
  const sandbox = context.usesSandbox ? " --sandbox" : "";
  const rows = [
    [`export ${KEY_VARIABLE}=…`, `a key of: grantway gateway keys create ${client.id}${sandbox}`],
    ...(url === LOCAL_GATEWAY ? [[`grantway gateway serve${sandbox}`, "starts the gateway"]] : []),
    ...(client.file === undefined
      ? []
      : [[`grantway connect ${client.id} --write${sandbox}`, "does all of this"]]),
    [
      `grantway run${sandbox} ${client.id}${client.program ? "" : " <command>"}`,
      "or starts it without any of this",
    ],
  ];
  const width = Math.max(...rows.map(([left]) => left!.length));
  for (const [left, right] of rows) output.note(`  ${left!.padEnd(width)}  ${right}`);
  output.note();
  output.note(
    models.length === 0
      ? `Nobody is signed in here yet: grantway auth add <provider>${sandbox}`
      : `Models: ${models.map(({ name }) => name).join(", ")}`,
  );
  for (const note of notes) output.note(note);
}

/** Variables of this shell that lead the client elsewhere. */
function conflictsOf({ platform }: Context, { conflicts = [] }: Client): string[] {
  return conflicts.filter((name) => platform.env(name) !== undefined);
}

/** A word of a shell. */
function quote(text: string): string {
  return /^[\w./:@%+-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

/** Puts it into the client's file. */
async function write(
  context: Context,
  client: FileClient,
  access: GatewayAccess,
  options: Options,
): Promise<void> {
  const { output } = context;
  const { createClientKey, hasClientKey, revokeClientKey } = await import(
    "../clients/client_key.ts"
  );
  const { withClientFile } = await import("../clients/written_file.ts");
  const given = options.keyStdin ? await readKey(context) : undefined;
  if (given === undefined && access.url !== LOCAL_GATEWAY && !isOfThisMachine(access.url)) {
    throw new UsageError(
      "A key of that gateway is needed: this machine cannot make one",
      `Run: grantway connect ${client.id} --gateway ${access.url} --write --key-stdin < key.txt`,
    );
  }
  await withClientFile(context, client, async (file) => {
    const settings = (key: string) => client.file.settings(access, key);
    const earlier = file.key;
    const isGood = earlier !== undefined && earlier.isSandbox === context.usesSandbox &&
      await hasClientKey(context, earlier);
    const place = settings("").find(({ isSecret }) => isSecret)!.path;
    const kept = isGood ? await file.ownValue(place) : undefined;
    const known = given ?? kept;
    // A new key is made once the user has agreed; until then anything stands for it.
    const preview = await file.planWrite(settings(known ?? "?"));
    if (known !== undefined && preview.changes.length === 0) {
      output.json(report(client, file, access, []));
      output.note(`Nothing to change in ${file.path}`);
      return;
    }
    await agree(context, file, preview.changes, known === undefined);
    const made = known === undefined
      ? await createClientKey(context, options.keyName ?? client.id)
      : undefined;
    const plan = made === undefined ? preview : await file.planWrite(settings(made.secret));
    const note = made?.note ?? (given === undefined ? earlier : undefined);
    try {
      await plan.run(note);
    } catch (error) {
      if (made !== undefined) await revokeClientKey(context, made.note);
      throw error;
    }
    if (earlier !== undefined && earlier !== note) await revokeClientKey(context, earlier);
    output.json({
      ...report(client, file, access, preview.changes),
      ...(made === undefined ? {} : { key: { id: made.note.id, name: made.name } }),
    });
    output.note(`${client.name} is set up in ${file.path}`);
    if (made !== undefined) output.note(`Its key is called ${made.name}`);
    if (((preview.mode ?? 0o600) & 0o077) !== 0) {
      output.warn(`Other users of this machine can read the key in ${file.path}`);
    }
    for (const name of conflictsOf(context, client)) {
      output.warn(`${name} is set in this shell, and may lead ${client.name} elsewhere`);
    }
    for (const name of client.conflicts ?? []) {
      if (!file.has(["env", name])) continue;
      output.warn(`env.${name} is set in ${file.path}, and may lead ${client.name} elsewhere`);
    }
    const sandbox = context.usesSandbox ? " --sandbox" : "";
    if (isOfThisMachine(access.url)) {
      output.note(`It needs the gateway: grantway gateway serve${sandbox}`);
    }
    output.note(`Back: grantway connect ${client.id} --undo${sandbox}`);
  });
}

/** Takes it out of the client's file. */
async function undo(context: Context, client: FileClient): Promise<void> {
  const { output } = context;
  const { revokeClientKey } = await import("../clients/client_key.ts");
  const { otherWrittenFiles, withClientFile } = await import("../clients/written_file.ts");
  await withClientFile(context, client, async (file) => {
    if (!file.isWritten) {
      output.json({ type: "connect_undo", client: client.id, path: file.path, changes: [] });
      output.note(`Nothing was written into ${file.path}`);
      for (const path of await otherWrittenFiles(context, client)) output.note(`But into ${path}`);
      return;
    }
    const plan = await file.planUndo();
    await agree(context, file, plan.changes, false);
    await plan.run();
    const isRevoked = file.key !== undefined && await revokeClientKey(context, file.key);
    output.json({
      type: "connect_undo",
      client: client.id,
      path: file.path,
      changes: plan.changes,
      keyRevoked: isRevoked,
    });
    output.note(`${client.name} is as it was before`);
    if (isRevoked) output.note("Its key is revoked");
    const left = plan.changes.filter(({ action }) => action === "left");
    if (left.length > 0) {
      output.note(`Changed since, so left alone: ${left.map(({ setting }) => setting).join(", ")}`);
    }
  });
}

function report(
  client: Client,
  file: OpenFile,
  access: GatewayAccess,
  changes: Change[],
): Record<string, unknown> {
  return {
    type: "connect_write",
    client: client.id,
    path: file.path,
    gateway: access.url,
    changes,
  };
}

const SIGNS = {
  added: "+",
  replaced: "~",
  updated: "~",
  restored: "~",
  removed: "-",
  left: " ",
} as const;

/** Shows what will change, and asks. */
async function agree(
  context: Context,
  file: OpenFile,
  changes: readonly Change[],
  makesKey: boolean,
): Promise<void> {
  const { output, globals, interactive } = context;
  output.note(file.path);
  for (const { setting, action, value } of changes) {
    const shown = value === undefined ? "" : ` = ${JSON.stringify(value)}`;
    const isKey = value === undefined && ["added", "replaced", "updated"].includes(action);
    const hint = isKey
      ? ` = ${makesKey ? "a new key" : "the key"}`
      : action === "restored"
      ? " (as it was before)"
      : action === "left"
      ? " (changed since: stays)"
      : "";
    const kept = action === "replaced" ? "; what is there now is kept for --undo" : "";
    output.note(`  ${SIGNS[action]} ${setting}${shown}${hint}${kept}`);
  }
  if (globals.has("--yes")) return;
  if (!interactive) {
    throw new UsageError("This changes a file of another program's", "Add --yes to agree");
  }
  const { confirm } = await import("../prompts.ts");
  if (!await confirm("Change it?")) throw new UsageError("Nothing has been changed");
}

function isOfThisMachine(url: string): boolean {
  return new URL(url).protocol === "http:";
}

async function readKey({ platform, readInput }: Context): Promise<string> {
  if (platform.stdin.isTerminal) {
    throw new UsageError("Nothing is piped in", "Give the key on standard input: < key.txt");
  }
  const key = (await readInput(MAX_KEY_BYTES)).trim();
  if (/^[\x21-\x7e]{8,}$/.test(key)) return key;
  throw new UsageError("That is no key: it must be 8 or more printable characters on one line");
}
