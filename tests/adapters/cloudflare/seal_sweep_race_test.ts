/** A sweep of what is sealed, beside others who write: nothing older comes back, nothing is left out. */

import { assertEquals } from "@std/assert";
import type { KvNamespace } from "../../../src/adapters/cloudflare/mod.ts";
import type { SweepPage } from "../../../src/credentials/seal_sweep.ts";
import { createSealSweep } from "../../../src/adapters/cloudflare/seal_sweep.ts";
import { openOwnedStorage } from "../../../src/adapters/cloudflare/owned_storage.ts";
import { CredentialError } from "../../../src/core/errors.ts";
import { sleep } from "../../../src/core/runtime.ts";
import { createSealer, parseSealingKeys, sealingKeyId } from "../../../src/credentials/sealing.ts";
import { KEY_A, KEY_B } from "../../support/credential_workers.ts";
import { fakeStorage } from "../../support/fake_storage.ts";

/** KV in memory, with records of the key `a`; each read may come after something else. */
async function setUp(records: Record<string, string>, pageSize = 1_000) {
  const values = new Map<string, string>();
  const old = createSealer(parseSealingKeys(KEY_A));
  for (const [key, text] of Object.entries(records)) values.set(key, await old.seal(text, key, 0));
  const hooks: { onRead?: (key: string) => Promise<void> } = {};
  const namespace: KvNamespace = {
    getWithMetadata: async (key) => {
      const value = values.get(key) ?? null;
      await hooks.onRead?.(key);
      return { value, metadata: null };
    },
    put: (key, value) => Promise.resolve(void values.set(key, value)),
    delete: (key) => Promise.resolve(void values.delete(key)),
    list: ({ prefix, cursor = "0" }) => {
      const names = [...values.keys()].filter((key) => key.startsWith(prefix)).sort();
      const end = Number(cursor) + pageSize;
      const keys = names.slice(Number(cursor), end).map((name) => ({ name }));
      const page = { keys, list_complete: end >= names.length };
      return Promise.resolve(page.list_complete ? page : { ...page, cursor: String(end) });
    },
  };
  const storage = fakeStorage();
  const now = () => Date.now();
  const env = { KV: namespace, GRANTWAY_KEYS: `${KEY_B},${KEY_A}` };
  const opened = openOwnedStorage(env, { storage, now, sleep });
  const visited: string[] = [];
  const call = ((name: { id: string }) => {
    visited.push(name.id);
    if (name.id === "busy") throw new CredentialError("lease_timeout", "it is being refreshed");
    return Promise.resolve({ counts: { b: 2 }, changed: 1 });
    // deno-lint-ignore no-explicit-any -- one method of the caller
  }) as any;
  const sweep = createSealSweep({ ...opened, storage, call, now });
  const sweepAll = async () => {
    const pages: SweepPage[] = [];
    do pages.push(await sweep({ cursor: pages.at(-1)?.cursor, isChanging: true })); while (
      pages.at(-1)!.cursor !== undefined
    );
    return pages;
  };
  return { values, hooks, namespace, store: opened.store, visited, sweepAll };
}

const sum = (pages: SweepPage[]) => {
  const counts: Record<string, number> = {};
  for (const page of pages) {
    for (const [id, n] of Object.entries(page.counts)) counts[id] = (counts[id] ?? 0) + n;
  }
  return counts;
};

Deno.test("a sweep does not bring back what was removed, though KV goes on showing it", async () => {
  const { values, store, sweepAll } = await setUp({
    "client_key/1": "revoked",
    "client_key/2": "x",
  });
  const stale = values.get("client_key/1")!;
  await store.delete("client_key/1");
  values.set("client_key/1", stale);
  await sweepAll();
  assertEquals([await store.get("client_key/1"), await store.get("client_key/2")], [null, "x"]);
  assertEquals(values.get("client_key/1"), stale);
});

Deno.test("a sweep does not bring back what is removed or changed while it looks", async () => {
  const { values, hooks, store, sweepAll } = await setUp({ "client_key/1": "x", settings: "old" });
  hooks.onRead = async (key) => {
    delete hooks.onRead;
    await store.withLease(key, () => store.delete("client_key/1"));
    await store.put("settings", "new");
  };
  await sweepAll();
  assertEquals([await store.get("client_key/1"), values.has("client_key/1")], [null, false]);
  assertEquals([await store.get("settings"), sealingKeyId(values.get("settings")!)], ["new", "b"]);
});

Deno.test("a sweep meets each record once, in however many pages KV lists them", async () => {
  const keys = Array.from({ length: 45 }, (_, n) => `client_key/${String(n).padStart(2, "0")}`);
  for (const pageSize of [1_000, 30, 7]) {
    const records = Object.fromEntries([...keys, "grant/acme/1/2/3"].map((key) => [key, key]));
    const { values, store, sweepAll } = await setUp(records, pageSize);
    await store.put(keys[3]!, "mine");
    const pages = await sweepAll();
    assertEquals(sum(pages), { b: 45 }, `${pageSize}`);
    assertEquals(pages.reduce((all, { changed }) => all + changed, 0), 44);
    for (const { counts } of pages) {
      assertEquals(Object.values(counts).reduce((all, n) => all + n, 0) <= 10, true);
    }
    for (const key of keys) {
      assertEquals(sealingKeyId(values.get(key)!), "b");
      assertEquals(await store.get(key), key === keys[3] ? "mine" : key);
    }
    assertEquals(sum(await sweepAll()), { b: 45 });
  }
});

Deno.test("a sweep has each login's object see to it, also one that KV shows nothing of", async () => {
  const accounts = ["1", "busy", "hidden"].map((id) => ({ provider: "acme", id }));
  const { visited, sweepAll } = await setUp({
    accounts: JSON.stringify({ accounts }),
    "access/acme/1": "{}",
    "access/acme/busy": "{}",
  });
  const pages = await sweepAll();
  assertEquals(visited.sort(), ["1", "busy", "hidden"]);
  assertEquals(sum(pages), { b: 5, unknown: 1 });
  assertEquals(pages.flatMap(({ problems }) => problems), ["it is being refreshed"]);
});

Deno.test("a sweep tells what cannot be opened, and leaves it", async () => {
  const { values, sweepAll } = await setUp({ settings: "x" });
  const lost = createSealer(parseSealingKeys(`lost:${"D".repeat(42)}A`));
  const sealed = await lost.seal("y", "client_key/1", 0);
  values.set("client_key/1", sealed);
  const pages = await sweepAll();
  assertEquals(sum(pages), { b: 1, lost: 1 });
  assertEquals(pages.flatMap(({ problems }) => problems).length, 1);
  assertEquals(values.get("client_key/1"), sealed);
});
