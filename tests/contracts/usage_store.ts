/**
 * What the books of usage must do over every store, as a suite that a test file runs against its own.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import type { UsageRow, UsageStore } from "../../src/gateway/usage.ts";

/** Books under test and what ends them. */
export interface OpenUsageStore {
  store: UsageStore;
  /** Another view of the same books, such as a second gateway has. */
  again?: UsageStore;
  close?: () => void | Promise<void>;
}

/** A row of one request. */
export function usageRow(row: Partial<UsageRow> = {}): UsageRow {
  return {
    day: "2026-07-01",
    keyId: "key_a",
    provider: "xai-oauth",
    account: "acc_1",
    model: "grok-4.3",
    requests: 1,
    failures: 0,
    inputTokens: 10,
    cacheReadTokens: 4,
    cacheWriteTokens: 2,
    outputTokens: 3,
    ...row,
  };
}

/** Runs the suite; each row gets books of its own. */
export function usageStoreContract(name: string, open: () => Promise<OpenUsageStore>): void {
  const row = (title: string, run: (opened: OpenUsageStore) => Promise<void>) =>
    Deno.test(`${name} usage store ${title}`, async () => {
      const opened = await open();
      try {
        await run(opened);
      } finally {
        await opened.close?.();
      }
    });

  row("has nothing at first", async ({ store }) => {
    await store.add([]);
    assertEquals(await store.read({}), []);
  });

  row("adds what belongs together, and keeps the rest apart", async ({ store, again = store }) => {
    const others = [
      usageRow({ keyId: "key_b" }),
      usageRow({ provider: "xai" }),
      usageRow({ account: "acc_2" }),
      usageRow({ model: "grok-5" }),
      usageRow({ day: "2026-07-02" }),
    ];
    await store.add([usageRow(), ...others]);
    await again.add([usageRow({ requests: 2, failures: 1, inputTokens: 5 })]);
    const sum = usageRow({
      requests: 3,
      failures: 1,
      inputTokens: 15,
      cacheReadTokens: 8,
      cacheWriteTokens: 4,
      outputTokens: 6,
    });
    const print = (rows: UsageRow[]) => rows.map((row) => JSON.stringify(row)).sort();
    assertEquals(print(await store.read({})), print([sum, ...others]));
    assertEquals(await again.read({ keyId: "key_b" }), [others[0]!]);
  });

  row("reads by day, both ends included", async ({ store }) => {
    const days = ["2026-06-29", "2026-06-30", "2026-07-01", "2026-07-02"];
    await store.add(days.toReversed().map((day) => usageRow({ day })));
    const read = async (query: { from?: string; to?: string }) =>
      (await store.read(query)).map(({ day }) => day);
    assertEquals(await read({}), days);
    assertEquals(await read({ from: "2026-06-30", to: "2026-07-01" }), days.slice(1, 3));
    assertEquals(await read({ from: "2026-07-02" }), days.slice(3));
    assertEquals(await read({ to: "2026-06-28" }), []);
  });

  row("loses nothing when two add at once", async ({ store, again = store }) => {
    await Promise.all(
      Array.from({ length: 20 }, (_, i) => (i % 2 ? store : again).add([usageRow()])),
    );
    assertEquals((await store.read({}))[0]?.requests, 20);
  });
}
