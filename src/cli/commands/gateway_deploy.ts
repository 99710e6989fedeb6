/**
 * `grantway gateway deploy`: the gateway on Cloudflare Workers.
 *
 * @module
 */

import type { Command } from "commander";
import { GrantwayError } from "../../core/errors.ts";
import { KEY_VARIABLE } from "../clients/client.ts";
import { clientKeyJson } from "../client_key_view.ts";
import type { Invocation } from "../command.ts";
import type { Context } from "../context.ts";
import type { DeployResult } from "../deploy/deploy.ts";
import { UsageError } from "../exit_code.ts";
import { refuseExisting, writeNew } from "../secret_file.ts";

interface Options {
  name: string;
  dryRun?: boolean;
  rotateKeys?: boolean;
  out?: string;
}

/** Arguments and options. */
export function define(command: Command): void {
  command
    .option("--name <name>", "name of the Worker, and of its address", "grantway")
    .option("--dry-run", "build and check everything, but send nothing; needs no account")
    .option("--rotate-keys", "make a new sealing key, and seal everything there anew with it")
    .option(
      "--out <file>",
      "write the first client key to a new file (mode 0600) instead of stdout",
    )
    .addHelpText(
      "after",
      `
It makes what is not there yet: a Worker with its Durable Objects, a KV
namespace, sealing keys, an admin token and a first client key. A second run
uploads this version and leaves the rest as it is; one that failed goes on
where it ended.

It needs an account of Cloudflare's; a free one will do. Sign in with
"deno run -A npm:wrangler@4.116.0 login", or set CLOUDFLARE_API_TOKEN.

The sealing keys and the admin token are kept in deployments.json of the home
folder (mode 0600, sealed when GRANTWAY_KEYS is set), so that --remote works
without asking. Cloudflare never shows them again: keep a copy of that file.

--rotate-keys changes the sealing keys while the gateway serves. The old key
stays behind the new one, and goes with the next rotation.

Examples:
  grantway gateway deploy --dry-run
  grantway gateway deploy
  grantway auth add minimax-oauth --remote https://grantway.you.workers.dev
  grantway gateway status --remote https://grantway.you.workers.dev
  grantway gateway deploy --rotate-keys
  grantway gateway logs`,
    );
}

/** Runs it. */
export async function run(context: Context, command: Invocation): Promise<void> {
  const { output, interrupts } = context;
  const { name, dryRun = false, rotateKeys = false, out } = command.opts<Options>();
  if (!/^[a-z0-9]([a-z0-9-]{0,52}[a-z0-9])?$/.test(name)) {
    throw new UsageError(
      "--name takes 1 to 54 of a-z, 0-9 and -, with no - at either end",
      "Example: --name my-gateway",
    );
  }
  if (context.usesSandbox) {
    throw new UsageError("The sandbox cannot be deployed", "Leave --sandbox out");
  }
  if (dryRun) return await rehearse(context, name);
  if (out !== undefined) await refuseExisting(context, out);
  const { openDeployments } = await import("../deploy/deployments.ts");
  const { deploy } = await import("../deploy/deploy.ts");
  const { alone } = openDeployments(context);
  const done: string[] = [];
  const say = (step: string, outcome: string) => {
    done.push(step);
    output.note(`  ${step.padEnd(8)} ${outcome}`);
  };
  const wants = { key: !output.options.json || out !== undefined, rotation: rotateKeys };
  output.note(`Deploying the gateway "${name}" to Cloudflare Workers`);
  let result: DeployResult;
  try {
    result = await alone(name, () => deploy(context, name, say, wants), interrupts.signal);
  } catch (error) {
    output.progress("");
    throw interrupts.signal.aborted ? error : withWayOn(error, name, done, rotateKeys);
  }
  await report(context, result, out);
}

/** A failure, with how to go on. */
function withWayOn(
  error: unknown,
  name: string,
  done: readonly string[],
  rotateKeys: boolean,
): unknown {
  // Before anything is done, what mends it is enough.
  if (!(error instanceof GrantwayError) || done.length === 0) return error;
  const { code, message, hint, retryable, status } = error;
  const command = `grantway gateway deploy${name === "grantway" ? "" : ` --name ${name}`}${
    rotateKeys ? " --rotate-keys" : ""
  }`;
  const way = `Done: ${done.join(", ")}. To go on from there run again: ${command}`;
  return new GrantwayError(code, message, {
    cause: error,
    retryable,
    status,
    hint: hint === undefined ? way : `${hint}. ${way}`,
  });
}

async function report(
  context: Context,
  { deployment, bundle, made, key }: DeployResult,
  out: string | undefined,
): Promise<void> {
  const { output, platform } = context;
  const { name, url, account, version } = deployment;
  if (key !== undefined && out !== undefined) {
    await writeNew(context, out, `${key.secret.expose()}\n`);
  }
  const next = [
    `grantway auth add minimax-oauth --remote ${url}`,
    `grantway connect claude-code --gateway ${url}`,
  ];
  output.json({
    type: "gateway_deploy",
    dryRun: false,
    name,
    url,
    account,
    gatewayVersion: version,
    bundle,
    made,
    key: key === undefined ? null : clientKeyJson(key.key, platform.now()),
    ...(key === undefined || out === undefined ? {} : { file: out }),
    next,
  });
  output.line(`Gateway at ${url}`);
  if (key !== undefined) {
    output.line(out === undefined ? `Client key ${key.secret.expose()}` : `Client key in ${out}`);
    output.note("It is shown this once; whoever has it can use your subscription");
  }
  output.note();
  const rows = [
    [next[0]!, "sign in there (or xai-oauth)"],
    ...(key === undefined || out !== undefined
      ? []
      : [[`export ${KEY_VARIABLE}=<client key>`, "for what the next one prints"]]),
    [next[1]!, "set up a client"],
    [`grantway gateway status --remote ${url}`, "see how it is"],
  ];
  const width = Math.max(...rows.map(([left]) => left!.length));
  for (const [left, right] of rows) output.note(`  ${left!.padEnd(width)}  ${right}`);
}

/** Builds and checks all that would be sent. */
async function rehearse(context: Context, name: string): Promise<void> {
  const { output } = context;
  const { openFolder, prepare, sizeText, kvTitle, SECRETS } = await import("../deploy/deploy.ts");
  const { createWrangler, CONFIG_FILE } = await import("../deploy/wrangler.ts");
  const { FIRST_KEY } = await import("../deploy/first_contact.ts");
  const { measureModules } = await import("../deploy/bundle_modules.ts");
  const folder = await openFolder(context, name);
  output.progress("Bundling…");
  const modules = await prepare(context, name, folder);
  const bundle = await measureModules(modules);
  output.progress("Checking with wrangler…");
  await createWrangler(context, folder).rehearse();
  output.progress("");
  const would = {
    worker: name,
    kvNamespace: kvTitle(name),
    objects: ["CredentialObject", "SignInObject", "StoreObject", "UsageObject"],
    secrets: SECRETS,
    key: FIRST_KEY,
  };
  output.json({ type: "gateway_deploy", dryRun: true, name, bundle, would, folder });
  output.line("Would make, unless they are there:");
  output.line(`  Worker        ${name}: ${sizeText(bundle)}`);
  output.line(`  objects       ${would.objects.join(", ")} (SQLite)`);
  output.line(`  KV namespace  ${would.kvNamespace}`);
  output.line(`  secrets       ${would.secrets.join(", ")}`);
  output.line(`  client key    ${would.key}`);
  output.note(`What would be sent: what ${CONFIG_FILE} names in ${folder}`);
  output.note("Nothing was sent. To deploy: grantway gateway deploy");
}
