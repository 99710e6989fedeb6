/**
 * What `deno task bundle` counts as an ordinary request's modules is all that one needs: the Worker
 * serves it, from the refresh to the books, with nothing else uploaded.
 *
 * @module
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { ordinaryModules } from "../../scripts/bundle_report.ts";
import {
  createCredentialCaller,
  createCredentialReader,
  createKvStore,
  createRemoteCredentials,
} from "../../src/adapters/cloudflare/mod.ts";
import { sleep } from "../../src/core/runtime.ts";
import { createSealedStore } from "../../src/credentials/sealed_store.ts";
import { createSealer, parseSealingKeys } from "../../src/credentials/sealing.ts";
import { createClientKeyStore } from "../../src/gateway/mod.ts";
import { createSandbox, type Sandbox } from "../../src/sandbox/mod.ts";
import { bundle } from "../support/bundle.ts";
import { KEY_A, signIn } from "../support/credential_workers.ts";
import { startWorkerd, type Workerd } from "../support/workerd.ts";

Deno.test("an ordinary request is served by the modules that are counted for it", async () => {
  const all = await bundle("../src/worker.ts");
  const counted = ordinaryModules(all);
  assert(counted.size < all.size);
  const sandbox = createSandbox({ autoApprove: true });
  const folder = await Deno.makeTempDir({ prefix: "grantway-workerd-" });
  const options = {
    bindings: { GRANTWAY_KEYS: KEY_A },
    hasObjects: true,
    fetch: sandbox.fetch,
    folder,
  };
  try {
    const key = await setUp(await startWorkerd(all, options), sandbox);
    await using workerd = await startWorkerd(counted, options);
    for (const [stream, end] of [[false, /"type":"message"/], [true, /message_stop/]] as const) {
      const response = await fetch(new URL("/v1/messages", workerd.origin), {
        method: "POST",
        headers: { "x-api-key": key, "content-type": "application/json" },
        body: JSON.stringify({
          model: "MiniMax-M2.7",
          max_tokens: 200,
          messages: [{ role: "user", content: "Say hello" }],
          stream,
        }),
      });
      const text = await response.text();
      assertEquals(response.status, 200, text);
      assertMatch(text, end);
    }
    const { refreshes, reuses } = sandbox.counters;
    assertEquals([refreshes, reuses], [1, 0]);
    const books = workerd.usage.get(workerd.usage.idFromName("ledger"));
    let rows: unknown[] = [];
    for (let tries = 0; rows.length === 0 && tries < 100; tries++) {
      await sleep(100);
      const answer = await books.fetch("https://object/read", { method: "POST", body: "{}" });
      ({ rows } = await answer.json());
    }
    assert(rows.length > 0, "nothing was counted");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

/** Makes a client key and stores a login that has expired, as the owner of a Worker does. */
async function setUp(started: Workerd, sandbox: Sandbox): Promise<string> {
  await using workerd = started;
  const now = () => Date.now();
  const store = createSealedStore(createKvStore(workerd.kv), {
    sealer: createSealer(parseSealingKeys(KEY_A)),
    acceptsPlain: false,
  });
  const objects = workerd.credentials;
  const call = createCredentialCaller({ objects, sleep, random: Math.random });
  const reader = createCredentialReader({ kv: store, call, now, sleep, onWarning: () => {} });
  await createRemoteCredentials(reader, call).put(await signIn(sandbox, -60_000));
  const { secret } = await createClientKeyStore({ store, now }).create({ name: "laptop" });
  return secret.expose();
}
