import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { CredentialError, GrantwayError, OAuthError } from "../../src/core/errors.ts";
import { createCredentialStore } from "../../src/credentials/credential_store.ts";
import type { Lease } from "../../src/credentials/kv_store.ts";
import { createMemoryStore } from "../../src/credentials/memory_store.ts";
import { pendingIntent } from "../../src/credentials/refresh_timing.ts";
import { KEY, MINUTE, type Turn, World } from "../support/keeper_world.ts";

/** Fails when a secret of the world is in what people or files see. */
function assertNoSecrets(world: World, ...texts: string[]): void {
  for (const text of [...world.warnings, ...texts]) {
    assertEquals(/[AR]T-\d/.test(text), false, text);
  }
}

// When -----------------------------------------------------------------------------------------

const TIMING = [
  { name: "hands out a fresh token", leftMs: 6 * MINUTE, value: "AT-7", grants: 0 },
  { name: "refreshes a due one behind the reader", leftMs: 4 * MINUTE, value: "AT-7", grants: 1 },
  { name: "does not wait with 30 s left", leftMs: 30_000, value: "AT-7", grants: 1 },
  { name: "waits with less than 30 s left", leftMs: 29_999, value: "AT-8", grants: 1 },
  { name: "waits once expired", leftMs: -MINUTE, value: "AT-8", grants: 1 },
];
for (const { name, leftMs, value, grants } of TIMING) {
  Deno.test(`Keeper.get() ${name}`, async () => {
    const world = new World();
    await world.login(leftMs);
    const keeper = world.keeper();
    const token = await world.clock.run(keeper.get());
    assertEquals([token.value, token.generation], [value, Number(value.slice(3))]);
    await world.clock.run(keeper.settled());
    assertEquals([world.grants, world.presentedAt.length], [grants, grants]);
    assertEquals((await world.clock.run(keeper.get())).value, grants ? "AT-8" : "AT-7");
  });
}

Deno.test("Keeper.get() starts one flight for 10,000 callers", async () => {
  const world = new World();
  await world.login(0);
  let leases = 0;
  const lease: Lease = {
    withLease: (...args) => (leases++, world.store.withLease(...args)),
  };
  const keeper = world.keeper({ lease });
  const tokens = await world.clock.run(
    Promise.all(Array.from({ length: 10_000 }, () => keeper.get())),
  );
  assertEquals(new Set(tokens.map((token) => token.generation)), new Set([8]));
  assertEquals([world.grants, leases], [1, 1]);
});

Deno.test("Keeper.get() adopts what a sibling rotated", async () => {
  const world = new World();
  await world.login(0);
  const tokens = await world.clock.run(
    Promise.all(Array.from({ length: 8 }, () => world.keeper().get())),
  );
  assertEquals(tokens.map((token) => token.value), Array(8).fill("AT-8"));
  assertEquals([world.grants, world.reuses, world.mostInFlight], [1, 0, 1]);
});

// What ----------------------------------------------------------------------------------------

const GRANTS = [
  { name: "A09 no new refresh token", answer: { refreshToken: undefined }, refreshToken: "RT-7" },
  { name: "A10 the same refresh token", answer: { refreshToken: "RT-7" }, refreshToken: "RT-7" },
  { name: "A11 no expiry", answer: { expiresAt: undefined }, lifetimeMs: 15 * MINUTE },
  { name: "A11 an expiry in the past", answer: { expiresAt: 5 }, lifetimeMs: 15 * MINUTE },
  { name: "A11 no finite expiry", answer: { expiresAt: Infinity }, lifetimeMs: 15 * MINUTE },
];
for (const { name, answer, refreshToken = "RT-8", lifetimeMs = 15 * MINUTE } of GRANTS) {
  Deno.test(`Keeper.get() takes an answer with ${name}`, async () => {
    const world = new World();
    world.answer = answer;
    await world.login(0);
    const keeper = world.keeper();
    assertEquals((await world.clock.run(keeper.get())).value, "AT-8");
    const stored = await world.stored();
    assertEquals(stored.tokens?.refreshToken, refreshToken);
    assertEquals(stored.tokens?.scope, "all");
    assertEquals([stored.generation, stored.intent, stored.lastError], [8, undefined, undefined]);
    assertEquals(stored.expiresAt! - stored.issuedAt, lifetimeMs);
    await world.clock.advance(lifetimeMs);
    assertEquals((await world.clock.run(keeper.get())).value, "AT-9");
    assertEquals(world.reuses, 0);
  });
}

Deno.test("Keeper.get() A13 does not refresh a token of 60 days in its first hour", async () => {
  const world = new World();
  const now = world.clock.now();
  await world.login(0, { issuedAt: now, expiresAt: now + 60 * 24 * 60 * MINUTE });
  const keeper = world.keeper();
  for (let i = 0; i < 60; i++) {
    await world.clock.run(keeper.get());
    await world.clock.advance(MINUTE);
  }
  assertEquals(world.presentedAt, []);
});

Deno.test("Keeper.get() A14 lives with tokens of 5 s and of 1 s, at most one refresh in 2 s", async () => {
  for (const lifetimeMs of [5_000, 1_000]) {
    const world = new World();
    await world.login(0);
    world.answer = {
      get expiresAt() {
        return world.clock.now() + lifetimeMs;
      },
    };
    const keeper = world.keeper();
    for (const end = world.clock.mono + MINUTE; world.clock.mono < end;) {
      const token = await world.clock.run(keeper.get());
      assert(token.expiresAt! > world.clock.now(), `${lifetimeMs}: handed out expired`);
      await world.clock.advance(200);
    }
    const gaps = world.presentedAt.slice(1).map((at, i) => at - world.presentedAt[i]!);
    assert(Math.min(...gaps) >= 2_000, `${lifetimeMs}: ${gaps}`);
    assert(world.grants >= 15, `${lifetimeMs}: ${world.grants}`);
    assertEquals(world.reuses, 0);
  }
});

const FAILURES: {
  name: string;
  turns: Turn[];
  /** What a caller without a usable token gets; absent when it gets a token in the end. */
  code?: string;
  presentations: number;
  stored: { status: string; generation: number; intent: number | undefined; error?: string };
}[] = [
  {
    name: "dead",
    turns: ["dead"],
    code: "login_required",
    presentations: 1,
    stored: { status: "dead", generation: 7, intent: undefined, error: "invalid_grant" },
  },
  {
    name: "refused",
    turns: ["refused"],
    code: "invalid_client",
    presentations: 1,
    stored: { status: "active", generation: 7, intent: undefined, error: "invalid_client" },
  },
  {
    name: "not sent",
    turns: ["not_sent"],
    code: "network",
    presentations: 1,
    stored: { status: "active", generation: 7, intent: undefined, error: "network" },
  },
  {
    name: "ambiguous, then granted",
    turns: ["ambiguous"],
    presentations: 2,
    stored: { status: "active", generation: 8, intent: undefined },
  },
  {
    name: "thrown, then granted",
    turns: ["throw"],
    presentations: 2,
    stored: { status: "active", generation: 8, intent: undefined },
  },
  {
    name: "ambiguous twice",
    turns: ["ambiguous", "ambiguous"],
    code: "refresh_uncertain",
    presentations: 2,
    stored: { status: "active", generation: 7, intent: 2, error: "refresh_uncertain" },
  },
  {
    name: "ambiguous, then refused",
    turns: ["ambiguous", "refused"],
    code: "invalid_client",
    presentations: 2,
    stored: { status: "active", generation: 7, intent: 2, error: "invalid_client" },
  },
  {
    name: "rotated with the answer lost",
    turns: ["lost"],
    code: "login_required",
    presentations: 2,
    stored: { status: "dead", generation: 7, intent: undefined, error: "invalid_grant" },
  },
];
for (const { name, turns, code, presentations, stored } of FAILURES) {
  const summary = async (world: World) => {
    const { status, generation, intent, lastError } = await world.stored();
    const error = lastError === undefined ? {} : { error: lastError.code };
    return { status, generation, intent: intent?.attempt, ...error };
  };

  Deno.test(`Keeper.get() without a usable token: ${name}`, async () => {
    const world = new World();
    world.turns = [...turns];
    await world.login(0);
    const keeper = world.keeper();
    if (code === undefined) {
      assertEquals((await world.clock.run(keeper.get())).value, "AT-8");
    } else {
      const error = await assertRejects(() => world.clock.run(keeper.get()), GrantwayError);
      assertEquals(error.code, code);
      assertNoSecrets(world, error.message);
    }
    assertEquals(world.presentedAt.length, presentations);
    assertEquals(await summary(world), stored);
    const gaps = world.presentedAt.slice(1).map((at, i) => at - world.presentedAt[i]!);
    assert(gaps.every((gap) => gap >= 12_000), `${gaps}`);
    const text = JSON.stringify((await world.stored()).lastError ?? "");
    assertNoSecrets(world, text);
    if (stored.status === "dead") assertEquals((await world.stored()).tokens, null);
  });

  Deno.test(`Keeper.get() with a usable token: ${name}`, async () => {
    const world = new World();
    world.turns = [turns[0]!];
    await world.login(4 * MINUTE);
    const keeper = world.keeper();
    assertEquals((await world.clock.run(keeper.get())).value, "AT-7");
    await world.clock.idle();
    assertEquals(world.presentedAt.length, 1);
    if (turns[0] === "dead") {
      const error = await assertRejects(() => world.clock.run(keeper.get()), CredentialError);
      assertEquals([error.code, error.hint], ["login_required", "Run acme login"]);
    } else {
      for (let i = 0; i < 10; i++) {
        assertEquals((await world.clock.run(keeper.get())).value, "AT-7");
      }
      assertEquals(world.presentedAt.length, 1, "no hot retry");
    }
  });
}

Deno.test("Keeper.get() says who is not logged in", async () => {
  const world = new World();
  const error = await assertRejects(() => world.keeper().get(), CredentialError);
  assertEquals([error.code, error.message, error.hint], [
    "login_required",
    "Not logged into Acme",
    "Run acme login",
  ]);
});

Deno.test("Keeper.get() I13 names a copied login when it dies", async () => {
  const world = new World();
  world.turns = ["dead"];
  await world.login(0);
  const keeper = world.keeper({ host: "another" });
  const error = await assertRejects(() => world.clock.run(keeper.get()), CredentialError);
  assertStringIncludes(error.message, "copied here from elsewhere");
});

Deno.test("Keeper.get() hands out an API key as it is", async () => {
  const world = new World();
  await world.login(0, { source: "api_key", expiresAt: null, tokens: { accessToken: "key" } });
  const keeper = world.keeper({ lease: undefined });
  const token = await keeper.get();
  assertEquals([token.value, token.expiresAt], ["key", null]);
  const error = await assertRejects(() => keeper.get({ rejectedGeneration: 7 }), CredentialError);
  assertEquals(error.code, "unauthorized");
  assertEquals((await assertRejects(() => keeper.refresh(), CredentialError)).code, "unsupported");
});

Deno.test("Keeper.get() refuses to refresh over a store without lease", async () => {
  const world = new World();
  await world.login(MINUTE);
  const keeper = world.keeper({ lease: undefined });
  assertEquals((await keeper.get()).value, "AT-7");
  await world.clock.advance(MINUTE);
  const error = await assertRejects(() => keeper.get(), CredentialError);
  assertEquals(error.code, "no_mutual_exclusion");
  assert(error.hint);
  assertEquals(world.presentedAt, []);
});

Deno.test("Keeper.get() uses a login without refresh token until it expires", async () => {
  const world = new World();
  await world.login(MINUTE, { tokens: { accessToken: "AT-7" } });
  const keeper = world.keeper();
  assertEquals((await keeper.get()).value, "AT-7");
  await world.clock.advance(MINUTE);
  assertEquals((await assertRejects(() => keeper.get(), CredentialError)).code, "login_required");
});

// Crash points and invariants --------------------------------------------------------------------

Deno.test("Keeper.get() leaves no intent behind what its settings kept from being sent", async () => {
  const world = new World();
  await world.login(0);
  const wrong = new GrantwayError("invalid_configuration", "its region is unknown");
  const keeper = world.keeper({ refresh: () => Promise.reject(wrong) });
  assertEquals(await assertRejects(() => world.clock.run(keeper.get())), wrong);
  const { intent, lastError, status } = await world.stored();
  assertEquals([intent, lastError?.code, status], [undefined, "invalid_configuration", "active"]);
});

Deno.test("Keeper I4, I5: the intent is durable before the request, the answer before its use", async () => {
  const world = new World();
  await world.login(0);
  const trace: string[] = [];
  const note = async (what: string) => {
    const stored = await world.stored();
    trace.push(`${what} ${stored.generation}/${stored.intent?.attempt ?? 0}`);
  };
  world.turns = [async (world, credential) => {
    await note("request");
    return world.take("grant", credential);
  }];
  const keeper = world.keeper({
    critical: async (run) => {
      await note("critical");
      const result = await run();
      await note("end");
      return result;
    },
  });
  await world.clock.run(keeper.get().then(() => note("use")));
  assertEquals(trace, ["critical 7/1", "request 7/1", "end 8/0", "use 8/0"]);
});

Deno.test("Keeper sends nothing when the intent cannot be saved", async () => {
  const world = new World();
  await world.login(0);
  const put = world.store.put;
  world.store.put = () => Promise.reject(new CredentialError("storage_write", "disk full"));
  const error = await assertRejects(() => world.clock.run(world.keeper().get()), CredentialError);
  assertEquals([error.code, world.presentedAt.length], ["storage_write", 0]);
  world.store.put = put;
  assertEquals((await world.clock.run(world.keeper().get())).value, "AT-8");
});

Deno.test("Keeper I3: a foreign intent waits D on the monotonic clock, whatever it says", async () => {
  const SENT = [
    { name: "just now", sentAt: 0 },
    { name: "a year ago", sentAt: -365 * 24 * 60 * MINUTE },
    { name: "in a year", sentAt: 365 * 24 * 60 * MINUTE },
  ];
  for (const { name, sentAt } of SENT) {
    const world = new World();
    const at = world.clock.now() + sentAt;
    await world.login(0, { intent: { generation: 7, attempt: 1, sentAt: at, recentAt: [at] } });
    const start = world.clock.mono;
    const got = world.keeper().get();
    await world.clock.advance(5_000);
    world.clock.offset += 60 * MINUTE; // a clock step does not shorten it
    assertEquals((await world.clock.run(got)).value, "AT-8", name);
    assertEquals(world.presentedAt.map((at) => at - start), [12_000], name);
  }
});

Deno.test("Keeper I3: with an unproven lease a foreign sender may still live", async () => {
  const world = new World();
  const sentAt = world.clock.now();
  await world.login(0, { intent: { generation: 7, attempt: 1, sentAt, recentAt: [sentAt] } });
  const start = world.clock.mono;
  const lease: Lease = {
    withLease: (name, run, options) =>
      world.store.withLease(name, (held) => run({ ...held, unproven: true }), options),
  };
  await world.clock.run(world.keeper({ lease }).get());
  assertEquals(world.presentedAt.map((at) => at - start), [32_000]);
});

Deno.test("Keeper sends nothing when its lease is gone after the intent", async () => {
  const world = new World();
  await world.login(0);
  const lease: Lease = {
    withLease: (name, run, options) =>
      world.store.withLease(
        name,
        (held) => run({ ...held, isHeld: () => Promise.resolve(false) }),
        options,
      ),
  };
  const error = await assertRejects(
    () => world.clock.run(world.keeper({ lease }).get()),
    CredentialError,
  );
  assertEquals([error.code, world.presentedAt.length], ["lease_timeout", 0]);
});

Deno.test("Keeper I7: an invalid_grant about a token that is no longer stored destroys nothing", async () => {
  const world = new World();
  await world.login(0);
  world.turns = [async (world, credential) => {
    const now = world.clock.now();
    await world.login(15 * MINUTE, {
      generation: 8,
      issuedAt: now,
      tokens: { accessToken: "AT-other", refreshToken: "RT-other" },
    });
    return world.take("dead", credential);
  }];
  assertEquals((await world.clock.run(world.keeper().get())).value, "AT-other");
  const stored = await world.stored();
  assertEquals([stored.status, stored.generation], ["active", 8]);
});

Deno.test("Keeper: a login that came first wins over the answer to a refresh", async () => {
  const world = new World();
  await world.login(0);
  world.turns = [async (world, credential) => {
    await world.login(15 * MINUTE, {
      generation: 9,
      tokens: { accessToken: "AT-login", refreshToken: "RT-login" },
    });
    return world.take("grant", credential);
  }];
  assertEquals((await world.clock.run(world.keeper().get())).value, "AT-login");
  assertEquals((await world.stored()).tokens?.refreshToken, "RT-login");
  assertEquals(world.warnings.length, 1);
});

Deno.test("Keeper S09: an answer is saved though the store was deleted meanwhile", async () => {
  const world = new World();
  await world.login(0);
  world.turns = [async (world, credential) => {
    await world.store.delete(KEY);
    return world.take("grant", credential);
  }];
  assertEquals((await world.clock.run(world.keeper().get())).value, "AT-8");
  assertEquals((await world.stored()).tokens?.refreshToken, "RT-8");
});

Deno.test("Keeper L14: a logout waits for the refresh in flight and is not undone", async () => {
  const world = new World();
  await world.login(0);
  const removed: unknown[] = [];
  world.turns = [async (world, credential) => {
    createCredentialStore(world.store, world.store).remove("acme", "one")
      .then((last) => removed.push(last?.tokens?.refreshToken));
    await world.clock.sleep(5_000);
    return world.take("grant", credential);
  }];
  const keeper = world.keeper();
  await world.clock.run(keeper.get());
  await world.clock.run(keeper.settled());
  assertEquals(removed, ["RT-8"]);
  assertEquals(await world.store.get(KEY), null);
});

Deno.test("Keeper I8: what it does not know is kept", async () => {
  const world = new World();
  const unknown = {
    "x-note": { deep: [1] },
    tokens: { accessToken: "AT-7", refreshToken: "RT-7", dpop: "k" },
  };
  await world.login(0, unknown);
  await world.store.put("pool/acme", "untouched");
  // A label changed while the request is out.
  world.turns = [async (world, credential) => {
    const text = JSON.parse((await world.store.get(KEY))!);
    await world.store.put(KEY, JSON.stringify({ ...text, label: "renamed", more: true }));
    return world.take("grant", credential);
  }];
  await world.clock.run(world.keeper().get());
  const stored = JSON.parse((await world.store.get(KEY))!);
  assertEquals([stored["x-note"], stored.label, stored.more], [{ deep: [1] }, "renamed", true]);
  assertEquals([stored.tokens.dpop, stored.tokens.accessToken], ["k", "AT-8"]);
  assertEquals(await world.store.get("pool/acme"), "untouched");
});

// Saving fails ------------------------------------------------------------------------------------

/** Fails every write of a new generation while `isFull()`. */
function fillDisk(world: World, isFull: () => boolean): void {
  const put = world.store.put;
  world.store.put = (key, value, options) =>
    isFull() && JSON.parse(value).generation > 7
      ? Promise.reject(
        new CredentialError("storage_write", "Cannot write: no space left on the disk"),
      )
      : put(key, value, options);
}

Deno.test("Keeper R16: an answer that cannot be saved is used with warnings, and the lease kept", async () => {
  const world = new World();
  await world.login(0);
  let isFull = true;
  fillDisk(world, () => isFull);
  const keeper = world.keeper();
  assertEquals((await world.clock.run(keeper.get())).value, "AT-8");
  assertEquals(keeper.state, "unsaved");
  const before = world.warnings.length;
  assertEquals((await world.clock.run(keeper.get())).value, "AT-8");
  assert(world.warnings.length > before, "a warning on each use");
  assertStringIncludes(world.warnings[0]!, "no space left");
  // Far beyond a minute the lease is still held, so no sibling can spend the old token.
  await world.clock.advance(10 * MINUTE);
  const sibling = world.store.withLease(KEY, () => Promise.resolve(), { timeoutMs: 0 });
  const error = await assertRejects(() => world.clock.run(sibling), CredentialError);
  assertEquals(error.code, "lease_timeout");
  isFull = false;
  await world.clock.advance(10_000);
  assertEquals(keeper.state, "idle");
  assertEquals((await world.stored()).tokens?.refreshToken, "RT-8");
  await world.clock.run(keeper.settled());
  assertEquals([world.grants, world.reuses], [1, 0]);
  assertNoSecrets(world);
});

Deno.test("Keeper R16: settled() and refresh() fail after a minute of failed saving", async () => {
  const world = new World();
  await world.login(10 * MINUTE);
  fillDisk(world, () => true);
  const keeper = world.keeper();
  const start = world.clock.mono;
  const refreshed = await assertRejects(() => world.clock.run(keeper.refresh()), CredentialError);
  assertEquals([refreshed.code, refreshed.hint?.includes("Run acme login")], [
    "storage_write",
    true,
  ]);
  assert(world.clock.mono - start >= MINUTE);
  const error = await assertRejects(() => world.clock.run(keeper.settled()), CredentialError);
  assertEquals(error.code, "storage_write");
  assertEquals((await world.stored()).intent?.attempt, 1, "siblings see the open refresh");
});

Deno.test("Keeper.settled() bounds saving when it fails for ever", async () => {
  const world = new World();
  await world.login(0);
  fillDisk(world, () => true);
  const keeper = world.keeper();
  await world.clock.run(keeper.get());
  const start = world.clock.mono;
  await assertRejects(() => world.clock.run(keeper.settled()), CredentialError);
  assert(world.clock.mono - start <= MINUTE + 6_000);
});

// Refused bearers -----------------------------------------------------------------------------------

Deno.test("Keeper R09: a thousand 401s of one generation cause one refresh", async () => {
  const world = new World();
  await world.login(10 * MINUTE);
  const keeper = world.keeper();
  const tokens = await world.clock.run(
    Promise.all(Array.from({ length: 1_000 }, () => keeper.get({ rejectedGeneration: 7 }))),
  );
  assertEquals(new Set(tokens.map((token) => token.value)), new Set(["AT-8"]));
  assertEquals(world.grants, 1);
  assertEquals((await world.clock.run(keeper.get({ rejectedGeneration: 7 }))).value, "AT-8");
  assertEquals(world.grants, 1, "the generation has moved on");
});

Deno.test("Keeper: a token refused within 120 s of its mint is not refreshed again", async () => {
  const world = new World();
  await world.login(10 * MINUTE);
  const keeper = world.keeper();
  await world.clock.run(keeper.get({ rejectedGeneration: 7 }));
  await world.clock.advance(119_000);
  const error = await assertRejects(
    () => world.clock.run(keeper.get({ rejectedGeneration: 8 })),
    CredentialError,
  );
  assertEquals([error.code, world.grants], ["unauthorized", 1]);
  await world.clock.advance(1_000);
  assertEquals((await world.clock.run(keeper.get({ rejectedGeneration: 8 }))).value, "AT-9");
});

Deno.test("Keeper: a refused token is not handed out when the refresh fails", async () => {
  const world = new World();
  world.turns = ["refused"];
  await world.login(10 * MINUTE);
  const keeper = world.keeper();
  const error = await assertRejects(
    () => world.clock.run(keeper.get({ rejectedGeneration: 7 })),
    OAuthError,
  );
  assertEquals(error.code, "invalid_client");
  assertEquals((await world.clock.run(keeper.get())).value, "AT-7");
});

Deno.test("Keeper R10: timer, 401 and manual refresh together are one grant", async () => {
  const world = new World();
  await world.login(4 * MINUTE);
  const a = world.keeper(), b = world.keeper();
  await world.clock.run(Promise.all([
    a.get(),
    a.get({ rejectedGeneration: 7 }),
    a.refresh(),
    b.refresh(),
    b.get({ rejectedGeneration: 7 }),
  ]));
  assertEquals([world.grants, world.reuses], [1, 0]);
});

Deno.test("Keeper.refresh() refreshes what is not due", async () => {
  const world = new World();
  await world.login(14 * MINUTE);
  const keeper = world.keeper();
  const credential = await world.clock.run(keeper.refresh());
  assertEquals([credential.generation, credential.tokens?.accessToken], [8, "AT-8"]);
  await world.clock.run(keeper.refresh());
  assertEquals(world.grants, 2);
  assert(world.presentedAt[1]! - world.presentedAt[0]! >= 2_000);
});

// Waiting -----------------------------------------------------------------------------------------

Deno.test("Keeper.get() leaves when its caller does; the refresh goes on", async () => {
  const world = new World();
  await world.login(0);
  let aborted = false;
  const keeper = world.keeper({
    refresh: async (credential, signal) => {
      await world.clock.sleep(5_000);
      aborted = signal!.aborted;
      return world.take("grant", credential);
    },
  });
  const controller = new AbortController();
  const reason = new Error("enough");
  const got = keeper.get({ signal: controller.signal });
  await world.clock.advance(1_000);
  controller.abort(reason);
  assertEquals(await assertRejects(() => got), reason);
  assertEquals(keeper.state, "refreshing");
  await world.clock.run(keeper.settled());
  assertEquals([(await world.stored()).generation, aborted], [8, false]);
});

Deno.test("Keeper: a request without end is aborted after 20 s and counts as ambiguous", async () => {
  const world = new World();
  await world.login(0);
  let requests = 0;
  const keeper = world.keeper({
    refresh: (credential, signal) =>
      ++requests > 1 ? world.present(credential) : new Promise((_, reject) => {
        signal!.addEventListener("abort", () => reject(signal!.reason));
      }),
  });
  const start = world.clock.mono;
  assertEquals((await world.clock.run(keeper.get())).value, "AT-8");
  assertEquals(world.clock.mono - start, 32_000);
});

Deno.test("Keeper.get() waits 60 s at most for a sibling, and names it", async () => {
  const world = new World();
  await world.login(0);
  const held = Promise.withResolvers<void>();
  const holding = world.store.withLease(KEY, () => held.promise);
  const keeper = world.keeper();
  const start = world.clock.mono;
  const error = await assertRejects(() => world.clock.run(keeper.get()), CredentialError);
  assertEquals([error.code, error.retryable], ["lease_timeout", true]);
  assert(world.clock.mono - start <= MINUTE);
  held.resolve();
  await holding;
});

Deno.test("Keeper.get() with 30 s left tries a held lease once and does not wait", async () => {
  const world = new World();
  await world.login(MINUTE);
  const held = Promise.withResolvers<void>();
  const holding = world.store.withLease(KEY, () => held.promise);
  const keeper = world.keeper();
  assertEquals((await keeper.get()).value, "AT-7");
  await world.clock.run(keeper.settled());
  held.resolve();
  await holding;
  assertEquals(world.presentedAt, []);
});

Deno.test("Keeper.get() that must wait does so after a flight that did not", async () => {
  const world = new World();
  await world.login(MINUTE);
  const held = Promise.withResolvers<void>();
  const holding = world.store.withLease(KEY, () => held.promise);
  const keeper = world.keeper();
  const [, token] = await world.clock.run(Promise.all([
    keeper.get(),
    keeper.get({ rejectedGeneration: 7 }).catch(() => undefined),
    world.clock.sleep(1_000).then(held.resolve),
  ]));
  assertEquals(token?.value, "AT-8");
  await holding;
});

Deno.test("Keeper.settled() does not wait for what has not been sent", async () => {
  const world = new World();
  const sentAt = world.clock.now();
  await world.login(4 * MINUTE, {
    intent: { generation: 7, attempt: 1, sentAt, recentAt: [] },
  });
  const keeper = world.keeper();
  await keeper.get();
  await world.clock.idle();
  const start = world.clock.mono;
  await world.clock.run(keeper.settled());
  assertEquals([world.clock.mono - start, world.presentedAt.length], [0, 0]);
});

// Pressure on the server, and clocks -----------------------------------------------------------------

function assertRate(presentedAt: number[]): void {
  for (const [i, at] of presentedAt.entries()) {
    if (i > 0) assert(at - presentedAt[i - 1]! >= 2_000, `${at - presentedAt[i - 1]!} ms apart`);
    const window = presentedAt.filter((other) => other > at - 10 * MINUTE && other <= at);
    assert(window.length <= 12, `${window.length} in ten minutes`);
  }
}

for (const turn of ["ambiguous", "refused"] as const) {
  Deno.test(`Keeper I14, N09: a day of ${turn} answers stays within the rate and recovers`, async () => {
    const world = new World();
    await world.login(4 * MINUTE);
    world.turns = Array(2_000).fill(turn);
    const keepers = [world.keeper(), world.keeper()];
    for (let minute = 0; minute < 24 * 60; minute += 2) {
      await Promise.all(
        keepers.map((keeper) => world.clock.run(keeper.get()).catch(() => undefined)),
      );
      await world.clock.advance(2 * MINUTE);
    }
    assertRate(world.presentedAt);
    assertEquals((await world.stored()).status, "active");
    world.turns = [];
    const start = world.clock.mono;
    for (;;) {
      const value = await world.clock.run(keepers[0]!.get()).then((t) => t.value, () => undefined);
      if (value !== undefined) break;
      await world.clock.advance(5_000);
    }
    assert(world.clock.mono - start <= 5 * MINUTE + 15_000);
    assertEquals(world.reuses, 0);
  });
}

Deno.test("Keeper I14, P07: holders that die after each request stay within the rate", async () => {
  const world = new World();
  await world.login(0);
  for (let restart = 0; restart < 60; restart++) {
    // A process that is gone never settles; its lease is freed by the system.
    const store = world.store, died = Promise.withResolvers<void>();
    const lease: Lease = {
      withLease: (_name, run) =>
        run({
          unproven: false,
          prove: () => Promise.resolve(),
          isHeld: () => Promise.resolve(true),
        }),
    };
    const keeper = world.keeper({
      store,
      lease,
      refresh: () => {
        world.presentedAt.push(world.clock.mono);
        died.resolve();
        return new Promise(() => {});
      },
      sleep: (ms, signal) => ms === 20_000 ? new Promise(() => {}) : world.clock.sleep(ms, signal),
    });
    const got = keeper.get().catch(() => {});
    await world.clock.run(Promise.race([got, died.promise]));
  }
  assert(world.presentedAt.length >= 12);
  assertRate(world.presentedAt);
});

Deno.test("Keeper C01: a stepped wall clock causes no storm and no lock-out", async () => {
  const STEPS = [60 * MINUTE, 24 * 60 * MINUTE, 10 * 365 * 24 * 60 * MINUTE];
  for (const step of [...STEPS, -STEPS[0]!, -STEPS[2]!]) {
    const world = new World();
    await world.login(10 * MINUTE);
    const keeper = world.keeper();
    world.clock.offset += step;
    for (let i = 0; i < 30; i++) {
      await world.clock.run(keeper.get());
      await world.clock.advance(1_000);
    }
    assert(world.grants <= 1, `${step}: ${world.grants}`);
    // Back again: the 401 path works, however wrong the stored instants are.
    world.clock.offset -= step;
    await world.clock.advance(3 * MINUTE);
    const { generation } = await world.clock.run(keeper.get());
    const token = await world.clock.run(keeper.get({ rejectedGeneration: generation }));
    assert(token.generation > generation);
    assertEquals(world.reuses, 0);
  }
});

Deno.test("Keeper: a fresh memory store and keeper need no clock of their own", async () => {
  const store = createMemoryStore();
  const world = new World();
  const keeper = world.keeper({ store, lease: store });
  await assertRejects(() => keeper.get(), CredentialError, "Not logged into Acme");
  assertEquals(pendingIntent(await world.login(0)), undefined);
});

Deno.test("Keeper C01: a wall clock set back makes nobody wait longer than was written down", async () => {
  const world = new World();
  world.turns = ["refused"];
  await world.login(0);
  const keeper = world.keeper();
  await assertRejects(() => world.clock.run(keeper.get()), GrantwayError);
  // An hour after it was set back by two, the written instant seems an hour ahead.
  world.clock.offset -= 120 * MINUTE;
  await world.clock.advance(60 * MINUTE);
  await world.login(0, { lastError: (await world.stored()).lastError });
  assertEquals((await world.clock.run(keeper.get())).value, "AT-8");
});

Deno.test("Keeper R16: a host that slept through the deadline of a save tries again", async () => {
  const world = new World();
  await world.login(0);
  let failures = 3;
  const put: typeof world.store.put = async (key, value, options) => {
    if (!value.includes("RT-8") || failures-- <= 0) {
      return await world.store.put(key, value, options);
    }
    world.clock.mono += 10 * MINUTE;
    throw new CredentialError("storage_write", "Cannot write: somebody holds the lock");
  };
  const keeper = world.keeper({ store: { ...world.store, put } });
  await world.clock.run(keeper.get().catch(() => {}));
  await world.clock.run(keeper.settled());
  assertEquals([(await world.stored()).generation, failures], [8, -1]);
});

Deno.test("Keeper.renew() waits for a refresh that is due, and for no other", async () => {
  const world = new World();
  await world.login(6 * MINUTE);
  const keeper = world.keeper();
  assertEquals((await world.clock.run(keeper.renew())).generation, 7);
  await world.clock.advance(2 * MINUTE);
  const [one, two] = await world.clock.run(Promise.all([keeper.renew(), keeper.renew()]));
  assertEquals([one.generation, two.generation, world.grants], [8, 8, 1]);
  assertEquals((await world.clock.run(keeper.renew())).generation, 8);
  assertEquals(world.grants, 1);
});

Deno.test("Keeper.renew() gives what there is where the refresh fails", async () => {
  const world = new World();
  await world.login(4 * MINUTE);
  world.turns = ["not_sent"];
  assertEquals((await world.clock.run(world.keeper().renew())).generation, 7);
  assertEquals(world.presentedAt.length, 1);
});

/** An attempt to refresh generation 7 whose sender is gone. */
const FOREIGN = { generation: 7, attempt: 1, sentAt: 0, recentAt: [] };

Deno.test("Keeper.get() adopts an answer that a sender left elsewhere", async () => {
  const world = new World();
  const credential = await world.login(0, { intent: FOREIGN });
  let asked = 0;
  const keeper = world.keeper({
    recover: (sent) => {
      asked++;
      assertEquals([sent.generation, sent.intent?.attempt], [7, 1]);
      const tokens = { accessToken: "AT-8", refreshToken: "RT-8" };
      const expiresAt = world.clock.now() + 15 * MINUTE;
      return Promise.resolve({
        ...credential,
        generation: 8,
        tokens,
        expiresAt,
        issuedAt: expiresAt - 15 * MINUTE,
        intent: undefined,
      });
    },
  });
  const start = world.clock.mono;
  assertEquals((await world.clock.run(keeper.get())).value, "AT-8");
  assertEquals([asked, world.presentedAt, world.clock.mono - start], [1, [], 12_000]);
});

Deno.test("Keeper.get() presents nothing while it cannot look for an answer", async () => {
  const world = new World();
  await world.login(0, { intent: FOREIGN });
  let isBroken = true, asked = 0;
  const keeper = world.keeper({
    recover: () => {
      asked++;
      return isBroken
        ? Promise.reject(new CredentialError("storage_read", "no"))
        : Promise.resolve(undefined);
    },
  });
  const error = await assertRejects(() => world.clock.run(keeper.get()), CredentialError);
  assertEquals([error.code, world.presentedAt], ["storage_read", []]);
  isBroken = false;
  assertEquals((await world.clock.run(keeper.get())).value, "AT-8");
  assertEquals([asked, world.presentedAt.length], [2, 1]);
});

Deno.test("Keeper.get() looks nowhere for the answer to an attempt of its own, or one with a reason", async () => {
  for (const intent of [undefined, { ...FOREIGN, reason: "answered 502" }]) {
    const world = new World();
    await world.login(0, { intent });
    world.turns = ["ambiguous"];
    const keeper = world.keeper({ recover: () => assert(false) as never });
    assertEquals((await world.clock.run(keeper.get())).value, "AT-8");
  }
});
