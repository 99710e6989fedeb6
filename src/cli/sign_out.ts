/**
 * Removing credentials: each under its own lease, so that a refresh in flight cannot bring it back.
 *
 * @module
 */

import { GrantwayError } from "../core/errors.ts";
import { type Credential, type RevocationOutcome, revokeCredential } from "../credentials/mod.ts";
import { findProvider, type Provider } from "../providers/mod.ts";
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
    if (last === null) continue;
    removed.push(last);
    const outcome = await revoke(context, last);
    output.line(
      `Removed ${provider} ${last.label}${outcome.kind === "revoked" ? ", and revoked it" : ""}`,
    );
    if (outcome.kind === "failed") {
      output.warn(
        `${outcome.error.message}; it may live on at the provider: look at your account there`,
      );
    }
  }
  output.json({
    type,
    removed: removed.map(({ provider, id, label, region }) => ({ provider, id, label, region })),
  });
  for (const name of provider.apiKey?.variables ?? []) {
    if (await context.variable(name) !== undefined) {
      output.warn(`${provider.id} can still be used: ${name} is set`);
    }
  }
}

/** Tells the provider, where that can be done; a logout does not fail for it. */
export async function revoke(context: Context, credential: Credential): Promise<RevocationOutcome> {
  const provider = findProvider(credential.provider);
  if (provider === undefined) return { kind: "unsupported" };
  try {
    const overrides = await context.overrides(provider);
    return await revokeCredential(provider, credential, { ...context.runtime, overrides });
  } catch (error) {
    if (error instanceof GrantwayError) return { kind: "failed", error };
    throw error;
  }
}
