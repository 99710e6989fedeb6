/**
 * The books of this home's gateway: client keys and usage in `gateway.json`, settings in config.yaml.
 *
 * @module
 */

import { type ClientKeyStore, createClientKeyStore } from "../gateway/client_key_store.ts";
import { createClientKeys } from "../gateway/client_key_verifier.ts";
import type { ClientKeys } from "../gateway/client_keys.ts";
import type { SettingsSource } from "../gateway/settings.ts";
import { createSettingsSource, type SettingTexts } from "../gateway/settings_source.ts";
import type { UsageLedger } from "../gateway/usage.ts";
import { createUsageLedger } from "../gateway/usage_ledger.ts";
import { createKvUsageStore } from "../gateway/usage_store.ts";
import { type Config, readConfig } from "./config.ts";
import type { Context } from "./context.ts";
import { readGatewayTexts } from "./gateway_settings.ts";
import { GATEWAY_DOCUMENT, type Home } from "./home.ts";

/** How long a running gateway may take to see what a command changed, ms. */
export const CHANGE_SEEN_MS = 1_000;

/** The books. */
export interface GatewayBooks {
  /** Makes, lists and revokes keys. */
  owner: ClientKeyStore;
  /** Checks keys. */
  keys: ClientKeys;
  /** Counts requests. */
  usage: UsageLedger;
  /** What is set. */
  settings: SettingsSource;
}

/** Opens those of a home, by default of this run's; nothing is read before it is asked for. */
export function openBooks(context: Context, home: Home = context.home): GatewayBooks {
  const { platform, files, output } = context;
  const { now, sleep } = platform;
  const store = platform.openStore(home.path, output.warn, GATEWAY_DOCUMENT);
  let last: { text: string | null; texts: SettingTexts } | undefined;

  async function load(): Promise<SettingTexts> {
    const text = await files.read(home.config);
    if (last === undefined || last.text !== text) {
      const config = await readConfig(home.config, files);
      // The last one counts: what the gateway is told stands above what chats use.
      last = { text, texts: [...chatModel(config), ...await readGatewayTexts(config)] };
    }
    return last.texts;
  }

  return {
    owner: createClientKeyStore({ store, lease: store, now }),
    keys: createClientKeys({ store, now, maxAgeMs: CHANGE_SEEN_MS }),
    usage: createUsageLedger({
      store: createKvUsageStore({ store, lease: store }),
      sleep,
      onWarning: output.warn,
    }),
    settings: createSettingsSource({ load, now, maxAgeMs: CHANGE_SEEN_MS, onWarning: output.warn }),
  };
}

/** The model that chats use, where one was chosen. */
function chatModel(config: Config): SettingTexts {
  const provider = config.get("model.provider"), model = config.get("model.default");
  return provider === undefined || model === undefined
    ? []
    : [["default_model", `${provider}/${model}`]];
}
