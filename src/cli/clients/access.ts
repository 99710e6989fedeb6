/**
 * What the gateway offers to a client: its address, and the models of what is signed in.
 *
 * @module
 */

import { isLoopbackUrl } from "../../core/http.ts";
import { findModel, type Provider, PROVIDERS } from "../../providers/mod.ts";
import { credentialsOf } from "../accounts.ts";
import type { Context } from "../context.ts";
import { UsageError } from "../exit_code.ts";
import { chooseModel } from "../model_choice.ts";
import type { GatewayAccess, GatewayModel } from "./client.ts";

/** Where `grantway gateway serve` listens. */
export const LOCAL_GATEWAY = "http://127.0.0.1:8645";

/**
 * A gateway's base URL, as users write it: with or without a path of the API at its end.
 *
 * @throws {UsageError} For what is no https or loopback URL.
 */
export function parseGatewayUrl(text: string): string {
  let url: URL | undefined;
  try {
    url = new URL(text.trim());
  } catch {
    // Said below.
  }
  if (
    url === undefined || url.username !== "" || url.password !== "" || url.search !== "" ||
    url.hash !== "" || url.protocol !== "https:" && !isLoopbackUrl(url)
  ) {
    throw new UsageError(
      "--gateway takes an https URL, or an http URL of this machine",
      `Example: --gateway ${LOCAL_GATEWAY}`,
    );
  }
  return url.href.replace(/\/+$/, "").replace(/\/v1$/, "");
}

/** Which model a client begins with. */
export interface ModelFlags {
  /** Provider. */
  provider?: string | undefined;
  /** Model, or `provider/model`. */
  model?: string | undefined;
}

/** The gateway at `url`, with the models of what is signed in here. */
export async function describeAccess(
  context: Context,
  url: string,
  flags: ModelFlags,
): Promise<GatewayAccess & { provider: Provider }> {
  const choice = await chooseModel(context, flags);
  const usable = await Promise.all(
    PROVIDERS.map(async (provider) => await isUsable(context, provider) ? [provider] : []),
  );
  const providers = usable.flat();
  const models = providers.flatMap((provider) =>
    [provider.defaultModel, ...provider.models.map(({ id }) => id)]
      .map((id) => describeModel(provider, id))
  );
  const { provider } = choice;
  const isNamed = flags.provider !== undefined || flags.model !== undefined;
  // A model that was asked for is another gateway's to answer, perhaps.
  const model = isNamed || providers.includes(provider)
    ? describeModel(provider, choice.model)
    : models[0];
  const owner = providers.find(({ id }) => model?.name.startsWith(`${id}/`)) ?? provider;
  const auxiliary = model && describeModel(owner, owner.auxiliaryModel);
  const byName = new Map([...model ? [model] : [], ...models].map((model) => [model.name, model]));
  return { url, model, auxiliary, models: [...byName.values()], provider };
}

/** Whether it has a login or a key; which of them is good, the gateway finds out. */
async function isUsable(context: Context, provider: Provider): Promise<boolean> {
  const stored = await credentialsOf(context, provider);
  if (stored.some(({ status }) => status === "active")) return true;
  for (const name of provider.apiKey?.variables ?? []) {
    if (await context.variable(name) !== undefined) return true;
  }
  return false;
}

function describeModel(provider: Provider, id: string): GatewayModel {
  const model = findModel(provider, id);
  return {
    name: `${provider.id}/${id}`,
    contextTokens: model?.contextTokens,
    maxOutputTokens: model?.maxOutputTokens,
  };
}
