/**
 * What is known of models: the curated ones, and what models.dev's list adds to them.
 *
 * @module
 */

export { BUNDLED_CATALOG } from "./bundled_models.ts";
export {
  type CatalogFile,
  type CatalogSource,
  type CatalogSourceOptions,
  createCatalogSource,
  type KnownModels,
} from "./catalog_source.ts";
export { CURATED_MODELS, mergeModels, type ModelCatalog } from "./model_catalog.ts";
export { parseModelsDev, type VendorModels } from "./models_dev.ts";
export { MODELS_DEV_URL } from "./models_dev_request.ts";
export type { Model, ModelPrice, Provider } from "./provider.ts";
