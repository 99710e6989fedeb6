/**
 * What the owner of a gateway has set.
 *
 * A setting is a name and a text, wherever it is kept: `gateway.<name>` in config.yaml, or a field of a
 * record on the Worker.
 *
 * @module
 */

import { GrantwayError } from "../core/errors.ts";
import { displayText } from "../core/redact.ts";

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

/** One setting that can be set. */
export interface GatewaySetting {
  /** Its name; `aliases.` stands for all that begin with it. */
  name: string;
  /** What it is, one line. */
  summary: string;
}

/** Every setting. */
export const GATEWAY_SETTINGS: readonly GatewaySetting[] = [
  { name: "default_model", summary: "Model for claude-* and for the name default" },
  {
    name: "aliases.",
    summary: "Model that a name stands for, such as aliases.gpt-*; or default",
  },
  { name: "origins", summary: "Origins whose pages may read answers, separated by spaces" },
  { name: "hosts", summary: "Other host names of this gateway, separated by spaces" },
  limit("body_bytes", "Longest body of a request", String(DEFAULT_LIMITS.bodyBytes)),
  limit("requests_per_minute", "Requests of one key that may begin in 60 s", "any number"),
  limit("concurrent", "Requests of one key under way at once", String(DEFAULT_LIMITS.concurrent)),
  limit("idle_timeout_seconds", "Longest silence of a provider", seconds("idleTimeoutMs")),
  limit("total_timeout_seconds", "Longest time to an answer's end", seconds("totalTimeoutMs")),
];

function limit(name: string, summary: string, value: string): GatewaySetting {
  return { name: `limits.${name}`, summary: `${summary} (default: ${value})` };
}

function seconds(field: "idleTimeoutMs" | "totalTimeoutMs"): string {
  return String(DEFAULT_LIMITS[field] / 1_000);
}

/** Whether there is a setting of that name. */
export function isGatewaySetting(name: string): boolean {
  const alias = aliasIn(name);
  return alias === undefined
    ? GATEWAY_SETTINGS.some((setting) => setting.name === name)
    : ALIAS.test(alias);
}

const ALIASES = "aliases.";
/** What clients may call a model; a `*` at the end stands for any rest. */
const ALIAS = /^[\w.:@+[\]/-]{0,199}[\w.:@+[\]/*-]$/;
const MODEL = /^[\w.:@+[\]/-]{1,200}$/;
const HOST = /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/;

/** Names of limits, and how many of ours one unit is. */
const LIMITS: Readonly<Record<string, { field: keyof GatewayLimits; unit: number; max: number }>> =
  {
    "limits.body_bytes": { field: "bodyBytes", unit: 1, max: 512 * 1024 * 1024 },
    "limits.requests_per_minute": { field: "requestsPerMinute", unit: 1, max: 1_000_000 },
    "limits.concurrent": { field: "concurrent", unit: 1, max: 100_000 },
    "limits.idle_timeout_seconds": { field: "idleTimeoutMs", unit: 1_000, max: 86_400 },
    "limits.total_timeout_seconds": { field: "totalTimeoutMs", unit: 1_000, max: 7 * 86_400 },
  };

/**
 * The settings that names and texts make; what is not named keeps its default.
 *
 * @throws {GrantwayError} `invalid_configuration`, naming the setting and what it takes.
 */
export function parseSettings(
  values: Iterable<readonly [name: string, text: string]>,
): GatewaySettings {
  // Without a prototype: clients ask for names such as `constructor`.
  const aliases: Record<string, string> = Object.create(null);
  const limits = { ...DEFAULT_LIMITS };
  const settings = { ...DEFAULT_SETTINGS, aliases, limits };
  for (const [name, text] of values) {
    if (!isGatewaySetting(name)) throw invalid(name, "there is no such setting");
    const alias = aliasIn(name);
    if (alias !== undefined) aliases[alias] = parseModel(name, text);
    else if (name === "default_model") settings.defaultModel = parseModel(name, text);
    else if (name === "origins") settings.origins = words(text).map((word) => parseOrigin(word));
    else if (name === "hosts") settings.hosts = words(text).map((word) => parseHost(word));
    else {
      const { field, unit, max } = LIMITS[name]!;
      if (!/^[1-9]\d{0,9}$/.test(text) || Number(text) > max) {
        throw invalid(name, `it takes a whole number from 1 to ${max}`);
      }
      limits[field] = Number(text) * unit;
    }
  }
  return settings;
}

function aliasIn(name: string): string | undefined {
  return name.startsWith(ALIASES) ? name.slice(ALIASES.length) : undefined;
}

function parseModel(name: string, text: string): string {
  if (MODEL.test(text)) return text;
  throw invalid(name, "it takes provider/model, a model's id, or default");
}

function parseOrigin(text: string): string {
  if (/^https?:/.test(text) && URL.canParse(text) && new URL(text).origin === text) return text;
  throw invalid("origins", "an origin is https://host, with a port where it is not 443");
}

function parseHost(text: string): string {
  if (HOST.test(text)) return text;
  throw invalid("hosts", "a host name is lower case, without scheme, port or path");
}

function words(text: string): string[] {
  return text.split(/[\s,]+/).filter((word) => word !== "");
}

function invalid(name: string, state: string): GrantwayError {
  return new GrantwayError(
    "invalid_configuration",
    `Cannot use the setting ${displayText(name, 80)} of the gateway: ${state}`,
    { hint: "Run: grantway gateway config list" },
  );
}
