/**
 * What client keys must do over every store, as a suite that a test file runs against its own.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import type { KvStore, Lease } from "../../src/credentials/kv_store.ts";
import { createClientKeyStore } from "../../src/gateway/client_key_store.ts";
import { createClientKeys } from "../../src/gateway/client_key_verifier.ts";

/** A store under test and what ends it. */
export interface OpenKeyStore {
  store: KvStore;
  lease?: Lease;
  close?: () => void | Promise<void>;
}

/** Runs the suite; each row gets a store of its own. */
export function clientKeysContract(name: string, open: () => Promise<OpenKeyStore>): void {
  Deno.test(`client keys over the ${name} store: made, listed, used, ended`, async () => {
    const { store, lease, close } = await open();
    const clock = { now: 1_782_864_000_000 };
    const now = () => clock.now;
    const owner = createClientKeyStore({ store, lease, now });
    const gateway = createClientKeys({ store, now, maxAgeMs: 1_000 });
    try {
      assertEquals(await gateway.isConfigured(), false);
      const limits = { requestsPerMinute: 60, concurrent: 4 };
      const scope = { providers: ["xai-oauth"], models: ["grok-*"], routes: ["chat" as const] };
      const plain = await owner.create({ name: "plain" });
      clock.now += 5_000;
      const full = await owner.create({ name: "für CI", scope, limits, expiresAt: now() + 60_000 });
      assertEquals(full.key, {
        id: full.key.id,
        name: "für CI",
        scope,
        limits,
        createdAt: now(),
        expiresAt: now() + 60_000,
      });
      assertEquals(await owner.list(), [plain.key, full.key]);

      assertEquals(await gateway.isConfigured(), true);
      assertEquals(await gateway.verify(plain.secret.expose()), plain.key);
      assertEquals(await gateway.verify(full.secret.expose()), full.key);

      assertEquals(await owner.revoke("plain"), plain.key);
      clock.now += 1_000;
      assertEquals(await gateway.verify(plain.secret.expose()), undefined);
      assert(await gateway.verify(full.secret.expose()) !== undefined);
      clock.now += 60_000;
      assertEquals(await gateway.verify(full.secret.expose()), undefined);
      assertEquals(await gateway.isConfigured(), false);
      assertEquals(await owner.list(), [full.key], "an expired key is still shown");
    } finally {
      await close?.();
    }
  });
}
