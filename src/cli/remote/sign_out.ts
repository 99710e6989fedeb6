/**
 * Signing out at a gateway elsewhere, which revokes what it removes where that can be done.
 *
 * @module
 */

import type { ShownCredential } from "../../credentials/credential_status.ts";
import type { Context } from "../context.ts";
import type { RemoteGateway } from "./remote_gateway.ts";

/** Removes `credentials` there and says so; `type` names the JSON shape. */
export async function removeThere(
  { output }: Context,
  gateway: RemoteGateway,
  credentials: readonly ShownCredential[],
  type: string,
): Promise<void> {
  const removed: ShownCredential[] = [];
  for (const credential of credentials) {
    const { provider, id, label } = credential;
    if (!await gateway.removeAccount(provider, id)) continue;
    removed.push(credential);
    output.line(`Removed ${provider} ${label} at ${gateway.origin}`);
  }
  output.json({
    type,
    removed: removed.map(({ provider, id, label, region }) => ({ provider, id, label, region })),
  });
  output.note("It may be in use there for up to a minute");
}
