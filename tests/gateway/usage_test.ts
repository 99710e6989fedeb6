import { createHash } from "node:crypto";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { openFileStore } from "../../src/adapters/deno/file_store.ts";
import { GrantwayError } from "../../src/core/errors.ts";
import { createMemoryStore } from "../../src/credentials/mod.ts";
import type { UsageEntry, UsageStore } from "../../src/gateway/usage.ts";
import { createUsageLedger } from "../../src/gateway/usage_ledger.ts";
import { createKvUsageStore, USAGE_DAYS } from "../../src/gateway/usage_store.ts";
import { createUsageTally, groupRows, OTHER, sumRows } from "../../src/gateway/usage_tally.ts";
import { usageRow, usageStoreContract } from "../contracts/usage_store.ts";

const NOON = Date.parse("2026-07-01T12:00:00Z");
const DAY_MS = 86_400_000;

function entry(rest: Partial<UsageEntry> = {}): UsageEntry {
  return {
    at: NOON,
    keyId: "key_a",
    provider: "xai-oauth",
    account: "acc_1",
    model: "grok-4.3",
    outcome: "completed",
    inputTokens: 10,
    cacheReadTokens: 4,
    cacheWriteTokens: 2,
    outputTokens: 3,
    ...rest,
  };
}

usageStoreContract("memory", () => {
  const store = createMemoryStore({ now: () => NOON });
  const open = () => createKvUsageStore({ store, lease: store });
  return Promise.resolve({ store: open(), again: open() });
});

// Real files and real locks: what a gateway has.
async function openFiles() {
  const folder = await Deno.makeTempDir();
  const open = () => openFileStore(folder, { document: "gateway.json", now: () => NOON });
  return { folder, open, close: () => Deno.remove(folder, { recursive: true }) };
}
usageStoreContract("file", async () => {
  const { open, close } = await openFiles();
  const one = open(), two = open();
  return {
    store: createKvUsageStore({ store: one, lease: one }),
    again: createKvUsageStore({ store: two, lease: two }),
    close,
  };
});

Deno.test("usage: a day is kept for 92 days, and then is gone without anybody's doing", async () => {
  let now = NOON;
  const kv = createMemoryStore({ now: () => now });
  const store = createKvUsageStore({ store: kv, lease: kv });
  await store.add([usageRow()]);
  now = Date.parse("2026-07-01") + USAGE_DAYS * DAY_MS - 1;
  assertEquals((await store.read({})).length, 1);
  now += 1;
  assertEquals(await store.read({}), []);
  assertEquals((await kv.list({ prefix: "" })).keys, []);
});

const DAMAGED = [
  { name: "no JSON", text: "{" },
  { name: "no rows", text: '{"version":1}' },
  { name: "a row of too few", text: '{"version":1,"rows":[["a","b","c","d",1]]}' },
  { name: "negative counts", text: '{"version":1,"rows":[["a","b","c","d",1,0,-5,0,0,0]]}' },
  { name: "text for a count", text: '{"version":1,"rows":[["a","b","c","d",1,0,"5",0,0,0]]}' },
  { name: "a newer version", text: '{"version":2,"rows":[]}' },
];
for (const { name, text } of DAMAGED) {
  Deno.test(`usage: a day's record with ${name} is an error and is not written over`, async () => {
    const kv = createMemoryStore({ now: () => NOON });
    const store = createKvUsageStore({ store: kv, lease: kv });
    await kv.put("usage/2026-07-01", text);
    for (const run of [() => store.read({}), () => store.add([usageRow()])]) {
      assertEquals((await assertRejects(run, GrantwayError)).code, "storage_corrupt");
    }
    assertEquals(await kv.get("usage/2026-07-01"), text);
  });
}

Deno.test("createUsageTally() counts outcomes, days and odd numbers", () => {
  const tally = createUsageTally();
  tally.add(entry());
  tally.add(entry({ outcome: "failed" }));
  tally.add(entry({ outcome: "cancelled", at: Date.parse("2026-07-01T23:59:59.999Z") }));
  tally.add(entry({ at: Date.parse("2026-07-02T00:00:00Z") }));
  tally.add(entry({ inputTokens: NaN, outputTokens: -1, cacheReadTokens: Infinity }));
  const [first, second] = tally.rows();
  assertEquals([first!.requests, first!.failures, first!.inputTokens, first!.outputTokens], [
    4,
    2,
    30,
    9,
  ]);
  assert(Number.isSafeInteger(first!.cacheReadTokens));
  assertEquals([second!.day, second!.requests], ["2026-07-02", 1]);
});

Deno.test("createUsageTally() stays small, whatever clients call their models", () => {
  const tally = createUsageTally();
  for (let i = 0; i < 5_000; i++) tally.add(entry({ model: `m${i}\u001b[2J${"x".repeat(1_000)}` }));
  for (let i = 0; i < 100; i++) tally.add(entry({ keyId: "key_b", model: "__proto__" }));
  const rows = tally.rows();
  assert(rows.length <= 502, `${rows.length} rows`);
  assertEquals(sumRows(rows).requests, 5_100);
  for (const { model } of rows) assert(/^[\x20-\x7e…]{1,100}$/.test(model), model);
  const others = rows.filter(({ model }) => model === OTHER);
  assertEquals(others.map(({ keyId, account }) => [keyId, account]), [
    ["key_a", OTHER],
    ["key_b", OTHER],
  ]);
  assertEquals([...groupRows(rows, ({ keyId }) => keyId)].map(([id, sum]) => [id, sum.requests]), [
    ["key_a", 5_000],
    ["key_b", 100],
  ]);
});

/** A ledger whose waits end when the test says so. */
function ledgerOver(store: UsageStore) {
  const waits: { ms: number; end: () => void }[] = [];
  const warnings: string[] = [];
  const sleep = (ms: number, signal?: AbortSignal) =>
    new Promise<void>((resolve, reject) => {
      const wait = { ms, end: resolve };
      waits.push(wait);
      signal?.addEventListener("abort", () => {
        waits.splice(waits.indexOf(wait), 1);
        reject(signal.reason);
      });
    });
  const ledger = createUsageLedger({ store, sleep, onWarning: (text) => warnings.push(text) });
  const pass = async () => {
    waits.shift()!.end();
    await new Promise((resolve) => setTimeout(resolve));
  };
  return { ledger, waits, warnings, pass };
}

function memoryUsage() {
  const kv = createMemoryStore({ now: () => NOON });
  const added: number[] = [];
  const inner = createKvUsageStore({ store: kv, lease: kv });
  const store: UsageStore = {
    add: (rows) => (added.push(rows.length), inner.add(rows)),
    read: inner.read,
  };
  return { store, inner, added };
}

Deno.test("UsageLedger saves every five seconds while something is new, and waits for nothing else", async () => {
  const { store, inner, added } = memoryUsage();
  const { ledger, waits, pass } = ledgerOver(store);
  assertEquals(waits, []);
  for (let i = 0; i < 1_000; i++) ledger.record(entry({ model: `m${i % 2}` }));
  assertEquals(waits.map(({ ms }) => ms), [5_000]);
  assertEquals(added, []);
  await pass();
  assertEquals([added, waits.length], [[2], 0]);
  assertEquals(sumRows(await inner.read({})).requests, 1_000);
  ledger.record(entry());
  assertEquals(waits.length, 1);
  await ledger.flush();
  await ledger.flush();
  assertEquals([added, waits.length], [[2, 1], 0]);
  assertEquals(sumRows(await inner.read({})).requests, 1_001);
});

Deno.test("UsageLedger.report() sees each request once, saved or not", async () => {
  const { store } = memoryUsage();
  const { ledger, pass } = ledgerOver(store);
  const requests = async (query = {}) => sumRows(await ledger.report(query)).requests;
  ledger.record(entry());
  assertEquals(await requests(), 1);
  const saving = pass();
  ledger.record(entry({ keyId: "key_b", at: NOON + DAY_MS }));
  assertEquals(await requests(), 2);
  await saving;
  assertEquals(await requests(), 2);
  assertEquals(await requests({ keyId: "key_b" }), 1);
  assertEquals(await requests({ from: "2026-07-02" }), 1);
  assertEquals(await requests({ to: "2026-07-01" }), 1);
  await ledger.flush();
  assertEquals((await ledger.report()).map(({ day }) => day), ["2026-07-01", "2026-07-02"]);
});

Deno.test("UsageLedger keeps what cannot be saved, says so once, and tries again", async () => {
  const { store, inner } = memoryUsage();
  const { add } = store;
  const { ledger, waits, warnings, pass } = ledgerOver(store);
  store.add = () => Promise.reject(new Error("no space left on the disk"));
  ledger.record(entry());
  for (let i = 0; i < 3; i++) {
    await pass();
    assertEquals(waits.length, 1);
    ledger.record(entry());
  }
  assertEquals(warnings, ["Usage is not saved: no space left on the disk"]);
  await assertRejects(() => ledger.flush(), Error, "no space");
  store.add = add;
  await ledger.flush();
  assertEquals(sumRows(await inner.read({})).requests, 4);
});

Deno.test("UsageLedger: two gateways over one file add up, and a restart forgets nothing", async () => {
  const { open, close } = await openFiles();
  const start = () => {
    const store = open();
    return ledgerOver(createKvUsageStore({ store, lease: store })).ledger;
  };
  try {
    const gateways = [start(), start()];
    for (let round = 0; round < 5; round++) {
      for (const gateway of gateways) {
        for (let i = 0; i < 10; i++) gateway.record(entry());
      }
      await Promise.all(gateways.map((gateway) => gateway.flush()));
    }
    const [row] = await start().report();
    assertEquals([row!.requests, row!.inputTokens, row!.outputTokens], [100, 1_000, 300]);
  } finally {
    await close();
  }
});

Deno.test("UsageLedger over a file leaves auth.json alone", async () => {
  const { folder, open, close } = await openFiles();
  try {
    const auth = openFileStore(folder);
    await auth.put("a", "1");
    const digest = async () =>
      createHash("sha256").update(await Deno.readFile(`${folder}/auth.json`)).digest("hex");
    const before = [await digest(), (await Deno.stat(`${folder}/auth.json`)).ino];
    const store = open();
    const { ledger } = ledgerOver(createKvUsageStore({ store, lease: store }));
    ledger.record(entry());
    await ledger.flush();
    assertEquals([await digest(), (await Deno.stat(`${folder}/auth.json`)).ino], before);
    assertEquals((await Deno.stat(`${folder}/gateway.json`)).mode! & 0o777, 0o600);
  } finally {
    await close();
  }
});
