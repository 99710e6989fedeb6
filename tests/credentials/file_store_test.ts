import { createHash } from "node:crypto";
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { CredentialError } from "../../src/core/errors.ts";
import { decodeSpare, encodeDocument, type StoreDocument } from "../../src/credentials/document.ts";
import { createFileStore, type FileStore } from "../../src/credentials/file_store.ts";
import type { FileLock, FileSystem } from "../../src/credentials/file_system.ts";
import { createSealedStore } from "../../src/credentials/sealed_store.ts";
import { createSealer, parseSealingKeys } from "../../src/credentials/sealing.ts";
import { kvStoreContract, leaseContract } from "../contracts/kv_store.ts";
import { MemoryDisk, noLocks, osError } from "../support/memory_files.ts";
import { VirtualClock } from "../support/virtual_clock.ts";

const HOME = "/home/me/.grantway";
const MAIN = `${HOME}/auth.json`;
const SPARE = `${HOME}/auth.json.spare`;
const KEY = "credential/acme/one";

interface Machine {
  disk: MemoryDisk;
  clock: VirtualClock;
  warnings: string[];
}

function machine(): Machine {
  return { disk: new MemoryDisk(), clock: new VirtualClock(), warnings: [] };
}

/** The store of one process on that machine. */
function open(
  { disk, clock, warnings }: Machine,
  files: FileSystem = disk.files(),
  locks: FileLock = disk.locks(),
): FileStore {
  return createFileStore({
    folder: HOME,
    files,
    locks,
    holder: "process 1",
    now: clock.now,
    monotonicNow: clock.monotonicNow,
    sleep: clock.sleep,
    random: () => 0.5,
    // Synchronous: Web Crypto takes time that the virtual clock does not see.
    digest: (bytes) => Promise.resolve(new Uint8Array(createHash("sha256").update(bytes).digest())),
    onWarning: (message) => void warnings.push(message),
  });
}

function credential(generation: number, rest: Record<string, unknown> = {}): string {
  return JSON.stringify({ id: "one", provider: "acme", generation, status: "active", ...rest });
}

async function generation(store: FileStore): Promise<number | undefined> {
  const text = await store.get(KEY);
  return text === null ? undefined : JSON.parse(text).generation;
}

function setText(disk: MemoryDisk, path: string, text: string): void {
  const bytes = new TextEncoder().encode(text);
  disk.entries.set(path, { bytes, durable: bytes, allocated: bytes.length });
}

function getText(disk: MemoryDisk, path: string): string {
  return new TextDecoder().decode(disk.entries.get(path)!.bytes);
}

// deno-lint-ignore require-await
async function openBoth() {
  const world = machine();
  // Waits here are real turns of the event loop: nobody advances this clock.
  const sleep = () => new Promise<void>((resolve) => setTimeout(resolve));
  const at = Date.now() - world.clock.now();
  world.clock.offset += at;
  const patched = { ...world, clock: Object.assign(world.clock, { sleep }) };
  return {
    store: open(patched),
    again: open(patched),
    advance: (ms: number) => void (world.clock.offset += ms),
  };
}
kvStoreContract("file (memory disk)", openBoth, { refusesEarlier: true });
leaseContract("file (memory disk)", openBoth);

Deno.test("file store S04: a put is spare, fsync, rename, fsync of the folder, then the reserve", async () => {
  const world = machine();
  const calls: string[] = [];
  const store = open(world, world.disk.files((call) => void calls.push(call)));
  await store.put(KEY, credential(1));
  assertEquals(calls, [
    "ensureFolder .grantway",
    "ensureFolder locks",
    "read auth.json",
    "read auth.json.spare",
    "write auth.json.spare",
    "sync auth.json.spare",
    "rename auth.json.spare auth.json",
    "syncFolder .grantway",
    "write auth.json.spare",
    "sync auth.json.spare",
  ]);
  calls.length = 0;
  await store.get(KEY);
  await store.delete("nothing");
  assertEquals(calls.filter((call) => /^(write|rename)/.test(call)), []);
});

Deno.test("file store writes plain JSON in a known layout and keeps what it does not know", async () => {
  const world = machine();
  setText(
    world.disk,
    MAIN,
    `\ufeff${
      JSON.stringify({
        $note: "mine",
        version: 1,
        providers: {
          acme: [{ id: "two", generation: 1, x: { y: [1] } }, { id: "one", generation: 1 }],
          "Odd Name": [{ id: "kept" }],
        },
        records: { other: { value: "v", tag: "t" }, "__proto__": { value: "p" } },
      }).replace('"other"', '"__proto__":{"value":"p"},"other"')
    }`,
  );
  const store = open(world);
  await store.put(KEY, credential(2));
  await store.put("credential/acme/three", JSON.stringify({ id: "three" }));
  await store.put("more", "text", { expiresAt: world.clock.now() + 1_000 });
  const text = getText(world.disk, MAIN);
  const document = JSON.parse(text);
  assertEquals(Object.keys(document), ["$note", "version", "providers", "records", "digest"]);
  assertEquals(document.providers.acme, [
    { id: "two", generation: 1, x: { y: [1] } },
    JSON.parse(credential(2)),
    { id: "three" },
  ]);
  assertEquals(document.providers["Odd Name"], [{ id: "kept" }]);
  assertEquals(document.records.other, { value: "v", tag: "t" });
  assertEquals(document.records.more, { value: "text", expiresAt: world.clock.now() + 1_000 });
  assert(text.includes('"__proto__"'), "an own field like any other");
  assert(text.startsWith('{\n  "$note"') && text.endsWith("\n}\n"));
  assertEquals((await store.list({ prefix: "credential/acme/" })).keys, [
    "credential/acme/two",
    KEY,
    "credential/acme/three",
  ]);
  world.clock.offset += 1_000;
  await store.put("any", "write");
  assertEquals(JSON.parse(getText(world.disk, MAIN)).records.more, undefined);
});

// Crashes -------------------------------------------------------------------------------------

/** The calls of one put over an existing store. */
async function callsOfPut(): Promise<string[]> {
  const world = machine();
  await open(world).put(KEY, credential(1));
  const calls: string[] = [];
  await open(world, world.disk.files((call) => void calls.push(call))).put(KEY, credential(2));
  return calls;
}

const CALLS = await callsOfPut();
const SYNCED = CALLS.indexOf("sync auth.json.spare");
const FOLDER_SYNCED = CALLS.indexOf("syncFolder .grantway");

for (const [k, call] of CALLS.entries()) {
  for (const end of ["kill", "power", "torn"] as const) {
    Deno.test(`file store ${end} before call ${k} (${call}): whole, old or new`, async () => {
      const world = machine();
      await open(world).put(KEY, credential(1, { token: "old" }));
      await open(world).put("record", "kept");
      let count = 0;
      const locks = world.disk.locks();
      const died = Promise.withResolvers<void>();
      const files = world.disk.files(() => {
        if (count++ !== k) return;
        died.resolve();
        return new Promise(() => {}); // nothing of this process runs any more
      });
      await Promise.race([open(world, files, locks).put(KEY, credential(2)), died.promise]);
      locks.die();
      if (end !== "kill") world.disk.losePower(end === "torn");

      const store = open(world);
      const seen = await generation(store);
      assert(seen === 1 || seen === 2, `generation ${seen}`);
      assertEquals(await store.get("record"), "kept");
      // The next holder brings back whatever reached the spare file whole.
      const after = await store.withLease(KEY, () => generation(store));
      if (k > SYNCED && (end === "kill" || k > FOLDER_SYNCED)) assertEquals(after, 2);
      if (k <= SYNCED && end === "power") assertEquals(after, 1);
      assert(after! >= seen!);
      await store.put(KEY, credential(3));
      assertEquals(await generation(open(world)), 3);
      assertEquals([...world.disk.entries.keys()].toSorted(), [MAIN, SPARE]);
    });
  }
}

const ERRNOS = ["ENOSPC", "EIO", "EDQUOT", "EROFS", "EACCES", "EMFILE", "EINTR", "ENOMEM"];
for (const [k, call] of CALLS.entries()) {
  Deno.test(`file store S01: call ${k} (${call}) fails, and the store is whole`, async () => {
    for (const errno of ERRNOS) {
      const world = machine();
      await open(world).put(KEY, credential(1));
      let count = 0;
      const store = open(
        world,
        world.disk.files(() => {
          if (count++ === k) throw osError(errno);
        }),
      );
      const error = await store.put(KEY, credential(2)).then(() => undefined, (error) => error);
      if (k > FOLDER_SYNCED) {
        assertEquals([error, world.warnings.length], [undefined, 1], errno);
      } else {
        assert(error instanceof CredentialError, errno);
        assertEquals(error.code, call === "read auth.json" ? "storage_read" : "storage_write");
        assertStringIncludes(error.message, HOME);
      }
      const seen = await generation(store);
      assert(seen === 1 || seen === 2);
      await store.put(KEY, credential(2));
      assertEquals(await generation(open(world)), 2);
    }
  });
}

Deno.test("file store: on a full disk the answer to an announced refresh still finds room", async () => {
  const world = machine();
  const store = open(world);
  await store.put(KEY, credential(1));
  await store.put(KEY, credential(1, { intent: { attempt: 1 } }));
  world.disk.free = 0;
  const tokens = { accessToken: "a".repeat(32_000), refreshToken: "r".repeat(32_000) };
  await store.put(KEY, credential(2, { tokens }));
  assertEquals(JSON.parse((await store.get(KEY))!).tokens, tokens);
  assertStringIncludes(world.warnings.join(), "no space left");
});

Deno.test("file store: the room for an answer holds the largest one sealed", async () => {
  const world = machine();
  const key = parseSealingKeys(`${"k".repeat(32)}:${"A".repeat(43)}`);
  const store = createSealedStore(open(world), {
    sealer: createSealer(key),
    acceptsPlain: false,
  });
  const intent = { generation: 1, attempt: 1 };
  const tokens = { accessToken: "a", refreshToken: "r" };
  await store.put(KEY, credential(1, { tokens, intent }));
  world.disk.free = 0;
  const answer = { accessToken: "a".repeat(100), refreshToken: "r".repeat(64 * 1024) };
  await store.put(KEY, credential(2, { tokens: answer }));
  assertEquals(JSON.parse((await store.get(KEY))!).tokens, answer);
});

Deno.test("file store: without room for its answer a refresh is not announced", async () => {
  const world = machine();
  const store = open(world);
  await store.put(KEY, credential(1));
  world.disk.free = 0;
  const error = await assertRejects(
    () => store.put(KEY, credential(1, { intent: { attempt: 1 } })),
    CredentialError,
    "reserve room",
  );
  assertEquals(error.code, "storage_write");
});

Deno.test("file store: a sibling's write keeps the room for an answer", async () => {
  const world = machine();
  await open(world).put(KEY, credential(1, { intent: { attempt: 1 } }));
  await open(world).put("credential/acme/two", JSON.stringify({ id: "two", generation: 1 }));
  world.disk.free = 0;
  await open(world).put(KEY, credential(2, { token: "t".repeat(64 * 1024) }));
  assertEquals(await generation(open(world)), 2);
});

// What the spare file may bring back ---------------------------------------------------------------

const SPARES: { name: string; change: (spare: string) => string; expected: number }[] = [
  { name: "whole and newer", change: (spare) => spare, expected: 2 },
  { name: "cut short", change: (spare) => spare.slice(0, -1), expected: 1 },
  {
    name: "with a byte changed",
    change: (spare) => spare.replace("active", "aktive"),
    expected: 1,
  },
  { name: "followed by old bytes", change: (spare) => spare + "\n\n", expected: 1 },
  { name: "empty", change: () => "", expected: 1 },
  { name: "without digest", change: (s) => s.replace(/,\n {2}"digest".*\n/, "\n"), expected: 1 },
];
for (const { name, change, expected } of SPARES) {
  Deno.test(`file store: a spare file that is ${name} leads to generation ${expected}`, async () => {
    const world = machine();
    await open(world).put(KEY, credential(2));
    const newer = getText(world.disk, MAIN);
    const older = machine();
    await open(older).put(KEY, credential(1));
    setText(older.disk, SPARE, change(newer));
    const store = open(older);
    assertEquals(await generation(store), 1, "a reader changes nothing");
    assertEquals(await store.withLease(KEY, () => generation(store)), expected);
  });
}

const NOT_NEWER: {
  name: string;
  spare: [string, number][];
  main?: [string, number][];
}[] = [
  { name: "an older generation", spare: [["one", 0]] },
  { name: "the same generation", spare: [["one", 1]] },
  { name: "another set of credentials", spare: [["one", 2], ["two", 1]] },
  { name: "other credentials", spare: [["two", 9]] },
  { name: "fewer credentials", spare: [["one", 2]], main: [["three", 1]] },
];
for (const { name, spare, main = [] } of NOT_NEWER) {
  Deno.test(`file store: a whole spare file with ${name} is ignored`, async () => {
    const other = machine();
    for (const [id, generation] of spare) {
      await open(other).put(`credential/acme/${id}`, JSON.stringify({ id, generation }));
    }
    const world = machine();
    await open(world).put(KEY, credential(1));
    for (const [id, generation] of main) {
      await open(world).put(`credential/acme/${id}`, JSON.stringify({ id, generation }));
    }
    const before = getText(world.disk, MAIN);
    setText(world.disk, SPARE, getText(other.disk, MAIN));
    await open(world).withLease(KEY, () => Promise.resolve());
    assertEquals(getText(world.disk, MAIN), before);
  });
}

// What is never written over ---------------------------------------------------------------------

const CORRUPT = [
  { name: "empty", text: "" },
  { name: "not JSON", text: '{"version": 1, "providers": {' },
  { name: "an array", text: "[]" },
  { name: "null", text: "null" },
  { name: "version 0", text: '{"version":0}' },
  { name: "version as text", text: '{"version":"1"}' },
  { name: "providers as list", text: '{"providers":[]}' },
  { name: "a provider as object", text: '{"providers":{"acme":{}}}' },
  { name: "a credential without id", text: '{"providers":{"acme":[{"token":"hunter2"}]}}' },
  { name: "records as text", text: '{"records":"hunter2"}' },
];
for (const { name, text } of CORRUPT) {
  Deno.test(`file store S07: ${name} is corrupt, and stays as it is`, async () => {
    const world = machine();
    setText(world.disk, MAIN, text);
    const store = open(world);
    const RUNS = [
      () => store.get(KEY),
      () => store.list({ prefix: "" }),
      () => store.put(KEY, credential(1)),
      () => store.delete(KEY),
      () => store.withLease(KEY, () => Promise.resolve()),
    ];
    for (const run of RUNS) {
      const error = await assertRejects<CredentialError>(run, CredentialError);
      assertEquals(error.code, "storage_corrupt");
      assertStringIncludes(error.message, "grantway doctor --fix");
      assert(!error.message.includes("hunter2"));
    }
    assertEquals(getText(world.disk, MAIN), text);
  });
}

Deno.test("file store S07: a newer version is read, not written", async () => {
  const world = machine();
  const text = JSON.stringify({ version: 2, providers: { acme: [{ id: "one", generation: 3 }] } });
  setText(world.disk, MAIN, text);
  const store = open(world);
  assertEquals(await generation(store), 3);
  const error = await assertRejects(() => store.put("a", "b"), CredentialError, "newer Grantway");
  assertEquals(error.code, "storage_write");
  assertEquals(getText(world.disk, MAIN), text);
});

Deno.test("file store S08: unreadable is an error, not empty, and nothing is written", async () => {
  for (const errno of ["EACCES", "EIO", "EMFILE", "ESTALE"]) {
    const world = machine();
    const calls: string[] = [];
    const store = open(
      world,
      world.disk.files((call) => {
        calls.push(call);
        if (call === "read auth.json") throw osError(errno);
      }),
    );
    for (const run of [() => store.get(KEY), () => store.put(KEY, credential(1))]) {
      const error = await assertRejects<CredentialError>(run, CredentialError, "Cannot read");
      assertEquals(error.code, "storage_read");
    }
    assertEquals(calls.filter((call) => /^(write|rename)/.test(call)), [], errno);
  }
});

// Locks ---------------------------------------------------------------------------------------

Deno.test("file store S16: without locks nothing is written, and reads work", async () => {
  const world = machine();
  await open(world).put(KEY, credential(1));
  const store = open(world, world.disk.files(), noLocks);
  assertEquals(await generation(store), 1);
  for (
    const run of [() => store.withLease(KEY, () => Promise.resolve()), () => store.delete(KEY)]
  ) {
    const error = await assertRejects(run, CredentialError);
    assertEquals([error.code, error.hint?.includes("GRANTWAY_HOME")], [
      "no_mutual_exclusion",
      true,
    ]);
  }
});

Deno.test("file store: lease_timeout names the holder", async () => {
  const world = machine();
  await open(world).withLease(KEY, async (held) => {
    await held.prove();
    const waiting = open(world).withLease(KEY, () => Promise.resolve(), { timeoutMs: 3_000 });
    const start = world.clock.mono;
    const error = await assertRejects(() => world.clock.run(waiting), CredentialError);
    assertEquals(error.code, "lease_timeout");
    assertStringIncludes(error.message, "process 1 holds the lock");
    assert(world.clock.mono - start < 3_200);
  });
});

Deno.test("file store: a write does not wait for a lease, nor one lease for another", async () => {
  const world = machine();
  const store = open(world), other = open(world);
  await store.withLease(KEY, async () => {
    await other.put("credential/acme/two", JSON.stringify({ id: "two" }));
    await other.put(KEY, credential(1));
    await other.withLease("credential/acme/two", () => other.delete("credential/acme/two"));
  });
  assertEquals(world.clock.waits, []);
});

Deno.test("file store S15: a lock on a file that was replaced meanwhile is not taken for one", async () => {
  const world = machine();
  const path = `${HOME}/locks/lease.${encodeURIComponent(KEY)}.lock`;
  const store = open(world), other = open(world);
  await store.withLease(KEY, async (held) => {
    assertEquals([held.unproven, await held.isHeld()], [true, true]);
    const waiting = other.withLease(KEY, (held) => Promise.resolve(held.unproven));
    await world.clock.advance(50);
    world.disk.lockFiles.delete(path);
    assertEquals(await held.isHeld(), false);
    // The newcomer locks the new file, and knows that it proves nothing.
    assertEquals(await world.clock.run(waiting), true);
  });
  // Nor does it for the one after it, until somebody could tell.
  await store.withLease(KEY, async (held) => {
    assertEquals(held.unproven, true);
    await held.prove();
  });
  await store.withLease(KEY, (held) => Promise.resolve(assertEquals(held.unproven, false)));
});

Deno.test("file store: a lease whose lock file cannot be looked at is an error of the store", async () => {
  const world = machine();
  const locks: FileLock = {
    open: async (path) => ({
      ...await world.disk.locks().open(path),
      isCurrent: () =>
        path.includes("document") || looks++ === 0
          ? Promise.resolve(true)
          : Promise.reject(osError("EIO")),
    }),
  };
  const store = open(world, world.disk.files(), locks);
  let looks = 0;
  await store.withLease(KEY, async (held) => {
    const error = await assertRejects(() => held.isHeld(), CredentialError);
    assertEquals([error.code, /input\/output/.test(error.message)], ["storage_write", true]);
  });
});

Deno.test("file store S17: writers of different credentials lose nothing", async () => {
  const world = machine();
  const stores = Array.from({ length: 8 }, () => open(world));
  await world.clock.run(Promise.all(stores.map(async (store, i) => {
    for (let n = 1; n <= 10; n++) {
      await store.put(`credential/acme/c${i}`, JSON.stringify({ id: `c${i}`, generation: n }));
    }
  })));
  const document = JSON.parse(getText(world.disk, MAIN));
  assertEquals(
    document.providers.acme.map((element: { generation: number }) => element.generation),
    Array(8).fill(10),
  );
});

Deno.test("file store S21: an edit by hand between two writes is kept", async () => {
  const world = machine();
  const store = open(world);
  await store.put(KEY, credential(1, { label: "old" }));
  setText(world.disk, MAIN, getText(world.disk, MAIN).replace('"old"', '"by hand"'));
  await store.put("record", "x");
  assertEquals(JSON.parse((await store.get(KEY))!).label, "by hand");
});

Deno.test("file store: the document is printed as JSON.stringify prints it", async () => {
  const documents: StoreDocument[] = [
    { version: 1, providers: {}, records: {} },
    { version: 1, providers: { acme: [] }, records: {}, note: undefined },
    {
      "é\n": [{ deep: [] }],
      version: 1,
      records: { "a/b": { value: "x\ny", expiresAt: 1 } },
      providers: {
        acme: [{ id: "one", list: [1, { two: "\u2028" }] }, { id: "two" }],
        'b"': [{ id: "x" }],
      },
      last: null,
    },
  ];
  const digest = (bytes: Uint8Array) =>
    Promise.resolve(new Uint8Array(createHash("sha256").update(bytes).digest()));
  for (const document of documents) {
    const bytes = await encodeDocument(document, digest);
    const { digest: name, ...rest } = JSON.parse(new TextDecoder().decode(bytes));
    assertEquals(
      new TextDecoder().decode(bytes),
      `${JSON.stringify({ ...rest, digest: name }, null, 2)}\n`,
    );
    assertEquals(JSON.stringify(rest), JSON.stringify(document));
    assert(await decodeSpare(bytes, digest) !== undefined);
  }
});

Deno.test("file store S05: a spare file whose fsync failed is written again before its rename", async () => {
  const world = machine();
  const store = open(world);
  await store.put(KEY, credential(1));
  let failures = 1;
  const failing = open(
    world,
    world.disk.files((call) => {
      if (call === "sync auth.json.spare" && failures-- > 0) throw osError("EIO");
    }),
  );
  await assertRejects(() => failing.put(KEY, credential(2)), CredentialError);
  const calls: string[] = [];
  const next = open(world, world.disk.files((call) => void calls.push(call)));
  await next.put("record", "x");
  assertEquals(calls.filter((call) => call.includes("spare")).slice(0, 5), [
    "read auth.json.spare",
    "read auth.json.spare",
    "write auth.json.spare",
    "sync auth.json.spare",
    "rename auth.json.spare auth.json",
  ]);
  assertEquals(JSON.parse((await next.get(KEY))!).generation, 2);
});

Deno.test("createFileStore() with another document leaves auth.json and its lock alone", async () => {
  const world = machine();
  const main = open(world);
  const other = createFileStore({
    folder: HOME,
    document: "gateway.json",
    files: world.disk.files(),
    locks: world.disk.locks(),
    holder: "process 1",
    now: world.clock.now,
    monotonicNow: world.clock.monotonicNow,
    sleep: world.clock.sleep,
    random: () => 0.5,
    digest: (bytes) => Promise.resolve(new Uint8Array(createHash("sha256").update(bytes).digest())),
  });
  await main.put(KEY, credential(1));
  const before = getText(world.disk, MAIN);
  await other.put("a", "1");
  assertEquals([await other.get("a"), await main.get("a")], ["1", null]);
  assertEquals(getText(world.disk, MAIN), before);
  assertEquals(other.path, `${HOME}/gateway.json`);
  assertEquals(
    [...world.disk.lockFiles.keys()].map((path) => path.split("/").at(-1)).sort(),
    ["document.gateway.json.lock", "document.lock"],
  );
});
