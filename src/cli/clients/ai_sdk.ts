/**
 * The AI SDK. Its base URLs end in `/v1`, that of its Anthropic provider too, which tells it apart from
 * Anthropic's own SDKs.
 *
 * @module
 */

import type { Client } from "./client.ts";

/** The AI SDK. */
export const AI_SDK: Client = {
  id: "ai-sdk",
  name: "AI SDK",
  keyVariables: ["OPENAI_API_KEY", "ANTHROPIC_API_KEY"],
  variables: ({ url }) => ({
    OPENAI_BASE_URL: `${url}/v1`,
    ANTHROPIC_BASE_URL: `${url}/v1`,
  }),
  conflicts: ["ANTHROPIC_AUTH_TOKEN"],
  notes: ({ url, model }) => {
    const name = JSON.stringify(model?.name ?? "provider/model");
    return [
      `Then: anthropic(${name}) or openai(${name}); any provider takes the address in its code too: ` +
      `createXai({ baseURL: "${url}/v1", apiKey: process.env.OPENAI_API_KEY })`,
      "openai(…) expects that answers are kept, which nobody does here. Tell it to send them again: " +
      "providerOptions: { openai: { store: false } }",
    ];
  },
};
