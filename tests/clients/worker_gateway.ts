/**
 * The Worker in workerd, bundled as it is deployed, signed in to both providers of a sandbox that
 * listens on this machine.
 *
 * It does not tell what is pending at the providers: between two sockets of one machine workerd learns
 * that a client has left from a write that fails, not at once, and keeps the request to the provider
 * open meanwhile.
 *
 * @module
 */

import {
  createCredentialCaller,
  createCredentialReader,
  createKvStore,
  createRemoteCredentials,
} from "../../src/adapters/cloudflare/mod.ts";
import { sleep } from "../../src/core/runtime.ts";
import { login } from "../../src/credentials/login.ts";
import { createSealedStore } from "../../src/credentials/sealed_store.ts";
import { createSealer, parseSealingKeys } from "../../src/credentials/sealing.ts";
import { storeLogin } from "../../src/credentials/store_login.ts";
import { createClientKeyStore } from "../../src/gateway/mod.ts";
import { findProvider } from "../../src/providers/catalog.ts";
import { createSandbox } from "../../src/sandbox/mod.ts";
import { bundle } from "../support/bundle.ts";
import { KEY_A } from "../support/credential_workers.ts";
import { startWorkerd } from "../support/workerd.ts";
import type { ListeningGateway } from "./suite.ts";

let code: ReturnType<typeof bundle> | undefined;

/** Starts one. */
export async function startWorkerGateway(): Promise<ListeningGateway> {
  const sandbox = createSandbox({ autoApprove: true });
  const provider = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    async (request) => {
      const body = request.body === null ? null : await request.text();
      const { method, url, headers, signal } = request;
      const answer = await sandbox.handle(new Request(url, { method, headers, body, signal }));
      // What waits before it tries again does not wait here.
      if (answer.status === 429) answer.headers.set("retry-after", "0");
      return answer;
    },
  );
  const origin = `http://127.0.0.1:${provider.addr.port}`;
  code ??= bundle("../src/worker.ts");
  const workerd = await startWorkerd(await code, {
    bindings: { GRANTWAY_KEYS: KEY_A, GRANTWAY_SANDBOX: origin },
    hasObjects: true,
  });
  const sealer = createSealer(parseSealingKeys(KEY_A));
  const kv = createSealedStore(createKvStore(workerd.kv), { sealer, acceptsPlain: false });
  const now = () => Date.now();
  const call = createCredentialCaller({
    objects: workerd.credentials,
    sleep,
    random: Math.random,
  });
  const reader = createCredentialReader({ kv, call, now, sleep, onWarning: () => {} });
  const credentials = createRemoteCredentials(reader, call);
  for (const id of ["minimax-oauth", "xai-oauth"]) {
    const provider = findProvider(id)!;
    const region = provider.regions[0]!;
    const grant = await login(provider, region, {
      fetch: sandbox.fetch,
      sleep: () => Promise.resolve(),
      onEvent: () => {},
    });
    await storeLogin(credentials, grant, { owner: { host: "tests", createdAt: now() } });
  }
  const { secret } = await createClientKeyStore({ store: kv, now }).create({ name: "tests" });
  return {
    origin: workerd.origin.href.replace(/\/$/, ""),
    key: secret.expose(),
    [Symbol.asyncDispose]: async () => {
      await workerd[Symbol.asyncDispose]();
      await provider.shutdown();
    },
  };
}
