import { assert, assertEquals } from "@std/assert";
import { crash } from "../../scripts/crash.ts";

Deno.test("crash: 30 kills of real processes leave a whole store and no avoidable loss", async () => {
  const { kills, grants, corrupt, avoidable, strays } = await crash(30, 4, 7);
  assertEquals({ kills, corrupt, avoidable, strays }, {
    kills: 30,
    corrupt: 0,
    avoidable: 0,
    strays: 0,
  });
  assert(grants > 0, "nothing was refreshed");
});
