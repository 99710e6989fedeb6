import { assert, assertEquals } from "@std/assert";
import { createByteCopier, createTextWriter } from "../../src/core/text_writer.ts";

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

Deno.test("createByteCopier() gives copies that outlive what they were made of", () => {
  const copy = createByteCopier();
  const source = new Uint8Array(20_000);
  const copies = Array.from({ length: 500 }, (_, i) => copy(source.subarray(0, i * 37).fill(i)));
  source.fill(255);
  copies.forEach((bytes, i) => {
    assertEquals(bytes.length, i * 37);
    assert(bytes.every((byte) => byte === i % 256), `${i}`);
  });
  assert(new Set(copies.map(({ buffer }) => buffer)).size < copies.length / 1.2);
});
