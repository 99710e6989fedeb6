import { assertEquals, assertRejects } from "@std/assert";
import { createOwnedStore } from "../../../src/adapters/cloudflare/owned_store.ts";
import { CredentialError } from "../../../src/core/errors.ts";
import type { KvStore } from "../../../src/credentials/kv_store.ts";
import { createMemoryStore } from "../../../src/credentials/memory_store.ts";
import { kvStoreContract } from "../../contracts/kv_store.ts";
import { fakeStorage } from "../../support/fake_storage.ts";

/** A store over a KV that fails, or hangs, so many times. */
function setUp() {
  const kv = createMemoryStore();
  const faults = { refusals: 0, hangs: 0, refusedKey: "" };
  /** What hung, to be done after all. */
  const late: (() => Promise<void>)[] = [];
  const write = async (key: string, run: () => Promise<void>) => {
    if (faults.hangs-- > 0) {
      late.push(run);
      return await new Promise<never>(() => {});
    }
    if (key === faults.refusedKey) throw new Error("KV PUT failed: 413");
    if (faults.refusals-- > 0) throw new Error("KV PUT failed: 429 Too Many Requests");
    await run();
  };
  const far: KvStore = {
    ...kv,
    put: (...args) => write(args[0], () => kv.put(...args)),
    delete: (key) => write(key, () => kv.delete(key)),
  };
  const storage = fakeStorage();
  const sleep = (_: number, signal?: AbortSignal) =>
    new Promise<void>((resolve, reject) => {
      const timer = setTimeout(resolve, 2);
      signal?.addEventListener("abort", () => {
        clearTimeout(timer);
        reject(signal.reason);
      });
    });
  const clock = { aheadMs: 0 };
  const now = () => Date.now() + clock.aheadMs;
  const open = () => createOwnedStore({ storage, kv: far, now, sleep });
  return { kv, faults, late, clock, open };
}

kvStoreContract("records that an object owns,", () => {
  let offsetMs = 0;
  const now = () => Date.now() + offsetMs;
  const store = createOwnedStore({
    storage: fakeStorage(),
    kv: createMemoryStore({ now }),
    now,
    sleep: () => Promise.resolve(),
  });
  return Promise.resolve({ store, advance: (ms: number) => void (offsetMs += ms) });
}, { manyKeys: 1_001 });

Deno.test("createOwnedStore() reads what KV had before, and takes it over with the first write", async () => {
  const { kv, open } = setUp();
  await kv.put("a/1", "earlier");
  await kv.put("a/2", "earlier");
  const store = open();
  await store.put("a/1", "now");
  // As KV shows it elsewhere, for a while.
  await kv.put("a/1", "earlier");
  assertEquals([await store.get("a/1"), await store.get("a/2")], ["now", "earlier"]);
  await store.delete("a/2");
  await kv.put("a/2", "earlier");
  assertEquals(await store.get("a/2"), null);
  let page = await store.list({ prefix: "a/" });
  const keys = [...page.keys];
  while (page.cursor !== undefined) {
    page = await store.list({ prefix: "a/", cursor: page.cursor });
    keys.push(...page.keys);
  }
  assertEquals(keys, ["a/1"]);
});

Deno.test("createOwnedStore() K03: tries again after a 429", async () => {
  const { kv, faults, open } = setUp();
  faults.refusals = 2;
  const store = open();
  await store.put("a", "1");
  assertEquals([await kv.get("a"), await store.behind()], ["1", 0]);
});

for (const [fault, count] of [["refusals", 3], ["hangs", 1]] as const) {
  Deno.test(`createOwnedStore() keeps what KV did not take (${fault}), and brings it there later`, async () => {
    const { kv, faults, open } = setUp();
    faults[fault] = count;
    const error = await assertRejects(() => open().put("a", "1"), CredentialError, "Saved a, but");
    assertEquals(error.retryable, true);
    // Another instance, woken by the alarm.
    const store = open();
    assertEquals([await store.get("a"), await kv.get("a"), await store.behind()], ["1", null, 1]);
    await store.catchUp();
    assertEquals([await kv.get("a"), await store.behind()], ["1", 0]);
  });
}

Deno.test("createOwnedStore() puts right what a write that was given up has undone when it came", async () => {
  const { kv, faults, late, clock, open } = setUp();
  const store = open();
  faults.hangs = 1;
  await assertRejects(() => store.put("a", "1"), CredentialError, "Saved a, but");
  await store.delete("a");
  assertEquals([await kv.get("a"), late.length], [null, 1]);
  await late[0]!();
  assertEquals([await kv.get("a"), await store.get("a")], ["1", null]);
  clock.aheadMs = 61_000;
  await store.catchUp();
  assertEquals([await kv.get("a"), await store.behind()], [null, 0]);
});

Deno.test("createOwnedStore() brings the others to KV where it refuses one", async () => {
  const { kv, faults, open } = setUp();
  const store = open();
  faults.refusals = 6;
  for (const key of ["a", "b"]) await assertRejects(() => store.put(key, "1"), CredentialError);
  faults.refusedKey = "a";
  await assertRejects(() => store.catchUp(), Error, "413");
  assertEquals([await kv.get("a"), await kv.get("b"), await store.behind()], [null, "1", 1]);
});

Deno.test("createOwnedStore() leaves nothing to do for a record that ended before KV took it", async () => {
  const { faults, clock, open } = setUp();
  const store = open();
  faults.refusals = 3;
  await assertRejects(
    () => store.put("a", "1", { expiresAt: Date.now() + 60_000 }),
    CredentialError,
  );
  clock.aheadMs = 61_000;
  assertEquals((await store.list({ prefix: "a" })).keys, []);
  await store.catchUp();
  assertEquals(await store.behind(), 0);
});

Deno.test("createOwnedStore() writes the newest to KV last, whatever comes at once", async () => {
  const { kv, open } = setUp();
  const store = open();
  await Promise.all(Array.from({ length: 20 }, (_, n) => store.put("a", String(n))));
  assertEquals([await kv.get("a"), await store.get("a")], ["19", "19"]);
  assertEquals(await store.behind(), 0);
});
