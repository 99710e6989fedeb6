import { assertEquals, assertRejects } from "@std/assert";
import { CredentialError } from "../../src/core/errors.ts";
import type { Credential } from "../../src/credentials/credential.ts";
import { createCredentialStore } from "../../src/credentials/credential_store.ts";
import { createMemoryStore } from "../../src/credentials/memory_store.ts";
import { createPool, type Pool, poolKey, type PoolStrategy } from "../../src/credentials/pool.ts";

const HOUR_MS = 3_600_000;

function account(id: string, change: Partial<Credential> = {}): Credential {
  return {
    id,
    provider: "minimax-oauth",
    region: "global",
    label: id,
    source: "login",
    status: "active",
    tokens: { accessToken: `at-${id}`, refreshToken: `rt-${id}` },
    expiresAt: 10 * HOUR_MS,
    issuedAt: 0,
    generation: 1,
    owner: { host: "h", createdAt: 0 },
    createdAt: 0,
    ...change,
  };
}

async function world(
  accounts: Credential[],
  strategy?: PoolStrategy,
): Promise<{ pool: Pool; clock: { now: number }; kv: ReturnType<typeof createMemoryStore> }> {
  const clock = { now: 0 };
  const kv = createMemoryStore();
  const credentials = createCredentialStore(kv, kv);
  for (const credential of accounts) await credentials.put(credential);
  const pool = createPool({
    kv,
    lease: kv,
    credentials,
    provider: "minimax-oauth",
    strategy,
    now: () => clock.now,
  });
  return { pool, clock, kv };
}

const ids = (credentials: readonly Credential[]) => credentials.map(({ id }) => id);

Deno.test("candidates() of fill_first keep their order, dead ones left out", async () => {
  const dead = account("b", { status: "dead", tokens: null });
  const { pool } = await world([account("a"), dead, account("c")]);
  assertEquals(ids(await pool.candidates()), ["a", "c"]);
  assertEquals(ids(await pool.candidates()), ["a", "c"]);
  assertEquals((await pool.members()).length, 3);
});

Deno.test("candidates() of round_robin begin with the one after the last", async () => {
  const { pool } = await world([account("a"), account("b"), account("c")], "round_robin");
  const turns = [];
  for (let turn = 0; turn < 4; turn++) turns.push(ids(await pool.candidates()).join(""));
  assertEquals(turns, ["abc", "bca", "cab", "abc"]);
});

const FAILURES = [
  { code: "rate_limited", restMs: HOUR_MS },
  { code: "quota_exhausted", restMs: HOUR_MS },
  { code: "quota_exhausted", retryAfterMs: 24 * HOUR_MS, restMs: 24 * HOUR_MS },
  { code: "unauthorized", restMs: 300_000 },
  { code: "not_entitled", restMs: HOUR_MS },
  { code: "rate_limited", retryAfterMs: 2_000, restMs: 2_000 },
  { code: "rate_limited", retryAfterMs: 1e15, restMs: 31 * 24 * HOUR_MS },
  { code: "invalid_request", restMs: undefined },
  { code: "context_overflow", restMs: undefined },
  { code: "overloaded", restMs: undefined },
  { code: "network", restMs: undefined },
] as const;

for (const { code, restMs, ...rest } of FAILURES) {
  const asked = "retryAfterMs" in rest ? ` asked to wait ${rest.retryAfterMs} ms` : "";
  Deno.test(`report() of ${code}${asked} rests ${restMs ?? "nobody"}`, async () => {
    const { pool, clock } = await world([account("a"), account("b")]);
    const coolDown = await pool.report("a", { code, message: "m", ...rest });
    assertEquals(coolDown?.until, restMs);
    assertEquals(ids(await pool.candidates()), restMs === undefined ? ["a", "b"] : ["b"]);
    if (restMs === undefined) return;
    clock.now = restMs - 1;
    assertEquals(ids(await pool.candidates()), ["b"]);
    clock.now = restMs;
    assertEquals(ids(await pool.candidates()), ["a", "b"]);
  });
}

Deno.test("report() rests the only live account briefly, and it is tried all the same", async () => {
  const dead = account("b", { status: "dead", tokens: null });
  const { pool } = await world([account("a"), dead]);
  assertEquals((await pool.report("a", { code: "rate_limited", message: "m" }))?.until, 60_000);
  const told = { code: "rate_limited", message: "m", retryAfterMs: 120_000 } as const;
  assertEquals((await pool.report("a", told))?.until, 120_000);
  assertEquals(ids(await pool.candidates()), ["a"]);
});

Deno.test("candidates() names the earliest end when every account rests", async () => {
  const { pool } = await world([account("a"), account("b")]);
  await pool.report("a", { code: "quota_exhausted", message: "plan used up", retryAfterMs: 5_000 });
  await pool.report("b", { code: "rate_limited", message: "slow down", retryAfterMs: 3_000 });
  const error = await assertRejects(() => pool.candidates(), CredentialError, "slow down");
  assertEquals(error.code, "rate_limited");
  assertEquals(error.retryAfterMs, 3_000);
  await pool.wake("a");
  assertEquals(ids(await pool.candidates()), ["a"]);
  await pool.wake();
  assertEquals(ids(await pool.candidates()), ["a", "b"]);
});

Deno.test("candidates() without a live account asks for a login", async () => {
  const { pool } = await world([account("a", { status: "dead", tokens: null })]);
  const error = await assertRejects(() => pool.candidates(), CredentialError);
  assertEquals(error.code, "login_required");
});

const MOVES = [
  { id: "c", place: 1, order: "cab" },
  { id: "a", place: 2, order: "bac" },
  { id: "a", place: 99, order: "bca" },
  { id: "b", place: -5, order: "bac" },
];
for (const { id, place, order } of MOVES) {
  Deno.test(`move() of ${id} to ${place} gives ${order}`, async () => {
    const { pool } = await world([account("a"), account("b"), account("c")]);
    await pool.move(id, place);
    assertEquals(ids(await pool.candidates()).join(""), order);
  });
}

Deno.test("a new account stands behind those with a place", async () => {
  const { pool, kv } = await world([account("a"), account("b")]);
  await pool.move("b", 1);
  await createCredentialStore(kv, kv).put(account("d"));
  assertEquals(ids(await pool.candidates()), ["b", "a", "d"]);
});

for (
  const text of [
    "",
    "{",
    "[]",
    '{"order":7,"coolDowns":[]}',
    '{"coolDowns":{"a":{"until":"x"}}}',
    "null",
  ]
) {
  Deno.test(`a record that is ${JSON.stringify(text)} is no advice`, async () => {
    const { pool, kv } = await world([account("a")]);
    await kv.put(poolKey("minimax-oauth"), text);
    assertEquals(ids(await pool.candidates()), ["a"]);
  });
}

Deno.test("a rest that lies further ahead than any could be written is another clock's", async () => {
  const { pool, kv } = await world([account("a"), account("b")]);
  const coolDowns = { a: { until: 1e15, code: "rate_limited", message: "m" } };
  await kv.put(poolKey("minimax-oauth"), JSON.stringify({ coolDowns }));
  assertEquals(ids(await pool.candidates()), ["a", "b"]);
});
