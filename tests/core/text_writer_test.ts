import { assert, assertEquals } from "@std/assert";
import { createTextWriter } from "../../src/core/text_writer.ts";

Deno.test("createTextWriter() gives every text bytes of its own", () => {
  const write = createTextWriter();
  const texts = Array.from({ length: 3_000 }, (_, i) => `${i} ünï 👩‍🚀 `.repeat(i % 40));
  texts.push("ü".repeat(50_000), "\ud83d", "");
  const pieces = texts.map(write);
  assertEquals(
    pieces.map((bytes) => new TextDecoder().decode(bytes)),
    texts.map((text) => new TextDecoder().decode(new TextEncoder().encode(text))),
  );
  assert(new Set(pieces.map(({ buffer }) => buffer)).size < pieces.length / 10);
});

Deno.test("createTextWriter() goes on when a reader has taken its buffer away", () => {
  const write = createTextWriter();
  structuredClone(write("one"), { transfer: [write("two").buffer] });
  assertEquals(new TextDecoder().decode(write("three")), "three");
});
