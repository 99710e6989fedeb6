/**
 * Where a gateway's settings come from: read again from time to time, so that a change needs no
 * restart.
 *
 * @module
 */

import { GrantwayError } from "../core/errors.ts";
import { isJsonObject, parseJsonObject } from "../core/http.ts";
import type { KvStore } from "../credentials/kv_store.ts";
import { type GatewaySettings, parseSettings, type SettingsSource } from "./settings.ts";

/** Settings by name, as texts. */
export type SettingTexts = readonly (readonly [name: string, text: string])[];

/** What a source is made of. */
export interface SettingsSourceOptions {
  /** Reads what is set now. */
  load: () => Promise<SettingTexts>;
  /** Wall clock, ms since the epoch. */
  now: () => number;
  /** How long what was read is believed, ms. Default: 20,000. */
  maxAgeMs?: number | undefined;
  /** Told, once for each, of a change that cannot be used: the settings before it stay. */
  onWarning?: ((message: string) => void) | undefined;
}

const DEFAULT_MAX_AGE_MS = 20_000;

/**
 * Creates a source. The first `read` rejects where there is nothing to go on: settings that cannot be
 * read or used. Later ones keep what was good.
 */
export function createSettingsSource(options: SettingsSourceOptions): SettingsSource {
  const { load, now, maxAgeMs = DEFAULT_MAX_AGE_MS, onWarning } = options;
  let settings: GatewaySettings | undefined;
  let readAt = -Infinity;
  let lastWarning: string | undefined;
  let loading: Promise<GatewaySettings> | undefined;

  async function reload(): Promise<GatewaySettings> {
    const startedAt = now();
    try {
      settings = parseSettings(await load());
      lastWarning = undefined;
    } catch (error) {
      if (settings === undefined) throw error;
      const message = error instanceof GrantwayError ? error.message : "Cannot read the settings";
      if (message !== lastWarning) onWarning?.(`${message}; the settings before stay`);
      lastWarning = message;
    }
    readAt = startedAt;
    return settings;
  }

  return {
    read: async (): Promise<GatewaySettings> => {
      const ageMs = now() - readAt;
      if (settings !== undefined && ageMs >= 0 && ageMs < maxAgeMs) return settings;
      return await (loading ??= reload().finally(() => loading = undefined));
    },
  };
}

/** The store's key of {@linkcode readStoredSettings}. */
export const SETTINGS_KEY = "gateway/settings";

const RECORD_VERSION = 1;

/**
 * The settings that are kept as a record of a store, as on the Worker.
 *
 * @throws {GrantwayError} `storage_corrupt` for a record that is none.
 */
export async function readStoredSettings(store: KvStore): Promise<SettingTexts> {
  return parseStored(await store.get(SETTINGS_KEY));
}

function parseStored(text: string | null): SettingTexts {
  if (text === null) return [];
  const record = parseJsonObject(text);
  const settings = record?.["settings"];
  const entries = isJsonObject(settings) ? Object.entries(settings) : [];
  if (
    record?.["version"] !== RECORD_VERSION || !isJsonObject(settings) ||
    !entries.every((entry): entry is [string, string] => typeof entry[1] === "string")
  ) {
    throw new GrantwayError(
      "storage_corrupt",
      "Cannot read the settings of the gateway: their record is not what it should be",
    );
  }
  return entries;
}

/** A store whose records are changed without losing what others change at the same time. */
export interface ChangingStore {
  /** Has `edit` make a record of what there is; it is asked again when somebody else was faster. */
  change(key: string, edit: (text: string | null) => string): Promise<void>;
}

/**
 * Sets one of the settings that are kept in a store, or removes it; whether it was set.
 *
 * @throws {GrantwayError} `invalid_configuration` for one that cannot be used; nothing is written then.
 */
export async function changeStoredSetting(
  store: ChangingStore,
  name: string,
  text: string | undefined,
): Promise<boolean> {
  let wasSet = false;
  await store.change(SETTINGS_KEY, (stored) => {
    const settings = new Map(parseStored(stored));
    wasSet = settings.has(name);
    if (text === undefined) settings.delete(name);
    else settings.set(name, text);
    parseSettings(settings);
    return JSON.stringify({ version: RECORD_VERSION, settings: Object.fromEntries(settings) });
  });
  return wasSet;
}
