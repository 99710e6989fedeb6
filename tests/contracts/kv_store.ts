/**
 * What every store must do, as suites that a test file runs against its own:
 * `kvStoreContract("memory", () => …)`.
 *
 * @module
 */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { CredentialError } from "../../src/core/errors.ts";
import { type KvStore, type Lease, listAllKeys } from "../../src/credentials/kv_store.ts";

/** A store under test and what ends it. */
export interface OpenStore<S> {
  store: S;
  /** Another view of the same data, such as a second process would have. */
  again?: S;
  /** Moves the store's wall clock. */
  advance?: (ms: number) => void;
  close?: () => void | Promise<void>;
}

/** What a store does beyond the least. */
export interface ContractOptions {
  /** It refuses an earlier state of a credential. */
  refusesEarlier?: boolean;
  /** How many keys the paging row writes. Default: 30. */
  manyKeys?: number;
}

function credential(id: string, generation: number, rest: Record<string, unknown> = {}): string {
  return JSON.stringify({ id, provider: "acme", generation, status: "active", ...rest });
}

/** Runs the suite of {@linkcode KvStore}; each row gets a store of its own. */
export function kvStoreContract(
  name: string,
  open: () => Promise<OpenStore<KvStore>>,
  options: ContractOptions = {},
): void {
  const row = (title: string, run: (opened: OpenStore<KvStore>) => Promise<void>) =>
    Deno.test(`${name} store ${title}`, async () => {
      const opened = await open();
      try {
        await run(opened);
      } finally {
        await opened.close?.();
      }
    });

  row("reads null where there is nothing", async ({ store }) => {
    assertEquals(await store.get("a"), null);
    assertEquals(await store.get("credential/acme/1"), null);
    assertEquals(await listAllKeys(store, ""), []);
    await store.delete("a");
    await store.delete("credential/acme/1");
  });

  row("keeps text as it is", async ({ store, again = store }) => {
    for (const value of ["", "x", "\ufeff{}", "ä€𝄞", '"\\\n\t', "null", "a".repeat(100_000)]) {
      await store.put("key", value);
      assertEquals(await again.get("key"), value);
    }
  });

  row("keeps odd keys apart", async ({ store }) => {
    const keys = ["a", "a/b", "a/b/c", "constructor", "toString", "x y", "ü", "credential/Bad/1"];
    for (const key of keys) await store.put(key, `value of ${key}`);
    for (const key of keys) assertEquals(await store.get(key), `value of ${key}`);
    assertEquals(await store.get("hasOwnProperty"), null);
    assertEquals((await listAllKeys(store, "")).toSorted(), keys.toSorted());
  });

  row("overwrites and deletes", async ({ store, again = store }) => {
    await store.put("key", "1");
    await store.put("other", "2");
    await store.put("key", "3");
    assertEquals(await again.get("key"), "3");
    await again.delete("key");
    assertEquals(await store.get("key"), null);
    assertEquals(await store.get("other"), "2");
  });

  row("lists by prefix", async ({ store }) => {
    for (const key of ["b/2", "a", "b/1", "c", "b"]) await store.put(key, "x");
    assertEquals(await listAllKeys(store, "b/"), ["b/1", "b/2"]);
    assertEquals(await listAllKeys(store, ""), ["a", "b", "b/1", "b/2", "c"]);
    assertEquals(await listAllKeys(store, "z"), []);
  });

  row("lists every key of many", async ({ store }) => {
    const keys = Array.from({ length: options.manyKeys ?? 30 }, (_, i) => `k/${1000 + i}`);
    for (const key of keys) await store.put(key, "x");
    assertEquals(await listAllKeys(store, "k/"), keys);
  });

  row("forgets what has expired", async ({ store, advance }) => {
    if (!advance) return;
    const start = Date.now();
    await store.put("short", "1", { expiresAt: start + 10_000 });
    await store.put("long", "2", { expiresAt: start + 300_000 });
    await store.put("kept", "3");
    assertEquals(await store.get("short"), "1");
    advance(20_000);
    assertEquals(await store.get("short"), null);
    assertEquals(await listAllKeys(store, ""), ["kept", "long"]);
    await store.put("long", "4");
    advance(600_000);
    assertEquals(await store.get("long"), "4", "a put without expiry ends the old one");
  });

  row("keeps credentials", async ({ store, again = store }) => {
    await store.put("credential/acme/one", credential("one", 1));
    await store.put("credential/acme/two", credential("two", 5, { label: "ä" }));
    await store.put("credential/acme/one", credential("one", 2));
    assertEquals(JSON.parse((await again.get("credential/acme/one"))!).generation, 2);
    assertEquals(JSON.parse((await again.get("credential/acme/two"))!).label, "ä");
    assertEquals(await listAllKeys(store, "credential/acme/"), [
      "credential/acme/one",
      "credential/acme/two",
    ]);
    await again.delete("credential/acme/one");
    assertEquals(await listAllKeys(store, "credential/"), ["credential/acme/two"]);
  });

  row("keeps concurrent writes apart", async ({ store, again = store }) => {
    const keys = Array.from({ length: 10 }, (_, i) => `credential/acme/c${i}`);
    await Promise.all(
      keys.map((key, i) => (i % 2 ? store : again).put(key, credential(`c${i}`, i))),
    );
    for (const [i, key] of keys.entries()) {
      assertEquals(JSON.parse((await store.get(key))!).generation, i);
    }
  });

  if (!options.refusesEarlier) return;
  const SENT = (attempt: number) => ({ intent: { attempt } });
  const PAIRS = [
    { name: "a lower generation", stored: credential("x", 7), next: credential("x", 6) },
    {
      name: "life after death",
      stored: credential("x", 7, { status: "dead" }),
      next: credential("x", 7),
    },
    {
      name: "an earlier attempt",
      stored: credential("x", 7, SENT(2)),
      next: credential("x", 7, SENT(1)),
    },
  ];
  for (const { name: what, stored, next } of PAIRS) {
    row(`refuses ${what}`, async ({ store }) => {
      await store.put("credential/acme/x", stored);
      const error = await assertRejects(
        () => store.put("credential/acme/x", next),
        CredentialError,
      );
      assertEquals(error.code, "storage_write");
      assertEquals(JSON.parse((await store.get("credential/acme/x"))!), JSON.parse(stored));
      await store.put("credential/acme/x", credential("x", 8));
    });
  }
}

/** Runs the suite of {@linkcode Lease}; each row gets a store of its own. */
export function leaseContract(name: string, open: () => Promise<OpenStore<Lease>>): void {
  const row = (title: string, run: (opened: OpenStore<Lease>) => Promise<void>) =>
    Deno.test(`${name} lease ${title}`, async () => {
      const opened = await open();
      try {
        await run(opened);
      } finally {
        await opened.close?.();
      }
    });

  row("runs one holder at a time", async ({ store, again = store }) => {
    let inside = 0, most = 0, runs = 0;
    const run = async () => {
      most = Math.max(most, ++inside);
      for (let i = 0; i < 3; i++) await Promise.resolve();
      inside--;
      runs++;
    };
    await Promise.all(
      Array.from({ length: 12 }, (_, i) => (i % 2 ? store : again).withLease("n", run)),
    );
    assertEquals([most, runs], [1, 12]);
  });

  row("keeps names apart", async ({ store }) => {
    await store.withLease("a/b", () => store.withLease("a%2Fb", () => Promise.resolve()));
  });

  row("returns what run returns, and frees when it throws", async ({ store, again = store }) => {
    assertEquals(await store.withLease("n", () => Promise.resolve(7)), 7);
    const failure = await assertRejects(() =>
      store.withLease("n", () => Promise.reject(new RangeError("mine")))
    );
    assert(failure instanceof RangeError);
    assertEquals(await again.withLease("n", () => Promise.resolve(8), { timeoutMs: 0 }), 8);
  });

  row("tries once with timeoutMs 0", async ({ store, again = store }) => {
    await store.withLease("n", async ({ isHeld }) => {
      assertEquals(await isHeld(), true);
      const error = await assertRejects(
        () => again.withLease("n", () => Promise.resolve(), { timeoutMs: 0 }),
        CredentialError,
      );
      assertEquals([error.code, error.retryable], ["lease_timeout", true]);
    });
  });

  row("stops waiting when aborted, with the signal's reason", async ({ store, again = store }) => {
    const controller = new AbortController();
    const reason = new Error("enough");
    await store.withLease("n", async () => {
      const waiting = again.withLease("n", () => Promise.resolve("ran"), {
        signal: controller.signal,
      });
      controller.abort(reason);
      const error = await assertRejects(() => waiting);
      assertEquals(error, reason);
    });
    assertEquals(await again.withLease("n", () => Promise.resolve("free")), "free");
  });
}
