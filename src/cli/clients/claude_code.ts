/**
 * Claude Code. It appends `/v1/messages` to its base URL, and takes a model that it does not know for one
 * with a window of a million tokens, unless it is told.
 *
 * @module
 */

import type { Platform } from "../platform.ts";
import { type Client, type GatewayAccess, inUserHome, type Variables } from "./client.ts";

function settingsFile(platform: Platform): string {
  const folder = platform.env("CLAUDE_CONFIG_DIR") ?? inUserHome(platform, ".claude");
  return `${folder}/settings.json`;
}

function variables({ url, model, auxiliary }: GatewayAccess): Variables {
  return {
    ANTHROPIC_BASE_URL: url,
    ...(model === undefined ? {} : { ANTHROPIC_MODEL: model.name }),
    // The older ANTHROPIC_SMALL_FAST_MODEL says the same.
    ...(auxiliary === undefined ? {} : { ANTHROPIC_DEFAULT_HAIKU_MODEL: auxiliary.name }),
    ...(model?.contextTokens === undefined
      ? {}
      : { CLAUDE_CODE_MAX_CONTEXT_TOKENS: String(model.contextTokens) }),
  };
}

/** Claude Code. */
export const CLAUDE_CODE: Client = {
  id: "claude-code",
  name: "Claude Code",
  keyVariables: ["ANTHROPIC_AUTH_TOKEN"],
  variables,
  conflicts: [
    "ANTHROPIC_API_KEY",
    "ANTHROPIC_SMALL_FAST_MODEL",
    "CLAUDE_CODE_USE_BEDROCK",
    "CLAUDE_CODE_USE_FOUNDRY",
    "CLAUDE_CODE_USE_VERTEX",
  ],
  notes:
    () => ["Names of its own models (claude-*) work too: they mean the gateway's default model"],
  file: {
    format: async () => (await import("./json_format.ts")).JSON_FORMAT,
    path: settingsFile,
    settings: (access, key) => [
      ...Object.entries(variables(access)).map(([name, value]) => ({ path: ["env", name], value })),
      { path: ["env", "ANTHROPIC_AUTH_TOKEN"], value: key, isSecret: true },
    ],
  },
  program: {
    command: "claude",
    install: "npm install -g @anthropic-ai/claude-code",
    override: {
      option: "--settings",
      files: (platform) => [
        settingsFile(platform),
        ".claude/settings.json",
        ".claude/settings.local.json",
      ],
    },
  },
};
