/**
 * Signing in on the Worker itself: the deployed bundle in workerd, with its objects, alarms and KV, and
 * the sandbox as the only server that it reaches.
 *
 * @module
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { SignInObject } from "../../../src/adapters/cloudflare/mod.ts";
import type { SignInView } from "../../../src/credentials/mod.ts";
import { createSandbox, type Sandbox } from "../../../src/sandbox/mod.ts";
import { bundle } from "../../support/bundle.ts";
import { Canaries, watchFetch } from "../../support/canary.ts";
import { KEY_A } from "../../support/credential_workers.ts";
import { startWorkerd, type Workerd } from "../../support/workerd.ts";

const TOKEN = "an-admin-token-of-some-length";

interface Remote {
  workerd: Workerd;
  sandbox: Sandbox;
  canaries: Canaries;
  /** Asks the admin API. */
  // deno-lint-ignore no-explicit-any -- JSON whose shape the test states
  admin(method: string, path: string, body?: unknown, token?: string): Promise<any>;
  /** The sign-in once it is no more in `state`. */
  leaves(id: string, state: string): Promise<SignInView>;
}

async function withWorker(run: (remote: Remote) => Promise<void>): Promise<void> {
  const sandbox = createSandbox({ pollIntervalMs: 1_000 });
  const canaries = new Canaries();
  await using workerd = await startWorkerd(await bundle("../src/worker.ts"), {
    bindings: { GRANTWAY_KEYS: KEY_A, GRANTWAY_ADMIN_TOKEN: TOKEN },
    hasObjects: true,
    fetch: watchFetch(canaries, sandbox.fetch),
  });
  const admin: Remote["admin"] = async (method, path, body, token = TOKEN) => {
    const response = await fetch(new URL(`/admin/api/${path}`, workerd.origin), {
      method,
      headers: token === "" ? {} : { authorization: `Bearer ${token}` },
      body: body === undefined ? null : JSON.stringify(body),
    });
    const text = await response.text();
    // No answer holds what came from the provider.
    assertEquals(canaries.find(text), undefined, path);
    try {
      return { status: response.status, ...JSON.parse(text) };
    } catch {
      throw new Error(`${method} ${path} answers ${response.status}: ${text.slice(0, 300)}`);
    }
  };
  const leaves: Remote["leaves"] = async (id, state) => {
    const end = Date.now() + 15_000;
    for (;;) {
      const { signIn } = await admin("GET", `sign-ins/${id}`);
      if (signIn.state !== state) return signIn;
      assert(Date.now() < end, `it stays ${state}`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  };
  await run({ workerd, sandbox, canaries, admin, leaves });
}

Deno.test("the Worker signs in by itself, and uses nothing before it is confirmed", async (t) => {
  await withWorker(async ({ workerd, sandbox, canaries, admin, leaves }) => {
    await t.step("X32: starts nothing without the admin token", async () => {
      for (const token of ["", "wrong", `${TOKEN} `.trim() + "x"]) {
        const refused = await admin("POST", "sign-ins", { provider: "minimax-oauth" }, token);
        assertEquals([refused.status, refused.error.code], [401, "unauthorized"]);
      }
      assertEquals(sandbox.counters.requests, {});
    });

    await t.step("says in doctor that all is there and nobody is signed in", async () => {
      const { sections } = await admin("GET", "doctor");
      // deno-lint-ignore no-explicit-any -- as the API gives it
      const checks = sections.flatMap(({ checks }: any) => checks);
      assertEquals(
        // deno-lint-ignore no-explicit-any -- as above
        checks.filter(({ status }: any) => status !== "ok").map(({ text }: any) => text),
        ["nobody is signed in"],
      );
      assertEquals(JSON.stringify(sections).includes(TOKEN), false);
    });

    const logins: Record<string, SignInView> = {};
    for (const provider of ["minimax-oauth", "xai-oauth"]) {
      await t.step(
        `signs in to ${provider}: waits, is approved, confirmed and stored`,
        async () => {
          const { status, signIn } = await admin("POST", "sign-ins", { provider, label: provider });
          assertEquals([status, signIn.state], [201, "waiting"]);
          assertMatch(signIn.code.verificationUrl, /^https:\/\//);
          sandbox.approve(signIn.code.userCode);
          const approved = await leaves(signIn.id, "waiting");
          assertEquals(approved.state, "approved", JSON.stringify(approved.error));
          assertEquals(
            (await admin("GET", "accounts")).accounts.length,
            Object.keys(logins).length,
          );

          const account = approved.account?.id;
          if (account !== undefined) {
            const other = await admin("POST", `sign-ins/${signIn.id}/confirm`, {
              account: "other",
            });
            assertEquals(other.status, 400);
          }
          const confirmed = await admin("POST", `sign-ins/${signIn.id}/confirm`, { account });
          assertEquals(confirmed.signIn.state, "stored", JSON.stringify(confirmed));
          logins[provider] = confirmed.signIn;
        },
      );
    }

    await t.step("lists what it has signed in to, and serves from it", async () => {
      const { accounts } = await admin("GET", "accounts");
      const rows = accounts.map((
        // deno-lint-ignore no-explicit-any -- as the API gives it
        { credential, status, index }: any,
      ) => [credential.label, status.state, index]);
      assertEquals(rows, [["minimax-oauth", "valid", 1], ["xai-oauth", "valid", 1]]);
      const { secret } = await admin("POST", "keys", { name: "laptop" });
      const answer = await fetch(new URL("/v1/messages", workerd.origin), {
        method: "POST",
        headers: { "x-api-key": secret, "content-type": "application/json" },
        body: JSON.stringify({
          model: "MiniMax-M2.7",
          max_tokens: 100,
          messages: [{ role: "user", content: "Say hello" }],
        }),
      });
      assertEquals(answer.status, 200, await answer.text());
    });

    await t.step("K09: KV holds no token in the clear", async () => {
      const { keys } = await workerd.kv.list({ prefix: "" });
      const dump = await Promise.all(
        keys.map(async ({ name }) => (await workerd.kv.getWithMetadata(name, "text")).value),
      );
      assert(dump.length >= 4);
      assertEquals(canaries.find(JSON.stringify(dump)), undefined);
    });

    await t.step("K07: signs out, and revokes where that can be done", async () => {
      const { id } = logins["xai-oauth"]!.credential!;
      const { removed } = await admin("DELETE", `accounts/xai-oauth/${id}`);
      assertEquals(removed.label, "xai-oauth");
      assertEquals(sandbox.counters.requests["POST auth.x.ai/oauth2/revoke"], 1);
      assertEquals((await admin("DELETE", `accounts/xai-oauth/${id}`)).status, 404);
      const { accounts } = await admin("GET", "accounts");
      assertEquals(accounts.length, 1);
    });

    await t.step("gives up what is cancelled, and says how it ended what was denied", async () => {
      const cancelled = (await admin("POST", "sign-ins", { provider: "xai-oauth" })).signIn;
      assertEquals((await admin("DELETE", `sign-ins/${cancelled.id}`)).cancelled, true);
      assertEquals((await admin("GET", `sign-ins/${cancelled.id}`)).status, 404);
      const denied = (await admin("POST", "sign-ins", { provider: "xai-oauth" })).signIn;
      sandbox.deny(denied.code.userCode);
      const { state, error } = await leaves(denied.id, "waiting");
      assertEquals([state, error?.code], ["failed", "access_denied"]);
    });
  });
});

Deno.test("a Worker without what signing in needs says what to add", async () => {
  const code = await bundle("../src/worker.ts");
  const cases = [
    { bindings: { GRANTWAY_KEYS: KEY_A }, status: 503, says: /GRANTWAY_ADMIN_TOKEN/ },
    {
      bindings: { GRANTWAY_KEYS: KEY_A, GRANTWAY_ADMIN_TOKEN: TOKEN },
      status: 400,
      says: /Add the binding SIGN_INS/,
    },
  ];
  for (const { bindings, status, says } of cases) {
    await using workerd = await startWorkerd(code, { bindings: bindings as never });
    const response = await fetch(new URL("/admin/api/sign-ins", workerd.origin), {
      method: "POST",
      headers: { authorization: `Bearer ${TOKEN}` },
      body: JSON.stringify({ provider: "minimax-oauth" }),
    });
    assertEquals(response.status, status);
    assertMatch(await response.text(), says);
  }
  // Without sealing keys the doctor still tells why nothing works.
  await using workerd = await startWorkerd(code, {
    bindings: { GRANTWAY_ADMIN_TOKEN: TOKEN },
    hasObjects: true,
  });
  const response = await fetch(new URL("/admin/api/doctor", workerd.origin), {
    headers: { authorization: `Bearer ${TOKEN}` },
  });
  assertEquals(response.status, 200);
  assertMatch(await response.text(), /wrangler secret put GRANTWAY_KEYS/);
});

/** An object in memory, which may be another one at any time. */
function createObject(canaries: Canaries) {
  const stored = new Map<string, unknown>();
  let alarm: number | undefined;
  let clock = Date.now();
  const sandbox = createSandbox({ now: () => clock });
  const nobody = {
    idFromName: (name: string) => name,
    get: () => ({ fetch: () => Promise.resolve(Response.json({ result: null })) }),
  };
  const kv = {
    getWithMetadata: () => Promise.resolve({ value: null, metadata: null }),
    put: () => Promise.resolve(),
    delete: () => Promise.resolve(),
    list: () => Promise.resolve({ keys: [], list_complete: true }),
  };
  const storage = {
    get: (keys: string[]) =>
      Promise.resolve(
        new Map(keys.filter((key) => stored.has(key)).map((key) => [key, stored.get(key)])),
      ),
    put: (entries: Record<string, unknown>) => {
      for (const [key, value] of Object.entries(entries)) stored.set(key, value);
      return Promise.resolve();
    },
    delete: (keys: string[]) => Promise.resolve(keys.forEach((key) => stored.delete(key))),
    list: () => Promise.resolve(new Map(stored)),
    sync: () => Promise.resolve(),
    setAlarm: (at: number) => Promise.resolve(void (alarm = at)),
    deleteAlarm: () => Promise.resolve(void (alarm = undefined)),
  };
  const open = (keys = KEY_A) =>
    new SignInObject(
      { storage, waitUntil: () => {} },
      { GRANTWAY_KEYS: keys, KV: kv, CREDENTIALS: nobody as never },
      { fetch: watchFetch(canaries, sandbox.fetch), now: () => clock },
    );
  return {
    sandbox,
    stored,
    open,
    get alarm() {
      return alarm;
    },
    /** What the object answers, as another one than before. */
    ask: async (method: string, more: Record<string, unknown> = {}, keys?: string) => {
      const body = JSON.stringify({ protocol: 1, id: "one", ...more });
      const request = new Request(`https://object/${method}`, { method: "POST", body });
      return await (await open(keys).fetch(request)).json();
    },
    /** Lets its alarm ring, in another object than before. */
    ring: async (keys?: string) => {
      clock = Math.max(clock, alarm!);
      await open(keys).alarm();
    },
  };
}

Deno.test("SignInObject goes on by its alarm, sealed at rest, and leaves nothing", async () => {
  const canaries = new Canaries();
  const object = createObject(canaries);
  const dump = () => JSON.stringify([...object.stored]);
  const request = { provider: "xai-oauth", region: "global" };
  const { result: begun } = await object.ask("start", { request });
  assert(object.alarm! > Date.now());
  await object.ring();
  assertEquals((await object.ask("read")).result.state, "waiting");
  assertEquals(canaries.find(dump()), undefined);
  object.sandbox.approve(begun.code.userCode);
  await object.ring();
  const { result: approved } = await object.ask("read");
  assertEquals(approved.state, "approved");
  assertEquals(canaries.find(dump()), undefined);
  assert(canaries.size > 2);

  // X35: what is sealed for one sign-in is worth nothing in the place of another.
  const other = createObject(canaries);
  await other.ask("start", { request, id: "two" });
  other.stored.set("record", object.stored.get("record"));
  assertEquals((await other.ask("read", { id: "two" })).error.code, "storage_corrupt");
  // X36: with another key it is not read, and not removed.
  const foreign = `b:${"B".repeat(42)}A`;
  assertEquals((await object.ask("read", {}, foreign)).error.code, "storage_read");
  await object.ring(foreign);
  assert(object.alarm! > Date.now());
  assertEquals((await object.ask("read")).result.state, "approved");

  assertEquals((await object.ask("cancel")).result, true);
  assertEquals([object.stored.size, object.alarm], [0, undefined]);
  assertEquals((await object.ask("read")).result, null);
  await object.open().alarm();
  // D08: whoever speaks another protocol changes nothing.
  assertEquals(await object.ask("start", { request, protocol: 2 }), { protocol: 1 });
  assertEquals(await object.ask("unheard_of"), { protocol: 1 });
  assertEquals(object.stored.size, 0);
});
