/**
 * What a client means by the name of a model: `provider/model`, a bare id of the catalog, an alias of
 * the settings, or `default`.
 *
 * @module
 */

import { CredentialError, GrantwayError } from "../core/errors.ts";
import { displayText } from "../core/redact.ts";
import type { ListedModel } from "../protocols/model_list.ts";
import { BUNDLED_CATALOG } from "../providers/bundled_models.ts";
import { findProvider, PROVIDERS } from "../providers/catalog.ts";
import type { ModelCatalog } from "../providers/model_catalog.ts";
import type { Provider } from "../providers/provider.ts";
import type { ClientKey, KeyScope } from "./client_keys.ts";
import type { GatewayOptions } from "./options.ts";
import type { GatewaySettings } from "./settings.ts";
import type { Upstreams } from "./upstreams.ts";
import type { Visit } from "./visit.ts";

/** A model of a provider. */
export interface NamedModel {
  /** The provider. */
  provider: Provider;
  /** The model, by the provider's own name. */
  model: string;
}

/** What a name means depends on. */
export interface Naming {
  /** What the owner has set. */
  settings: GatewaySettings;
  /** Who is signed in. */
  upstreams: Upstreams;
  /** What is known of models. */
  catalog: ModelCatalog;
}

/** What a visitor's names depend on. */
export async function namingOf(
  { settings }: Visit,
  { upstreams, models }: Pick<GatewayOptions, "upstreams" | "models">,
): Promise<Naming> {
  return { settings, upstreams, catalog: await models?.() ?? BUNDLED_CATALOG };
}

/** No name of a model anywhere has other characters, or is longer. */
const MODEL_NAME = /^[\w.:@+[\]/-]{1,200}$/;

/** So that Claude Code works as it is. */
const BUILT_IN_ALIASES: Readonly<Record<string, string>> = { "claude-*": "default" };

const DEFAULT = "default";

/**
 * The model that `name` stands for.
 *
 * @throws {GrantwayError} `invalid_request` for what is no name, `not_found` for an unknown one,
 * `login_required` for the default model while nobody is signed in.
 */
export async function resolveModel(name: string, naming: Naming): Promise<NamedModel> {
  if (!MODEL_NAME.test(name)) {
    throw new GrantwayError("invalid_request", "Cannot use the model's name: it is none");
  }
  const target = followAlias(name, naming.settings.aliases) ?? name;
  const found = target === DEFAULT ? await defaultModel(naming) : await findNamed(target, naming);
  if (found !== undefined) return found;
  const meaning = target === name ? "" : `, which stands for ${displayText(target, 80)}`;
  throw new GrantwayError("not_found", `There is no model ${displayText(name, 80)}${meaning}`, {
    hint: "GET /v1/models lists the models of this gateway",
  });
}

function followAlias(name: string, aliases: Readonly<Record<string, string>>): string | undefined {
  if (Object.hasOwn(aliases, name)) return aliases[name];
  const all = { ...BUILT_IN_ALIASES, ...aliases };
  const prefixes = Object.keys(all)
    .filter((alias) => alias.endsWith("*") && name.startsWith(alias.slice(0, -1)))
    .sort((a, b) => b.length - a.length);
  return prefixes[0] === undefined ? undefined : all[prefixes[0]];
}

async function defaultModel(naming: Naming): Promise<NamedModel | undefined> {
  const { defaultModel: name } = naming.settings;
  if (name !== undefined && name !== DEFAULT) return await findNamed(name, naming);
  const [provider] = await naming.upstreams.list();
  if (provider !== undefined) return { provider, model: provider.defaultModel };
  throw new CredentialError("login_required", "Nobody is signed in", {
    hint: "Run: grantway auth add minimax-oauth (or xai-oauth)",
  });
}

async function findNamed(
  name: string,
  { upstreams, catalog }: Naming,
): Promise<NamedModel | undefined> {
  const slash = name.indexOf("/");
  const provider = slash > 0 ? findProvider(name.slice(0, slash)) : undefined;
  if (provider !== undefined) {
    const model = name.slice(slash + 1);
    // A model that the catalog does not know may be new; the provider knows.
    if (model === "") return undefined;
    return { provider, model: catalog.find(provider, model)?.id ?? model };
  }
  const having = PROVIDERS.filter((provider) => catalog.find(provider, name) !== undefined);
  if (having.length === 0) return undefined;
  const signedIn = await upstreams.list();
  const first = having.find((provider) => signedIn.includes(provider)) ?? having[0]!;
  return { provider: first, model: catalog.find(first, name)!.id };
}

/** Whether a key may use a model. */
export function isInScope(
  { providers, models }: KeyScope,
  { provider, model }: NamedModel,
): boolean {
  if (providers !== undefined && !providers.includes(provider.id)) return false;
  const names = [model, `${provider.id}/${model}`];
  return models === undefined ||
    models.some((pattern) =>
      pattern.endsWith("*")
        ? names.some((name) => name.startsWith(pattern.slice(0, -1)))
        : names.includes(pattern)
    );
}

/** @throws {GrantwayError} `access_denied` where a key may not use a model. */
export function requireScope(key: ClientKey, named: NamedModel): void {
  if (isInScope(key.scope, named)) return;
  throw new GrantwayError(
    "access_denied",
    `The client key "${displayText(key.name, 60)}" is not for ${named.provider.id}/${named.model}`,
  );
}

/** The models that a key may use: by bare id, by `provider/model` where that means another, by alias. */
export async function listModels(
  { scope }: ClientKey,
  naming: Naming,
): Promise<ListedModel[]> {
  const { settings, upstreams, catalog } = naming;
  const listed = new Map<string, ListedModel>();
  for (const provider of await upstreams.list()) {
    for (const { id } of catalog.list(provider)) {
      if (!isInScope(scope, { provider, model: id })) continue;
      const name = listed.has(id) ? `${provider.id}/${id}` : id;
      listed.set(name, describeModel(name, { provider, model: id }, catalog));
    }
  }
  for (const [alias, target] of Object.entries(settings.aliases)) {
    if (alias.endsWith("*") || listed.has(alias)) continue;
    const named = await resolveModel(target, naming).catch(() => undefined);
    if (named === undefined || !isInScope(scope, named)) continue;
    listed.set(alias, describeModel(alias, named, catalog));
  }
  return [...listed.values()];
}

/** A model as a list has it, under the name that the client uses. */
export function describeModel(
  name: string,
  { provider, model }: NamedModel,
  catalog: ModelCatalog,
): ListedModel {
  const known = catalog.find(provider, model);
  return {
    id: name,
    ownedBy: provider.id,
    contextTokens: known?.contextTokens,
    maxOutputTokens: known?.maxOutputTokens,
  };
}
