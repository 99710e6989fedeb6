/**
 * The provider and model that the configuration names, changed together with what belongs to them.
 *
 * @module
 */

import type { Provider } from "../providers/mod.ts";
import { credentialsOf } from "./accounts.ts";
import { splitModelName } from "./model_choice.ts";
import type { Context } from "./context.ts";

/**
 * The settings that choose `provider`: its base URL comes along, in the region of its credential, and
 * a model of another provider's gives way to its default one.
 */
export async function providerSettings(
  context: Context,
  provider: Provider,
): Promise<Record<string, string | undefined>> {
  const credential = (await credentialsOf(context, provider))
    .find(({ status }) => status === "active");
  const region = provider.regions.find(({ id }) => id === credential?.region) ??
    provider.regions[0]!;
  const config = await context.config();
  const model = config.get("model.default");
  const isKept = model !== undefined && config.get("model.provider") === provider.id ||
    provider.models.some(({ id }) => id === model);
  return {
    "model.provider": provider.id,
    "model.base_url": region.apiBaseUrl,
    ...(isKept ? {} : { "model.default": provider.defaultModel }),
  };
}

/** Makes `provider` the configured one, if none is yet; returns whether it did. */
export async function selectIfNone(context: Context, provider: Provider): Promise<boolean> {
  const config = await context.config();
  if (config.get("model.provider") !== undefined) return false;
  const model = config.get("model.default");
  const settings = await providerSettings(context, provider);
  // A model that was set before any provider is a choice too.
  await config.change(
    model !== undefined && splitModelName(model).provider === undefined
      ? { ...settings, "model.default": model }
      : settings,
  );
  return true;
}
