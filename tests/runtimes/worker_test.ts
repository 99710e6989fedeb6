import { assertEquals } from "@std/assert";
import { bundle } from "../support/bundle.ts";
import { withWorkerd } from "../support/workerd.ts";
import config from "../../deno.json" with { type: "json" };

Deno.test("the Worker answers /healthz in workerd", async () => {
  await withWorkerd(await bundle("../src/worker.ts"), async (origin) => {
    const response = await fetch(new URL("/healthz", origin));
    assertEquals(response.status, 200);
    assertEquals(response.headers.get("cache-control"), "no-store");
    assertEquals(await response.json(), { status: "ok", version: config.version });

    const unknown = await fetch(new URL("/nope", origin));
    assertEquals(unknown.status, 404);
    await unknown.body?.cancel();
  });
});
