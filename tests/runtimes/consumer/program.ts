/**
 * What a user of the package might write: it knows the package by name alone, and runs wherever there
 * are `fetch`, Web Crypto and Web Streams. The tests run it on each runtime and compare one report.
 *
 * @module
 */

import { GrantwayError } from "@grantway/grantway";
import { createKvStore, type KvNamespace } from "@grantway/grantway/adapters/cloudflare";
import {
  createCredentialStore,
  createKeeper,
  createMemoryStore,
  type Credential,
  credentialKey,
  login,
  parseCredential,
  storeLogin,
} from "@grantway/grantway/credentials";
import {
  createClientKeys,
  createClientKeyStore,
  createGateway,
  createSettingsSource,
  createUpstreams,
  type Gateway,
} from "@grantway/grantway/gateway";
import { formatSrt } from "@grantway/grantway/media";
import { createCatalogSource } from "@grantway/grantway/models";
import { createChallenge } from "@grantway/grantway/oauth";
import { messagesCodec } from "@grantway/grantway/protocols";
import {
  findProvider,
  findRegion,
  type Provider,
  resolveEndpoints,
} from "@grantway/grantway/providers";
import { createSandbox } from "@grantway/grantway/sandbox";
import { createTransport } from "@grantway/grantway/transports";

/** Signs in at the sandbox, without its waits; asks one question, refreshes, asks again. */
async function signInAndAsk(
  provider: Provider,
): Promise<{ credential: Credential; refreshed: Credential; events: string[] }> {
  const sandbox = createSandbox({ autoApprove: true });
  const runtime = { fetch: sandbox.fetch as typeof fetch };
  const region = findRegion(provider, "cn")!;
  const store = createMemoryStore();
  const grant = await login(provider, region, { ...runtime, sleep: () => Promise.resolve() });
  const { credential } = await storeLogin(createCredentialStore(store, store), grant, {
    owner: { host: "consumer", createdAt: Date.now() },
  });
  const keeper = createKeeper(provider, credential, { store, lease: store, ...runtime });
  const transport = createTransport({
    provider,
    endpoints: resolveEndpoints(provider, region),
    source: keeper,
    ...runtime,
  });
  const events: string[] = [];
  const ask = async () => {
    const messages = [{ role: "user", content: [{ type: "text", text: "Hello" }] }] as const;
    const request = { model: provider.defaultModel, messages, stream: true };
    for await (const event of await transport.stream(request)) events.push(event.type);
  };
  await ask();
  const refreshed = await keeper.refresh();
  await ask();
  return { credential, refreshed, events };
}

/** The first and the last model of a provider, as the sandbox's models.dev lists them. */
async function listModels(provider: Provider): Promise<string[]> {
  const { fetch } = createSandbox({ quirks: { catalog: "newer" } });
  const source = createCatalogSource({ fetch: fetch as typeof globalThis.fetch });
  const { catalog } = await source.refresh();
  const ids = catalog.list(provider).map(({ id }) => id);
  return [ids[0]!, ids.at(-1)!];
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
  const { credential, refreshed, events } = await signInAndAsk(provider);
  const key = credentialKey(provider.id, credential.id);

  const empty = { getWithMetadata: () => Promise.resolve({ value: null, metadata: null }) };
  const gateway = await openGateway();
  return {
    provider: provider.id,
    challenge: await createChallenge("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"),
    region: credential.region,
    generations: [credential.generation, refreshed.generation],
    isRotated: credential.tokens?.refreshToken !== refreshed.tokens?.refreshToken,
    corrupt: codeOf(() => parseCredential("{}", key)),
    answers: events.filter((type) => type === "message_end").length,
    lastEvent: events.at(-1),
    path: messagesCodec.path,
    models: await listModels(provider),
    kv: await createKvStore(empty as unknown as KvNamespace).get("nothing"),
    health: await (await gateway.fetch(new Request("http://localhost/healthz"))).json(),
    ready: (await gateway.fetch(new Request("http://localhost/readyz"))).status,
    subtitles: formatSrt({ text: "Hello", durationMs: 1_000, words: [] }),
  };
}

/** A gateway that has a key and nobody who is signed in. */
async function openGateway(): Promise<Gateway> {
  const store = createMemoryStore();
  const now = () => Date.now();
  await createClientKeyStore({ store, lease: store, now }).create({ name: "consumer" });
  return createGateway({
    version: "9.9.9",
    reach: "public",
    keys: createClientKeys({ store, now }),
    settings: createSettingsSource({ load: () => Promise.resolve([]), now }),
    upstreams: createUpstreams({
      credentials: createCredentialStore(store, store),
      kv: store,
      endpoints: (provider, region) => Promise.resolve(resolveEndpoints(provider, region)),
      openLogin: () => Promise.reject(new Error("nobody is signed in")),
      missing: ({ shortName }) => new GrantwayError("login_required", `No login to ${shortName}`),
    }),
  });
}

/** What {@linkcode report} gives on every runtime; the challenge is RFC 7636 Appendix B's. */
export const EXPECTED: Record<string, unknown> = {
  provider: "minimax-oauth",
  challenge: "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
  region: "cn",
  generations: [1, 2],
  isRotated: true,
  corrupt: "storage_corrupt",
  answers: 2,
  lastEvent: "message_end",
  path: "/v1/messages",
  models: ["MiniMax-M2.7", "MiniMax-M2"],
  kv: null,
  health: { status: "ok", version: "9.9.9" },
  ready: 503,
  subtitles: "1\n00:00:00,000 --> 00:00:01,000\nHello\n",
};
