/**
 * Isolates and credential objects in the real workerd, against the sandbox as the only server that
 * they reach. One miniflare for a whole test file; each test takes a login of its own.
 *
 * @module
 */

import { Miniflare } from "miniflare";
import type { KvNamespace } from "../../src/adapters/cloudflare/mod.ts";
import type { Credential } from "../../src/credentials/credential.ts";
import { login } from "../../src/credentials/login.ts";
import { createMemoryStore } from "../../src/credentials/memory_store.ts";
import { createCredentialStore } from "../../src/credentials/credential_store.ts";
import { storeLogin } from "../../src/credentials/store_login.ts";
import { findProvider } from "../../src/providers/catalog.ts";
import { createSandbox, type Sandbox } from "../../src/sandbox/mod.ts";
import type { TestCall } from "../adapters/cloudflare/token_worker.ts";
import { Canaries, watchFetch } from "./canary.ts";
import { bundle } from "./bundle.ts";
import { outbound, workerOptions } from "./workerd.ts";

/** A ring of one sealing key. */
export const KEY_A = `a:${"A".repeat(43)}`;
export const KEY_B = `b:${"B".repeat(42)}A`;

/** What an isolate answers. */
export interface TestAnswer {
  // deno-lint-ignore no-explicit-any -- what it is, each test knows
  result?: any;
  error?: { code: string; message: string; hint?: string };
}

/** Isolates with their objects. */
export interface CredentialWorkers extends AsyncDisposable {
  /** The server behind every outgoing request; it counts. */
  sandbox: Sandbox;
  /** Its `fetch`, which watches secrets. */
  fetch: typeof globalThis.fetch;
  /** Every secret that passed through it. */
  canaries: Canaries;
  /** Asks isolate `n`. */
  ask(n: number, call: TestCall, signal?: AbortSignal): Promise<TestAnswer>;
  /** What the isolates have as `env.KV`, from outside. */
  readonly kv: KvNamespace;
  /** Starts everything again over the same data. */
  restart(keys: string): Promise<void>;
}

/** How workers are started. */
export interface CredentialWorkersOptions {
  /** How many isolates. */
  isolates?: number;
  /** How much faster their clocks run. */
  scale?: number;
  /** Between a request and the server's work, ms. */
  latencyMs?: number;
  /** Whether they have objects. */
  hasObjects?: boolean;
  /** Sealing keys. */
  keys?: string;
  sandbox?: Sandbox;
}

let code: ReturnType<typeof bundle> | undefined;

/** Starts isolates. */
export async function startCredentialWorkers(
  options: CredentialWorkersOptions = {},
): Promise<CredentialWorkers> {
  const { isolates = 1, scale = 1, latencyMs = 0, hasObjects = true } = options;
  const sandbox = options.sandbox ?? createSandbox({ autoApprove: true });
  const canaries = new Canaries();
  const watchedFetch = watchFetch(canaries, sandbox.fetch);
  code ??= bundle("adapters/cloudflare/token_worker.ts");
  const contents = await code;
  const toOptions = (keys: string) => ({
    workers: Array.from({ length: isolates }, (_, n) => ({
      ...workerOptions(contents),
      name: `isolate-${n}`,
      bindings: { GRANTWAY_KEYS: keys, SCALE: String(scale) },
      kvNamespaces: { KV: "kv" },
      durableObjects: hasObjects
        ? {
          CREDENTIALS: {
            className: "TestObject",
            useSQLite: true,
            ...(n === 0 ? {} : { scriptName: "isolate-0" }),
          },
          STORE: {
            className: "StoreObject",
            useSQLite: true,
            ...(n === 0 ? {} : { scriptName: "isolate-0" }),
          },
        }
        : {},
      outboundService: outbound(async (input, init) => {
        if (latencyMs > 0) await new Promise((resolve) => setTimeout(resolve, latencyMs));
        return await watchedFetch(input, init);
      }),
      unsafeDirectSockets: [{}],
    })),
  });
  const miniflare = new Miniflare(toOptions(options.keys ?? KEY_A));
  let origins: URL[], kv: KvNamespace;
  const open = async () => {
    await miniflare.ready;
    // A new one after each start.
    kv = await miniflare.getKVNamespace("KV", "isolate-0") as unknown as KvNamespace;
    origins = await Promise.all(
      Array.from({ length: isolates }, (_, n) => miniflare.unsafeGetDirectURL(`isolate-${n}`)),
    );
  };
  try {
    await open();
    return {
      sandbox,
      fetch: watchedFetch,
      canaries,
      ask: async (n, call, signal) => {
        const body = JSON.stringify(call);
        const response = await fetch(origins[n]!, { method: "POST", body, signal: signal ?? null });
        const text = await response.text();
        try {
          return JSON.parse(text);
        } catch {
          throw new Error(`isolate ${n} answers ${response.status}: ${text.slice(0, 300)}`);
        }
      },
      get kv() {
        return kv;
      },
      restart: async (keys) => {
        await miniflare.setOptions(toOptions(keys));
        await open();
      },
      [Symbol.asyncDispose]: () => miniflare.dispose(),
    };
  } catch (error) {
    await miniflare.dispose();
    throw error;
  }
}

/** A login at the sandbox, whose access token has `leftMs` left. */
export async function signIn(
  { fetch }: Pick<CredentialWorkers, "fetch">,
  leftMs: number,
  now = Date.now(),
): Promise<Credential> {
  const provider = findProvider("minimax-oauth")!;
  const grant = await login(provider, provider.regions[0]!, {
    fetch,
    sleep: () => Promise.resolve(),
  });
  const store = createMemoryStore();
  const { credential } = await storeLogin(createCredentialStore(store, store), grant, {
    owner: { host: "test", createdAt: now },
  });
  const expiresAt = now + leftMs;
  return { ...credential, expiresAt, issuedAt: expiresAt - 15 * 60_000 };
}
