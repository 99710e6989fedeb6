/**
 * What a gateway is made of.
 *
 * @module
 */

import type { RuntimeOptions } from "../core/runtime.ts";
import type { ModelCatalog } from "../providers/model_catalog.ts";
import type { AccessLog } from "./access_log.ts";
import type { AdminOptions } from "./admin/options.ts";
import type { ClientKeys } from "./client_keys.ts";
import type { Reach } from "./middleware/host.ts";
import type { SettingsSource } from "./settings.ts";
import type { Upstreams } from "./upstreams.ts";
import type { UsageLedger } from "./usage.ts";

/** What a program hands to `createGateway`. */
export interface GatewayOptions extends Omit<RuntimeOptions, "fetch"> {
  /** Version that `/healthz` reports. */
  version: string;
  /** The signed-in accounts. */
  upstreams: Upstreams;
  /** Who may use them. */
  keys: ClientKeys;
  /** What its owner has set. */
  settings: SettingsSource;
  /**
   * What is known of models; asked with each request, so it is in memory. Default: what came with this
   * version.
   */
  models?: (() => Promise<ModelCatalog>) | undefined;
  /** Counts what is used. Default: nobody does. */
  usage?: UsageLedger | undefined;
  /** What its owner may do from afar, under `/admin`; or what opens that. Default: nothing. */
  admin?: AdminOptions | (() => Promise<AdminOptions>) | undefined;
  /** Takes a line per request. Default: nobody does. */
  log?: AccessLog | undefined;
  /** Who can reach it, which decides by which host names. Default: `loopback`. */
  reach?: Reach | undefined;
  /**
   * How many bytes of bodies all requests may hold at once, which takes up to four times as much
   * memory; a longer body is taken when it is alone. Default: 256 MiB.
   */
  heldBytes?: number | undefined;
  /** The longest silence of a streamed answer before a sign of life, ms. Default: 12,000. */
  heartbeatMs?: number | undefined;
}
