/**
 * Which provider and model a command uses.
 *
 * @module
 */

import { findModel, findProvider, PROVIDERS } from "../providers/catalog.ts";
import type { Provider } from "../providers/provider.ts";
import { type Context, requireProvider } from "./context.ts";
import { UsageError } from "./exit_code.ts";

/** A provider and one of its models. */
export interface Choice {
  /** The provider. */
  provider: Provider;
  /** The model's id, as the provider's API takes it. */
  model: string;
}

/** `provider/model` in its parts; a name without a known provider before the slash is a model. */
export function splitModelName(name: string): { provider?: Provider; model: string } {
  const slash = name.indexOf("/");
  const provider = slash > 0 ? findProvider(name.slice(0, slash)) : undefined;
  return provider === undefined ? { model: name } : { provider, model: name.slice(slash + 1) };
}

/**
 * The provider and model of this run: the flags, then `GRANTWAY_INFERENCE_PROVIDER`, then the
 * configuration, then the only provider with a credential, then the first provider there is.
 */
export async function chooseModel(
  context: Context,
  flags: { provider?: string | undefined; model?: string | undefined },
): Promise<Choice> {
  const config = await context.config();
  const named = flags.model === undefined ? undefined : splitModelName(flags.model);
  const configured = config.get("model.provider");
  const flagged = flags.provider === undefined ? undefined : requireProvider(flags.provider);
  if (flagged && named?.provider && flagged !== named.provider) {
    throw new UsageError(
      `--provider ${flagged.id} and --model ${flags.model} name different providers`,
    );
  }
  const forced = context.platform.env("GRANTWAY_INFERENCE_PROVIDER");
  const provider = flagged ?? named?.provider ??
    (forced !== undefined
      ? requireProvider(forced)
      : configured !== undefined
      ? requireProvider(configured)
      : await firstSignedIn(context) ?? PROVIDERS[0]!);
  const wanted = named?.model ??
    (configured === undefined || findProvider(configured) === provider
      ? config.get("model.default")
      : undefined) ??
    provider.defaultModel;
  if (wanted === "") throw new UsageError("The model's name is empty");
  // A name the catalog does not know is passed on as it is: providers add models at any time.
  return { provider, model: findModel(provider, wanted)?.id ?? wanted };
}

async function firstSignedIn(context: Context): Promise<Provider | undefined> {
  const stored = await context.credentials.list();
  const active = stored.filter(({ status }) => status === "active");
  return PROVIDERS.find(({ id }) => active.some(({ provider }) => provider === id));
}
