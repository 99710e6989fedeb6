// X35–X37: what is at rest, and what is refused.

import { compactDecrypt, CompactEncrypt } from "jose";
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { CredentialError, GrantwayError } from "../../src/core/errors.ts";
import { createCredentialStore, type Credential } from "../../src/credentials/mod.ts";
import { createMemoryStore } from "../../src/credentials/memory_store.ts";
import { createSealedStore } from "../../src/credentials/sealed_store.ts";
import {
  createSealer,
  isSealed,
  parseSealingKeys,
  sealingKeyId,
} from "../../src/credentials/sealing.ts";
import { kvStoreContract, leaseContract } from "../contracts/kv_store.ts";
import { World } from "../support/keeper_world.ts";

const ONE = `one:${"A".repeat(42)}E`;
const TWO = `two:${"B".repeat(42)}E`;
const OTHER_ONE = `one:${"C".repeat(42)}E`;
const KEY = "credential/acme/a";

const sealerOf = (ring: string) => createSealer(parseSealingKeys(ring));

function storeOf(ring: string, below = createMemoryStore(), acceptsPlain = false) {
  return createSealedStore(below, { sealer: sealerOf(ring), acceptsPlain });
}

function credential(generation: number, change: Record<string, unknown> = {}): string {
  return JSON.stringify({
    id: "a",
    provider: "acme",
    label: "me",
    status: "active",
    generation,
    tokens: { accessToken: `AT-${generation}`, refreshToken: `RT-${generation}` },
    ...change,
  });
}

// deno-lint-ignore require-await -- the suite takes stores that open slowly
async function openSealed() {
  let offset = 0;
  const below = createMemoryStore({ now: () => Date.now() + offset });
  return {
    store: storeOf(`${TWO},${ONE}`, below),
    again: storeOf(`${TWO}`, below),
    advance: (ms: number) => void (offset += ms),
  };
}
kvStoreContract("sealed", openSealed, { refusesEarlier: true });
leaseContract("sealed", openSealed);

Deno.test("a sealed credential keeps every field but its tokens in the clear", async () => {
  const below = createMemoryStore();
  const store = storeOf(ONE, below);
  await store.put(KEY, credential(3, { x: { y: 1 }, lastError: { code: "network" } }));
  const { tokens, ...rest } = JSON.parse((await below.get(KEY))!);
  const { tokens: _, ...expected } = JSON.parse(
    credential(3, { x: { y: 1 }, lastError: { code: "network" } }),
  );
  assertEquals(rest, expected);
  assert(isSealed(tokens));
  assertEquals(sealingKeyId(tokens), "one");
  assertEquals(JSON.parse((await store.get(KEY))!).tokens, {
    accessToken: "AT-3",
    refreshToken: "RT-3",
  });
});

Deno.test("a sealed text is a compact JWE with key, record and generation in its header", async () => {
  const sealed = await sealerOf(ONE).seal("text", KEY, 7);
  const raw = Uint8Array.from(atob(`${"A".repeat(42)}E=`), (c) => c.charCodeAt(0));
  const { plaintext, protectedHeader } = await compactDecrypt(sealed, raw);
  assertEquals(new TextDecoder().decode(plaintext), "text");
  assertEquals(protectedHeader, { alg: "dir", enc: "A256GCM", kid: "one", rid: KEY, gen: 7 });
});

Deno.test("any other record is sealed whole, whatever it holds", async () => {
  const below = createMemoryStore();
  const store = storeOf(ONE, below);
  for (const value of ["RT-canary", '{"generation":4,"refresh":"RT-canary"}', ""]) {
    await store.put("grant/a/4/1", value);
    const raw = (await below.get("grant/a/4/1"))!;
    assert(isSealed(raw) && !raw.includes("canary"));
    assertEquals(await store.get("grant/a/4/1"), value);
  }
});

Deno.test("a credential without tokens has nothing to seal, and needs no key to be read", async () => {
  const below = createMemoryStore();
  await storeOf(ONE, below).put(KEY, credential(3, { tokens: null, status: "dead" }));
  assertEquals(await storeOf(TWO, below).get(KEY), await below.get(KEY));
  assertEquals(await storeOf(TWO, below).sealState(KEY), { kind: "empty" });
});

/** What somebody with access to the store below does, and how reading then fails. */
const TAMPERING: {
  name: string;
  key?: string;
  change: (below: ReturnType<typeof createMemoryStore>) => Promise<void>;
  code: string;
  says: RegExp;
}[] = [
  {
    name: "tokens of another credential",
    change: async (below) => {
      const other = JSON.parse((await below.get("credential/acme/b"))!);
      await below.put(KEY, credential(3, { tokens: other.tokens }));
    },
    code: "storage_corrupt",
    says: /belongs to another record/,
  },
  {
    name: "tokens of an earlier generation",
    change: async (below) => {
      const before = JSON.parse((await below.get(KEY))!);
      await storeOf(ONE, below).put(KEY, credential(4));
      await below.put(KEY, credential(4, { tokens: before.tokens }));
    },
    code: "storage_corrupt",
    says: /of generation 3/,
  },
  {
    name: "a generation that was raised by hand",
    change: async (below) => {
      const stored = JSON.parse((await below.get(KEY))!);
      await below.put(KEY, JSON.stringify({ ...stored, generation: 9 }));
    },
    code: "storage_corrupt",
    says: /of generation 3/,
  },
  {
    name: "a generation that was removed",
    change: async (below) => {
      const { generation: _, ...stored } = JSON.parse((await below.get(KEY))!);
      await below.delete(KEY);
      await below.put(KEY, JSON.stringify(stored));
    },
    code: "storage_corrupt",
    says: /of generation 3/,
  },
  {
    name: "another whole record",
    key: "record/a",
    change: async (below) => below.put("record/a", (await below.get("record/b"))!),
    code: "storage_corrupt",
    says: /belongs to another record/,
  },
  {
    name: "a plain credential",
    change: (below) => below.put(KEY, credential(4)),
    code: "storage_corrupt",
    says: /not sealed/,
  },
  {
    name: "a plain record",
    key: "record/a",
    change: (below) => below.put("record/a", "planted"),
    code: "storage_corrupt",
    says: /not sealed/,
  },
  {
    name: "a changed character of the ciphertext",
    key: "record/a",
    change: async (below) => {
      const [header, none, iv, text, tag] = (await below.get("record/a"))!.split(".");
      const changed = (text![0] === "A" ? "B" : "A") + text!.slice(1);
      await below.put("record/a", [header, none, iv, changed, tag].join("."));
    },
    code: "storage_read",
    says: /does not open it/,
  },
  {
    name: "a header with another record's name",
    key: "record/a",
    change: async (below) => {
      const [header, ...rest] = (await below.get("record/b"))!.split(".");
      const forged = btoa(atob(header!).replace("record/b", "record/a")).replace(/=+$/, "");
      await below.put("record/a", [forged, ...rest].join("."));
    },
    code: "storage_read",
    says: /does not open it/,
  },
  {
    name: "another algorithm",
    key: "record/a",
    change: async (below) => {
      const raw = Uint8Array.from(atob(`${"A".repeat(42)}E=`), (c) => c.charCodeAt(0));
      const sealed = await new CompactEncrypt(new Uint8Array(3))
        .setProtectedHeader({ alg: "A256GCMKW", enc: "A256GCM", kid: "one", rid: "record/a" })
        .encrypt(raw);
      const [header, , iv, text, tag] = sealed.split(".");
      await below.put("record/a", [header, "", iv, text, tag].join("."));
    },
    code: "storage_read",
    says: /does not open it/,
  },
  {
    name: "half a sealed text",
    change: async (below) => {
      const stored = JSON.parse((await below.get(KEY))!);
      await below.put(KEY, JSON.stringify({ ...stored, tokens: stored.tokens.slice(0, 80) }));
    },
    code: "storage_corrupt",
    says: /not a sealed text/,
  },
];

for (const { name, key = KEY, change, code, says } of TAMPERING) {
  Deno.test(`a sealed store refuses ${name}, and leaves it where it is`, async () => {
    const below = createMemoryStore();
    const store = storeOf(ONE, below);
    await store.put(KEY, credential(3));
    await store.put("credential/acme/b", credential(3, { id: "b" }));
    await store.put("record/a", "value a");
    await store.put("record/b", "value b");
    await change(below);
    const stored = await below.get(key);
    const error = await assertRejects(() => store.get(key), CredentialError);
    assertEquals(error.code, code, error.message);
    assert(says.test(error.message), error.message);
    assertEquals(await below.get(key), stored);
  });
}

Deno.test("X36: without the key a record is an error that names the key, and is not removed", async () => {
  const below = createMemoryStore();
  await storeOf(ONE, below).put(KEY, credential(3));
  const stored = await below.get(KEY);
  const READERS = [
    { store: storeOf(TWO, below), says: "sealed with the key one, which GRANTWAY_KEYS does not" },
    {
      store: createSealedStore(below, { acceptsPlain: true }),
      says: "sealed with the key one, and GRANTWAY_KEYS is not set",
    },
    { store: storeOf(OTHER_ONE, below), says: "the key one does not open it" },
  ];
  for (const { store, says } of READERS) {
    const error = await assertRejects(() => store.get(KEY), CredentialError);
    assertEquals(error.code, "storage_read");
    assert(error.message.includes(says), error.message);
    assertEquals(await store.sealState(KEY), { kind: "sealed", keyId: "one" });
    const credentials = createCredentialStore(store, below);
    await assertRejects(() => credentials.put(JSON.parse(credential(4)) as Credential));
    await assertRejects(() => credentials.update("acme", "a", (stored) => stored));
    await assertRejects(() => credentials.remove("acme", "a"));
    assertEquals(await below.get(KEY), stored);
  }
});

Deno.test("X36: a ring is rotated while the store is in use", async () => {
  const below = createMemoryStore();
  const keyOf = async (key: string) => {
    const state = await storeOf(ONE, below).sealState(key);
    return state.kind === "sealed" ? state.keyId : state.kind;
  };
  for (const key of ["x", "y"]) await storeOf(ONE, below).put(key, key);
  const old = storeOf(`${ONE},${TWO}`, below), next = storeOf(`${TWO},${ONE}`, below);
  // First every process learns to open the new key, then it seals, then the old one goes.
  assertEquals(await old.get("x"), "x");
  assertEquals(await next.get("x"), "x");
  assertEquals([await keyOf("x"), await keyOf("y")], ["one", "one"]);
  await next.put("x", "X");
  assertEquals(await old.get("x"), "X");
  assertEquals([await keyOf("x"), await keyOf("y")], ["two", "one"]);
  await next.put("y", "Y");
  const last = storeOf(TWO, below);
  assertEquals([await last.get("x"), await last.get("y")], ["X", "Y"]);
});

Deno.test("a keeper refreshes through a ring that is rotated at every step", async () => {
  const world = new World();
  const rings = [ONE, `${ONE},${TWO}`, `${TWO},${ONE}`, TWO, `${TWO},${ONE}`, `${ONE},${TWO}`];
  const login = await world.login(0);
  await world.store.put("credential/acme/one", JSON.stringify(login));
  for (const [step, ring] of rings.entries()) {
    const store = storeOf(ring, world.store, step === 0);
    const keeper = world.keeper({ store, lease: store });
    const { generation, tokens } = await world.clock.run(keeper.refresh());
    assertEquals([generation, tokens!.refreshToken], [8 + step, `RT-${8 + step}`]);
    const raw = (await world.store.get("credential/acme/one"))!;
    assert(!/[AR]T-\d/.test(raw), raw);
    assertEquals(sealingKeyId(JSON.parse(raw).tokens), ring.split(":")[0]);
    // Further than the pace at which one login is refreshed.
    world.clock.mono += 600_000;
  }
  assertEquals([world.grants, world.reuses], [rings.length, 0]);
});

Deno.test("plain records are read, and sealed with their next write, where that is accepted", async () => {
  const below = createMemoryStore();
  await below.put(KEY, credential(3));
  await below.put("record", "value");
  const store = storeOf(ONE, below, true);
  assertEquals(await store.get(KEY), credential(3));
  assertEquals(await store.get("record"), "value");
  assertEquals(await store.sealState(KEY), { kind: "plain" });
  await store.put(KEY, credential(4));
  await store.put("record", "value");
  assertEquals(await store.sealState(KEY), { kind: "sealed", keyId: "one" });
  assertEquals(await store.sealState("record"), { kind: "sealed", keyId: "one" });
  assertThrows(() => createSealedStore(below, { acceptsPlain: false }), TypeError);
});

const GOOD_RINGS = [
  { text: ONE, ids: ["one"] },
  { text: `${TWO},${ONE}`, ids: ["two", "one"] },
  { text: ` ${TWO} , ${ONE}\n`, ids: ["two", "one"] },
  { text: `a:${"+/".repeat(21)}8=`, ids: ["a"] },
  { text: `a:${"-_".repeat(21)}8`, ids: ["a"] },
];
for (const { text, ids } of GOOD_RINGS) {
  Deno.test(`parseSealingKeys() takes ${JSON.stringify(text.replace(/:[^,]+/g, ":…"))}`, () => {
    assertEquals(parseSealingKeys(text).map(({ id }) => id), ids);
  });
}

const CANARY = "c4nary".repeat(7) + "A";
const BAD_RINGS = [
  { name: "nothing", text: "" },
  { name: "spaces", text: "  " },
  { name: "a key without id", text: CANARY },
  { name: "an empty id", text: `:${CANARY}` },
  { name: "a long id", text: `${CANARY}:one` },
  { name: "an odd id", text: `a b:${CANARY}` },
  { name: "a short key", text: `one:${CANARY.slice(1)}` },
  { name: "a long key", text: `one:${CANARY}A` },
  { name: "a key with other characters", text: `one:${CANARY.slice(1)}!` },
  { name: "two colons", text: `one:${CANARY}:x` },
  { name: "an empty second key", text: `one:${CANARY},` },
  { name: "one id twice", text: `one:${CANARY},one:${CANARY}` },
  { name: "three keys", text: `a:${CANARY},b:${CANARY},c:${CANARY}` },
];
for (const { name, text } of BAD_RINGS) {
  Deno.test(`parseSealingKeys() refuses ${name} and quotes nothing`, () => {
    const error = assertThrows(() => parseSealingKeys(text), GrantwayError);
    assertEquals(error.code, "invalid_configuration");
    assert(!`${error.message} ${error.hint}`.includes("c4nary"), error.message);
  });
}

Deno.test("a parsed ring prints no key", () => {
  const ring = parseSealingKeys(`one:${CANARY}`);
  const text = Deno.inspect(ring, { depth: 9, showHidden: true }) + JSON.stringify(ring);
  assert(!text.includes("c4nary") && text.includes("[secret "), text);
});

Deno.test("X37: no nonce comes twice, and each has 96 bits", async () => {
  const sealer = sealerOf(ONE);
  const nonces = new Set<string>();
  const count = 5_000;
  for (let i = 0; i < count; i++) {
    const nonce = (await sealer.seal("", KEY, 1)).split(".")[2]!;
    assertEquals(nonce.length, 16);
    nonces.add(nonce);
  }
  assertEquals(nonces.size, count);
});
