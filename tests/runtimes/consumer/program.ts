/**
 * What a user of the package might write: it knows the package by name alone, and runs wherever there
 * are `fetch`, Web Crypto and Web Streams. The tests run it on each runtime and compare one report.
 *
 * @module
 */

import { findProvider, GrantwayError } from "@grantway/grantway";
import { createKvStore, type KvNamespace } from "@grantway/grantway/adapters/cloudflare";
import {
  createMemoryStore,
  type Credential,
  credentialKey,
  parseCredential,
  serializeCredential,
} from "@grantway/grantway/credentials";
import { createGateway } from "@grantway/grantway/gateway";
import {
  awaitUserCodeGrant,
  createChallenge,
  createState,
  createVerifier,
  requestUserCode,
} from "@grantway/grantway/oauth";
import { messagesCodec } from "@grantway/grantway/protocols";
import { findRegion, type Provider, resolveEndpoints } from "@grantway/grantway/providers";
import { createSandbox } from "@grantway/grantway/sandbox";
import * as transports from "@grantway/grantway/transports";

/** Signs in at the sandbox and sends one message with the bearer; waits take no time. */
async function signInAndAsk(provider: Provider) {
  const sandbox = createSandbox({ autoApprove: true });
  let clock = Date.now();
  const runtime = {
    fetch: sandbox.fetch as typeof fetch,
    now: () => clock,
    sleep: (ms: number) => Promise.resolve(void (clock += ms)),
  };
  const settings = provider.oauth!;
  const endpoints = resolveEndpoints(provider, findRegion(provider, "cn")!);
  const urls = endpoints.oauth(settings.profiles[0]!);
  const client = {
    clientId: settings.clientId,
    authorizationEndpoint: urls.authorization,
    tokenEndpoint: urls.token,
    trustedHosts: endpoints.oauthHosts,
    grantType: settings.grantType,
    scopes: settings.scopes,
    readTokenAnswer: settings.readTokenAnswer,
  };
  const verifier = createVerifier();
  const verification = await requestUserCode(client, { verifier, state: createState() }, runtime);
  const tokens = await awaitUserCodeGrant(client, { ...verification, verifier }, runtime);

  const response = await runtime.fetch(`${endpoints.apiBaseUrl}${messagesCodec.path}`, {
    method: "POST",
    headers: {
      ...messagesCodec.headers,
      "authorization": `Bearer ${tokens.accessToken}`,
      "content-type": "application/json",
    },
    body: JSON.stringify({
      model: provider.defaultModel,
      max_tokens: 100,
      stream: true,
      messages: [{ role: "user", content: "Hello" }],
    }),
  });
  const decoder = messagesCodec.createStreamDecoder({ origin: "minimax" });
  const events: string[] = [];
  for await (const bytes of response.body!) {
    events.push(...decoder.feed(bytes).map(({ type }) => type));
  }
  events.push(...decoder.end().map(({ type }) => type));
  return { tokens, first: events[0], last: events.at(-1) };
}

function createCredential(provider: Provider, accessToken: string): Credential {
  return {
    id: "a1b2c3d4",
    provider: provider.id,
    region: "cn",
    label: "work",
    source: "login",
    status: "active",
    tokens: { accessToken },
    expiresAt: 2_000,
    issuedAt: 1_000,
    generation: 1,
    owner: { host: "host", createdAt: 1_000 },
    createdAt: 1_000,
  };
}

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
  const { tokens, first, last } = await signInAndAsk(provider);

  const store = createMemoryStore();
  const credential = createCredential(provider, tokens.accessToken);
  const key = credentialKey(provider.id, credential.id);
  await store.put(key, serializeCredential(credential));
  const stored = parseCredential((await store.get(key))!, key);

  const empty = { getWithMetadata: () => Promise.resolve({ value: null, metadata: null }) };
  const health = await createGateway({ version: "9.9.9" })
    .fetch(new Request("http://localhost/healthz"));
  return {
    provider: provider.id,
    challenge: await createChallenge("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"),
    hasRefreshToken: tokens.refreshToken !== undefined,
    storesToken: stored.tokens?.accessToken === tokens.accessToken,
    corrupt: codeOf(() => parseCredential("{}", key)),
    firstEvent: first,
    lastEvent: last,
    kv: await createKvStore(empty as unknown as KvNamespace).get("nothing"),
    health: await health.json(),
    transports: typeof transports,
  };
}

/** What {@linkcode report} gives on every runtime; the challenge is RFC 7636 Appendix B's. */
export const EXPECTED: Record<string, unknown> = {
  provider: "minimax-oauth",
  challenge: "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
  hasRefreshToken: true,
  storesToken: true,
  corrupt: "storage_corrupt",
  firstEvent: "message_start",
  lastEvent: "message_end",
  kv: null,
  health: { status: "ok", version: "9.9.9" },
  transports: "object",
};
