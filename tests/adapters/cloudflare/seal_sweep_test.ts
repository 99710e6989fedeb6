/**
 * Sealing keys that rotate twice under a running gateway, in workerd: facts X35, X36. Everything is
 * sealed anew while others write; then the old key is gone, and nothing else is.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import {
  createCredentialCaller,
  createCredentialReader,
  createKvStore,
  createRemoteCredentials,
  type KvNamespace,
} from "../../../src/adapters/cloudflare/mod.ts";
import type { SweepPage } from "../../../src/credentials/seal_sweep.ts";
import { sleep } from "../../../src/core/runtime.ts";
import { createSealedStore } from "../../../src/credentials/sealed_store.ts";
import { createSealer, parseSealingKeys, sealingKeyId } from "../../../src/credentials/sealing.ts";
import { createClientKeyStore } from "../../../src/gateway/mod.ts";
import { createSandbox } from "../../../src/sandbox/mod.ts";
import { bundle } from "../../support/bundle.ts";
import { Canaries, watchFetch } from "../../support/canary.ts";
import { KEY_A, KEY_B, signIn } from "../../support/credential_workers.ts";
import { startWorkerd, type Workerd } from "../../support/workerd.ts";

const KEY_C = `c:${"C".repeat(42)}A`;
const TOKEN = "an-admin-token-of-some-length";
const MINUTE = 60_000;

// deno-lint-ignore no-explicit-any -- JSON whose shape each step states
type Json = any;

/** Every key of KV with what is under it. */
async function dump(kv: KvNamespace): Promise<Map<string, string>> {
  const { keys } = await kv.list({ prefix: "" });
  const entries = await Promise.all(keys.map(async ({ name }) => {
    const { value } = await kv.getWithMetadata(name, "text");
    return [name, value!] as const;
  }));
  return new Map(entries);
}

/** What lies on the disk, file by file. */
async function* filesOf(folder: string): AsyncGenerator<Uint8Array> {
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    if (isDirectory) yield* filesOf(`${folder}/${name}`);
    else yield await Deno.readFile(`${folder}/${name}`);
  }
}

class World {
  constructor(readonly workerd: Workerd) {}

  async api(method: string, path: string, body?: unknown): Promise<Json> {
    const response = await fetch(new URL(`/admin/api/${path}`, this.workerd.origin), {
      method,
      headers: { authorization: `Bearer ${TOKEN}` },
      body: body === undefined ? null : JSON.stringify(body),
    });
    const answer = await response.json();
    assert(response.ok, `${method} ${path}: ${JSON.stringify(answer)}`);
    return answer;
  }

  /** One page after the other, up to `pages`. */
  async sweep(method: "GET" | "POST", pages = Infinity) {
    const counts: Record<string, number> = {};
    let changed = 0, cursor: string | undefined, last: SweepPage;
    do {
      const query = cursor === undefined ? "" : `?cursor=${encodeURIComponent(cursor)}`;
      last = await this.api(method, `seals${query}`);
      assertEquals(last.problems, []);
      for (const [id, n] of Object.entries(last.counts)) counts[id] = (counts[id] ?? 0) + n;
      changed += last.changed;
      cursor = last.cursor;
    } while (cursor !== undefined && --pages > 0);
    return { counts, changed, last };
  }

  async ask(key: string, model = "fast"): Promise<number> {
    const response = await fetch(new URL("/v1/messages", this.workerd.origin), {
      method: "POST",
      headers: { "x-api-key": key, "content-type": "application/json" },
      body: JSON.stringify({
        model,
        max_tokens: 50,
        messages: [{ role: "user", content: "Say hello" }],
      }),
    });
    await response.body?.cancel();
    return response.status;
  }
}

Deno.test("sealing keys rotate live, twice: nothing is lost, and the old key can go", async (t) => {
  const folder = await Deno.makeTempDir();
  const sandbox = createSandbox({ autoApprove: true });
  const canaries = new Canaries();
  const watched = watchFetch(canaries, sandbox.fetch);
  const ring = (keys: string) => ({ GRANTWAY_KEYS: keys, GRANTWAY_ADMIN_TOKEN: TOKEN });
  await using workerd = await startWorkerd(await bundle("../src/worker.ts"), {
    bindings: ring(KEY_A),
    hasObjects: true,
    folder,
    fetch: watched,
  });
  const world = new World(workerd);
  const secrets: string[] = [];
  const revoked: string[] = [];
  const newKey = async (name: string) => {
    const { secret } = await world.api("POST", "keys", { name });
    secrets.push(secret);
    return secret as string;
  };

  await t.step("fill: logins, keys, settings, and what earlier versions wrote to KV", async () => {
    const store = createSealedStore(createKvStore(workerd.kv), {
      sealer: createSealer(parseSealingKeys(KEY_A)),
      acceptsPlain: false,
    });
    const now = () => Date.now();
    const earlier = await createClientKeyStore({ store, now }).create({ name: "earlier" });
    secrets.push(earlier.secret.expose());
    await store.put("pool/xai-oauth", JSON.stringify({ order: ["x"], coolDowns: {} }));
    const call = createCredentialCaller({
      objects: workerd.credentials,
      sleep,
      random: Math.random,
    });
    const reader = createCredentialReader({ kv: store, call, now, sleep, onWarning: () => {} });
    const credentials = createRemoteCredentials(reader, call);
    const first = await signIn({ fetch: watched }, 10 * MINUTE);
    const second = await signIn({ fetch: watched }, -MINUTE);
    const left = await signIn({ fetch: watched }, 10 * MINUTE);
    for (const one of [first, second, left]) await credentials.put(one);
    await credentials.remove(left.provider, left.id);
    const { provider, id } = first;
    await call({ provider, id }, "refresh", {});
    // As where KV never took it.
    await workerd.kv.delete(`access/${provider}/${id}`);
    for (let n = 1; n <= 12; n++) await newKey(`key ${n}`);
    await world.api("PUT", "settings/aliases.fast", { value: "MiniMax-M2.7-highspeed" });
    // Settings are believed for twenty seconds.
    assertEquals(await world.ask(secrets[0]!, "MiniMax-M2.7"), 200);
    assertEquals((await world.api("GET", "seals")).keyId, "a");
  });

  await t.step("a -> b: a crash in the middle, and writers at the same time", async () => {
    await workerd.restart(ring(`${KEY_B},${KEY_A}`));
    assertEquals(await world.ask(secrets[1]!), 200);
    const before = await world.sweep("GET");
    assert(before.counts["a"]! > 12, JSON.stringify(before.counts));
    assertEquals(before.changed, 0);

    await world.sweep("POST", 1);
    await workerd.restart(ring(`${KEY_B},${KEY_A}`));
    const half = await world.sweep("GET");
    assert(half.counts["a"]! > 0 && half.counts["b"]! > 0, JSON.stringify(half.counts));

    const changes = Array.from(
      { length: 6 },
      (_, n) => world.api("PUT", `settings/aliases.at-once-${n}`, { value: "default" }),
    );
    const revoking = ["key 11", "key 12", "earlier"].map(async (name) => {
      await world.api("DELETE", `keys/${encodeURIComponent(name)}`);
    });
    await Promise.all([world.sweep("POST"), newKey("meanwhile"), ...changes, ...revoking]);
    revoked.push(secrets[0]!, secrets[11]!, secrets[12]!);
    const rest = await world.sweep("POST");
    assertEquals(Object.keys(rest.counts), ["b"]);
    assert(rest.last.changedAt! <= Date.now());
  });

  const holds = async () => {
    const { keys } = await world.api("GET", "keys");
    assertEquals(keys.length, 11);
    const { settings } = await world.api("GET", "settings");
    assertEquals(Object.keys(settings).length, 7, "a change was lost");
    const { accounts } = await world.api("GET", "accounts");
    assertEquals(accounts.length, 2);
    for (const secret of secrets) {
      assertEquals(await world.ask(secret), revoked.includes(secret) ? 401 : 200);
    }
    assertEquals(sandbox.counters.reuses, 0);
  };

  await t.step("b alone: all is there, and goes on", async () => {
    await workerd.restart(ring(KEY_B));
    await holds();
    const { refreshes } = sandbox.counters;
    const call = createCredentialCaller({ objects: workerd.credentials, sleep, random: () => 0 });
    const { accounts } = await world.api("GET", "accounts");
    for (const { credential: { provider, id } } of accounts) {
      await call({ provider, id }, "refresh", {});
    }
    assertEquals(sandbox.counters.refreshes - refreshes, 2);
  });

  await t.step("b -> c, and c alone", async () => {
    await workerd.restart(ring(`${KEY_C},${KEY_B}`));
    await world.sweep("POST");
    assertEquals(Object.keys((await world.sweep("GET")).counts), ["c"]);
    await workerd.restart(ring(KEY_C));
    await holds();
  });

  await t.step("X35: nothing is in the clear, in KV and on the disk", async () => {
    for (const [key, value] of await dump(workerd.kv)) {
      // Grants of earlier generations are read by nobody.
      if (!key.startsWith("grant/")) assertEquals(sealingKeyId(value), "c", key);
    }
    assert(canaries.size >= 10);
    let bytes = 0;
    for await (const file of filesOf(folder)) {
      bytes += file.length;
      const text = new TextDecoder("latin1").decode(file);
      assertEquals(canaries.find(text), undefined);
      for (const secret of secrets) assert(!text.includes(secret), "a client key is in the clear");
    }
    assert(bytes > 10_000);
  });
  await Deno.remove(folder, { recursive: true });
});
