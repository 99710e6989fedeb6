import { assert, assertEquals } from "@std/assert";
import { PromptCache } from "../../src/sandbox/prompt_cache.ts";

const LONG = "x".repeat(4_000);

Deno.test("PromptCache knows the beginning that an earlier prompt had, in whole blocks", () => {
  const cache = new PromptCache();
  assertEquals(cache.read("k", ["system", LONG]), 0);
  const known = cache.read("k", ["system", LONG, "more"]);
  assert(known > 900 && known % 64 === 0, `${known}`);
  assertEquals(cache.read("other", ["system", LONG]), 0);
  assertEquals(cache.read("k", ["changed", LONG, "more"]), 0);
  assertEquals(cache.read("k", ["system", LONG, "less"]), known);
});

Deno.test("PromptCache forgets the oldest of very many", () => {
  const cache = new PromptCache();
  cache.read("k", [LONG]);
  for (let count = 0; count < 20_001; count++) cache.read(`${count}`, ["x"]);
  assertEquals(cache.read("k", [LONG]), 0);
});
