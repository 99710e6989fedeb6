/**
 * `src/worker.ts`, bundled as it is deployed, in workerd: with everything that `wrangler.toml` binds,
 * and with some of it missing. The sandbox answers whatever leaves it.
 *
 * @module
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import config from "../../deno.json" with { type: "json" };
import {
  createCredentialCaller,
  createCredentialReader,
  createKvStore,
  createRemoteCredentials,
} from "../../src/adapters/cloudflare/mod.ts";
import { sleep } from "../../src/core/runtime.ts";
import { createSealedStore } from "../../src/credentials/sealed_store.ts";
import { createSealer, parseSealingKeys } from "../../src/credentials/sealing.ts";
import { changeStoredSetting, createClientKeyStore } from "../../src/gateway/mod.ts";
import { createSandbox } from "../../src/sandbox/mod.ts";
import { bundle } from "../support/bundle.ts";
import { KEY_A, signIn } from "../support/credential_workers.ts";
import { startWorkerd, type Workerd, type WorkerdOptions } from "../support/workerd.ts";

let code: ReturnType<typeof bundle> | undefined;

async function start(options: WorkerdOptions = {}): Promise<Workerd> {
  code ??= bundle("../src/worker.ts");
  return await startWorkerd(await code, options);
}

/** What the owner of a Worker does: keys, settings, logins. */
function ownerOf({ kv, credentials }: Workerd) {
  const sealer = createSealer(parseSealingKeys(KEY_A));
  const store = createSealedStore(createKvStore(kv), { sealer, acceptsPlain: false });
  const now = () => Date.now();
  const call = createCredentialCaller({ objects: credentials, sleep, random: Math.random });
  const reader = createCredentialReader({ kv: store, call, now, sleep, onWarning: () => {} });
  return {
    store,
    keys: createClientKeyStore({ store, now }),
    credentials: createRemoteCredentials(reader, call),
  };
}

const QUESTION = { max_tokens: 200, messages: [{ role: "user", content: "Say hello" }] };

Deno.test("the Worker serves logins to holders of keys, and counts what they use", async (t) => {
  const sandbox = createSandbox({ autoApprove: true });
  await using workerd = await start({
    bindings: { GRANTWAY_KEYS: KEY_A },
    hasObjects: true,
    fetch: sandbox.fetch,
  });
  const { keys, credentials, store } = ownerOf(workerd);
  const request = (path: string, init?: RequestInit) => fetch(new URL(path, workerd.origin), init);
  // Before anything is asked: settings are believed for twenty seconds.
  const change = async (key: string, edit: (text: string | null) => string) =>
    await store.put(key, edit(await store.get(key)));
  await changeStoredSetting({ change }, "aliases.fast", "minimax-oauth/MiniMax-M2.7-highspeed");
  let authorization = "";
  const post = (path: string, body: unknown) =>
    request(path, {
      method: "POST",
      headers: { authorization, "content-type": "application/json" },
      body: JSON.stringify(body),
    });

  await t.step("tells its health and its version", async () => {
    const response = await request("/healthz");
    assertEquals([response.status, response.headers.get("cache-control")], [200, "no-store"]);
    assertEquals(await response.json(), { status: "ok", version: config.version });
  });

  await t.step("serves nobody while there is no key", async () => {
    const response = await post("/v1/messages", QUESTION);
    assertEquals(response.status, 503);
    assertMatch(await response.text(), /no client key/i);
  });

  await t.step("says what is missing before anybody has signed in", async () => {
    const { secret } = await keys.create({ name: "laptop" });
    authorization = `Bearer ${secret.expose()}`;
    const response = await post("/v1/messages", {
      model: "minimax-oauth/MiniMax-M2.7",
      ...QUESTION,
    });
    assertMatch(await response.text(), /grantway auth add minimax-oauth --remote/);
  });

  // Expired: the first request refreshes it.
  await credentials.put(await signIn({ fetch: sandbox.fetch }, -60_000));
  // The gateway believes what it has read of accounts for a second.
  await sleep(1_100);

  await t.step("answers in three dialects, of one refresh", async () => {
    const asked = await Promise.all([
      post("/v1/messages", { model: "MiniMax-M2.7", ...QUESTION }),
      post("/v1/chat/completions", { model: "claude-opus-4", ...QUESTION, stream: true }),
      post("/v1/responses", { model: "fast", input: "Say hello" }),
    ]);
    const texts = await Promise.all(asked.map((response) => response.text()));
    assertEquals(asked.map(({ status }) => status), [200, 200, 200], texts.join("\n"));
    assertMatch(texts[0]!, /"type":"message"/);
    assertMatch(texts[1]!, /data: \[DONE\]/);
    assertMatch(texts[2]!, /"object":"response"/);
    const { refreshes, reuses } = sandbox.counters;
    assertEquals([refreshes, reuses], [1, 0]);
  });

  await t.step("lists models", async () => {
    const response = await request("/v1/models", { headers: { authorization } });
    assertMatch(await response.text(), /MiniMax-M2\.7/);
  });

  await t.step("refreshes once and asks again when a bearer is refused", async () => {
    // What was minted a moment ago would not be replaced.
    const stored = (await credentials.list())[0]!;
    const refreshedAt = Date.now() - 300_000;
    await credentials.update(stored.provider, stored.id, (one) => ({ ...one, refreshedAt }));
    sandbox.expireAccessTokens();
    const { refreshes } = sandbox.counters;
    const answers = await Promise.all(
      Array.from(
        { length: 10 },
        () => post("/v1/messages", { model: "MiniMax-M2.7", ...QUESTION }),
      ),
    );
    for (const answer of answers) await answer.body?.cancel();
    assertEquals(answers.map(({ status }) => status), Array(10).fill(200));
    assertEquals([sandbox.counters.refreshes - refreshes, sandbox.counters.reuses], [1, 0]);
  });

  await t.step("reports usage, also what other isolates have counted", async () => {
    const read = async () => {
      const response = await request("/v1/usage", { headers: { authorization } });
      return await response.text();
    };
    const report = await read();
    assertMatch(report, /MiniMax-M2\.7/);
    // It comes from the object by now: the ledger saves every five seconds.
    await sleep(6_000);
    const stub = workerd.usage.get(workerd.usage.idFromName("ledger"));
    const saved = await stub.fetch("https://object/read", { method: "POST", body: "{}" });
    const { rows } = await saved.json();
    assert(rows.length > 0);
    assert(rows.reduce((sum: number, row: { requests: number }) => sum + row.requests, 0) >= 3);
  });

  await t.step("refuses a request for an unknown route", async () => {
    const response = await request("/nope", { headers: { authorization } });
    assertEquals(response.status, 404);
    await response.body?.cancel();
  });
});

Deno.test("a Worker without sealing keys answers 503 and says what to add", async () => {
  await using workerd = await start({ hasObjects: true });
  for (const path of ["/healthz", "/readyz", "/v1/models", "/v1/messages"]) {
    const response = await fetch(new URL(path, workerd.origin));
    assertEquals(response.status, 503, path);
    assertMatch(await response.text(), /wrangler secret put GRANTWAY_KEYS/);
  }
});

Deno.test("a Worker without objects serves what is fresh, and refuses to refresh", async () => {
  const sandbox = createSandbox({ autoApprove: true });
  await using workerd = await start({ bindings: { GRANTWAY_KEYS: KEY_A }, fetch: sandbox.fetch });
  const { keys, store } = ownerOf(workerd);
  const { secret } = await keys.create({ name: "laptop" });
  const ask = () =>
    fetch(new URL("/v1/messages", workerd.origin), {
      method: "POST",
      headers: { "x-api-key": secret.expose(), "content-type": "application/json" },
      body: JSON.stringify({ model: "MiniMax-M2.7", ...QUESTION }),
    });
  const credential = await signIn({ fetch: sandbox.fetch }, 10 * 60_000);
  const { provider, id, tokens } = credential;
  const record = { generation: 1, attempt: 0 };
  const shown = { ...credential, tokens: { accessToken: tokens!.accessToken } };
  await store.put(`access/${provider}/${id}`, JSON.stringify({ ...record, credential: shown }));
  await store.put("accounts", JSON.stringify({ accounts: [{ provider, id }] }));
  const fresh = await ask();
  assertEquals(fresh.status, 200, await fresh.text());

  sandbox.expireAccessTokens();
  const refused = await ask();
  assertMatch(await refused.text(), /Add the binding CREDENTIALS/);
  assert(refused.status >= 400);
  assertEquals(sandbox.counters.refreshes, 0);
});
