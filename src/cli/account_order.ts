/**
 * Changing the order in which a provider's accounts are used.
 *
 * @module
 */

import { credentialsOf, notSignedIn, poolOf } from "./accounts.ts";
import { type Context, requireProvider } from "./context.ts";
import { findTarget } from "./credential_view.ts";

/** Moves one account to `place` (1 is the first) and prints the order. */
export async function moveAccount(
  context: Context,
  command: string,
  providerName: string,
  target: string,
  place: number,
): Promise<void> {
  const { output } = context;
  const named = requireProvider(providerName);
  const credentials = await credentialsOf(context, named);
  if (credentials.length === 0) throw notSignedIn(context, named);
  const { provider, id } = findTarget(credentials, target, `grantway ${command} ${named.id}`);
  const pool = poolOf(context, requireProvider(provider));
  await pool.move(id, place);
  const order = (await pool.members()).map(({ credential }) => credential);
  output.json({
    type: command.replace(" ", "_"),
    order: order.map(({ provider, id, label }) => ({ provider, id, label })),
  });
  output.line(`${provider}: ${order.map(({ label }) => label).join(", then ")}`);
}
