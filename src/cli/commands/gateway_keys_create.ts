/**
 * `grantway gateway keys create`: makes a client key and shows it, this once.
 *
 * @module
 */

import type { Command } from "commander";
import { KEY_ROUTES, type KeyRoute, type KeyScope } from "../../gateway/client_keys.ts";
import { findProvider } from "../../providers/mod.ts";
import { clientKeyJson, expiryText, limitsText, scopeText } from "../client_key_view.ts";
import type { Invocation } from "../command.ts";
import { type Context, requireProvider } from "../context.ts";
import { UsageError } from "../exit_code.ts";
import { openBooks } from "../gateway_books.ts";
import { nearest } from "../nearest.ts";
import { refuseExisting, writeNew } from "../secret_file.ts";
import { addRemoteOption, openRemote } from "../remote/remote_gateway.ts";
import { parseDistance } from "../time_words.ts";

interface Options {
  provider?: string[];
  model?: string[];
  route?: string[];
  expires?: string;
  rpm?: string;
  concurrent?: string;
  out?: string;
  remote?: string;
}

const collect = (text: string, before: string[] = []) => [
  ...before,
  ...text.split(",").map((word) => word.trim()),
];

/** Arguments and options. */
export function define(command: Command): void {
  addRemoteOption(command)
    .argument("<name>", "what to call it, such as the program or machine that will use it")
    .option("--provider <provider>", "good for this provider alone (may be repeated)", collect)
    .option("--model <model>", "good for this model alone; a trailing * is any rest", collect)
    .option("--route <route>", `good for this route alone: ${KEY_ROUTES.join(", ")}`, collect)
    .option("--expires <time>", "ends after 12h, 90d, 4w or 1y, or on a day: 2026-12-31")
    .option("--rpm <count>", "requests that may begin in any 60 s")
    .option("--concurrent <count>", "requests under way at once")
    .option("--out <file>", "write the key to a new file (mode 0600) instead of stdout")
    .addHelpText(
      "after",
      `
The key is on stdout, alone and only now: what is stored is its SHA-256 digest.

Examples:
  grantway gateway keys create laptop
  KEY=$(grantway gateway keys create ci --expires 90d --rpm 60 --quiet)
  grantway gateway keys create claude --route messages --model 'MiniMax-*'
  grantway gateway keys create ci --json --out key.txt
  grantway gateway keys create phone --remote https://grantway.example.workers.dev`,
    );
}

/** Runs it. */
export async function run(context: Context, command: Invocation): Promise<void> {
  const { output, platform } = context;
  const options = command.opts<Options>();
  const now = platform.now();
  const { out } = options;
  if (output.options.json && out === undefined) {
    throw new UsageError("--json never holds a secret: the key needs a file", "Add: --out <file>");
  }
  const limits = {
    ...(options.rpm === undefined ? {} : { requestsPerMinute: count(options.rpm, "--rpm") }),
    ...(options.concurrent === undefined
      ? {}
      : { concurrent: count(options.concurrent, "--concurrent") }),
  };
  const expiresAt = options.expires === undefined
    ? undefined
    : now + parseDistance(options.expires, "--expires", { now, isPast: false });
  const scope = readScope(options);
  if (out !== undefined) await refuseExisting(context, out);
  const { remote } = options;
  const owner = remote === undefined
    ? openBooks(context).owner
    : (await openRemote(context, remote)).keys;
  const { key, secret } = await owner.create({ name: command.args[0]!, scope, expiresAt, limits });
  try {
    if (out === undefined) output.line(secret.expose());
    else await writeNew(context, out, `${secret.expose()}\n`);
  } catch (error) {
    // Nobody has seen it, and nobody can see it again.
    await owner.revoke(key.id);
    throw error;
  }
  output.json({
    type: "gateway_keys_create",
    key: clientKeyJson(key, now),
    ...(out === undefined ? {} : { file: out }),
  });
  output.note(`Client key "${key.name}" (${key.id})`);
  output.note(`  good for ${scopeText(key)}`);
  if (key.limits !== undefined) output.note(`  limits   ${limitsText(key)}`);
  output.note(`  expires  ${expiryText(key, now)}`);
  output.note(
    out === undefined
      ? "It is shown this once; whoever has it can use your subscription"
      : `It is in ${out}; whoever has it can use your subscription`,
  );
  const sandbox = context.usesSandbox ? " --sandbox" : "";
  output.note(
    remote === undefined
      ? `Next: grantway gateway serve${sandbox}`
      : "It may take a minute until it is good everywhere",
  );
}

function readScope({ provider, model, route }: Options): KeyScope {
  return {
    ...(provider === undefined
      ? {}
      : { providers: [...new Set(provider.map((name) => requireProvider(name).id))] }),
    ...(model === undefined ? {} : { models: [...new Set(model.map(canonicalModel))] }),
    ...(route === undefined ? {} : { routes: [...new Set(route.map(requireRoute))] }),
  };
}

/** A provider's alias before the slash becomes its id, which is what the gateway compares. */
function canonicalModel(name: string): string {
  if (name === "") throw new UsageError("--model is empty");
  const slash = name.indexOf("/");
  const provider = slash > 0 ? findProvider(name.slice(0, slash)) : undefined;
  return provider === undefined ? name : provider.id + name.slice(slash);
}

function requireRoute(name: string): KeyRoute {
  const route = KEY_ROUTES.find((route) => route === name);
  if (route !== undefined) return route;
  const near = nearest(name, KEY_ROUTES);
  throw new UsageError(
    `Unknown route "${name}"`,
    near === undefined ? `Routes: ${KEY_ROUTES.join(", ")}` : `Did you mean: ${near}`,
  );
}

function count(text: string, flag: string): number {
  if (/^[1-9]\d{0,6}$/.test(text)) return Number(text);
  throw new UsageError(`${flag} takes a whole number from 1 on, not "${text}"`);
}
