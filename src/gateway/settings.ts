/**
 * What the owner of a gateway has set.
 *
 * @module
 */

/** How much the gateway takes. */
export interface GatewayLimits {
  /** The longest body of a request, bytes. */
  bodyBytes: number;
  /**
   * Requests of one key that may begin in any 60 s, unless the key says otherwise. Default: no limit;
   * the subscription has its own.
   */
  requestsPerMinute?: number | undefined;
  /** Requests of one key under way at once, unless the key says otherwise. */
  concurrent: number;
  /** The longest silence of upstream, ms. */
  idleTimeoutMs: number;
  /** The longest time from a request to the end of its answer, ms. */
  totalTimeoutMs: number;
}

/** The limits where nothing is set: far above what one person's agents ask. */
export const DEFAULT_LIMITS: GatewayLimits = {
  bodyBytes: 32 * 1024 * 1024,
  concurrent: 128,
  idleTimeoutMs: 120_000,
  totalTimeoutMs: 3_600_000,
};

/** The settings of a gateway. */
export interface GatewaySettings {
  /** `provider/model` or a bare id. Default: the default model of the first provider signed in to. */
  defaultModel?: string | undefined;
  /**
   * Name -> model it stands for: `provider/model`, a bare id, or `default`. A name with a trailing `*`
   * matches a prefix; the longest match wins. `claude-*` -> `default` is built in.
   */
  aliases: Readonly<Record<string, string>>;
  /** Origins whose pages may read answers: `https://app.example`, exact. */
  origins: readonly string[];
  /** Host names that the gateway is reached by, besides its own: `gateway.example`. */
  hosts: readonly string[];
  /** How much it takes. */
  limits: GatewayLimits;
}

/** The settings where nothing is set. */
export const DEFAULT_SETTINGS: GatewaySettings = {
  aliases: {},
  origins: [],
  hosts: [],
  limits: DEFAULT_LIMITS,
};

/** Where the settings come from. */
export interface SettingsSource {
  /**
   * The settings now. Asked on every request, so it answers from memory; a change is seen at the
   * latest after the implementation's own bound.
   */
  read(): Promise<GatewaySettings>;
}
