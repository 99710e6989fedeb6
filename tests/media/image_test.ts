// requestImages(): new images and edits, moderation, and results that lie elsewhere.

import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { TransportError } from "../../src/core/errors.ts";
import { type ImageRequest, pictureTypeOf, requestImages } from "../../src/media/mod.ts";
import type { SandboxQuirks } from "../../src/sandbox/mod.ts";
import { createWorld, PIXEL } from "./support.ts";

const CAT: ImageRequest = { prompt: "A cat" };

async function fails(promise: Promise<unknown>): Promise<TransportError> {
  return await assertRejects(() => promise, TransportError) as TransportError;
}

function widthOf({ buffer }: Uint8Array<ArrayBuffer>): number {
  return new DataView(buffer).getUint32(16);
}

Deno.test("requestImages() asks for the images themselves, not for addresses", async () => {
  const world = await createWorld();
  const { images, model, refused } = await requestImages({ ...CAT, count: 2 }, world.options);
  assertEquals([images.length, model, refused], [2, "grok-imagine-image", 0]);
  assertEquals(images.map(({ bytes }) => pictureTypeOf(bytes)), ["image/png", "image/png"]);
  assertEquals(world.sent.map(({ url }) => url), ["https://api.x.ai/v1/images/generations"]);
});

Deno.test("requestImages() takes an address where there is nothing else, without the bearer", async () => {
  const world = await createWorld({ imageForm: "url" });
  const { images } = await requestImages({ ...CAT, aspectRatio: "16:9" }, world.options);
  assertEquals(widthOf(images[0]!.bytes), 1360);
  const [, download] = world.sent;
  assertMatch(download!.url, /^https:\/\/imgen\.x\.ai\//);
  assertEquals(download!.headers.get("authorization"), null);
});

Deno.test("requestImages() passes on model, size and quality", async () => {
  const world = await createWorld({ unknownFields: "refuse" });
  const request = { model: "grok-imagine-image-pro", resolution: "2k", quality: "high" };
  const { images, model } = await requestImages({ ...CAT, ...request }, world.options);
  assertEquals([widthOf(images[0]!.bytes), model], [2048, "grok-imagine-image-quality"]);
});

Deno.test("requestImages() edits one picture or several, as JSON", async () => {
  const world = await createWorld({ unknownFields: "refuse" });
  const bodies: Record<string, unknown>[] = [];
  world.answer = (_url, init) => {
    bodies.push(JSON.parse(init.body as string));
    return undefined;
  };
  const url = "https://pictures.example/a.png";
  const one = await requestImages({ ...CAT, sources: [{ bytes: PIXEL }] }, world.options);
  await requestImages({ ...CAT, sources: [{ url }, { fileId: "file_1" }] }, world.options);
  assertEquals(one.images.length, 1);
  assertMatch(world.sent[0]!.url, /\/images\/edits$/);
  const { image } = bodies[0] as { image: { url: string; type: string } };
  assertEquals([image.type, image.url.slice(0, 22)], ["image_url", "data:image/png;base64,"]);
  assertEquals(bodies[1]!["images"], [
    { url, type: "image_url" },
    { file_id: "file_1", type: "image_url" },
  ]);
});

const REFUSED: { name: string; request: ImageRequest; says: RegExp }[] = [
  { name: "an empty prompt", request: { prompt: "" }, says: /empty/ },
  { name: "eleven images", request: { ...CAT, count: 11 }, says: /from 1 to 10/ },
  {
    name: "four pictures",
    request: { ...CAT, sources: Array(4).fill({ bytes: PIXEL }) },
    says: /3 is the most/,
  },
  {
    name: "a file that is no picture",
    request: { ...CAT, sources: [{ bytes: new Uint8Array(100) }] },
    says: /neither PNG, JPEG nor WebP/,
  },
  {
    name: "a picture of 11 MiB",
    request: {
      ...CAT,
      sources: [{ bytes: new Uint8Array([...PIXEL.slice(0, 8), ...Array(11 * 2 ** 20).fill(0)]) }],
    },
    says: /larger than 10 MiB/,
  },
  {
    name: "a picture at a plain address",
    request: { ...CAT, sources: [{ url: "http://a.example/a.png" }] },
    says: /not https/,
  },
];
for (const { name, request, says } of REFUSED) {
  Deno.test(`requestImages() refuses ${name} before it sends anything`, async () => {
    const world = await createWorld();
    const error = await fails(requestImages(request, world.options));
    assertEquals(error.code, "invalid_request");
    assertMatch(error.message, says);
    assertEquals(world.sent, []);
  });
}

Deno.test("requestImages() tells what moderation holds back", async () => {
  const world = await createWorld();
  const error = await fails(requestImages({ prompt: "[moderated]" }, world.options));
  assertEquals([error.code, error.retryable], ["content_filter", false]);
  world.answer = async (url, init) => {
    const response = await world.sandbox.fetch(url, init);
    const body = await response.json();
    body.data[1].respect_moderation = false;
    return Response.json(body);
  };
  const { images, refused } = await requestImages({ ...CAT, count: 3 }, world.options);
  assertEquals([images.length, refused], [2, 1]);
  world.answer = () =>
    Response.json({
      code: "Client specified an invalid argument",
      error: "Generated image rejected by content moderation.",
    }, { status: 400 });
  assertEquals((await fails(requestImages(CAT, world.options))).code, "content_filter");
});

const HOSTILE: { quirks: Partial<SandboxQuirks>; code: string; says: RegExp }[] = [
  { quirks: { resultUrl: "foreign" }, code: "upstream", says: /x\.ai\.media\.example/ },
  { quirks: { resultUrl: "http" }, code: "upstream", says: /is on imgen\.x\.ai, which is not/ },
  { quirks: { resultUrl: "private" }, code: "upstream", says: /169\.254\.169\.254/ },
  { quirks: { resultUrl: "credentials" }, code: "upstream", says: /is on imgen\.x\.ai/ },
  { quirks: { resultFile: "redirect" }, code: "upstream", says: /media\.example/ },
  { quirks: { resultFile: "html" }, code: "upstream", says: /text\/html in its place/ },
  { quirks: { resultFile: "gone" }, code: "not_found", says: /does not work any more/ },
  { quirks: { resultFile: "endless" }, code: "upstream", says: /larger than 32 MiB/ },
  { quirks: { resultFile: "cut" }, code: "stream_interrupted", says: /whole image/ },
];
for (const { quirks, code, says } of HOSTILE) {
  Deno.test(`requestImages() and a result with ${JSON.stringify(quirks)}`, async () => {
    const world = await createWorld({ imageForm: "url", ...quirks });
    const error = await fails(requestImages(CAT, world.options));
    assertEquals(error.code, code);
    assertMatch(error.message, says);
    // Nothing but the vendor's own hosts was asked.
    for (const { url } of world.sent) assertMatch(url, /^https:\/\/(api|imgen)\.x\.ai\//);
  });
}

Deno.test("requestImages() follows a redirect inside the vendor's hosts, and not for ever", async () => {
  const world = await createWorld({ imageForm: "url" });
  let hops = 0;
  world.answer = (url) => {
    if (!url.includes("imgen.x.ai") || hops-- <= 0) return undefined;
    return new Response(null, { status: 302, headers: { location: url } });
  };
  hops = 3;
  assertEquals((await requestImages(CAT, world.options)).images.length, 1);
  hops = 4;
  assertMatch((await fails(requestImages(CAT, world.options))).message, /again and again/);
});

Deno.test("requestImages() repeats a download that fails for the moment, not the drawing", async () => {
  const world = await createWorld({ imageForm: "url" });
  let failures = 1;
  world.answer = (url) =>
    url.includes("imgen.x.ai") && failures-- > 0 ? new Response(null, { status: 503 }) : undefined;
  assertEquals((await requestImages(CAT, world.options)).images.length, 1);
  assertEquals(world.sent.filter(({ url }) => url.includes("generations")).length, 1);
});

const BROKEN: { name: string; answer: () => Response; says: RegExp }[] = [
  { name: "no image", answer: () => Response.json({ data: [] }), says: /sent no image/ },
  {
    name: "what is no image",
    answer: () => Response.json({ data: [{ b64_json: "SGVsbG8=" }] }),
    says: /what is no image/,
  },
  {
    name: "what is no base64",
    answer: () => Response.json({ data: [{ b64_json: "***" }] }),
    says: /what is no image/,
  },
  { name: "an array", answer: () => Response.json([]), says: /not JSON/ },
  {
    name: "a page",
    answer: () => new Response("<html>", { headers: { "content-type": "text/html" } }),
    says: /text\/html/,
  },
];
for (const { name, answer, says } of BROKEN) {
  Deno.test(`requestImages() tells ${name} for what it is`, async () => {
    const world = await createWorld();
    world.answer = answer;
    const error = await fails(requestImages(CAT, world.options));
    assertEquals(error.code, "upstream");
    assertMatch(error.message, says);
    assertEquals(world.sent.length, 1);
  });
}

Deno.test("requestImages() reads no more than the images can be", async () => {
  const world = await createWorld();
  let sent = 0;
  world.answer = () =>
    new Response(
      new ReadableStream({
        pull: (controller) => {
          sent++;
          controller.enqueue(new Uint8Array(1024 * 1024).fill(32));
        },
      }),
      { headers: { "content-type": "application/json" } },
    );
  assertEquals((await fails(requestImages(CAT, world.options))).code, "upstream");
  assert(sent < 40, `${sent} MiB`);
});
