/**
 * Whether a provider can be used here and now.
 *
 * @module
 */

import { statusOf } from "../credentials/credential_status.ts";
import type { Provider } from "../providers/provider.ts";
import { credentialsOf } from "./accounts.ts";
import type { Context } from "./context.ts";

/** How one would be let in to `provider`. */
export async function accessTo(
  context: Context,
  provider: Provider,
): Promise<"signed in" | "API key" | "not signed in"> {
  const now = context.platform.now();
  const credentials = await credentialsOf(context, provider);
  if (credentials.some((credential) => statusOf(credential, now).state !== "needs_login")) {
    return "signed in";
  }
  const keys = await Promise.all((provider.apiKey?.variables ?? []).map(context.variable));
  return keys.some((key) => key !== undefined) ? "API key" : "not signed in";
}
