import { assertEquals, assertRejects } from "@std/assert";
import { CredentialError } from "../../src/core/errors.ts";
import { createMemoryStore } from "../../src/credentials/memory_store.ts";
import { kvStoreContract, leaseContract } from "../contracts/kv_store.ts";

// deno-lint-ignore require-await
async function open() {
  let offset = 0;
  const store = createMemoryStore({ now: () => Date.now() + offset });
  return { store, advance: (ms: number) => void (offset += ms) };
}

kvStoreContract("memory", open, { refusesEarlier: true });
leaseContract("memory", open);

Deno.test("memory lease gives up after timeoutMs and leaves the queue whole", async () => {
  const wakes: (() => void)[] = [];
  const store = createMemoryStore({ sleep: () => new Promise((resolve) => wakes.push(resolve)) });
  const order: string[] = [];
  await store.withLease("n", async () => {
    const first = store.withLease("n", () => Promise.resolve(order.push("first")));
    const second = store.withLease("n", () => Promise.resolve(order.push("second")));
    wakes[0]!();
    const error = await assertRejects(() => first, CredentialError);
    assertEquals(error.code, "lease_timeout");
    second.catch(() => {});
  });
  await store.withLease("n", () => Promise.resolve(order.push("third")));
  assertEquals(order, ["second", "third"]);
});
