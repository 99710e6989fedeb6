import { assertEquals, assertRejects } from "@std/assert";
import {
  BodyTooLargeError,
  readBoundedBytes,
  readBoundedText,
  readMessageBytes,
} from "../../src/core/http.ts";

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

const DECLARED: { name: string; headers: Record<string, string>; size: number; fits: boolean }[] = [
  { name: "no length", headers: {}, size: 100, fits: true },
  { name: "no length, above the limit", headers: {}, size: 101, fits: false },
  { name: "its length", headers: { "content-length": "100" }, size: 100, fits: true },
  { name: "a length above the limit", headers: { "content-length": "101" }, size: 1, fits: false },
  { name: "too small a length", headers: { "content-length": "1" }, size: 101, fits: false },
  { name: "no number for a length", headers: { "content-length": "x" }, size: 100, fits: false },
  {
    name: "the length before it was unpacked",
    headers: { "content-length": "1", "content-encoding": "gzip" },
    size: 101,
    fits: false,
  },
];
for (const { name, headers, size, fits } of DECLARED) {
  Deno.test(`readMessageBytes() ${fits ? "reads" : "refuses"} a body that declares ${name}`, async () => {
    const bytes = new Uint8Array(size).fill(7);
    const message = new Response(bytes, { headers });
    if (fits) assertEquals(await readMessageBytes(message, 100), bytes);
    else await assertRejects(() => readMessageBytes(message, 100), BodyTooLargeError);
  });
}

Deno.test("readMessageBytes() leaves a body whose declared length is above the limit", async () => {
  let cancelled = false;
  const body = new ReadableStream({ cancel: () => void (cancelled = true) });
  const message = new Response(body, { headers: { "content-length": "101" } });
  await assertRejects(() => readMessageBytes(message, 100), BodyTooLargeError);
  assertEquals(cancelled, true);
});
