/**
 * What a user of the package might write: it knows the package by name alone, and runs wherever there
 * are `fetch`, Web Crypto and Web Streams. The tests run it on each runtime and compare one report.
 *
 * @module
 */

import { findProvider, GrantwayError } from "@grantway/grantway";
import * as cloudflare from "@grantway/grantway/adapters/cloudflare";
import {
  type Credential,
  parseCredential,
  serializeCredential,
} from "@grantway/grantway/credentials";
import { createGateway } from "@grantway/grantway/gateway";
import * as oauth from "@grantway/grantway/oauth";
import { ZERO_USAGE } from "@grantway/grantway/protocols";
import { findRegion, resolveEndpoints } from "@grantway/grantway/providers";
import { createSandbox } from "@grantway/grantway/sandbox";
import * as transports from "@grantway/grantway/transports";

const CREDENTIAL: Credential = {
  id: "a1b2c3d4",
  provider: "minimax-oauth",
  region: "global",
  label: "work",
  source: "login",
  status: "active",
  tokens: { accessToken: "access", refreshToken: "refresh" },
  expiresAt: 2_000,
  issuedAt: 1_000,
  generation: 1,
  owner: { host: "host", createdAt: 1_000 },
  createdAt: 1_000,
};

function codeOf(run: () => unknown): string {
  try {
    run();
    return "none";
  } catch (error) {
    return error instanceof GrantwayError ? error.code : String(error);
  }
}

/** Uses each entry point once and reports what came out. */
export async function report(): Promise<Record<string, unknown>> {
  const provider = findProvider("MiniMax-Portal")!;
  const endpoints = resolveEndpoints(provider, findRegion(provider, "cn")!);
  const health = await createGateway({ version: "9.9.9" })
    .fetch(new Request("http://localhost/healthz"));
  return {
    provider: provider.id,
    apiBaseUrl: endpoints.apiBaseUrl,
    tokenEndpoint: endpoints.oauth(provider.oauth!.profiles[0]!).token.href,
    credential: parseCredential(serializeCredential(CREDENTIAL), "key").label,
    corrupt: codeOf(() => parseCredential("{}", "key")),
    usage: ZERO_USAGE.inputTokens,
    health: await health.json(),
    sandbox: typeof createSandbox().fetch,
    modules: [cloudflare, oauth, transports].map((module) => typeof module),
  };
}

/** What {@linkcode report} gives on every runtime. */
export const EXPECTED: Record<string, unknown> = {
  provider: "minimax-oauth",
  apiBaseUrl: "https://api.minimaxi.com/anthropic",
  tokenEndpoint: "https://account.minimaxi.com/oauth2/token",
  credential: "work",
  corrupt: "storage_corrupt",
  usage: 0,
  health: { status: "ok", version: "9.9.9" },
  sandbox: "function",
  modules: ["object", "object", "object"],
};
