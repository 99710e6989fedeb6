/**
 * Codex. It speaks Responses alone, and appends `/responses` to its base URL.
 *
 * @module
 */

import type { Platform } from "../platform.ts";
import { type Client, type GatewayAccess, inUserHome, KEY_VARIABLE } from "./client.ts";
import { type Setting, writeSettings } from "./settings_format.ts";

const PROVIDER = ["model_providers", "grantway"] as const;

function configFile(platform: Platform): string {
  return `${platform.env("CODEX_HOME") ?? inUserHome(platform, ".codex")}/config.toml`;
}

const format = async () => (await import("./toml_format.ts")).TOML_FORMAT;

function settings({ url, model }: GatewayAccess, key: Setting): Setting[] {
  return [
    { path: ["model_provider"], value: "grantway" },
    ...(model === undefined ? [] : [{ path: ["model"], value: model.name }]),
    ...(model?.contextTokens === undefined
      ? []
      : [{ path: ["model_context_window"], value: model.contextTokens }]),
    { path: [...PROVIDER, "name"], value: "Grantway" },
    { path: [...PROVIDER, "base_url"], value: `${url}/v1` },
    { path: [...PROVIDER, "wire_api"], value: "responses" },
    key,
  ];
}

const KEY_FROM_VARIABLE: Setting = { path: [...PROVIDER, "env_key"], value: KEY_VARIABLE };

/** Codex. */
export const CODEX: Client = {
  id: "codex",
  name: "Codex",
  keyVariables: [KEY_VARIABLE],
  variables: () => ({}),
  snippet: async (access, platform) => ({
    path: configFile(platform),
    text: writeSettings(await format(), "", settings(access, KEY_FROM_VARIABLE)).text,
  }),
  file: {
    format,
    path: configFile,
    settings: (access, key) =>
      settings(access, {
        path: [...PROVIDER, "experimental_bearer_token"],
        value: key,
        isSecret: true,
      }),
  },
  program: {
    command: "codex",
    install: "npm install -g @openai/codex",
    args: (access) =>
      settings(access, KEY_FROM_VARIABLE).flatMap(({ path, value }) => [
        "-c",
        `${path.join(".")}=${JSON.stringify(value)}`,
      ]),
  },
};
