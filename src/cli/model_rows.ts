/**
 * Models as a picker shows them.
 *
 * @module
 */

import type { ModelCatalog } from "../providers/model_catalog.ts";
import type { Provider } from "../providers/provider.ts";

/** The rows of a provider's models, the default on top. */
export function modelRows(
  catalog: ModelCatalog,
  provider: Provider,
): { value: string; label: string; hint?: string }[] {
  return catalog.list(provider).map(({ id, summary, input, isDeprecated }) => {
    const hint = [
      ...(id === provider.defaultModel ? ["default"] : []),
      ...(isDeprecated ? ["deprecated"] : []),
      ...(summary !== undefined ? [summary] : input.includes("image") ? ["sees images"] : []),
    ].join("; ");
    return { value: id, label: id, ...(hint === "" ? {} : { hint }) };
  });
}
