/**
 * Who runs the tools that the chat's own server does not: which account of the user's can, if any.
 *
 * @module
 */

import type { Toolset } from "../../agent/toolsets.ts";
import { findProvider, type Provider, PROVIDERS } from "../../providers/mod.ts";
import type { Context } from "../context.ts";

/** What a tool needs of a provider. */
export type Need = NonNullable<Toolset["backend"]>["needs"];

/** What lets a tool run. */
export type Access =
  | { kind: "login"; provider: Provider; label: string }
  | { kind: "api_key"; provider: Provider; variable: string | undefined };

/** Whether a provider has what a tool needs. */
function meets(provider: Provider, need: Need): boolean {
  return need === "media"
    ? provider.media !== undefined
    : provider.serverTools?.includes(need) ?? false;
}

/** The login that runs what needs `need`, else the API key; undefined without either. */
export async function findAccess(context: Context, need: Need): Promise<Access | undefined> {
  const stored = (await context.credentials.list()).filter(({ status }) => status === "active");
  const usable = stored.flatMap((credential) => {
    const provider = findProvider(credential.provider);
    return provider !== undefined && meets(provider, need) ? [{ credential, provider }] : [];
  });
  const login = usable.find(({ credential }) => credential.source === "login");
  if (login !== undefined) {
    return { kind: "login", provider: login.provider, label: login.credential.label };
  }
  for (const provider of PROVIDERS.filter((provider) => meets(provider, need))) {
    for (const variable of provider.apiKey?.variables ?? []) {
      if (await context.variable(variable) !== undefined) {
        return { kind: "api_key", provider, variable };
      }
    }
  }
  const key = usable.find(({ credential }) => credential.source === "api_key");
  return key && { kind: "api_key", provider: key.provider, variable: undefined };
}

/** Provider to sign in to for what needs `need`. */
export function signInProvider(need: Need): Provider | undefined {
  return PROVIDERS.find((provider) => provider.oauth !== undefined && meets(provider, need));
}

/** Provider whose API key does for what needs `need`. */
export function apiKeyProvider(need: Need): Provider | undefined {
  return PROVIDERS.find((provider) => provider.apiKey !== undefined && meets(provider, need));
}

/** What is said of an access, a few words. */
export function accessText(access: Access | undefined): string {
  if (access === undefined) return "no login";
  const { provider } = access;
  return access.kind === "login"
    ? `${provider.shortName} login ${access.label}`
    : `API key${
      access.variable === undefined ? ` of ${provider.shortName}` : ` ${access.variable}`
    }`;
}
