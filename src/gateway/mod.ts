/**
 * The gateway: an HTTP service in front of the signed-in subscriptions, for any runtime that serves a
 * `Request` with a `Response`.
 *
 * @module
 */

export type { AccessLog, AccessLogEntry, AccessOutcome } from "./access_log.ts";
export type { AdminAccount } from "./admin/accounts.ts";
export type {
  AdminCheck,
  AdminOptions,
  AdminSection,
  ApiKeyVariable,
  SettingsBook,
} from "./admin/options.ts";
export { createGateway, type Gateway } from "./app.ts";
export {
  type ClientKeyStore,
  type ClientKeyStoreOptions,
  createClientKeyStore,
  type CreatedClientKey,
  type NewClientKey,
} from "./client_key_store.ts";
export { type ClientKeysOptions, createClientKeys } from "./client_key_verifier.ts";
export {
  type ClientKey,
  type ClientKeys,
  KEY_ROUTES,
  type KeyLimits,
  type KeyRoute,
  type KeyScope,
} from "./client_keys.ts";
export type { Reach } from "./middleware/host.ts";
export type { GatewayOptions } from "./options.ts";
export {
  DEFAULT_LIMITS,
  DEFAULT_SETTINGS,
  GATEWAY_SETTINGS,
  type GatewayLimits,
  type GatewaySetting,
  type GatewaySettings,
  isGatewaySetting,
  parseSettings,
  type SettingsSource,
} from "./settings.ts";
export {
  changeStoredSetting,
  type ChangingStore,
  createSettingsSource,
  readStoredSettings,
  type SettingsSourceOptions,
  type SettingTexts,
} from "./settings_source.ts";
export {
  type Account,
  createUpstreams,
  type OpenOptions,
  type OpenUpstream,
  type Timeouts,
  type Upstreams,
  type UpstreamsOptions,
} from "./upstreams.ts";
export type {
  UsageEntry,
  UsageLedger,
  UsageOutcome,
  UsageQuery,
  UsageRow,
  UsageStore,
  UsageTotals,
} from "./usage.ts";
export { createUsageLedger, type UsageLedgerOptions } from "./usage_ledger.ts";
export { createKvUsageStore, type KvUsageStoreOptions, USAGE_DAYS } from "./usage_store.ts";
export { createUsageTally, type UsageTally } from "./usage_tally.ts";
