/**
 * `grantway model`: which provider and model the next chat uses, with a sign-in where it is needed.
 *
 * @module
 */

import type { Command } from "commander";
import { type Provider, PROVIDERS } from "../../providers/mod.ts";
import { type Choice, chooseModel } from "../model_choice.ts";
import type { Invocation } from "../command.ts";
import { type Context, requireProvider } from "../context.ts";
import { UsageError } from "../exit_code.ts";
import { knownModel, parseModelName } from "../known_models.ts";
import { modelRows } from "../model_rows.ts";
import { accessTo } from "../provider_access.ts";
import { providerSettings } from "../selection.ts";
import { signIn } from "../sign_in.ts";

/** Arguments and options. */
export function define(command: Command): void {
  command
    .argument("[model]", "provider/model, or a model of the configured provider")
    .addHelpText(
      "after",
      `
Without an argument it shows a picker on a terminal; with --json the current choice.

Example:
  grantway model minimax-oauth/MiniMax-M2.7-highspeed`,
    );
}

/** Runs it. */
export async function run(context: Context, command: Invocation): Promise<void> {
  const { output, interactive } = context;
  const argument = command.args[0];
  if (argument !== undefined) return await choose(context, argument);
  if (output.options.json) {
    const { provider, model } = await chooseModel(context, {});
    const { catalog } = await (await context.models()).load();
    output.json({
      type: "model",
      provider: provider.id,
      model,
      choices: PROVIDERS.map((provider) => ({
        provider: provider.id,
        name: provider.name,
        models: catalog.list(provider).map(({ id, contextTokens }) => ({ id, contextTokens })),
      })),
    });
    return;
  }
  if (!interactive) {
    throw new UsageError(
      "The picker needs a terminal",
      "Run: grantway model <provider>/<model>; they are listed by: grantway models",
    );
  }
  await pickAndSave(context);
}

/** Shows the picker, with a sign-in where it is needed; what is picked is used from now on. */
export async function pickAndSave(context: Context): Promise<Choice> {
  const choice = await pickModel(context);
  await save(context, choice.provider, choice.model);
  return choice;
}

async function choose(context: Context, name: string): Promise<void> {
  const named = parseModelName(name);
  const provider = named.provider ?? (await chooseModel(context, {})).provider;
  await save(context, provider, await knownModel(context, provider, named.model));
}

async function save(context: Context, provider: Provider, model: string): Promise<void> {
  const config = await context.config();
  await config.change({ ...await providerSettings(context, provider), "model.default": model });
  context.output.json({ type: "model", provider: provider.id, model });
  context.output.line(`Using ${provider.id}/${model}`);
}

async function pickModel(context: Context): Promise<Choice> {
  const { pick } = await import("../prompts.ts");
  const models = await context.models();
  // While one looks for the provider.
  models.refreshIfStale();
  const current = await chooseModel(context, {});
  const rows = [];
  for (const provider of PROVIDERS) {
    const hint = await accessTo(context, provider);
    rows.push({ value: provider.id, label: provider.name, hint });
  }
  const provider = requireProvider(await pick("Provider", rows, current.provider.id));
  const row = rows.find(({ value }) => value === provider.id)!;
  if (row.hint === "not signed in") await signInTo(context, provider);
  const { catalog } = await models.load();
  const isCurrent = provider === current.provider && catalog.find(provider, current.model);
  const model = await pick(
    "Model",
    modelRows(catalog, provider),
    isCurrent ? current.model : provider.defaultModel,
  );
  return { provider, model };
}

async function signInTo(context: Context, provider: Provider): Promise<void> {
  if (provider.oauth === undefined) {
    const { addApiKey } = await import("../api_key.ts");
    return await addApiKey(context, provider, {});
  }
  const { pick } = await import("../prompts.ts");
  const region = provider.regions.length === 1 ? provider.regions[0]!.id : await pick(
    "Region of your account",
    provider.regions.map(({ id, name }) => ({ value: id, label: `${id} (${name})` })),
  );
  await signIn(context, provider, { region });
}
