/**
 * `grantway config set`: one setting, checked before it is written.
 *
 * @module
 */

import type { Command } from "commander";
import { POOL_STRATEGIES } from "../../credentials/pool.ts";
import { type Provider, resolveEndpoints } from "../../providers/mod.ts";
import { splitModelName } from "../model_choice.ts";
import { resolveKey, SETTINGS } from "../config.ts";
import type { Invocation } from "../command.ts";
import { type Context, requireProvider } from "../context.ts";
import { UsageError } from "../exit_code.ts";
import { readOAuthParameters } from "../oauth_parameters.ts";
import { providerSettings } from "../selection.ts";

/** Arguments and options. */
export function define(command: Command): void {
  const width = Math.max(...SETTINGS.map(({ key }) => key.length));
  command
    .argument("<key>", "the setting; model, provider and base_url are short forms")
    .argument("<value>", "its value")
    .addHelpText(
      "after",
      `\nSettings:\n${
        SETTINGS.map(({ key, summary }) => `  ${key.padEnd(width)}  ${summary}`).join("\n")
      }`,
    );
}

/** Runs it. */
export async function run(context: Context, command: Invocation): Promise<void> {
  const [name, value] = command.args as [string, string];
  const key = resolveKey(name);
  if (value.trim() === "") {
    throw new UsageError(`${key} cannot be empty`, `Run: grantway config unset ${key}`);
  }
  const changes = await check(context, key, value.trim());
  await (await context.config()).change(changes);
  context.output.json({ type: "config_set", changed: changes });
  for (const [key, value] of Object.entries(changes)) {
    if (value !== undefined) context.output.line(`${key} = ${value}`);
  }
}

/** Everything that changes with `key`: a provider brings its base URL along. */
async function check(
  context: Context,
  key: string,
  value: string,
): Promise<Record<string, string | undefined>> {
  const config = await context.config();
  if (key === "model.provider") return await providerSettings(context, requireProvider(value));
  if (key === "model.default") {
    const { provider, model } = splitModelName(value);
    if (model === "") throw new UsageError(`"${value}" names no model`);
    return provider === undefined
      ? { [key]: model }
      : { ...await providerSettings(context, provider), [key]: model };
  }
  if (key === "model.base_url") {
    const configured = config.get("model.provider");
    if (configured === undefined) {
      throw new UsageError(
        "model.base_url belongs to a provider, and none is set",
        "Run: grantway config set provider <provider>",
      );
    }
    const provider = requireProvider(configured);
    const allowLoopback = context.platform.env("GRANTWAY_ALLOW_LOOPBACK") === "1";
    const { hosts } = { hosts: provider.regions.flatMap(({ hosts }) => hosts) };
    resolveEndpoints(provider, { ...provider.regions[0]!, hosts }, {
      apiUrl: value,
      allowLoopback,
    });
    return { [key]: value };
  }
  if (key === "media.allow_api_key") {
    if (value === "true" || value === "false") return { [key]: value };
    throw new UsageError(`${key} is true or false, not "${value}"`);
  }
  const provider = requireProvider(key.split(".")[1]!);
  const setting = key.split(".").at(-1)!;
  const choices = choicesOf(provider, setting);
  if (choices !== undefined && !choices.includes(value)) {
    throw new UsageError(`Unknown ${setting} "${value}"`, `One of: ${choices.join(", ")}`);
  }
  if (setting === "oauth_url") {
    const allowLoopback = context.platform.env("GRANTWAY_ALLOW_LOOPBACK") === "1";
    resolveEndpoints(provider, provider.regions[0]!, { oauthUrl: value, allowLoopback });
  }
  readOAuthParameters(provider, (name) => name === setting ? value : undefined);
  return { [key]: value };
}

/** What a setting of a provider may be, where that is a choice. */
function choicesOf(
  { oauth, upstreams = [] }: Provider,
  setting: string,
): readonly string[] | undefined {
  switch (setting) {
    case "strategy":
      return POOL_STRATEGIES;
    case "upstream":
      return upstreams.map(({ id }) => id);
    case "flow":
      return oauth?.kind === "oidc" ? ["auto", ...oauth.flows] : [];
    case "profile":
      return oauth?.kind === "user_code" ? oauth.profiles.map(({ id }) => id) : [];
    default:
      return undefined;
  }
}
