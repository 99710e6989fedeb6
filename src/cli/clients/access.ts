/**
 * What the gateway offers to a client: its address, and the models of what is signed in.
 *
 * @module
 */

import { isLoopbackUrl } from "../../core/http.ts";
import type { Provider } from "../../providers/mod.ts";
import type { Context } from "../context.ts";
import { UsageError } from "../exit_code.ts";
import { knownModel, parseModelName } from "../known_models.ts";
import { chooseModel } from "../model_choice.ts";
import { openUpstreams } from "../upstream.ts";
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

/** What is known of this machine's logins besides. */
export interface LocalAccess extends GatewayAccess {
  /** The provider to begin with. */
  provider: Provider;
  /** Whether somebody is signed in to it here. */
  isSignedIn: boolean;
}

/** The gateway at `url`, with the models of what is signed in here. */
export async function describeAccess(
  context: Context,
  url: string,
  flags: ModelFlags,
): Promise<LocalAccess> {
  if (flags.model !== undefined) parseModelName(flags.model);
  const choice = await chooseModel(context, flags);
  if (flags.model !== undefined) {
    choice.model = await knownModel(context, choice.provider, choice.model);
  }
  const providers = await openUpstreams(context).list();
  const { catalog } = await (await context.models()).load();
  const describe = (provider: Provider, id: string): GatewayModel => {
    const model = catalog.find(provider, id);
    return {
      name: `${provider.id}/${id}`,
      contextTokens: model?.contextTokens,
      maxOutputTokens: model?.maxOutputTokens,
    };
  };
  const models = providers.flatMap((provider) =>
    catalog.list(provider).map(({ id }) => describe(provider, id))
  );
  const isNamed = flags.provider !== undefined || flags.model !== undefined;
  // A model that was asked for is another gateway's to answer, perhaps.
  const { provider, model: id } = isNamed || providers.includes(choice.provider) || !providers[0]
    ? choice
    : { provider: providers[0], model: providers[0].defaultModel };
  const isSignedIn = providers.includes(provider);
  const model = isNamed || isSignedIn ? describe(provider, id) : undefined;
  const auxiliary = model && describe(provider, provider.auxiliaryModel);
  const byName = new Map([...model ? [model] : [], ...models].map((model) => [model.name, model]));
  return { url, model, auxiliary, models: [...byName.values()], provider, isSignedIn };
}
