/** The accounts behind the gateway: which answers, who follows when it cannot, and what is read of the store. */

import { assert, assertEquals } from "@std/assert";
import { createBearerCache } from "../../src/gateway/bearer_cache.ts";
import { orderByConversation } from "../../src/credentials/pool.ts";
import type { Credential } from "../../src/credentials/credential.ts";
import { ask, createWorld, type World, type WorldOptions } from "./support.ts";

/** A world with accounts `a`, `b` … of MiniMax; the bearers that `limited` says so of are refused. */
async function createPool(
  labels: string[],
  options: WorldOptions & { limited?: (label: string) => number | undefined } = {},
): Promise<World & { answered: string[] }> {
  const bearers = new Map<string, string>();
  const answered: string[] = [];
  const world = await createWorld({
    signedIn: [],
    upstream: async (url, init) => {
      const bearer = new Headers(init.headers).get("authorization")!.slice(7);
      const label = bearers.get(bearer)!;
      const status = options.limited?.(label);
      if (status !== undefined) {
        return Response.json({ type: "error", error: { type: "x", message: "no" } }, { status });
      }
      answered.push(label);
      return await world.sandbox.fetch(url, init);
    },
    ...options,
  });
  for (const label of labels) await world.signIn("minimax-oauth", `login ${label}`);
  // A store in memory lists them by their ids, which are random.
  for (const [index, { provider, id }] of (await world.credentials.list()).entries()) {
    const label = labels[index]!;
    const { tokens } = await world.credentials.update(provider, id, (one) => ({ ...one, label }));
    bearers.set(tokens!.accessToken, label);
  }
  return { ...world, answered };
}

/** Asks in a conversation of that name; the status. */
async function askIn(world: World, session: string, text = "hi"): Promise<number> {
  const response = await world.send("/v1/messages", {
    headers: { "x-api-key": [...world.keys.keys()][0]!, "x-claude-code-session-id": session },
    body: ask("messages", "MiniMax-M2.7", text),
  });
  await response.body?.cancel();
  return response.status;
}

Deno.test("the first account answers while it can, whatever the conversation", async () => {
  const world = await createPool(["a", "b"]);
  for (const session of ["1", "2", "3", "4"]) assertEquals(await askIn(world, session), 200);
  assertEquals(world.answered, ["a", "a", "a", "a"]);
});

Deno.test("an account that is limited rests, and the next one answers and is booked", async () => {
  const world = await createPool(["a", "b"], {
    limited: (label) => label === "a" ? 402 : undefined,
  });
  assertEquals(await askIn(world, "1"), 200);
  assertEquals(await askIn(world, "1"), 200);
  assertEquals(world.answered, ["b", "b"]);
  const [first, second] = world.logged;
  assertEquals([first!.attempts, second!.attempts], [2, undefined]);
  const { id } = (await world.credentials.list()).find(({ label }) => label === "b")!;
  assertEquals(world.counted.map(({ account }) => account), [id, id]);
});

Deno.test("a request that is wrong makes no account rest", async () => {
  const world = await createPool(["a", "b"], {
    limited: (label) => label === "a" ? 400 : undefined,
  });
  assertEquals(await askIn(world, "1"), 400);
  assertEquals(await askIn(world, "1"), 400);
  assertEquals(world.sent.length, 2);
});

Deno.test("where every account rests, the client is told for how long", async () => {
  const world = await createPool(["a", "b"], { limited: () => 402 });
  assertEquals(await askIn(world, "1"), 402);
  const sent = world.sent.length;
  const response = await world.ask("messages", "MiniMax-M2.7", "hi");
  assertEquals(response.status, 402);
  assert(Number(response.headers.get("retry-after")) > 3_000);
  assertEquals(world.sent.length, sent);
});

Deno.test("accounts that take turns keep their conversations", async () => {
  const world = await createPool(["a", "b", "c"], { strategy: "round_robin" });
  const owners = new Map<string, string>();
  for (let round = 0; round < 3; round++) {
    for (let session = 0; session < 20; session++) {
      assertEquals(await askIn(world, `${session}`, `turn ${round}`), 200);
      const owner = world.answered.at(-1)!;
      assertEquals(owners.get(`${session}`) ?? owner, owner);
      owners.set(`${session}`, owner);
    }
  }
  assertEquals([...new Set(owners.values())].sort(), ["a", "b", "c"]);
});

Deno.test("a conversation without a name is known by its beginning", async () => {
  const world = await createPool(["a", "b", "c"], { strategy: "round_robin" });
  const turn = async (messages: unknown[]) => {
    const body = { model: "MiniMax-M2.7", max_tokens: 9, messages };
    await (await world.send("/v1/messages", { body })).body?.cancel();
    return world.answered.at(-1)!;
  };
  const owners = new Set<string>();
  for (let i = 0; i < 12; i++) {
    const first = { role: "user", content: `beginning ${i}` };
    const owner = await turn([first]);
    owners.add(owner);
    const reply = { role: "assistant", content: "yes" };
    assertEquals(await turn([first, reply, { role: "user", content: `more ${i}` }]), owner);
  }
  assert(owners.size > 1);
});

Deno.test("orderByConversation() spreads evenly, and moves only what it must", () => {
  const accounts = (ids: string) => [...ids].map((id) => ({ id }) as Credential);
  const firstOf = (ids: string, session: number) =>
    orderByConversation(accounts(ids), `session-${session}`)[0]!.id;
  const counts: Record<string, number> = {};
  let moved = 0;
  for (let session = 0; session < 3_000; session++) {
    const owner = firstOf("abc", session);
    counts[owner] = (counts[owner] ?? 0) + 1;
    assertEquals(firstOf("cab", session), owner);
    if (owner !== "c") assertEquals(firstOf("ab", session), owner);
    const later = firstOf("abcd", session);
    if (later !== owner) {
      assertEquals(later, "d");
      moved++;
    }
  }
  for (const id of "abc") assert(counts[id]! > 850 && counts[id]! < 1_150, JSON.stringify(counts));
  assert(moved > 600 && moved < 900, `${moved}`);
});

Deno.test("a login, a logout and a new order are seen within a second, without a restart", async () => {
  const world = await createPool([]);
  assertEquals(await askIn(world, "1"), 401);
  await world.signIn("minimax-oauth", "late");
  assertEquals(await askIn(world, "1"), 401);
  world.clock.now += 1_000;
  assertEquals(await askIn(world, "1"), 200);
  const [credential] = await world.credentials.list();
  await world.credentials.remove(credential!.provider, credential!.id);
  world.clock.now += 1_000;
  assertEquals(await askIn(world, "1"), 401);
});

Deno.test("a login in another region takes the place of one that ended", async () => {
  const world = await createPool(["a"]);
  assertEquals(await askIn(world, "1"), 200);
  const [credential] = await world.credentials.list();
  await world.credentials.update(credential!.provider, credential!.id, (stored) => ({
    ...stored,
    region: "cn",
  }));
  world.clock.now += 1_000;
  await askIn(world, "1");
  assertEquals(world.sent.map(({ url }) => new URL(url).host), [
    "api.minimax.io",
    "api.minimaxi.com",
  ]);
});

Deno.test("a hostile resource_url in the store is no place to send a bearer to", async () => {
  const world = await createPool(["a"]);
  const [credential] = await world.credentials.list();
  for (
    const resourceUrl of [
      "https://evil.example",
      "http://api.minimax.io",
      "https://api.minimax.io.evil.example",
      "https://u@api.minimax.io",
    ]
  ) {
    await world.credentials.update(credential!.provider, credential!.id, (stored) => ({
      ...stored,
      resourceUrl,
    }));
    world.clock.now += 1_000;
    await askIn(world, "1");
    assert(world.sent.every(({ url }) => url.startsWith("https://api.minimax.io/")));
  }
});

Deno.test("requests that come together read the store once", async () => {
  const world = await createWorld({ signedIn: ["minimax-oauth"] });
  let reads = 0;
  const { list } = world.credentials;
  world.credentials.list = (provider) => {
    reads++;
    return list(provider);
  };
  world.clock.now += 1_000;
  const body = {
    model: "minimax-oauth/MiniMax-M2.7",
    max_tokens: 9,
    messages: [{ role: "user", content: "x" }],
  };
  const responses = await Promise.all(
    Array.from({ length: 50 }, () => world.send("/v1/messages", { body })),
  );
  for (const response of responses) {
    assertEquals(response.status, 200);
    await response.body?.cancel();
  }
  assertEquals(reads, 1);
});

Deno.test("createBearerCache() asks again when time is up, the end is near, or a bearer was refused", async () => {
  let now = 1_000_000, asked = 0;
  const credential = { provider: "p", id: "i", label: "l", region: "r" };
  const cache = createBearerCache({
    get: () =>
      Promise.resolve({ value: `${++asked}`, generation: asked, expiresAt: 1_100_000, credential }),
  }, { now: () => now, freshMs: 1_000 });
  const get = async (rejectedGeneration?: number) =>
    (await cache.get(rejectedGeneration === undefined ? {} : { rejectedGeneration })).value;
  assertEquals([await get(), await get()], ["1", "1"]);
  now += 1_000;
  assertEquals([await get(), await get()], ["2", "2"]);
  assertEquals([await get(2), await get()], ["3", "3"]);
  now -= 10;
  assertEquals(await get(), "4");
  now = 1_070_001;
  assertEquals([await get(), await get()], ["5", "6"]);
});
