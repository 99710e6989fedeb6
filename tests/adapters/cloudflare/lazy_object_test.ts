import { assertEquals, assertRejects } from "@std/assert";
import type { ObjectState } from "../../../src/adapters/cloudflare/mod.ts";
import { lazyObject } from "../../../src/adapters/cloudflare/lazy_object.ts";
import { fakeStorage } from "../../support/fake_storage.ts";

Deno.test("lazyObject() loads its class once, and again after a failure", async () => {
  let loads = 0, made = 0;
  class Loaded {
    constructor() {
      made++;
    }
    fetch(): Promise<Response> {
      return Promise.resolve(new Response("ok"));
    }
  }
  const Lazy = lazyObject(() => {
    if (++loads === 1) return Promise.reject<typeof Loaded>(new Error("not just now"));
    return Promise.resolve(Loaded);
  });
  const state: ObjectState = { storage: fakeStorage(), waitUntil: () => {} };
  const object = new Lazy(state, {});
  const call = async () => await (await object.fetch(new Request("http://object/"))).text();
  await assertRejects(call, Error, "not just now");
  assertEquals(await Promise.all([call(), call()]), ["ok", "ok"]);
  await object.alarm();
  assertEquals([loads, made], [2, 1]);
});
