import { assertEquals } from "@std/assert";
import { createAdviceStore } from "../../../src/adapters/cloudflare/mod.ts";
import { createMemoryStore } from "../../../src/credentials/memory_store.ts";
import { VirtualClock } from "../../support/virtual_clock.ts";

/** A store of advice over a KV that may fail, and everything that it writes. */
function open() {
  const clock = new VirtualClock();
  const inner = createMemoryStore({ now: clock.now });
  const world = {
    clock,
    inner,
    isBroken: false,
    puts: [] as string[],
    warnings: [] as string[],
    reads: 0,
  };
  const fail = () => Promise.reject(new Error("KV failed"));
  const store = createAdviceStore({
    kv: {
      get: (key) => (world.reads++, world.isBroken ? fail() : inner.get(key)),
      put: (key, value) => {
        world.puts.push(value);
        return world.isBroken ? fail() : inner.put(key, value);
      },
      delete: (key) => inner.delete(key),
      list: (options) => inner.list(options),
    },
    now: clock.now,
    sleep: clock.sleep,
    waitUntil: () => {},
    onWarning: (message) => void world.warnings.push(message),
  });
  return { ...world, world, store };
}

Deno.test("advice is read once in a while, and written behind, the last of a second alone", async () => {
  const { store, world, clock, inner } = open();
  assertEquals(await clock.run(store.get("pool/acme")), null);
  for (const value of ["1", "2", "3"]) await store.put("pool/acme", value);
  assertEquals(await store.get("pool/acme"), "3");
  assertEquals(world.puts, []);
  await clock.advance(1_200);
  assertEquals([world.puts, await inner.get("pool/acme"), world.reads], [["3"], "3", 1]);
  await inner.put("pool/acme", "another isolate's");
  await clock.advance(14_000);
  assertEquals(await clock.run(store.get("pool/acme")), "another isolate's");
});

Deno.test("advice never fails a request", async () => {
  const { store, world, clock } = open();
  world.isBroken = true;
  assertEquals(await clock.run(store.get("pool/acme")), null);
  await store.put("pool/acme", "1");
  await clock.advance(20_000);
  assertEquals(await clock.run(store.get("pool/acme")), "1");
  assertEquals(world.warnings, ["KV failed", "KV failed", "KV failed"]);
});
