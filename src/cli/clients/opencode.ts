/**
 * opencode. Its configuration comes in a variable or a file; it speaks Messages here, the dialect that
 * keeps most of what models send.
 *
 * @module
 */

import { type Client, type GatewayAccess, inUserHome, KEY_VARIABLE } from "./client.ts";

function config({ url, model, auxiliary, models }: GatewayAccess): Record<string, unknown> {
  const rows = models.map(({ name, contextTokens, maxOutputTokens }) => [name, {
    name,
    ...(contextTokens === undefined || maxOutputTokens === undefined
      ? {}
      : { limit: { context: contextTokens, output: maxOutputTokens } }),
  }]);
  return {
    $schema: "https://opencode.ai/config.json",
    ...(model === undefined ? {} : { model: `grantway/${model.name}` }),
    ...(auxiliary === undefined ? {} : { small_model: `grantway/${auxiliary.name}` }),
    provider: {
      grantway: {
        npm: "@ai-sdk/anthropic",
        name: "Grantway",
        options: { baseURL: `${url}/v1`, apiKey: `{env:${KEY_VARIABLE}}` },
        models: Object.fromEntries(rows),
      },
    },
  };
}

/** opencode. */
export const OPENCODE: Client = {
  id: "opencode",
  name: "opencode",
  keyVariables: [KEY_VARIABLE],
  variables: (access) => ({ OPENCODE_CONFIG_CONTENT: JSON.stringify(config(access)) }),
  snippet: (access, platform) =>
    Promise.resolve({
      path: `${
        platform.env("XDG_CONFIG_HOME") ?? inUserHome(platform, ".config")
      }/opencode/opencode.json`,
      text: `${JSON.stringify(config(access), null, 2)}\n`,
    }),
  program: { command: "opencode", install: "npm install -g opencode-ai" },
};
