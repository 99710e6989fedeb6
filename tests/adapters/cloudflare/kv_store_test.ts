import { assert, assertEquals, assertRejects } from "@std/assert";
import { createKvStore, type KvNamespace } from "../../../src/adapters/cloudflare/kv_store.ts";
import { CredentialError } from "../../../src/core/errors.ts";
import { kvStoreContract } from "../../contracts/kv_store.ts";

/** A namespace that pages by three and refuses what Workers KV refuses. */
function fakeNamespace(now: () => number) {
  const records = new Map<string, { value: string; metadata: unknown }>();
  const expirations: number[] = [];
  const namespace: KvNamespace = {
    getWithMetadata: (key) => Promise.resolve(records.get(key) ?? { value: null, metadata: null }),
    put: (key, value, { expiration, metadata } = {}) => {
      if (expiration !== undefined) {
        expirations.push(expiration);
        if (!Number.isInteger(expiration) || expiration < now() / 1000 + 60) {
          return Promise.reject(new Error("KV PUT failed: 400 Invalid expiration"));
        }
      }
      records.set(key, { value, metadata: metadata ?? null });
      return Promise.resolve();
    },
    delete: (key) => Promise.resolve(void records.delete(key)),
    list: ({ prefix, cursor = "0" }) => {
      const names = [...records.keys()].filter((key) => key.startsWith(prefix)).sort();
      const start = Number(cursor), end = start + 3;
      const keys = names.slice(start, end).map((name) => ({
        name,
        metadata: records.get(name)!.metadata,
      }));
      return Promise.resolve(
        end >= names.length
          ? { keys, list_complete: true }
          : { keys, list_complete: false, cursor: String(end) },
      );
    },
  };
  return { namespace, expirations };
}

// deno-lint-ignore require-await
kvStoreContract("Workers KV (fake)", async () => {
  let offset = 0;
  const now = () => Date.now() + offset;
  return {
    store: createKvStore(fakeNamespace(now).namespace, { now }),
    advance: (ms: number) => void (offset += ms),
  };
});

Deno.test("createKvStore() converts the expiry to whole seconds, at least a minute away", async () => {
  const { namespace, expirations } = fakeNamespace(() => 1_000_000);
  const store = createKvStore(namespace, { now: () => 1_000_000 });
  await store.put("soon", "x", { expiresAt: 1_001_000 });
  await store.put("later", "x", { expiresAt: 2_000_001 });
  assertEquals(expirations, [1065, 2001]);
});

Deno.test("createKvStore() names the operation that failed", async () => {
  const failing = new Proxy({} as KvNamespace, {
    get: () => () => Promise.reject(new Error("KV GET failed: 503")),
  });
  const store = createKvStore(failing);
  const read = await assertRejects(() => store.get("k"), CredentialError, "Cannot read k");
  const write = await assertRejects(() => store.put("k", "v"), CredentialError, "Cannot write k");
  assertEquals([read.code, write.code], ["storage_read", "storage_write"]);
  assert(read.retryable && write.retryable);
});
