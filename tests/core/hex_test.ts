import { assertEquals } from "@std/assert";
import { toHex } from "../../src/core/hex.ts";

Deno.test("toHex() gives two digits for each byte", () => {
  assertEquals(toHex(new Uint8Array()), "");
  assertEquals(toHex(Uint8Array.of(0, 7, 0x10, 0xab, 0xff)), "000710abff");
});
