/**
 * What to say of a model's name that nobody knows here. Providers add models at any time, so a name
 * that is theirs to judge is used as it is written.
 *
 * @module
 */

import { findModel, PROVIDERS } from "../providers/catalog.ts";
import type { Provider } from "../providers/provider.ts";
import { type Context, requireProvider } from "./context.ts";
import { UsageError } from "./exit_code.ts";
import { splitModelName } from "./model_choice.ts";
import { nearest } from "./nearest.ts";

/**
 * A user's name of a model in its parts.
 *
 * @throws {UsageError} For `nope/model`: what stands before the slash was meant as a provider.
 */
export function parseModelName(name: string): { provider?: Provider; model: string } {
  const named = splitModelName(name);
  if (named.provider === undefined && name.includes("/")) {
    requireProvider(name.slice(0, name.indexOf("/")));
  }
  if (named.model === "") throw new UsageError(`"${name}" names no model`);
  return named;
}

/** The provider's own name of a model; with a warning, the name as it is written for an unknown one. */
export async function knownModel(
  context: Context,
  provider: Provider,
  model: string,
): Promise<string> {
  const bundled = findModel(provider, model);
  if (bundled !== undefined) return bundled.id;
  const { catalog } = await (await context.models()).load();
  const known = catalog.find(provider, model);
  if (known !== undefined) return known.id;
  const near = nearest(model, catalog.list(provider).map(({ id }) => id));
  context.output.warn(
    `${provider.id} lists no model "${model}"; it is used as written. ` +
      (near === undefined ? "" : `Did you mean ${near}? `) +
      `What it lists: grantway models ${provider.id}`,
  );
  return model;
}

/**
 * Checks the model that a setting of the gateway names, and warns of one that its provider may not
 * have.
 *
 * @throws {UsageError} For a name with which the gateway could do nothing.
 */
export async function checkGatewayModel(context: Context, name: string): Promise<void> {
  if (name === "default") return;
  const { provider, model } = parseModelName(name);
  if (provider !== undefined) return void await knownModel(context, provider, model);
  const { catalog } = await (await context.models()).load();
  if (PROVIDERS.some((provider) => catalog.find(provider, model) !== undefined)) return;
  const near = nearest(model, PROVIDERS.flatMap((one) => catalog.list(one).map(({ id }) => id)));
  throw new UsageError(
    `No provider lists a model "${model}"`,
    near === undefined
      ? "Models are listed by: grantway models; a new one needs its provider: <provider>/<model>"
      : `Did you mean: ${near}`,
  );
}
