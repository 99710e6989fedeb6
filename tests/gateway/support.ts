/**
 * A gateway in memory: signed in at the sandbox, with client keys, and with everything that it sends,
 * logs and counts written down.
 *
 * @module
 */

import { createCredentialStore } from "../../src/credentials/credential_store.ts";
import type { CredentialStore } from "../../src/credentials/credential_store.ts";
import { createKeeper } from "../../src/credentials/keeper.ts";
import { login } from "../../src/credentials/login.ts";
import { createMemoryStore } from "../../src/credentials/memory_store.ts";
import { storeLogin } from "../../src/credentials/store_login.ts";
import type { PoolStrategy } from "../../src/credentials/pool.ts";
import { CredentialError } from "../../src/core/errors.ts";
import {
  type AccessLogEntry,
  type ClientKey,
  type ClientKeys,
  createGateway,
  createUpstreams,
  DEFAULT_SETTINGS,
  type Gateway,
  type GatewayOptions,
  type GatewaySettings,
  type UsageEntry,
} from "../../src/gateway/mod.ts";
import { findProvider, resolveEndpoints } from "../../src/providers/mod.ts";
import { createSandbox, type Sandbox, type SandboxQuirks } from "../../src/sandbox/mod.ts";

// deno-lint-ignore no-explicit-any -- bodies of three dialects
export type Json = any;

/** A key that is good for everything. */
export const KEY = "gw_test-key-that-is-good-for-everything-000";

/** The paths of the dialects. */
export const PATHS = {
  messages: "/v1/messages",
  chat: "/v1/chat/completions",
  responses: "/v1/responses",
} as const;

/** A dialect. */
export type Dialect = keyof typeof PATHS;

/** A request for one answer, in a dialect. */
export function ask(dialect: Dialect, model: string, text: string, stream = false): Json {
  if (dialect === "responses") return { model, input: text, stream };
  return { model, max_tokens: 1000, stream, messages: [{ role: "user", content: text }] };
}

/** A request that left the gateway. */
export interface Sent {
  url: string;
  headers: Headers;
  text: string;
  signal: AbortSignal;
}

/** How a world is set up. */
export interface WorldOptions {
  /** Providers to sign in to. Default: both. */
  signedIn?: readonly string[];
  /** Client keys by secret. Default: {@linkcode KEY}. */
  keys?: Record<string, Partial<ClientKey>>;
  /** Departures of the sandbox. */
  quirks?: Partial<SandboxQuirks>;
  /** In place of the sandbox. */
  upstream?: (url: string, init: RequestInit) => Response | Promise<Response>;
  settings?: Partial<GatewaySettings>;
  limits?: Partial<GatewaySettings["limits"]>;
  strategy?: PoolStrategy;
  /** Waits of the transports. Default: everything comes soon. */
  sleep?: (ms: number, signal?: AbortSignal) => Promise<void>;
  gateway?: Partial<GatewayOptions>;
}

/** A gateway and what is around it. */
export interface World {
  gateway: Gateway;
  sandbox: Sandbox;
  credentials: CredentialStore;
  /** What it sent. */
  sent: Sent[];
  logged: AccessLogEntry[];
  counted: UsageEntry[];
  /** The gateway's clock, ms; moves when a test moves it. */
  clock: { now: number };
  /** Changes what the next request finds. */
  settings: GatewaySettings;
  /** The client keys; a test may change them. */
  keys: Map<string, ClientKey>;
  /** Signs in to a provider. */
  signIn(provider: string, label?: string): Promise<void>;
  /** Sends a request as it would come off the wire, with the good key unless `headers` says otherwise. */
  send(path: string, options?: SendOptions): Promise<Response>;
  /** Asks for an answer. */
  ask(dialect: Dialect, model: string, text: string, stream?: boolean): Promise<Response>;
}

/** A request. */
export interface SendOptions {
  method?: string;
  headers?: Record<string, string>;
  /** An object becomes JSON. */
  body?: unknown;
  /** What stands before the path in the URL. */
  origin?: string;
  signal?: AbortSignal;
}

/** Creates one. */
export async function createWorld(options: WorldOptions = {}): Promise<World> {
  const clock = { now: Date.now() };
  const now = () => clock.now;
  const sandbox = createSandbox({ autoApprove: true, now, quirks: options.quirks ?? {} });
  const kv = createMemoryStore();
  const credentials = createCredentialStore(kv, kv);
  const sent: Sent[] = [];
  const fetch = (async (input: string, init: RequestInit = {}) => {
    const { body = "" } = init;
    const text = typeof body === "string"
      ? body
      : new TextDecoder().decode(body as Uint8Array<ArrayBuffer>);
    sent.push({ url: input, headers: new Headers(init.headers), text, signal: init.signal! });
    return await (options.upstream ?? sandbox.fetch)(input, init);
  }) as typeof globalThis.fetch;
  const runtime = { now, sleep: options.sleep ?? soon };
  const upstreams = createUpstreams({
    credentials,
    kv,
    lease: kv,
    fetch,
    ...runtime,
    freshMs: 1_000,
    endpoints: (provider, region) => Promise.resolve(resolveEndpoints(provider, region)),
    openLogin: (provider, credential) =>
      Promise.resolve(createKeeper(provider, credential, {
        store: kv,
        lease: kv,
        fetch: sandbox.fetch as typeof globalThis.fetch,
        now,
      })),
    strategy: () => Promise.resolve(options.strategy),
    missing: (provider) =>
      new CredentialError("login_required", `Not logged into ${provider.shortName}`, {
        hint: `Run: grantway auth add ${provider.id}`,
      }),
  });
  const keys = new Map<string, ClientKey>();
  Object.entries(options.keys ?? { [KEY]: {} }).forEach(([secret, key], index) =>
    keys.set(secret, { id: `key_${index}`, name: `key ${index}`, scope: {}, createdAt: 0, ...key })
  );
  const logged: AccessLogEntry[] = [];
  const counted: UsageEntry[] = [];
  const world: World = {
    sandbox,
    credentials,
    sent,
    logged,
    counted,
    clock,
    keys,
    settings: {
      ...DEFAULT_SETTINGS,
      ...options.settings,
      limits: { ...DEFAULT_SETTINGS.limits, ...options.limits },
    },
    gateway: createGateway({
      version: "1.2.3",
      upstreams,
      keys: clientKeys(keys),
      settings: { read: () => Promise.resolve(world.settings) },
      usage: {
        record: (entry) => counted.push(entry),
        report: () => Promise.resolve([]),
        flush: () => Promise.resolve(),
      },
      log: (entry) => logged.push(entry),
      ...runtime,
      ...options.gateway,
    }),
    signIn: async (id, label) => {
      const provider = findProvider(id)!;
      const grant = await login(provider, provider.regions[0]!, {
        fetch: sandbox.fetch as typeof globalThis.fetch,
        now,
        sleep: () => Promise.resolve(),
        onEvent: (event) => event.type === "code" && sandbox.approve(event.userCode),
      });
      await storeLogin(credentials, grant, { label, owner: { host: "test", createdAt: now() } });
    },
    send: (path, { method, headers, body, origin = "http://localhost:8645", signal } = {}) =>
      world.gateway.fetch(
        new Request(origin + path, {
          method: method ?? (body === undefined ? "GET" : "POST"),
          headers: { host: "localhost:8645", ...headers ?? { "x-api-key": KEY } },
          body: body === undefined || typeof body === "string" || body instanceof ReadableStream ||
              body instanceof Uint8Array
            ? body as BodyInit ?? null
            : JSON.stringify(body),
          ...(signal === undefined ? {} : { signal }),
        }),
      ),
    ask: (dialect, model, text, stream) =>
      world.send(PATHS[dialect], { body: ask(dialect, model, text, stream) }),
  };
  for (const provider of options.signedIn ?? ["minimax-oauth", "xai-oauth"]) {
    await world.signIn(provider);
  }
  sent.length = 0;
  return world;
}

/** Retries come at once. */
async function soon(_ms: number, signal?: AbortSignal): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const timer = setTimeout(resolve, 5);
    signal?.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(signal.reason);
    }, { once: true });
  });
}

function clientKeys(keys: Map<string, ClientKey>): ClientKeys {
  return {
    isConfigured: () => Promise.resolve(keys.size > 0),
    verify: (presented) => Promise.resolve(keys.get(presented)),
  };
}

/** The events of an SSE text: names and payloads. */
export function events(text: string): { name: string | undefined; data: Json }[] {
  return text.split("\n\n").filter((frame) => /^data:/m.test(frame)).map((frame) => {
    const data = /^data: (.*)$/m.exec(frame)![1]!;
    return {
      name: /^event: (.*)$/m.exec(frame)?.[1],
      data: data === "[DONE]" ? data : JSON.parse(data),
    };
  });
}

/** The error message of a body, whatever its dialect. */
export function messageOf(body: Json): string {
  return body.error.message;
}
