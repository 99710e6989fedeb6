import { assertEquals } from "@std/assert";
import { StoreObject } from "../../../src/adapters/cloudflare/mod.ts";
import { fakeStorage } from "../../support/fake_storage.ts";

Deno.test("StoreObject sets its alarm again when what it needs to bring records to KV is missing", async () => {
  const alarms: number[] = [];
  const storage = {
    ...fakeStorage(),
    setAlarm: (at: number) => Promise.resolve(void alarms.push(at)),
  };
  const state = { storage, waitUntil: () => {} };
  const { warn } = console;
  console.warn = () => {};
  try {
    await new StoreObject(state, {}, { now: () => 1_000 }).alarm();
  } finally {
    console.warn = warn;
  }
  assertEquals(alarms, [31_000]);
});
