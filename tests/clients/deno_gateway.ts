/**
 * The gateway on Deno, signed in to both providers of the sandbox.
 *
 * @module
 */

import { sleep } from "../../src/core/runtime.ts";
import { createKeeper } from "../../src/credentials/keeper.ts";
import { createCredentialStore } from "../../src/credentials/credential_store.ts";
import { login } from "../../src/credentials/login.ts";
import { createMemoryStore } from "../../src/credentials/memory_store.ts";
import { storeLogin } from "../../src/credentials/store_login.ts";
import {
  type ClientKey,
  createGateway,
  createUpstreams,
  DEFAULT_SETTINGS,
} from "../../src/gateway/mod.ts";
import { findProvider } from "../../src/providers/catalog.ts";
import { resolveEndpoints } from "../../src/providers/endpoints.ts";
import { createSandbox } from "../../src/sandbox/mod.ts";
import type { ListeningGateway } from "./suite.ts";

/** Starts one on a free port. */
export async function startDenoGateway(): Promise<ListeningGateway> {
  const sandbox = createSandbox({ autoApprove: true });
  const store = createMemoryStore();
  const credentials = createCredentialStore(store, store);
  for (const id of ["minimax-oauth", "xai-oauth"]) {
    const provider = findProvider(id)!;
    const grant = await login(provider, provider.regions[0]!, {
      fetch: sandbox.fetch,
      sleep: () => Promise.resolve(),
      onEvent: () => {},
    });
    await storeLogin(credentials, grant, { owner: { host: "tests", createdAt: Date.now() } });
  }

  let pending = 0;
  const upstreams = createUpstreams({
    credentials,
    kv: store,
    lease: store,
    fetch: (input, init) => {
      const body = init?.body;
      const text = body instanceof Uint8Array ? new TextDecoder().decode(body) : String(body);
      if (text.includes("[hang]")) {
        pending++;
        init?.signal?.addEventListener("abort", () => pending--, { once: true });
      }
      return sandbox.fetch(input as string, init);
    },
    // What waits before it tries again does not wait here; watches over silence do.
    sleep: (ms, signal) => sleep(ms < 60_000 ? 0 : ms, signal),
    endpoints: (provider, region) => Promise.resolve(resolveEndpoints(provider, region)),
    openLogin: (provider, credential) =>
      Promise.resolve(
        createKeeper(provider, credential, { store, lease: store, fetch: sandbox.fetch }),
      ),
    missing: ({ id }) => new Error(`Nobody is signed in to ${id}`),
  });
  const secret = "gw_the-key-of-these-tests";
  const key: ClientKey = { id: "1", name: "tests", scope: {}, createdAt: 0 };
  const gateway = createGateway({
    version: "0.0.0",
    upstreams,
    keys: {
      isConfigured: () => Promise.resolve(true),
      verify: (presented) => Promise.resolve(presented === secret ? key : undefined),
    },
    settings: { read: () => Promise.resolve(DEFAULT_SETTINGS) },
  });
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    (request) => gateway.fetch(request),
  );
  return {
    origin: `http://127.0.0.1:${server.addr.port}`,
    key: secret,
    pending: () => pending,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}
