/**
 * `grantway auth add`: sign in to a provider, or store its API key.
 *
 * @module
 */

import type { Command } from "commander";
import { type Provider, PROVIDERS } from "../../providers/mod.ts";
import type { Invocation } from "../command.ts";
import { type Context, requireProvider } from "../context.ts";
import { UsageError } from "../exit_code.ts";
import { addApiKey } from "../api_key.ts";
import { signIn } from "../sign_in.ts";

interface Options {
  region?: string;
  label?: string;
  browser: boolean;
  timeout?: string;
  type?: string;
  flow?: string;
  upstream?: string;
  remote?: string;
}

/** Arguments and options. */
export function define(command: Command): void {
  command
    .argument("<provider>", `${PROVIDERS.map(({ id }) => id).join(", ")}, or an alias`)
    .option("--type <type>", "oauth or api-key (default: oauth where the provider has it)")
    .option("--region <region>", "region of the account: global or cn (default: global)")
    .option("--flow <flow>", "auto, device (a code) or loopback (a port of this machine)")
    .option("--upstream <name>", "API to use, where the provider has several: xai-oauth: api, cli")
    .option("--label <label>", "your name for it (a login with the same name is replaced)")
    .option(
      "--timeout <seconds>",
      "give up after this long (default: as the code lives; loopback: 180)",
    )
    .option("--no-browser", "print the URL and code instead of opening a browser")
    .option("--remote <url>", "have the gateway there sign in, such as your Worker")
    .addHelpText(
      "after",
      `
Examples:
  grantway auth add minimax-oauth
  grantway auth add minimax-oauth --region cn --label work
  grantway auth add minimax-oauth --no-browser      on a server
  grantway auth add xai-oauth
  grantway auth add xai-oauth --flow loopback       the browser comes back to this machine
  grantway auth add xai-oauth --remote https://grantway.example.workers.dev
  echo "$KEY" | grantway auth add minimax --type api-key

With --remote the admin token comes from GRANTWAY_ADMIN_TOKEN, a prompt or
standard input. The gateway there asks for the code, and keeps the login: nothing
is stored here. You confirm the account before it is used; --yes does so at once.`,
    );
}

/** Runs it. */
export async function run(context: Context, command: Invocation): Promise<void> {
  const options = command.opts<Options>();
  const named = requireProvider(command.args[0]!);
  const { remote } = options;
  const type = options.type ?? (remote === undefined ? defaultType(named) : "oauth");
  if (type !== "oauth" && type !== "api-key") {
    throw new UsageError(`Unknown type "${type}"`, "Types: oauth, api-key");
  }
  if (remote !== undefined && (type === "api-key" || options.flow === "loopback")) {
    throw new UsageError(
      type === "api-key"
        ? "API keys of a gateway elsewhere are variables there"
        : "A gateway elsewhere signs in with a code: leave --flow out",
      type === "api-key" ? "On a Worker: wrangler secret put <name>" : undefined,
    );
  }
  if (type === "api-key") {
    if (named.apiKey === undefined) {
      throw new UsageError(
        `${named.id} takes no API key`,
        `Sign in with: grantway auth add ${named.id}`,
      );
    }
    await addApiKey(context, named, { label: options.label, region: options.region });
    return;
  }
  const via = named.oauthVia;
  const provider = via === undefined ? named : requireProvider(via.provider);
  if (provider.oauth === undefined) {
    throw new UsageError(
      `${named.id} has no sign-in, it takes an API key`,
      `Run: grantway auth add ${named.id} --type api-key`,
    );
  }
  if (via !== undefined && options.region !== undefined && options.region !== via.region) {
    throw new UsageError(`${named.id} is the region ${via.region} of ${via.provider}`);
  }
  const wanted = {
    region: options.region ?? via?.region,
    label: options.label,
    openBrowser: options.browser,
    flow: options.flow,
    upstream: options.upstream,
    timeoutMs: options.timeout === undefined ? undefined : seconds(options.timeout) * 1000,
  };
  if (remote === undefined) return await signIn(context, provider, wanted);
  const { signInThere } = await import("../remote/sign_in.ts");
  await signInThere(context, remote, provider, wanted);
}

/** OAuth where the provider signs in itself, else its API key. */
function defaultType(provider: Provider): "oauth" | "api-key" {
  return provider.oauth !== undefined || provider.apiKey === undefined ? "oauth" : "api-key";
}

function seconds(text: string): number {
  const value = Number(text);
  if (Number.isFinite(value) && value > 0) return value;
  throw new UsageError(`--timeout takes a number of seconds above 0, not "${text}"`);
}
