import { assertEquals } from "@std/assert";
import { bundle } from "../support/bundle.ts";
import { startWorkerd } from "../support/workerd.ts";
import config from "../../deno.json" with { type: "json" };

Deno.test("the Worker answers /healthz in workerd", async () => {
  await using workerd = await startWorkerd(await bundle("../src/worker.ts"));

  const response = await fetch(new URL("/healthz", workerd.origin));
  assertEquals(response.status, 200);
  assertEquals(response.headers.get("cache-control"), "no-store");
  assertEquals(await response.json(), { status: "ok", version: config.version });

  const unknown = await fetch(new URL("/nope", workerd.origin));
  assertEquals(unknown.status, 404);
  await unknown.body?.cancel();
});
