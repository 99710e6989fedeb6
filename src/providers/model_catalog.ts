/**
 * What is known of models: those that are curated here, and those that models.dev adds.
 *
 * The curated ones stand first and are as they are written here: where sources differ, that was
 * weighed. models.dev adds their prices, and every other chat model of the vendor.
 *
 * @module
 */

import { findModel } from "./catalog.ts";
import type { VendorModels } from "./models_dev.ts";
import type { Model, Provider } from "./provider.ts";

/** What is known of models. A model that is not in it may be used by name all the same. */
export interface ModelCatalog {
  /** A provider's models, the default first. */
  list(provider: Provider): readonly Model[];
  /** The model of that id, in the case that the provider's API takes. */
  find(provider: Provider, id: string): Model | undefined;
}

/** The curated models and no others. */
export const CURATED_MODELS: ModelCatalog = {
  list: (provider) => provider.models,
  find: findModel,
};

/** The curated models with what the vendors' lists add to them. */
export function mergeModels(vendors: VendorModels): ModelCatalog {
  const lists = new Map<Provider, readonly Model[]>();
  const list = (provider: Provider) => {
    const known = lists.get(provider);
    if (known !== undefined) return known;
    const listed = vendors[provider.catalogId] ?? [];
    const curated = provider.models.map((model) => {
      const { price, isDeprecated } = listed.find(({ id }) => id === model.id) ?? {};
      return {
        ...model,
        ...(price === undefined ? {} : { price }),
        ...(isDeprecated === undefined ? {} : { isDeprecated }),
      };
    });
    const others = listed.filter(({ id }) => findModel(provider, id) === undefined);
    const merged = [...curated, ...others];
    lists.set(provider, merged);
    return merged;
  };
  return {
    list,
    find: (provider, id) => {
      const wanted = id.toLowerCase();
      return list(provider).find((model) => model.id.toLowerCase() === wanted);
    },
  };
}
