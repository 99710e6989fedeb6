import { assertEquals } from "@std/assert";
import {
  createRemoteBooks,
  createStorageStore,
  defineUsageObject,
  type ObjectNamespace,
  type ObjectState,
} from "../../../src/adapters/cloudflare/mod.ts";
import { createKvUsageStore, type UsageQuery, type UsageRow } from "../../../src/gateway/mod.ts";
import { sleep } from "../../../src/core/runtime.ts";
import { fakeStorage } from "../../support/fake_storage.ts";
import { kvStoreContract } from "../../contracts/kv_store.ts";

kvStoreContract(
  "the storage of an object,",
  // deno-lint-ignore require-await
  async () => {
    let offsetMs = 0;
    const store = createStorageStore(fakeStorage(), () => Date.now() + offsetMs);
    return { store, advance: (ms) => void (offsetMs += ms) };
  },
  { manyKeys: 1_001 },
);

Deno.test("UsageObject adds up what isolates report, and tells it after a restart", async () => {
  const state: ObjectState = { storage: fakeStorage(), waitUntil: () => {} };
  const UsageObject = defineUsageObject<UsageRow, UsageQuery>((store) =>
    createKvUsageStore({ store, lease: store })
  );
  let object = new UsageObject(state);
  const objects: ObjectNamespace = {
    idFromName: (name) => name,
    get: () => ({ fetch: (url, init) => object.fetch(new Request(url, init)) }),
  };
  const row: UsageRow = {
    day: new Date().toISOString().slice(0, 10),
    keyId: "key_1",
    provider: "acme",
    account: "one",
    model: "big",
    requests: 1,
    failures: 0,
    inputTokens: 10,
    cacheReadTokens: 2,
    cacheWriteTokens: 3,
    outputTokens: 40,
  };
  const isolates = [1, 2, 3].map(() => createRemoteBooks<UsageRow, UsageQuery>({ objects, sleep }));
  await Promise.all(isolates.map((books) => books.add([row, { ...row, keyId: "key_2" }])));
  object = new UsageObject(state);
  const rows = await isolates[0]!.read({ keyId: "key_1" });
  assertEquals(rows, [{
    ...row,
    requests: 3,
    inputTokens: 30,
    cacheReadTokens: 6,
    cacheWriteTokens: 9,
    outputTokens: 120,
  }]);
  assertEquals((await isolates[0]!.read({})).length, 2);
});
