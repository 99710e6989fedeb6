/**
 * The admin side of the gateway on this machine, over this home: the same as on a Worker. Its token is
 * `GRANTWAY_ADMIN_TOKEN` of the environment or of `.env` in the home folder.
 *
 * @module
 */

import { Secret } from "../core/secret.ts";
import { createMemorySignIns } from "../credentials/memory_sign_ins.ts";
import type { AdminOptions, ApiKeyVariable } from "../gateway/admin/options.ts";
import { PROVIDERS } from "../providers/catalog.ts";
import { readConfig } from "./config.ts";
import type { Context } from "./context.ts";
import type { GatewayBooks } from "./gateway_books.ts";
import { changeGatewaySetting, readGatewayTexts } from "./gateway_settings.ts";

/** Puts it together. */
export async function openLocalAdmin(
  context: Context,
  { owner, usage }: GatewayBooks,
  signal: AbortSignal,
): Promise<AdminOptions> {
  const { credentials, kv, output, runtime } = context;
  const token = await context.variable("GRANTWAY_ADMIN_TOKEN");
  const { fetch, now, sleep } = runtime;
  // Other commands change it while the gateway runs.
  const config = () => readConfig(context.home.config, context.files);
  return {
    token: token === undefined ? undefined : new Secret(token.trim()),
    credentials: {
      ...credentials,
      remove: async (provider, id) => {
        const last = await credentials.remove(provider, id);
        if (last === null) return null;
        const { revoke } = await import("./sign_out.ts");
        const outcome = await revoke(context, last);
        if (outcome.kind === "failed") output.warn(outcome.error.message);
        return last;
      },
    },
    store: kv,
    apiKeys: () => apiKeyVariables(context),
    signIns: createMemorySignIns({
      fetch,
      now,
      sleep,
      signal,
      host: context.hostId,
      credentials,
      overrides: context.overrides,
      onWarning: output.warn,
    }),
    keys: owner,
    settings: {
      read: async () => await readGatewayTexts(await config()),
      change: async (name, text) => {
        const file = await config();
        const wasSet = (await readGatewayTexts(file)).some(([other]) => other === name);
        if (text !== undefined || wasSet) await changeGatewaySetting(file, name, text);
        return wasSet;
      },
    },
    usage,
    inspect: async () => {
      const { inspect } = await import("./diagnosis.ts");
      const sections = await inspect(context);
      return sections.map(({ name, checks }) => ({
        name,
        checks: checks.map(({ repair: _repair, ...check }) => check),
      }));
    },
  };
}

async function apiKeyVariables(context: Context): Promise<ApiKeyVariable[]> {
  const found: ApiKeyVariable[] = [];
  for (const { id, apiKey } of PROVIDERS) {
    for (const variable of apiKey?.variables ?? []) {
      if (await context.variable(variable) === undefined) continue;
      found.push({ provider: id, variable });
      break;
    }
  }
  return found;
}
