import { assertEquals, assertRejects } from "@std/assert";
import { BodyTooLargeError, readBoundedBytes, readBoundedText } from "../../src/core/http.ts";

/** Streams of either kind, in pieces of `step` bytes. */
const KINDS: Record<string, (bytes: Uint8Array, step: number) => ReadableStream<Uint8Array>> = {
  "a byte stream": (bytes, step) => streamOf("bytes", bytes, step),
  "a stream of chunks": (bytes, step) => streamOf(undefined, bytes, step),
};

function streamOf(
  type: "bytes" | undefined,
  bytes: Uint8Array,
  step: number,
): ReadableStream<Uint8Array> {
  let at = 0;
  return new ReadableStream({
    // deno-lint-ignore no-explicit-any -- either kind of source
    type: type as any,
    pull(controller: ReadableByteStreamController) {
      if (at < bytes.length) return controller.enqueue(bytes.slice(at, at += step));
      controller.close();
      controller.byobRequest?.respond(0);
    },
  });
}

for (const [kind, make] of Object.entries(KINDS)) {
  Deno.test(`readBoundedBytes() reads ${kind} whole`, async () => {
    for (const size of [0, 1, 16_383, 16_384, 16_385, 40_000, 200_000]) {
      const bytes = Uint8Array.from({ length: size }, (_, index) => index % 251);
      for (const step of [7_001, 16_384, 65_536, size || 1]) {
        const read = await readBoundedBytes(make(bytes, step), size);
        assertEquals(read.length, size);
        assertEquals(read.every((byte, index) => byte === bytes[index]), true, `${size} ${step}`);
      }
    }
  });

  Deno.test(`readBoundedBytes() refuses ${kind} above the limit, and leaves it`, async () => {
    const body = make(new Uint8Array(50_000), 10_000);
    await assertRejects(() => readBoundedBytes(body, 49_999), BodyTooLargeError);
  });
}

Deno.test("readBoundedText() drops a byte order mark, and takes no body for none", async () => {
  const bytes = new TextEncoder().encode("\ufeffGrüße");
  assertEquals(await readBoundedText(KINDS["a byte stream"]!(bytes, 3), 100), "Grüße");
  assertEquals(await readBoundedText(null, 100), "");
});

Deno.test("readBoundedBytes() fails with what the stream fails with", async () => {
  const failure = new Error("reset");
  const body = new ReadableStream<Uint8Array>({ pull: (c) => c.error(failure) });
  assertEquals(await assertRejects(() => readBoundedBytes(body, 9)), failure);
});
