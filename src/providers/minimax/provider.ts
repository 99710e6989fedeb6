/**
 * MiniMax: subscriptions of minimax.io (global) and minimaxi.com (China), and their API keys.
 *
 * @module
 */

import type { Provider, Region } from "../provider.ts";
import { MINIMAX_MODELS } from "./models.ts";
import { readMinimaxTokenAnswer, repairMinimaxVerificationUrl } from "./quirks.ts";

const GLOBAL: Region = {
  id: "global",
  name: "minimax.io",
  apiBaseUrl: "https://api.minimax.io/anthropic",
  hosts: ["minimax.io", "*.minimax.io"],
};

const CN: Region = {
  id: "cn",
  name: "minimaxi.com, China",
  apiBaseUrl: "https://api.minimaxi.com/anthropic",
  // minimaxi.io: newest clients expect a verification page there.
  hosts: ["minimaxi.com", "*.minimaxi.com", "minimax.cn", "*.minimax.cn", "*.minimaxi.io"],
};

/** The API is the same, however one is let in. */
const API = {
  protocol: "messages",
  family: "minimax",
  loadRules: async () => (await import("./rules.ts")).MINIMAX_RULES,
  ignoresStopSequences: true,
} as const satisfies Partial<Provider>;

/** Sign-in with a MiniMax subscription. */
export const minimaxOAuth = {
  id: "minimax-oauth",
  name: "MiniMax (OAuth)",
  shortName: "MiniMax OAuth",
  aliases: ["minimax-portal", "minimax-global", "minimax_oauth"],
  ...API,
  regions: [GLOBAL, CN],
  oauth: {
    kind: "user_code",
    clientId: "78257093-7e40-4613-99e0-527b14b39113",
    clientName: "OpenClaw",
    scopes: ["group_id", "profile", "model.completion"],
    grantType: "urn:ietf:params:oauth:grant-type:user_code",
    profiles: [
      {
        id: "account",
        regions: {
          global: {
            authorization: "https://account.minimax.io/oauth2/device/code",
            token: "https://account.minimax.io/oauth2/token",
          },
          cn: {
            authorization: "https://account.minimaxi.com/oauth2/device/code",
            token: "https://account.minimaxi.com/oauth2/token",
          },
        },
      },
      {
        id: "legacy",
        regions: {
          global: {
            authorization: "https://api.minimax.io/oauth/code",
            token: "https://api.minimax.io/oauth/token",
          },
          cn: {
            authorization: "https://api.minimaxi.com/oauth/code",
            token: "https://api.minimaxi.com/oauth/token",
          },
        },
      },
    ],
    defaultIntervalMs: 2_000,
    deadErrors: ["refresh_token_reused", "invalid_refresh_token"],
    variables: {
      clientId: "GRANTWAY_MINIMAX_CLIENT_ID",
      oauthUrl: "GRANTWAY_MINIMAX_OAUTH_URL",
      profile: "GRANTWAY_MINIMAX_PROFILE",
      apiUrl: "GRANTWAY_MINIMAX_API_URL",
    },
    readTokenAnswer: readMinimaxTokenAnswer,
    repairVerificationUrl: repairMinimaxVerificationUrl,
  },
  defaultModel: "MiniMax-M2.7",
  auxiliaryModel: "MiniMax-M2.7-highspeed",
  models: MINIMAX_MODELS,
  catalogId: "minimax",
} as const satisfies Provider;

/** MiniMax by API key, global. */
export const minimax = {
  id: "minimax",
  name: "MiniMax",
  shortName: "MiniMax",
  aliases: [],
  ...API,
  regions: [GLOBAL],
  apiKey: { variables: ["MINIMAX_API_KEY"], baseUrlVariable: "MINIMAX_BASE_URL" },
  defaultModel: "MiniMax-M2.7",
  auxiliaryModel: "MiniMax-M2.7-highspeed",
  models: MINIMAX_MODELS,
  catalogId: "minimax",
} as const satisfies Provider;

/** MiniMax China: the OAuth credential of that region first, else its API key. */
export const minimaxCn = {
  id: "minimax-cn",
  name: "MiniMax China",
  shortName: "MiniMax China",
  aliases: [],
  ...API,
  regions: [CN],
  oauthVia: { provider: "minimax-oauth", region: "cn" },
  apiKey: { variables: ["MINIMAX_CN_API_KEY"], baseUrlVariable: "MINIMAX_CN_BASE_URL" },
  defaultModel: "MiniMax-M2.7",
  auxiliaryModel: "MiniMax-M2.7-highspeed",
  models: MINIMAX_MODELS,
  catalogId: "minimax-cn",
} as const satisfies Provider;
