/**
 * The settings of the gateway in the `gateway` section of config.yaml.
 *
 * @module
 */

import { GrantwayError } from "../core/errors.ts";
import { isJsonObject } from "../core/http.ts";
import { displayText } from "../core/redact.ts";
import { GATEWAY_SETTINGS, isGatewaySetting, parseSettings } from "../gateway/settings.ts";
import type { SettingTexts } from "../gateway/settings_source.ts";
import type { Config } from "./config.ts";
import { UsageError } from "./exit_code.ts";
import { nearest } from "./nearest.ts";

const SECTION = "gateway";

/** The settings as they stand in a configuration, checked or not. */
export async function readGatewayTexts(config: Config): Promise<SettingTexts> {
  const section = await config.section(SECTION);
  if (section === undefined || section === null) return [];
  return flatten(section, "", config.path);
}

/** `{ aliases: { a: "b" } }` as `["aliases.a", "b"]`; a list is its items, separated by spaces. */
function flatten(value: unknown, prefix: string, path: string): [string, string][] {
  if (isJsonObject(value)) {
    return Object.entries(value).flatMap(([name, member]) => {
      const full = prefix === "" ? name : `${prefix}.${name}`;
      return isJsonObject(member) || member === null
        ? flatten(member ?? {}, full, path)
        : [[full, Array.isArray(member) ? member.join(" ") : String(member)]];
    });
  }
  throw new GrantwayError(
    "invalid_configuration",
    `Cannot read ${path}: ${SECTION} is not a mapping of settings`,
    { hint: "Mend the file, or set it aside with: grantway doctor --fix" },
  );
}

/**
 * The setting that a user's word names; `gateway.` in front of it is accepted.
 *
 * @throws {UsageError} For an unknown one, with the nearest.
 */
export function resolveGatewaySetting(word: string): string {
  const name = word.startsWith(`${SECTION}.`) ? word.slice(SECTION.length + 1) : word;
  if (isGatewaySetting(name)) return name;
  if (/^aliases\.?/.test(name)) {
    throw new UsageError(
      `"${displayText(word, 60)}" names no alias`,
      "An alias is a model's name, with * at its end for any rest: aliases.gpt-4.1, aliases.gpt-*",
    );
  }
  const names = GATEWAY_SETTINGS.map(({ name }) => name);
  const near = nearest(name, [...names, ...names.map((name) => name.replace("limits.", ""))]);
  const full = names.find((name) => name === near || name === `limits.${near}`);
  throw new UsageError(
    `Unknown setting "${displayText(word, 60)}"`,
    full === undefined
      ? `Settings: ${names.map((name) => name.replace(/\.$/, ".<name>")).join(", ")}`
      : `Did you mean: ${full}`,
  );
}

/** Throws a {@linkcode UsageError} for a text that the setting does not take. */
export function checkGatewaySetting(name: string, text: string): void {
  try {
    parseSettings([[name, text]]);
  } catch (error) {
    if (!(error instanceof GrantwayError)) throw error;
    throw new UsageError(error.message, "See: grantway gateway config set --help");
  }
}

/**
 * Sets (or with undefined removes) one setting.
 *
 * @throws {UsageError} For a text that the setting does not take.
 */
export async function changeGatewaySetting(
  config: Config,
  name: string,
  text: string | undefined,
): Promise<void> {
  if (text !== undefined) checkGatewaySetting(name, text);
  await config.change({ [`${SECTION}.${name}`]: text });
}
