/**
 * The gateway: an HTTP service in front of the signed-in subscriptions, for any runtime that serves a
 * `Request` with a `Response`.
 *
 * @module
 */

export type { AccessLog, AccessLogEntry, AccessOutcome } from "./access_log.ts";
export { createGateway, type Gateway, type GatewayOptions } from "./app.ts";
export {
  type ClientKey,
  type ClientKeys,
  KEY_ROUTES,
  type KeyLimits,
  type KeyRoute,
  type KeyScope,
} from "./client_keys.ts";
export type { Reach } from "./middleware/host.ts";
export {
  DEFAULT_LIMITS,
  DEFAULT_SETTINGS,
  type GatewayLimits,
  type GatewaySettings,
  type SettingsSource,
} from "./settings.ts";
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
  UsageTotals,
} from "./usage.ts";
