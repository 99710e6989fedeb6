/**
 * Removing credentials: each under its own lease, so that a refresh in flight cannot bring it back.
 *
 * @module
 */

import type { Credential } from "../credentials/mod.ts";
import type { Provider } from "../providers/mod.ts";
import type { Context } from "./context.ts";

/** Removes `credentials` and says so; `type` names the JSON shape. */
export async function removeStored(
  context: Context,
  provider: Provider,
  credentials: readonly Credential[],
  type: string,
): Promise<void> {
  const { output } = context;
  const removed: Credential[] = [];
  for (const { provider, id } of credentials) {
    const last = await context.credentials.remove(provider, id);
    if (last !== null) removed.push(last);
  }
  output.json({
    type,
    removed: removed.map(({ provider, id, label, region }) => ({ provider, id, label, region })),
  });
  for (const { provider, label } of removed) output.line(`Removed ${provider} ${label}`);
  for (const name of provider.apiKey?.variables ?? []) {
    if (await context.variable(name) !== undefined) {
      output.warn(`${provider.id} can still be used: ${name} is set`);
    }
  }
}
