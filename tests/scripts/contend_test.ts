import { assertEquals } from "@std/assert";
import { contend } from "../../scripts/contend.ts";

Deno.test("contend: 4 real processes over one store make one grant per expiry", async () => {
  const { grants, reuse, corrupt } = await contend(4, 10, 7);
  assertEquals({ grants, reuse, corrupt }, { grants: 10, reuse: 0, corrupt: 0 });
});
