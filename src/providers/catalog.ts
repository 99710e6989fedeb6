/**
 * The one list of providers, and how a name that a user wrote finds one.
 *
 * @module
 */

import { minimax, minimaxCn, minimaxOAuth } from "./minimax/provider.ts";
import type { Model, Provider } from "./provider.ts";
import { xai, xaiOAuth } from "./xai/provider.ts";

/** Every provider, in the order of pickers and status lists. */
export const PROVIDERS: readonly Provider[] = [minimaxOAuth, minimaxCn, minimax, xaiOAuth, xai];

/** The provider that `name` means, by id or alias, in any case; `undefined` for none. */
export function findProvider(name: string): Provider | undefined {
  const wanted = name.trim().toLowerCase();
  return PROVIDERS.find((provider) =>
    provider.id === wanted || provider.aliases.some((alias) => alias === wanted)
  );
}

/** The curated model of that id, in the case that the provider's API takes. */
export function findModel(provider: Provider, id: string): Model | undefined {
  const wanted = id.toLowerCase();
  return provider.models.find((model) => model.id.toLowerCase() === wanted);
}
