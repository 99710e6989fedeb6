/**
 * The object of a credential and the isolates around it, in the real workerd with its real KV and
 * storage, against a sandbox that ends a login when a spent refresh token comes back.
 *
 * @module
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import type { Credential } from "../../../src/credentials/credential.ts";
import { decodeBase64Url } from "../../../src/oauth/pkce.ts";
import {
  type CredentialWorkers,
  type CredentialWorkersOptions,
  KEY_A,
  KEY_B,
  signIn,
  startCredentialWorkers,
  type TestAnswer,
} from "../../support/credential_workers.ts";
import type { TestCall } from "./token_worker.ts";

const MINUTE = 60_000;
const ISOLATES = 10;

/** One login and what is done to it. */
class Login {
  constructor(readonly workers: CredentialWorkers, readonly credential: Credential) {}

  ask(n: number, method: TestCall["method"], rest: Partial<TestCall> = {}): Promise<TestAnswer> {
    const { provider, id } = this.credential;
    return this.workers.ask(n, { method, provider, id, ...rest });
  }

  /** Asks the object itself. */
  async object(path: string, body?: unknown): Promise<unknown> {
    const { result, error } = await this.ask(0, "object", { path, body });
    assertEquals(error, undefined);
    return result;
  }

  /** Ends the object; the next call meets a new one. */
  async abort(): Promise<void> {
    await this.ask(0, "object", { path: "/test/abort" });
  }

  /** Refreshes now; the new generation. */
  async refresh(): Promise<number> {
    const call = { protocol: 1, name: this.credential, arguments: {} };
    const { result } = await this.object("/refresh", call) as { result: { generation: number } };
    return result.generation;
  }

  async token(n = 0, rest: Partial<TestCall> = {}): Promise<{ value: string; generation: number }> {
    const { result, error } = await this.ask(n, "token", rest);
    assertEquals(error, undefined);
    return result;
  }
}

/** Runs `run` with a login whose access token has `leftMs` left. */
async function withLogin(
  workers: CredentialWorkers,
  leftMs: number,
  run: (login: Login) => Promise<void>,
): Promise<void> {
  const { result: now } = await workers.ask(0, { method: "time", provider: "", id: "" });
  const credential = await signIn(workers, leftMs, now);
  const login = new Login(workers, credential);
  assertEquals(await login.ask(0, "put", { credential }), {});
  await run(login);
}

function suite(
  name: string,
  options: CredentialWorkersOptions,
  rows: { name: string; leftMs: number; run: (login: Login) => Promise<void> }[],
): void {
  Deno.test(name, async (t) => {
    await using workers = await startCredentialWorkers(options);
    for (const { name, leftMs, run } of rows) {
      await t.step(name, () => withLogin(workers, leftMs, run));
    }
  });
}

const refreshes = ({ workers }: Login) => workers.sandbox.counters.refreshes;

suite("CredentialObject, among ten isolates,", { isolates: ISOLATES, latencyMs: 30 }, [
  {
    name: "D05: refreshes once for everybody who asks at expiry",
    leftMs: -MINUTE,
    run: async (login) => {
      const before = refreshes(login);
      const tokens = await Promise.all(
        Array.from({ length: 10 * ISOLATES }, (_, n) => login.token(n % ISOLATES, { count: 20 })),
      );
      assertEquals(new Set(tokens.map(({ generation }) => generation)), new Set([2]));
      assertEquals(refreshes(login) - before, 1);
      assertEquals(login.workers.sandbox.counters.reuses, 0);
    },
  },
  {
    name: "R09: refreshes once for everybody whose bearer was refused",
    leftMs: 10 * MINUTE,
    run: async (login) => {
      const before = refreshes(login);
      await Promise.all(Array.from({ length: ISOLATES }, (_, n) => login.token(n)));
      assertEquals(refreshes(login), before);
      const tokens = await Promise.all(
        Array.from(
          { length: 10 * ISOLATES },
          (_, n) => login.token(n % ISOLATES, { count: 20, rejectedGeneration: 1 }),
        ),
      );
      assertEquals(new Set(tokens.map(({ generation }) => generation)), new Set([2]));
      assertEquals(refreshes(login) - before, 1);
      assertEquals(login.workers.sandbox.counters.reuses, 0);
    },
  },
  {
    name: "joins no call whose caller has gone",
    leftMs: -MINUTE,
    run: async (login) => {
      const gone = new AbortController();
      const { provider, id } = login.credential;
      const left = login.workers.ask(1, { method: "token", provider, id }, gone.signal)
        .catch(() => {});
      await new Promise((resolve) => setTimeout(resolve, 15));
      const staying = login.token(1);
      gone.abort();
      assertEquals((await staying).generation, 2);
      await left;
    },
  },
  {
    name: "K09, X35: leaves no token in KV or in its storage",
    leftMs: -MINUTE,
    run: async (login) => {
      const { canaries } = login.workers;
      const { value } = await login.token();
      const dump = JSON.stringify([
        (await login.ask(0, "kv")).result,
        await login.object("/test/dump"),
      ]);
      assertMatch(dump, /access\/minimax-oauth/);
      assertMatch(dump, /grant\/minimax-oauth/);
      assertEquals(canaries.find(dump), undefined);
      assert(canaries.find(value) !== undefined);
      assert(canaries.find(login.credential.tokens!.refreshToken!) !== undefined);
    },
  },
  {
    name: "tells isolates no refresh token",
    leftMs: 10 * MINUTE,
    run: async (login) => {
      const call = { protocol: 1, name: login.credential, arguments: {} };
      for (const method of ["token", "read", "refresh"]) {
        const said = JSON.stringify(await login.object(`/${method}`, call));
        assertMatch(said, /accessToken/);
        assertEquals(/refreshToken|sbx_rt/.test(said), false);
      }
    },
  },
  {
    name: "D08: says which protocol it speaks to a caller with another, and does nothing",
    leftMs: -MINUTE,
    run: async (login) => {
      const before = refreshes(login);
      const call = { protocol: 2, name: login.credential, arguments: {} };
      assertEquals(await login.object("/token", call), { protocol: 1 });
      assertEquals(await login.object("/unheard_of", { ...call, protocol: 1 }), { protocol: 1 });
      assertEquals(refreshes(login), before);
    },
  },
  {
    name: "D08: does not touch what a newer version has stored",
    // Its alarm must not refresh before that version comes.
    leftMs: 10 * MINUTE,
    run: async (login) => {
      const before = refreshes(login);
      const [[, record]] = await login.object("/test/dump") as [[string, object]];
      await login.object("/test/restore", { record: { ...record, schema: 2 } });
      await login.abort();
      const { error } = await login.ask(1, "token", { rejectedGeneration: 1 });
      assertEquals(error?.code, "storage_read");
      assertMatch(error!.message, /a newer deployment wrote it/);
      assertEquals(refreshes(login), before);
    },
  },
  {
    name: "D03: two alarms at once refresh once, and one that comes early not at all",
    leftMs: 4 * MINUTE,
    run: async (login) => {
      const before = refreshes(login);
      await login.object("/test/alarm");
      assertEquals(refreshes(login) - before, 1);
      await login.object("/test/alarm");
      assertEquals(refreshes(login) - before, 1);
    },
  },
  {
    name: "keeps its login when it is started again",
    leftMs: -MINUTE,
    run: async (login) => {
      assertEquals((await login.token()).generation, 2);
      const before = refreshes(login);
      await login.abort();
      assertEquals((await login.token(1, { rejectedGeneration: 1 })).generation, 2);
      assertEquals(refreshes(login), before);
      assertEquals(await login.refresh(), 3);
    },
  },
  {
    name: "X35: refuses records that were put in the place of others",
    leftMs: 10 * MINUTE,
    run: async (login) => {
      await withLogin(login.workers, 10 * MINUTE, async (other) => {
        const { kv } = login.workers;
        const [mine, its] = [login, other].map(({ credential }) =>
          `access/${credential.provider}/${credential.id}`
        );
        const stolen = (await kv.getWithMetadata(its!, "text")).value!;
        await kv.put(mine!, stolen);
        // An isolate that has nothing in memory asks the object, and gets its own.
        assertEquals((await login.token(7)).value, login.credential.tokens!.accessToken);

        const records = Object.fromEntries(
          await other.object("/test/dump") as [string, unknown][],
        );
        await login.object("/test/restore", { record: records["record"] });
        await login.abort();
        const { error } = await login.ask(8, "token", { rejectedGeneration: 1 });
        assertEquals(error?.code, "storage_corrupt");
        assertMatch(error!.message, /belongs to another record/);
      });
    },
  },
  {
    name: "X35: a storage that was set back spends nothing twice",
    leftMs: -MINUTE,
    run: async (login) => {
      const old = Object.fromEntries(await login.object("/test/dump") as [string, unknown][]);
      assertEquals((await login.token()).generation, 2);
      const { kv } = login.workers;
      const key = `access/${login.credential.provider}/${login.credential.id}`;
      // It is published behind the answer.
      await until(async () => headerOf((await kv.getWithMetadata(key, "text")).value!).gen === 2);
      await login.object("/test/restore", old);
      await login.abort();
      const { reuses } = login.workers.sandbox.counters;
      assertEquals((await login.token(5, { rejectedGeneration: 1 })).generation, 2);
      assertEquals(await login.refresh(), 3);

      await login.object("/test/restore", old);
      const { keys } = await kv.list({ prefix: "grant/" });
      for (const { name } of keys) await kv.delete(name);
      await login.abort();
      const { error } = await login.ask(6, "token", { rejectedGeneration: 3 });
      assertEquals(error?.code, "storage_corrupt");
      assertMatch(error!.message, /set back/);
      assertEquals(login.workers.sandbox.counters.reuses, reuses);
    },
  },
  {
    name: "K07: a logout ends the login, revokes it and leaves no grant",
    leftMs: 10 * MINUTE,
    run: async (login) => {
      const { provider, id } = login.credential;
      assertEquals((await login.token(3)).generation, 1);
      const { result } = await login.ask(3, "remove");
      assertEquals([result.id, result.tokens.refreshToken], [id, undefined]);
      // The isolate that did it and one that knew nothing of it.
      for (const n of [3, 9]) {
        const { error } = await login.ask(n, "token");
        assertEquals(error?.code, "login_required");
      }
      const { keys } = await login.workers.kv.list({ prefix: `grant/${provider}/${id}/` });
      assertEquals(keys, []);
      await login.abort();
      assertEquals((await login.ask(4, "token")).error?.code, "login_required");
      const { result: all } = await login.ask(4, "list");
      assertEquals(all.some((one: Credential) => one.id === id), false);
    },
  },
  {
    name: "a login in the place of another goes on with its generations",
    leftMs: -MINUTE,
    run: async (login) => {
      const again = await signIn(login.workers, 10 * MINUTE);
      const { id, label } = login.credential;
      const replaced = { ...again, id, label, generation: 2 };
      assertEquals(await login.ask(0, "put", { credential: replaced }), {});
      const { value, generation } = await login.token(1, { rejectedGeneration: 1 });
      assertEquals([value, generation], [again.tokens!.accessToken, 2]);
      // What is older is refused.
      const { error } = await login.ask(0, "put", { credential: login.credential });
      assertMatch(error!.message, /the stored one is newer/);
    },
  },
]);

/** The header of a sealed text. */
function headerOf(sealed: string): { kid: string; gen: number } {
  return JSON.parse(new TextDecoder().decode(decodeBase64Url(sealed.split(".")[0]!)));
}

/** Waits until `isSo`; the limit is for a hang alone. */
async function until(isSo: () => Promise<boolean> | boolean): Promise<void> {
  const end = Date.now() + 60_000;
  while (!await isSo()) {
    assert(Date.now() < end, "it does not happen");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** The generation of a token, once there is one: an outcome may be uncertain for a while. */
async function generationOf(login: Login): Promise<number> {
  let generation = 0;
  await until(async () => {
    const { result, error } = await login.ask(0, "token");
    if (error !== undefined) assertMatch(error.code, /^(refresh_uncertain|timeout)$/);
    else ({ generation } = result);
    return generation > 0;
  });
  return generation;
}

// Clocks that run 200 times as fast: a probe's delay takes 60 ms, a token lasts 4.5 s, after which
// the alarm may refresh it again.
suite("CredentialObject, on a fast clock,", { isolates: 1, scale: 200, latencyMs: 20 }, [
  {
    name: "D03: its alarm refreshes without anybody asking, again and again",
    leftMs: 4 * MINUTE,
    run: async (login) => {
      const before = refreshes(login);
      await until(() => refreshes(login) >= before + 2);
    },
  },
  {
    name: "D01: adopts from KV the answer that it did not come to store",
    leftMs: -MINUTE,
    run: async (login) => {
      const before = refreshes(login);
      await login.object("/test/abort_at", { put: 1 });
      await login.ask(0, "token");
      // Its watchdog has to wake it, or the next caller. No answer is lost, however many there are.
      await until(async () => {
        const generation = await generationOf(login);
        return generation > 1 && refreshes(login) - before === generation - 1;
      });
      assertEquals(login.workers.sandbox.counters.reuses, 0);
    },
  },
  {
    name: "D01: probes once where nothing was sent",
    leftMs: -MINUTE,
    run: async (login) => {
      const before = refreshes(login);
      // The intent itself is not stored: nothing was sent.
      await login.object("/test/abort_at", { put: 0 });
      await login.ask(0, "token");
      assert(await generationOf(login) >= 2);
      assert(refreshes(login) > before);
      assertEquals(login.workers.sandbox.counters.reuses, 0);
    },
  },
]);

Deno.test("CredentialObject X36: keys rotate live; a lost one loses nothing", async () => {
  await using workers = await startCredentialWorkers({ isolates: 1 });
  await withLogin(workers, 10 * MINUTE, async (login) => {
    const kidOf = (sealed: string) => headerOf(sealed).kid;
    const stored = async () => {
      const [[, record]] = await login.object("/test/dump") as [[string, { sealed: string }]];
      return record.sealed;
    };
    const access = `access/${login.credential.provider}/${login.credential.id}`;
    assertEquals(kidOf(await stored()), "a");

    await workers.restart(`${KEY_B},${KEY_A}`);
    assertEquals((await login.token()).generation, 1);
    assertEquals((await login.token(0, { rejectedGeneration: 1 })).generation, 2);
    assertEquals(kidOf(await stored()), "b");
    await until(async () =>
      kidOf((await workers.kv.getWithMetadata(access, "text")).value!) === "b"
    );

    await workers.restart(KEY_A);
    const lost = await login.ask(0, "token");
    assertEquals(lost.error?.code, "storage_read");
    assertMatch(lost.error!.message, /sealed with the key b, which GRANTWAY_KEYS does not hold/);
    await workers.restart(KEY_B);
    assertEquals((await login.token()).generation, 2);
    assertEquals(await login.refresh(), 3);
  });
});

Deno.test("a deployment without objects or keys says what to add, and refreshes nothing", async () => {
  await using workers = await startCredentialWorkers({ hasObjects: false });
  const call = { method: "token", provider: "minimax-oauth", id: "one" } as const;
  const { error } = await workers.ask(0, call);
  assertEquals(error?.code, "no_mutual_exclusion");
  assertMatch(error!.hint!, /Add the binding CREDENTIALS/);
  await workers.restart("");
  const { error: keys } = await workers.ask(0, call);
  assertEquals(keys?.code, "invalid_configuration");
  assertMatch(keys!.hint!, /wrangler secret put GRANTWAY_KEYS/);
});
