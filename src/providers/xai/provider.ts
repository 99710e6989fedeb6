/**
 * xAI: Grok subscriptions, signed in to at auth.x.ai, and API keys.
 *
 * @module
 */

import type { Provider, Region, Upstream } from "../provider.ts";
import { XAI_MODELS } from "./models.ts";
import { completeXaiVerificationUrl, readXaiAccount } from "./quirks.ts";

const API_BASE_URL = "https://api.x.ai/v1";

const GLOBAL: Region = {
  id: "global",
  name: "x.ai",
  apiBaseUrl: API_BASE_URL,
  hosts: ["x.ai", "*.x.ai"],
};

const MEDIA = {
  voices: ["eve", "ara", "leo", "rex", "sal"],
  imageModels: ["grok-imagine-image", "grok-imagine-image-quality"],
  videoModels: ["grok-imagine-video", "grok-imagine-video-1.5"],
} as const;

/** The API is the same, however one is let in. */
const API = {
  protocol: "responses",
  family: "xai",
  loadRules: async () => (await import("./rules.ts")).XAI_RULES,
  serverTools: ["web_search", "x_search"],
  conversationHeader: "x-grok-conv-id",
  // Not ignored but refused, so they are never sent; the answer is searched for them all the same.
  ignoresStopSequences: true,
  regions: [GLOBAL],
  defaultModel: "grok-4.3",
  // The one model that every plan has; the others come and go.
  auxiliaryModel: "grok-4.3",
  models: XAI_MODELS,
  catalogId: "xai",
  media: MEDIA,
} as const satisfies Partial<Provider>;

/** Version of the vendor's own CLI that its proxy expects at least to meet (2026-08). */
const CLI_VERSION = "0.2.120";

const UPSTREAMS: readonly Upstream[] = [
  { id: "api", apiBaseUrl: API_BASE_URL, hosts: GLOBAL.hosts, headers: {}, scopes: [] },
  {
    // Serves subscriptions that api.x.ai refuses with a spending limit.
    id: "cli",
    apiBaseUrl: "https://cli-chat-proxy.grok.com/v1",
    hosts: ["cli-chat-proxy.grok.com"],
    headers: {
      "x-xai-token-auth": "xai-grok-cli",
      "x-grok-client-identifier": "grok-shell",
      "x-grok-client-version": CLI_VERSION,
      "user-agent": `grok-shell/${CLI_VERSION}`,
    },
    // Without these it was seen to answer 403.
    scopes: ["conversations:read", "conversations:write", "workspaces:read", "workspaces:write"],
  },
];

/** Sign-in with a Grok subscription. */
export const xaiOAuth = {
  id: "xai-oauth",
  name: "xAI Grok OAuth (SuperGrok Subscription)",
  shortName: "xAI OAuth",
  noCredentials: "No xAI credentials found",
  apiKeyProvider: "xai",
  aliases: ["grok-oauth", "x-ai-oauth", "xai-grok-oauth"],
  ...API,
  upstreams: UPSTREAMS,
  // The other one is for chats alone.
  media: { ...MEDIA, upstream: "api" },
  oauth: {
    kind: "oidc",
    issuer: "https://auth.x.ai",
    flows: ["device", "loopback"],
    clientId: "b1a00492-073a-47ea-816f-4c329264a828",
    clientName: "Grok Build",
    scopes: ["openid", "profile", "email", "offline_access", "grok-cli:access", "api:access"],
    // Without a plan, loopback redirects of other clients than the vendor's were seen to be refused.
    authorizationParameters: { plan: "generic", referrer: "grantway" },
    // A minority of exchanges fails without it: "code_challenge is required".
    echoesChallenge: true,
    redirect: { port: 56121, path: "/callback" },
    consentOrigins: ["https://accounts.x.ai", "https://auth.x.ai"],
    entitlement: {
      status: 403,
      hint: "The server does not say why: the plan, a limit, or how the account was made. " +
        "Look at https://grok.com/?_s=usage, or use an API key: XAI_API_KEY with provider xai",
    },
    variables: {
      clientId: "GRANTWAY_XAI_CLIENT_ID",
      oauthUrl: "GRANTWAY_XAI_ISSUER",
      apiUrl: "XAI_BASE_URL",
    },
    completeVerificationUrl: completeXaiVerificationUrl,
    readAccount: readXaiAccount,
  },
} as const satisfies Provider;

/** xAI by API key. */
export const xai = {
  id: "xai",
  name: "xAI",
  shortName: "xAI",
  noCredentials: "No xAI credentials found",
  aliases: ["grok", "x-ai", "x.ai"],
  ...API,
  apiKey: { variables: ["XAI_API_KEY"], baseUrlVariable: "XAI_BASE_URL" },
} as const satisfies Provider;
