/**
 * Anthropic's SDKs, and every program that is built with one of them.
 *
 * @module
 */

import type { Client } from "./client.ts";

/** Anthropic's SDKs. */
export const ANTHROPIC: Client = {
  id: "anthropic",
  name: "Anthropic SDK",
  keyVariables: ["ANTHROPIC_API_KEY"],
  variables: ({ url }) => ({ ANTHROPIC_BASE_URL: url }),
  conflicts: ["ANTHROPIC_AUTH_TOKEN"],
};
