/**
 * Changing the order in which a provider's accounts are used.
 *
 * @module
 */

import { membersOf, notSignedIn, poolOf } from "./accounts.ts";
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
  const members = await membersOf(context, named);
  if (members.length === 0) throw notSignedIn(context, named);
  const { credential } = findTarget(members, target, {
    provider: named.id,
    command: `grantway ${command} ${named.id}`,
  });
  const { provider, id } = credential;
  const pool = poolOf(context, requireProvider(provider));
  await pool.move(id, place);
  const order = (await pool.members()).map(({ credential }) => credential);
  output.json({
    type: command.replace(" ", "_"),
    order: order.map(({ provider, id, label }) => ({ provider, id, label })),
  });
  output.line(`${provider}: ${order.map(({ label }) => label).join(", then ")}`);
}
