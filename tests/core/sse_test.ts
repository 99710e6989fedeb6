import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import {
  createSseDecoder,
  encodeSseComment,
  encodeSseFrame,
  type SseFrame,
} from "../../src/core/sse.ts";

/** Decodes `bytes` cut at `cuts`. */
function decode(bytes: Uint8Array, cuts: readonly number[] = [], maxFrameLength?: number) {
  const frames: SseFrame[] = [];
  const decoder = createSseDecoder(
    ({ event, data }) => frames.push(event === undefined ? { data } : { event, data }),
    maxFrameLength,
  );
  // One buffer for all, as a transport has it: a decoder that kept a view would be found out.
  const buffer = new Uint8Array(bytes.length);
  let start = 0;
  for (const end of [...cuts, bytes.length]) {
    const piece = buffer.subarray(0, end - start);
    piece.set(bytes.subarray(start, end));
    decoder.feed(piece);
    start = end;
  }
  decoder.end();
  return { frames, tooLarge: decoder.tooLarge };
}

const encoder = new TextEncoder();

const CASES: { name: string; text: string; frames: SseFrame[] }[] = [
  { name: "event and data", text: "event: a\ndata: 1\n\n", frames: [{ event: "a", data: "1" }] },
  { name: "CR LF", text: "event: a\r\ndata: 1\r\n\r\n", frames: [{ event: "a", data: "1" }] },
  { name: "CR alone", text: "event: a\rdata: 1\r\r", frames: [{ event: "a", data: "1" }] },
  {
    name: "mixed line ends",
    text: "data: 1\r\ndata: 2\rdata: 3\n\r\ndata: 4\n\n",
    frames: [{ data: "1\n2\n3" }, { data: "4" }],
  },
  { name: "one space is dropped, no more", text: "data:  1\n\n", frames: [{ data: " 1" }] },
  { name: "no space", text: "data:1\n\n", frames: [{ data: "1" }] },
  { name: "a field without a colon", text: "data\n\n", frames: [{ data: "" }] },
  { name: "comments", text: ": a\n\n:\n: b\ndata: 1\n\n", frames: [{ data: "1" }] },
  {
    name: "id, retry and unknown fields",
    text: "id: 1\nretry: 2\nx: y\ndata: 1\n\n",
    frames: [{ data: "1" }],
  },
  { name: "field names in another case are unknown", text: "Data: 1\n\n", frames: [] },
  { name: "an event without data", text: "event: ping\n\ndata: 1\n\n", frames: [{ data: "1" }] },
  { name: "one byte order mark", text: "\ufeffdata: 1\n\n", frames: [{ data: "1" }] },
  { name: "a second byte order mark is text", text: "\ufeff\ufeffdata: 1\n\n", frames: [] },
  {
    name: "a byte order mark later is text",
    text: "data: \ufeff1\n\n",
    frames: [{ data: "\ufeff1" }],
  },
  { name: "no final blank line", text: "data: 1\n", frames: [{ data: "1" }] },
  { name: "no final line end", text: "data: 1", frames: [{ data: "1" }] },
  { name: "a final CR", text: "data: 1\r", frames: [{ data: "1" }] },
  { name: "multi-byte characters", text: "data: ü你👩‍🚀\n\n", frames: [{ data: "ü你👩‍🚀" }] },
  { name: "nothing", text: "", frames: [] },
];
for (const { name, text, frames } of CASES) {
  Deno.test(`createSseDecoder() reads ${name}`, () => {
    const bytes = encoder.encode(text);
    assertEquals(decode(bytes).frames, frames);
    assertEquals(decode(bytes, [...bytes.keys()]).frames, frames, "byte by byte");
    for (const cut of bytes.keys()) {
      assertEquals(decode(bytes, [cut]).frames, frames, `cut at ${cut}`);
    }
  });
}

Deno.test("createSseDecoder() replaces bytes that are not UTF-8", () => {
  const bytes = new Uint8Array([
    ...encoder.encode("data: a"),
    0xff,
    0xc3,
    ...encoder.encode("b\n\n"),
  ]);
  assertEquals(decode(bytes).frames, [{ data: "a\ufffd\ufffdb" }]);
});

Deno.test("createSseDecoder() replaces a character that the end cuts", () => {
  assertEquals(decode(encoder.encode("data: 你").subarray(0, 8)).frames, [{ data: "\ufffd" }]);
});

for (
  const { name, text } of [
    { name: "a line", text: `data: 1\n\ndata: ${"x".repeat(100)}\n\ndata: 2\n\n` },
    { name: "many lines", text: `data: 1\n\n${"data: xxxxxxxxxx\n".repeat(10)}\ndata: 2\n\n` },
  ]
) {
  Deno.test(`createSseDecoder() stops at ${name} beyond the limit, however it is cut`, () => {
    const bytes = encoder.encode(text);
    for (const cuts of [[], [...bytes.keys()], [50]]) {
      assertEquals(decode(bytes, cuts, 99), { frames: [{ data: "1" }], tooLarge: true });
    }
    assertEquals(decode(bytes, [], 110).tooLarge, false);
  });
}

Deno.test("createSseDecoder() is linear in a long line that comes in small pieces", () => {
  const bytes = encoder.encode(`data: ${"x".repeat(5_000_000)}\n\n`);
  const cuts = Array.from({ length: bytes.length >> 6 }, (_, i) => (i + 1) << 6);
  const { frames } = decode(bytes, cuts);
  assertEquals(frames.length, 1);
  assertEquals(frames[0]?.data.length, 5_000_000);
});

Deno.test("createSseDecoder() forgets a comment that never ends", () => {
  const decoder = createSseDecoder(() => {}, 10);
  for (let i = 0; i < 100; i++) decoder.feed(encoder.encode(": keep-alive"));
  assert(!decoder.tooLarge);
});

Deno.test("encodeSseFrame() writes what createSseDecoder() reads, however it is cut", () => {
  const line = fc.string({ unit: "binary" }).map((text) => text.replace(/[\r\n\0]/g, ""));
  const frame = fc.record({
    event: fc.option(line.filter((text) => text !== ""), { nil: undefined }),
    data: fc.array(line, { minLength: 1 }).map((lines) => lines.join("\n")),
  });
  fc.assert(
    fc.property(fc.array(frame), fc.array(fc.nat(), { maxLength: 8 }), (frames, cuts) => {
      const bytes = encoder.encode(frames.map(encodeSseFrame).join(encodeSseComment("idle")));
      const places = cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b);
      const expected = frames.map(({ event, data }) =>
        event === undefined ? { data } : { event, data }
      );
      assertEquals(decode(bytes, places).frames, expected);
    }),
    { seed: 7 },
  );
});

Deno.test("encodeSseFrame() and encodeSseComment() let nothing break out of its line", () => {
  assertEquals(
    encodeSseFrame({ event: "a\r\ndata: b", data: "c\rd\r\ne" }),
    "event: a data: b\ndata: c\ndata: d\ndata: e\n\n",
  );
  assertEquals(encodeSseComment("a\n\ndata: b"), ": a data: b\n\n");
});

Deno.test("createSseDecoder() reads a stream the same, frame by frame and cut anywhere else", () => {
  const stream =
    "event: a\ndata: {1}\n\ndata: x\n\n: c\n\nevent: b\ndata: 1\ndata: 2\n\ndata:y\n\n" +
    "event: \ndata: z\n\nevent: c\r\ndata: w\r\n\r\nid: 1\ndata: v\n\ndata: u\n\n\n\ndata: {t}\n\n";
  const bytes = new TextEncoder().encode(stream);
  const read = (cuts: Iterable<number>) => {
    const frames: unknown[] = [];
    const decoder = createSseDecoder(({ event, data }) => frames.push([event ?? "", data]));
    let start = 0;
    for (const end of [...cuts, bytes.length]) {
      decoder.feed(bytes.slice(start, end));
      start = end;
    }
    decoder.end();
    return frames;
  };
  const whole = read([]);
  assertEquals(whole.length, 9);
  const ends = [...stream.matchAll(/\n\r?\n/g)].map(({ index, 0: end }) => index + end.length);
  assertEquals(read(ends), whole);
  assertEquals(read(bytes.keys()), whole);
  for (const cut of bytes.keys()) assertEquals(read([cut]), whole, `cut at ${cut}`);
});

Deno.test("createSseDecoder() takes no byte order mark for one after a frame", () => {
  const frames: string[] = [];
  const decoder = createSseDecoder(({ data }) => frames.push(data));
  for (const text of ["data: 1\n\n", "\ufeffdata: 2\n\n"]) {
    decoder.feed(new TextEncoder().encode(text));
  }
  assertEquals(frames, ["1"]);
});
