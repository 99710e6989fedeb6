import { assert, assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import { openFileStore } from "../../src/adapters/deno/file_store.ts";
import { GrantwayError } from "../../src/core/errors.ts";
import { fingerprint } from "../../src/core/redact.ts";
import { createMemoryStore, type KvStore, type MemoryStore } from "../../src/credentials/mod.ts";
import { equalDigests, parseClientKey } from "../../src/gateway/client_key_record.ts";
import { type ClientKeyStore, createClientKeyStore } from "../../src/gateway/client_key_store.ts";
import { createClientKeys } from "../../src/gateway/client_key_verifier.ts";
import type { ClientKeys } from "../../src/gateway/client_keys.ts";
import { clientKeysContract } from "../contracts/client_keys.ts";

const DAY_MS = 86_400_000;
const MAX_AGE_MS = 20_000;

interface World {
  clock: { now: number };
  memory: MemoryStore;
  /** The same store; a test may break it. */
  store: KvStore;
  /** Calls of the store. */
  calls: string[];
  owner: ClientKeyStore;
  keys: ClientKeys;
  again: () => ClientKeys;
}

function world(): World {
  const clock = { now: 1_000_000 };
  const now = () => clock.now;
  const memory = createMemoryStore({ now });
  const calls: string[] = [];
  const store: KvStore = {
    ...memory,
    get: (key) => (calls.push("get"), memory.get(key)),
    list: (options) => (calls.push("list"), memory.list(options)),
  };
  const again = () => createClientKeys({ store, now, maxAgeMs: MAX_AGE_MS });
  const owner = createClientKeyStore({ store: memory, lease: memory, now });
  return { clock, memory, store, calls, owner, keys: again(), again };
}

/** A well-formed secret that nobody made. */
function guess(i: number): string {
  return `gw_${i.toString(36).padStart(42, "x")}A`;
}

clientKeysContract("memory", () => {
  const store = createMemoryStore();
  return Promise.resolve({ store, lease: store });
});

clientKeysContract("file", async () => {
  const folder = await Deno.makeTempDir();
  const store = openFileStore(folder, { document: "gateway.json" });
  return { store, lease: store, close: () => Deno.remove(folder, { recursive: true }) };
});

Deno.test("ClientKeyStore.create() leaves no key behind whose secret nobody was told", async () => {
  const memory = createMemoryStore();
  let fails = true;
  const store: KvStore = {
    ...memory,
    put: async (...record) => {
      await memory.put(...record);
      if (fails) throw new Error("saved, but not everywhere");
    },
  };
  const owner = createClientKeyStore({ store, lease: memory, now: () => 0 });
  await assertRejects(() => owner.create({ name: "laptop" }), Error, "not everywhere");
  assertEquals(await owner.list(), []);
  fails = false;
  await owner.create({ name: "laptop" });
  assertEquals((await owner.list()).map(({ name }) => name), ["laptop"]);
});

Deno.test("ClientKeyStore.create() makes gw_ and 32 bytes, and stores their digest alone", async () => {
  const { store, owner } = world();
  const made = await Promise.all(
    Array.from({ length: 20 }, (_, i) => owner.create({ name: `k${i}` })),
  );
  assertEquals(new Set(made.map(({ secret }) => secret.expose())).size, 20);
  for (const { key, secret } of made) {
    assert(/^gw_[A-Za-z0-9_-]{43}$/.test(secret.expose()));
    assert(key.id.startsWith(`key_${await fingerprint(secret.expose())}`));
    assert(!`${secret}${JSON.stringify({ key, secret })}`.includes(secret.expose()));
  }
  const { keys } = await store.list({ prefix: "" });
  const stored = (await Promise.all(keys.map(async (key) => key + await store.get(key)))).join();
  for (const { secret } of made) assert(!stored.includes(secret.expose().slice(3, 20)));
});

const REFUSED = [
  { name: "an empty name", wanted: { name: "" } },
  { name: "a name that looks like a flag", wanted: { name: "--rpm" } },
  { name: "a name that looks like an id", wanted: { name: "key_000000000000" } },
  { name: "a name that is a secret", wanted: { name: guess(1) } },
  { name: "a name with a control character", wanted: { name: "a\u001b[2J" } },
  { name: "a name that is too long", wanted: { name: "x".repeat(65) } },
  { name: "an expiry in the past", wanted: { name: "a", expiresAt: 999_999 } },
  { name: "an empty list in a scope", wanted: { name: "a", scope: { models: [] } } },
  { name: "an unknown route", wanted: { name: "a", scope: { routes: ["admin" as "chat"] } } },
  { name: "a limit of 0", wanted: { name: "a", limits: { concurrent: 0 } } },
  { name: "half a request", wanted: { name: "a", limits: { requestsPerMinute: 0.5 } } },
  { name: "a name that is taken", wanted: { name: "taken" } },
];
for (const { name, wanted } of REFUSED) {
  Deno.test(`ClientKeyStore.create() refuses ${name}`, async () => {
    const { owner, store } = world();
    await owner.create({ name: "taken" });
    const error = await assertRejects(() => owner.create(wanted), GrantwayError);
    assertEquals(error.code, "invalid_request");
    assertEquals((await store.list({ prefix: "" })).keys.length, 1);
  });
}

Deno.test("ClientKeyStore.create() makes one key of a name, whoever else makes it", async () => {
  const { owner, memory, clock } = world();
  const other = createClientKeyStore({ store: memory, lease: memory, now: () => clock.now });
  const outcomes = await Promise.allSettled(
    Array.from({ length: 6 }, (_, i) => (i % 2 ? owner : other).create({ name: "same" })),
  );
  assertEquals(outcomes.filter(({ status }) => status === "fulfilled").length, 1);
});

Deno.test("ClientKeyStore.revoke() asks for the id where a name means several", async () => {
  const { store } = world();
  // Made at once over a store without mutual exclusion.
  const owner = createClientKeyStore({ store, now: () => 1_000_000 });
  const made = await Promise.all([owner.create({ name: "a" }), owner.create({ name: "a" })]);
  const error = await assertRejects(() => owner.revoke("a"), GrantwayError);
  assertEquals(error.code, "invalid_request");
  for (const { key } of made) assert(error.hint!.includes(key.id));
  assertEquals((await owner.revoke(made[0].key.id)).id, made[0].key.id);
  assertEquals((await owner.revoke("a")).id, made[1].key.id);
  assertEquals((await assertRejects(() => owner.revoke("a"), GrantwayError)).code, "not_found");
});

Deno.test("ClientKeys.verify() X20, X24: nothing but the secret itself opens", async () => {
  const { owner, keys, calls } = world();
  const { key, secret } = await owner.create({ name: "laptop" });
  const text = secret.expose();
  assertEquals((await keys.verify(text))?.id, key.id);
  const last = text.at(-1)!;
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  // Decodes to the same bytes: only the bits that must be 0 differ.
  const sameBytes = text.slice(0, -1) + alphabet[alphabet.indexOf(last) + 1];
  const variants = [
    "",
    " ",
    "\t",
    "undefined",
    "null",
    "[object Object]",
    "gw_",
    "gw_undefined",
    text.slice(3),
    text.slice(0, -1),
    `${text}=`,
    `${text}A`,
    ` ${text}`,
    `${text} `,
    `${text}\n`,
    `${text}\0`,
    `\ufeff${text}`,
    `${text}\u200b`,
    text.toUpperCase(),
    `GW_${text.slice(3)}`,
    `gw-${text.slice(3)}`,
    sameBytes,
    text.replaceAll(/[a-z]/g, (letter) => String.fromCharCode(letter.charCodeAt(0) + 0xfee0)),
    text.replace("_", "\uff3f"),
    text.replace("_", "%5F"),
    `Bearer ${text}`,
    `${text},${text}`,
    key.id,
    key.name,
    "x".repeat(1_000_000),
  ];
  calls.length = 0;
  for (const variant of variants) {
    assertNotEquals(variant, text);
    assertEquals(await keys.verify(variant), undefined, JSON.stringify(variant.slice(0, 80)));
  }
  assertEquals(calls, [], "what cannot be a secret is not looked up");
  // Another secret, as far as anybody can tell.
  assertEquals(await keys.verify(`gw_${text.slice(3, -1).toLowerCase()}A`), undefined);
});

Deno.test("ClientKeys.isConfigured() X20: only while a key is good", async () => {
  const { owner, again, clock } = world();
  assertEquals(await again().isConfigured(), false);
  const keys = again();
  assertEquals(await keys.isConfigured(), false);
  const { key } = await owner.create({ name: "a", expiresAt: clock.now + DAY_MS });
  clock.now += 3 * MAX_AGE_MS;
  assertEquals(await keys.isConfigured(), true);
  clock.now += DAY_MS;
  assertEquals(await keys.isConfigured(), false, "expired");
  await owner.create({ name: "b" });
  assertEquals(await again().isConfigured(), true);
  await owner.revoke(key.id);
  await owner.revoke("b");
  assertEquals(await again().isConfigured(), false, "revoked");
});

Deno.test("ClientKeys: requests read nothing while what was read is young", async () => {
  const { owner, keys, calls, clock } = world();
  const { secret } = await owner.create({ name: "a" });
  for (let i = 0; i < 1_000; i++) {
    clock.now += 10;
    assertEquals(await keys.isConfigured(), true);
    assert(await keys.verify(secret.expose()) !== undefined);
  }
  assertEquals(calls, ["list", "get"]);
  clock.now += MAX_AGE_MS;
  await Promise.all(Array.from({ length: 50 }, () => keys.verify(secret.expose())));
  assertEquals(calls, ["list", "get", "get"], "one read for all that wait");
});

Deno.test("ClientKeys.verify() X25: a revoked key is refused within the stated time", async () => {
  const { owner, keys, clock } = world();
  const { key, secret } = await owner.create({ name: "a" });
  assert(await keys.verify(secret.expose()) !== undefined);
  await owner.revoke("a");
  clock.now += MAX_AGE_MS;
  assertEquals(await keys.verify(secret.expose()), undefined);
  // The same name again is another key.
  const next = await owner.create({ name: "a" });
  assertNotEquals(next.key.id, key.id);
  assertEquals(await keys.verify(secret.expose()), undefined);
  assertEquals((await keys.verify(next.secret.expose()))?.id, next.key.id);
});

Deno.test("ClientKeys.verify() X25: a clock that is set back makes nothing younger", async () => {
  const { owner, keys, clock } = world();
  const { secret } = await owner.create({ name: "a" });
  assert(await keys.verify(secret.expose()) !== undefined);
  await owner.revoke("a");
  clock.now -= DAY_MS;
  assertEquals(await keys.verify(secret.expose()), undefined);
});

Deno.test("ClientKeys.verify() ends a key at its very expiry, whatever is remembered", async () => {
  const { owner, keys, clock } = world();
  const { secret } = await owner.create({ name: "a", expiresAt: clock.now + 5_000 });
  assert(await keys.verify(secret.expose()) !== undefined);
  clock.now += 4_999;
  assert(await keys.verify(secret.expose()) !== undefined);
  clock.now += 1;
  assertEquals(await keys.verify(secret.expose()), undefined);
});

Deno.test("ClientKeys.verify() X23: a flood of guesses costs few reads, and keys stay good", async () => {
  const { owner, keys, calls, clock } = world();
  const used = await owner.create({ name: "used" });
  const unused = await owner.create({ name: "unused" });
  assert(await keys.verify(used.secret.expose()) !== undefined);
  calls.length = 0;
  // 10,000 a second for a minute, a hundredth of them here.
  for (let i = 0; i < 6_000; i++) {
    clock.now += 10;
    assertEquals(await keys.verify(guess(i)), undefined);
    if (i % 100 === 0) assert(await keys.verify(used.secret.expose()) !== undefined);
  }
  assert(calls.length < 160, `${calls.length} reads`);
  assertEquals((await keys.verify(unused.secret.expose()))?.id, unused.key.id, "made before");
  const later = await owner.create({ name: "later" });
  clock.now += 3 * MAX_AGE_MS;
  for (let i = 0; i < 1_000; i++) await keys.verify(guess(-i));
  assertEquals((await keys.verify(later.secret.expose()))?.id, later.key.id, "made meanwhile");
});

Deno.test("ClientKeys.verify() one guess again and again is read once", async () => {
  const { keys, calls } = world();
  for (let i = 0; i < 100; i++) assertEquals(await keys.verify(guess(1)), undefined);
  assertEquals(calls, ["get"]);
});

Deno.test("ClientKeys: a store that cannot be read lets nobody in", async () => {
  const { owner, store, again, clock } = world();
  const { secret } = await owner.create({ name: "a" });
  const keys = again();
  assert(await keys.verify(secret.expose()) !== undefined);
  store.get = () => Promise.reject(new Error("broken"));
  clock.now += MAX_AGE_MS;
  await assertRejects(() => keys.verify(secret.expose()), Error, "broken");
  await assertRejects(() => keys.isConfigured(), Error, "broken");
  await assertRejects(() => again().isConfigured(), Error, "broken");
});

const RECORD = {
  version: 1,
  id: "key_0123456789ab",
  name: "laptop",
  scope: { providers: ["xai-oauth"] },
  createdAt: 5,
};
const HOSTILE = [
  { name: "nothing", text: "" },
  { name: "no JSON", text: "{" },
  { name: "an array", text: "[]" },
  { name: "a newer version", record: { version: 2 } },
  { name: "no version", record: { version: undefined } },
  { name: "an unknown field", record: { onlyFrom: "10.0.0.0/8" } },
  { name: "an unknown scope", record: { scope: { regions: ["cn"] } } },
  { name: "no scope", record: { scope: undefined } },
  { name: "a scope that is a list", record: { scope: [] } },
  { name: "a scope of numbers", record: { scope: { providers: [1] } } },
  { name: "a scope of nothing", record: { scope: { providers: [] } } },
  { name: "an unknown route", record: { scope: { routes: ["admin"] } } },
  { name: "an expiry that is text", record: { expiresAt: "never" } },
  { name: "a limit that is text", record: { limits: { concurrent: "4" } } },
  { name: "an unknown limit", record: { limits: { tokens: 4 } } },
  { name: "a name with an escape", record: { name: "a\u001b]8;;x" } },
  { name: "another id", record: { id: "../auth" } },
  {
    name: "X60: a prototype",
    text: JSON.stringify(RECORD).replace("{", '{"__proto__":{"polluted":1},'),
  },
  {
    name: "X60: a prototype in the scope",
    text: JSON.stringify(RECORD).replace(
      '"scope":{',
      '"scope":{"__proto__":{"routes":["chat"]},',
    ),
  },
];
Deno.test("parseClientKey() takes a whole record", () => {
  assertEquals(parseClientKey(JSON.stringify(RECORD)), {
    id: RECORD.id,
    name: RECORD.name,
    scope: RECORD.scope,
    createdAt: 5,
  });
});
for (const { name, text, record } of HOSTILE) {
  Deno.test(`parseClientKey() refuses ${name}`, () => {
    assertEquals(parseClientKey(text ?? JSON.stringify({ ...RECORD, ...record })), undefined);
    assertEquals(({} as { polluted?: unknown }).polluted, undefined);
  });
}

Deno.test("equalDigests() X21: looks at every byte, wherever the first difference is", () => {
  const a = new Uint8Array(32).fill(7);
  for (let i = 0; i < 32; i++) {
    let reads = 0;
    const b = new Proxy(a.with(i, 8), {
      get(target, name) {
        if (/^\d+$/.test(String(name))) reads++;
        return Reflect.get(target, name, target);
      },
    });
    assertEquals([equalDigests(a, b), reads], [false, 32]);
  }
  assertEquals(equalDigests(a, a.slice()), true);
  assertEquals(equalDigests(a, a.slice(1)), false);
});
