/**
 * `config.yaml`: what it may hold, read as plain values, edited without losing comments or keys that
 * are not ours.
 *
 * @module
 */

import type { Document } from "yaml";
import { GrantwayError } from "../core/errors.ts";
import { displayText } from "../core/redact.ts";
import { POOL_STRATEGIES } from "../credentials/pool.ts";
import { PROVIDERS } from "../providers/catalog.ts";
import { UsageError } from "./exit_code.ts";
import { nearest } from "./nearest.ts";
import { isPassedOver, readSimpleYaml } from "./simple_yaml.ts";
import type { TextFiles } from "./text_files.ts";

/** One setting. */
export interface Setting {
  /** Its dotted key. */
  key: string;
  /** What it is, one line. */
  summary: string;
}

/** Every setting that `config set` takes. */
export const SETTINGS: readonly Setting[] = [
  { key: "model.default", summary: "Model id" },
  { key: "model.provider", summary: "Provider id" },
  { key: "model.base_url", summary: "API base URL, inside the provider's hosts" },
  {
    key: "media.allow_api_key",
    summary: "Whether an API key may make speech and pictures where no login can: true or false",
  },
  ...PROVIDERS.flatMap(({ id, oauth, upstreams = [] }) =>
    oauth === undefined ? [] : [
      {
        key: `providers.${id}.strategy`,
        summary: `Which account first: ${POOL_STRATEGIES.join(" or ")}`,
      },
      { key: `providers.${id}.client_id`, summary: "OAuth client id for new logins" },
      { key: `providers.${id}.oauth_url`, summary: "Origin or issuer of the authorization server" },
      ...(oauth.kind !== "oidc" ? [] : [
        {
          key: `providers.${id}.flow`,
          summary: `Way to sign in: auto, ${oauth.flows.join(", ")}`,
        },
        {
          key: `providers.${id}.scopes`,
          summary: "Scopes that a login asks for, separated by spaces",
        },
        ...Object.entries(oauth.authorizationParameters).map(([name, value]) => ({
          key: `providers.${id}.${name}`,
          summary: `Loopback: ${name} that a login names (default: ${value}), or none`,
        })),
        {
          key: `providers.${id}.echo_challenge`,
          summary: `Loopback: repeat the challenge (default: ${oauth.echoesChallenge})`,
        },
        {
          key: `providers.${id}.redirect_port`,
          summary: `Loopback: port to try first (default: ${oauth.redirect.port}); 0 is any`,
        },
      ]),
      ...(upstreams.length === 0 ? [] : [{
        key: `providers.${id}.upstream`,
        summary: `API to use: ${upstreams.map(({ id }) => id).join(", ")}`,
      }]),
      ...(oauth.kind !== "user_code" ? [] : [{
        key: `providers.${id}.profile`,
        summary: `Endpoints for new logins: ${oauth.profiles.map(({ id }) => id).join(", ")}`,
      }]),
    ]
  ),
];

/** Short forms that users write. */
const SHORT_KEYS: Readonly<Record<string, string>> = {
  model: "model.default",
  provider: "model.provider",
  base_url: "model.base_url",
};

/**
 * The full key that `key` means.
 *
 * @throws {UsageError} For an unknown key, with the nearest one.
 */
export function resolveKey(key: string): string {
  const full = SHORT_KEYS[key] ?? key;
  if (full.startsWith("gateway.")) {
    const name = displayText(full.slice("gateway.".length), 60);
    throw new UsageError(
      `"${displayText(key, 60)}" is a setting of the gateway`,
      `Run: grantway gateway config set ${name} <value> (or get, unset)`,
    );
  }
  const keys = SETTINGS.map((setting) => setting.key);
  if (keys.includes(full)) return full;
  const near = nearest(full, [...keys, ...Object.keys(SHORT_KEYS)]);
  throw new UsageError(
    `Unknown setting "${displayText(key, 60)}"`,
    near === undefined ? `Settings: ${keys.join(", ")}` : `Did you mean: ${near}`,
  );
}

/** Reads back as the same text, and needs no quotes. */
const WHOLE_NUMBER = /^[1-9]\d{0,14}$/;

/** The names of models have dots. */
function pathOf(key: string): string[] {
  const alias = /^(gateway)\.(aliases)\.(.+)$/.exec(key);
  return alias === null ? key.split(".") : alias.slice(1);
}

/** The configuration of one home folder. */
export interface Config {
  /** Where it is. */
  path: string;
  /** A setting's text, or undefined when it is not set. */
  get(key: string): string | undefined;
  /** All that stands under a key of the first level, as plain values; undefined without it. */
  section(name: string): Promise<unknown>;
  /** Every known setting that is set, in the order of {@linkcode SETTINGS}. */
  entries(): [key: string, value: string][];
  /** Sets (or with undefined removes) several settings and saves once, if anything changed. */
  change(changes: Readonly<Record<string, string | undefined>>): Promise<void>;
}

/**
 * Reads `config.yaml`; a missing file is an empty configuration.
 *
 * @throws {GrantwayError} `invalid_configuration` when it is no YAML mapping; it names the line.
 */
export async function readConfig(path: string, files: TextFiles): Promise<Config> {
  const text = await files.read(path);
  let document: Document.Parsed | Document | undefined;
  const parse = async () => {
    const { parseDocument, Document } = await import("yaml");
    // A document of comments alone has null contents and cannot take a key, so it is refilled.
    const parsed = parseDocument(text ?? "");
    const problem = parsed.errors[0];
    if (problem !== undefined) {
      const line = problem.linePos?.[0].line;
      const message = problem.message.split("\n")[0]!.replace(/ at line \d+, column \d+:?$/, "");
      throw invalid(path, `line ${line ?? "?"} is not valid YAML: ${message}`);
    }
    let value: unknown;
    try {
      value = parsed.toJS();
    } catch {
      throw invalid(path, "an alias in it has no anchor, or there are too many");
    }
    if (value === null) {
      const empty = new Document({});
      empty.commentBefore = parsed.commentBefore ?? parsed.comment;
      return empty;
    }
    if (typeof value !== "object" || Array.isArray(value)) {
      throw invalid(path, "it is not a mapping of keys to values");
    }
    return parsed;
  };
  const simple = readSimpleYaml(text ?? "");
  if (simple === undefined) document = await parse();

  const get = (key: string): string | undefined => {
    if (document === undefined) return simple?.get(key);
    let value: unknown;
    try {
      value = document.getIn(pathOf(key));
    } catch {
      // A scalar stands where a mapping should: `model: MiniMax-M2.7`.
      value = undefined;
    }
    if (value === undefined || value === null) return undefined;
    if (typeof value === "object") {
      throw invalid(path, `${key} is not a single value`);
    }
    return String(value);
  };
  return {
    path,
    get,
    section: async (name) => {
      // What is simple has a line for each section: without one there is nothing to parse.
      const lines = document === undefined ? (text ?? "").split("\n") : undefined;
      if (lines?.every((line) => !line.startsWith(`${name}:`))) return undefined;
      document ??= await parse();
      return (document.toJS() as Record<string, unknown> | null)?.[name];
    },
    entries: () =>
      SETTINGS.flatMap(({ key }): [string, string][] => {
        const value = get(key);
        return value === undefined ? [] : [[key, value]];
      }),
    change: async (changes) => {
      if (Object.keys(changes).some(isPassedOver)) document ??= await parse();
      const changed = Object.entries(changes).filter(([key, value]) => get(key) !== value);
      if (changed.length === 0) return;
      document ??= await parse();
      const { isMap } = await import("yaml");
      for (const [key, value] of changed) {
        const keys = pathOf(key);
        if (value === undefined) {
          document.deleteIn(keys);
          const above = document.getIn(keys.slice(0, -1), true);
          if (keys.length > 2 && isMap(above) && above.items.length === 0) {
            document.deleteIn(keys.slice(0, -1));
          }
          continue;
        }
        for (let depth = 1; depth < keys.length; depth++) {
          const parent = document.getIn(keys.slice(0, depth), true);
          if (!isMap(parent)) document.setIn(keys.slice(0, depth), document.createNode({}));
        }
        document.setIn(keys, WHOLE_NUMBER.test(value) ? Number(value) : value);
      }
      await files.write(path, document.toString());
    },
  };
}

function invalid(path: string, problem: string): GrantwayError {
  return new GrantwayError(
    "invalid_configuration",
    `Cannot read ${path}: ${displayText(problem, 300)}`,
    { hint: "Mend the file, or set it aside with: grantway doctor --fix" },
  );
}
