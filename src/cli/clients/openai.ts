/**
 * OpenAI's SDKs, and every program that is built with one of them.
 *
 * @module
 */

import type { Client } from "./client.ts";

/** OpenAI's SDKs. */
export const OPENAI: Client = {
  id: "openai",
  name: "OpenAI SDK",
  keyVariables: ["OPENAI_API_KEY"],
  variables: ({ url }) => ({ OPENAI_BASE_URL: `${url}/v1` }),
  conflicts: ["OPENAI_ORG_ID", "OPENAI_PROJECT_ID"],
};
