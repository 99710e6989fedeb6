/**
 * The catalog as it came with this version, for who has no place to keep a newer one.
 *
 * @module
 */

import { mergeModels, type ModelCatalog } from "./model_catalog.ts";
import { BUNDLED_MODELS } from "./models.generated.ts";

/** The curated models, and those that models.dev listed when this version was made. */
export const BUNDLED_CATALOG: ModelCatalog = mergeModels(BUNDLED_MODELS);
