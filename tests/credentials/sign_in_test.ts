// A sign-in in steps, against the sandbox: every end it can have, and every point at which it can be
// interrupted. design.md 6 and 8; faults L20 (approved by somebody else), K07.

import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { GrantwayError } from "../../src/core/errors.ts";
import {
  createCredentialStore,
  createMemoryStore,
  createSignIn,
  type CredentialStore,
  type SignIn,
  type SignInRequest,
} from "../../src/credentials/mod.ts";
import { createSandbox, type Sandbox, type SandboxQuirks } from "../../src/sandbox/mod.ts";

const MINIMAX: SignInRequest = { provider: "minimax-oauth", region: "global" };
const XAI: SignInRequest = { provider: "xai-oauth", region: "global" };

/** A machine that ends whenever a test says so. */
class World {
  clock = 1_800_000_000_000;
  saved: { text: string; wakeAt: number } | null = null;
  /** Every text that was saved. */
  texts: string[] = [];
  /** After how many more saves the machine ends. */
  savesLeft = Infinity;
  readonly sandbox: Sandbox;
  readonly credentials: CredentialStore;
  signIn: SignIn;
  warnings: string[] = [];
  /** Whether a write of the store fails. */
  storeFails: Error | undefined;

  constructor(quirks: Partial<SandboxQuirks> = {}) {
    this.sandbox = createSandbox({ now: () => this.clock, quirks });
    const kv = createMemoryStore();
    const store = createCredentialStore(kv, kv);
    this.credentials = {
      ...store,
      add: async (...args) => {
        if (this.storeFails !== undefined) throw this.storeFails;
        return await store.add(...args);
      },
    };
    this.signIn = this.open();
  }

  open(): SignIn {
    return createSignIn({
      id: "one",
      host: "host",
      fetch: this.sandbox.fetch as typeof fetch,
      now: () => this.clock,
      credentials: this.credentials,
      overrides: () => ({}),
      onWarning: (message) => this.warnings.push(message),
      storage: {
        load: () => Promise.resolve(this.saved?.text ?? null),
        save: (text, wakeAt) => {
          if (this.savesLeft-- <= 0) return Promise.reject(new Error("the machine has ended"));
          this.saved = { text, wakeAt };
          this.texts.push(text);
          return Promise.resolve();
        },
        clear: () => {
          this.saved = null;
          return Promise.resolve();
        },
      },
    });
  }

  /** The machine is another one from now on. */
  restart(): void {
    this.savesLeft = Infinity;
    this.signIn = this.open();
  }

  /** Wakes it when it is due, `times` times. */
  async wake(times = 1): Promise<void> {
    for (; times > 0 && this.saved !== null; times--) {
      this.clock = Math.max(this.clock, this.saved.wakeAt);
      await this.signIn.wake();
    }
  }

  /** Signs in up to where it has to be confirmed. */
  async approved(request: SignInRequest): Promise<void> {
    const { code } = await this.signIn.start(request);
    assert(this.sandbox.approve(code!.userCode));
    await this.wake();
    assertEquals((await this.signIn.read())?.state, "approved");
  }
}

/** How often the provider was told that a login is given up. */
const revocations = ({ sandbox }: World) => sandbox.counters.requests[REVOKE];
const REVOKE = "POST auth.x.ai/oauth2/revoke";

for (const request of [MINIMAX, XAI]) {
  Deno.test(`SignIn ${request.provider}: waits, is approved, confirmed and stored`, async () => {
    const world = new World();
    const begun = await world.signIn.start({ ...request, label: "work" });
    assertEquals(begun.state, "waiting");
    assertMatch(begun.code!.verificationUrl, /^https:/);
    await world.wake(3);
    assertEquals((await world.signIn.read())?.state, "waiting");
    world.sandbox.approve(begun.code!.userCode);
    await world.wake();
    const approved = (await world.signIn.read())!;
    assertEquals(approved.state, "approved");
    assertEquals(approved.account === undefined, request === MINIMAX);
    // Nobody can use it so far.
    assertEquals(await world.credentials.list(), []);

    const stored = await world.signIn.confirm(approved.account?.id);
    assertEquals([stored.state, stored.credential?.label], ["stored", "work"]);
    const [credential] = await world.credentials.list();
    assertEquals(credential?.id, stored.credential?.id);
    const { accessToken, refreshToken } = credential!.tokens!;
    assertMatch(refreshToken!, /^(?!.*secret )/);
    const url = request === MINIMAX
      ? "https://api.minimax.io/anthropic/v1/models"
      : "https://api.x.ai/v1/models";
    const headers = { authorization: `Bearer ${accessToken}` };
    const listed = await world.sandbox.fetch(url, { headers });
    assertEquals(listed.status, 200, await listed.text());
    // What ends holds no token any more.
    assertEquals(world.saved!.text.includes(accessToken), false);
    assertEquals(JSON.stringify([begun, approved, stored]).includes(accessToken), false);
    await world.wake();
    assertEquals(await world.signIn.read(), null);
  });

  Deno.test(`SignIn ${request.provider}: goes on after a restart at every step`, async () => {
    const world = new World();
    const { code } = await world.signIn.start(request);
    world.restart();
    await world.wake(2);
    world.sandbox.approve(code!.userCode);
    world.restart();
    await world.wake();
    const { account } = (await world.signIn.read())!;
    world.restart();
    assertEquals((await world.signIn.confirm(account?.id)).state, "stored");
    world.restart();
    assertEquals((await world.signIn.confirm(account?.id)).state, "stored");
    assertEquals((await world.credentials.list()).length, 1);
  });

  Deno.test(`SignIn ${request.provider}: a denial ends it`, async () => {
    const world = new World();
    const { code } = await world.signIn.start(request);
    world.sandbox.deny(code!.userCode);
    await world.wake();
    const { state, error } = (await world.signIn.read())!;
    assertEquals([state, error?.code], ["failed", "access_denied"]);
    await assertRejects(() => world.signIn.confirm(undefined), GrantwayError, "it has failed");
    await world.wake();
    assertEquals(world.saved, null);
  });

  Deno.test(`SignIn ${request.provider}: ends when the code runs out`, async () => {
    const world = new World();
    await world.signIn.start(request);
    await world.wake(2_000);
    assertEquals(await world.signIn.read(), null);
    assert(world.texts.some((text) => text.includes("expired_token")));
  });
}

Deno.test("SignIn waits longer after slow_down and after failures, and goes on", async () => {
  const world = new World();
  await world.signIn.start(XAI);
  const waits: number[] = [];
  const next = async () => {
    const before = world.saved!.wakeAt;
    await world.wake();
    waits.push(world.saved!.wakeAt - before);
  };
  await next();
  world.sandbox.setQuirks({ slowDownNext: 1 });
  await next();
  world.sandbox.setQuirks({ failNext: 2, failOn: "poll", failWith: "status_503" });
  await next();
  await next();
  await next();
  assertEquals(waits, [5_000, 10_000, 20_000, 40_000, 10_000]);
  assertEquals((await world.signIn.read())?.state, "waiting");
});

Deno.test("SignIn stores once, wherever the machine ends while it is stored", async () => {
  for (let savesLeft = 0; savesLeft < 4; savesLeft++) {
    const world = new World();
    await world.approved(MINIMAX);
    world.savesLeft = savesLeft;
    await world.signIn.confirm(undefined).catch(() => {});
    world.restart();
    if ((await world.signIn.read())?.state === "approved") await world.signIn.confirm(undefined);
    for (let n = 0; n < 5 && (await world.signIn.read())?.state !== "stored"; n++) {
      await world.wake();
    }
    assertEquals((await world.signIn.read())?.state, "stored", `after ${savesLeft} saves`);
    assertEquals((await world.credentials.list()).length, 1, `after ${savesLeft} saves`);
  }
});

Deno.test("SignIn is stored once by two that confirm at the same moment", async () => {
  const world = new World();
  await world.approved(MINIMAX);
  const views = await Promise.all([1, 2, 3].map(() => world.signIn.confirm(undefined)));
  assertEquals(views.map(({ state }) => state), ["stored", "stored", "stored"]);
  assertEquals((await world.credentials.list()).length, 1);
});

Deno.test("SignIn tries again while the store fails, and gives up when that is for good", async () => {
  const world = new World();
  await world.approved(XAI);
  const { account } = (await world.signIn.read())!;
  world.storeFails = new GrantwayError("overloaded", "Cannot reach it", { retryable: true });
  const { state, error } = await world.signIn.confirm(account?.id);
  assertEquals([state, error?.code], ["storing", "overloaded"]);
  await assertRejects(() => world.signIn.cancel(), GrantwayError, "being stored");
  await world.wake(2);
  world.storeFails = undefined;
  await world.wake();
  assertEquals((await world.signIn.read())?.state, "stored");

  const other = new World();
  await other.approved(XAI);
  other.storeFails = new GrantwayError("no_mutual_exclusion", "There is no object");
  const failed = await other.signIn.confirm((await other.signIn.read())!.account?.id);
  assertEquals([failed.state, failed.error?.code], ["failed", "no_mutual_exclusion"]);
});

Deno.test("SignIn refuses to confirm another account than the one that was shown", async () => {
  const world = new World();
  await world.approved(XAI);
  for (const account of [undefined, "", "somebody else"]) {
    await assertRejects(() => world.signIn.confirm(account), GrantwayError, "account that was");
  }
  assertEquals(await world.credentials.list(), []);
  assertEquals((await world.signIn.read())?.state, "approved");
});

Deno.test("SignIn revokes what is given up, discarded or never confirmed", async () => {
  const ends: Record<string, (world: World) => Promise<unknown>> = {
    "discarded": (world) => world.signIn.cancel(),
    "never confirmed": (world) => world.wake(),
  };
  for (const [name, end] of Object.entries(ends)) {
    const world = new World();
    await world.approved(XAI);
    await end(world);
    assertEquals(revocations(world), 1, name);
    assertEquals(await world.credentials.list(), []);
    const left = await world.signIn.read();
    assertEquals(left?.error?.code, name === "discarded" ? undefined : "timeout");
    assertEquals(/accessToken/.test(world.saved?.text ?? ""), false);
  }
});

Deno.test("SignIn that is given up while it is approved keeps and leaves nothing", async () => {
  const world = new World();
  const { code } = await world.signIn.start(XAI);
  world.sandbox.approve(code!.userCode);
  world.clock = world.saved!.wakeAt;
  const woken = world.signIn.wake();
  // The poll is under way.
  assertEquals(await world.signIn.cancel(), true);
  await woken;
  assertEquals(await world.signIn.read(), null);
  assertEquals(revocations(world), 1);
  assertEquals(await world.signIn.cancel(), false);
});

Deno.test("SignIn takes the place of a login of the same account", async () => {
  const world = new World();
  await world.approved(XAI);
  const { account } = (await world.signIn.read())!;
  const first = await world.signIn.confirm(account?.id);
  world.saved = null;
  await world.approved(XAI);
  const second = await world.signIn.confirm(account?.id);
  assertEquals([first.isReplacement, second.isReplacement], [false, true]);
  assertEquals(first.credential?.id, second.credential?.id);
  assertEquals((await world.credentials.list()).map(({ generation }) => generation), [2]);
});

Deno.test("SignIn tries the next endpoints profile where the first is not there", async () => {
  const world = new World({ accountPaths: "not_found", legacyPaths: "serve" });
  const { code } = await world.signIn.start(MINIMAX);
  world.sandbox.approve(code!.userCode);
  await world.wake();
  assertEquals((await world.signIn.read())?.state, "approved");
  assertEquals((await world.signIn.confirm(undefined)).credential?.endpointsProfile, "legacy");
});

Deno.test("SignIn shows another code where the first one's profile is refused later", async () => {
  const world = new World({ legacyPaths: "serve" });
  const { code } = await world.signIn.start(MINIMAX);
  world.sandbox.setQuirks({ accountPaths: "not_found" });
  await world.wake();
  const { code: other, state } = (await world.signIn.read())!;
  assertEquals(state, "waiting");
  assert(other!.userCode !== code!.userCode);
  world.sandbox.approve(other!.userCode);
  await world.wake();
  assertEquals((await world.signIn.read())?.state, "approved");
});

Deno.test("SignIn begins nothing where provider, region or store cannot be had", async () => {
  const world = new World();
  for (const request of [{ ...MINIMAX, provider: "nobody" }, { ...MINIMAX, region: "moon" }]) {
    await assertRejects(() => world.signIn.start(request), GrantwayError, "no such provider");
  }
  const broken = new World();
  const gone = () => Promise.reject(new GrantwayError("no_mutual_exclusion", "There is no object"));
  broken.credentials.get = gone;
  await assertRejects(() => broken.open().start(MINIMAX), GrantwayError, "There is no object");
  assertEquals([world.saved, broken.saved], [null, null]);
  assertEquals(broken.sandbox.counters.requests, {});
  await assertRejects(() => world.signIn.confirm(undefined), GrantwayError, "no such sign-in");
});
