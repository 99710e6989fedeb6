// submitVideo(), awaitVideo() and openVideo(): jobs through every end, and without a second bill.

import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { TransportError } from "../../src/core/errors.ts";
import {
  awaitVideo,
  openVideo,
  requestVideo,
  submitVideo,
  type VideoRequest,
} from "../../src/media/mod.ts";
import type { SandboxQuirks } from "../../src/sandbox/mod.ts";
import { collect, createWorld, type MediaWorld, PIXEL } from "./support.ts";

const CAT: VideoRequest = { prompt: "A cat" };

async function fails(promise: Promise<unknown>): Promise<TransportError> {
  return await assertRejects(() => promise, TransportError) as TransportError;
}

/** From the prompt to the file. */
async function film(world: MediaWorld, request = CAT, progress?: (number | undefined)[]) {
  const job = await submitVideo(request, world.options);
  const onProgress = (value: number | undefined) => void progress?.push(value);
  const status = await awaitVideo(job, { ...world.options, onProgress });
  return { job, status, bytes: await collect((await openVideo(status, world.options)).body) };
}

const PENDING: { videoPending: SandboxQuirks["videoPending"]; progress: (number | undefined)[] }[] =
  [
    { videoPending: "202", progress: [0, 62] },
    { videoPending: "200", progress: [0, 62] },
    { videoPending: "202_empty", progress: [undefined, undefined] },
  ];
for (const { videoPending, progress } of PENDING) {
  Deno.test(`awaitVideo() waits while a job is pending as ${videoPending}`, async () => {
    const world = await createWorld({ videoPending });
    const seen: (number | undefined)[] = [];
    const { job, status, bytes } = await film(world, CAT, seen);
    assertEquals(seen, progress);
    assertEquals(world.waits, [5_000, 5_000]);
    assertEquals([job.credential, status.seconds, status.model], [
      "cred1",
      8,
      "grok-imagine-video",
    ]);
    assertEquals(new TextDecoder().decode(bytes.slice(4, 8)), "ftyp");
    const download = world.sent.at(-1)!;
    assertMatch(download.url, /^https:\/\/vidgen\.x\.ai\//);
    assertEquals(download.headers.get("authorization"), null);
  });
}

Deno.test("awaitVideo() takes an empty 202 that calls itself JSON, and a status it does not know, for pending", async () => {
  const world = await createWorld({ videoOutcome: "odd" });
  let answers = 0;
  world.answer = (url) =>
    /videos\/[0-9a-f-]{36}$/.test(url) && answers++ === 0
      ? new Response("", { status: 202, headers: { "content-type": "application/json" } })
      : undefined;
  assert((await film(world)).bytes.length > 1_000);
});

const ENDS: { prompt: string; state: string; code: string; says: RegExp }[] = [
  { prompt: "[failed]", state: "failed", code: "upstream", says: /could not be generated/ },
  { prompt: "[expired]", state: "expired", code: "not_found", says: /has expired/ },
  { prompt: "[moderated]", state: "refused", code: "content_filter", says: /moderation/ },
];
for (const { prompt, state, code, says } of ENDS) {
  Deno.test(`awaitVideo() tells a job that ends as ${state}, under HTTP 200`, async () => {
    const world = await createWorld();
    const job = await submitVideo({ prompt }, world.options);
    const error = await fails(awaitVideo(job, world.options));
    assertEquals(error.code, code);
    assertMatch(error.message, says);
    assertEquals((await requestVideo(job, world.options)).state, state);
  });
}

Deno.test("awaitVideo() takes a failure for the sake of moderation for a refusal", async () => {
  const world = await createWorld();
  const job = await submitVideo(CAT, world.options);
  world.answer = () =>
    Response.json({
      status: "failed",
      error: { code: "invalid-argument", message: "Rejected by content moderation" },
    });
  assertEquals((await fails(awaitVideo(job, world.options))).code, "content_filter");
  world.answer = () => Response.json({ status: "failed" });
  assertEquals((await fails(awaitVideo(job, world.options))).code, "upstream");
});

Deno.test("submitVideo() is one video, even where the answer is lost", async () => {
  const world = await createWorld({ loseOn: "media", loseNext: 1 });
  await submitVideo(CAT, world.options);
  assertEquals([world.sent.length, world.sandbox.counters.videos], [2, 1]);
  const keys = world.sent.map(({ headers }) => headers.get("x-idempotency-key"));
  assertEquals(keys[0], keys[1]);
  await submitVideo(CAT, world.options);
  assertEquals(world.sandbox.counters.videos, 2);
});

Deno.test("submitVideo() sends a first frame, references, length and size", async () => {
  const world = await createWorld({ unknownFields: "refuse" });
  const bodies: Record<string, unknown>[] = [];
  world.answer = (_url, init) => {
    bodies.push(JSON.parse(init.body as string));
    return undefined;
  };
  await submitVideo({
    ...CAT,
    image: { bytes: PIXEL },
    seconds: 6,
    aspectRatio: "9:16",
    resolution: "720p",
  }, world.options);
  const references = Array(7).fill({ bytes: PIXEL });
  await submitVideo({ ...CAT, references, seconds: 10 }, world.options);
  const [first, second] = bodies;
  assertEquals([first!["duration"], first!["aspect_ratio"], first!["resolution"]], [
    6,
    "9:16",
    "720p",
  ]);
  assertMatch((first!["image"] as { url: string }).url, /^data:image\/png;base64,/);
  assertEquals((second!["reference_images"] as unknown[]).length, 7);
});

Deno.test("submitVideo() edits and extends a video that lies elsewhere", async () => {
  const world = await createWorld({ unknownFields: "refuse" });
  const url = "https://vidgen.x.ai/a.mp4";
  await submitVideo({ ...CAT, source: { edit: { url } } }, world.options);
  await submitVideo(
    { ...CAT, source: { extend: { fileId: "file_1" }, seconds: 4 } },
    world.options,
  );
  assertEquals(world.sent.map(({ url }) => url.split("/").at(-1)), ["edits", "extensions"]);
});

Deno.test("submitVideo() names upload_url to teams that need it", async () => {
  const world = await createWorld({ uploadUrlRequired: true });
  const error = await fails(submitVideo(CAT, world.options));
  assertMatch(error.message, /output\.upload_url/);
  const uploadUrl = "https://store.example/put";
  assert((await submitVideo({ ...CAT, uploadUrl }, world.options)).id !== "");
});

const REFUSED: { name: string; request: VideoRequest; says: RegExp }[] = [
  { name: "an empty prompt", request: { prompt: "" }, says: /empty/ },
  {
    name: "a first frame and references",
    request: { ...CAT, image: { bytes: PIXEL }, references: [{ bytes: PIXEL }] },
    says: /exclude each other/,
  },
  {
    name: "eight references",
    request: { ...CAT, references: Array(8).fill({ bytes: PIXEL }) },
    says: /7 is the most/,
  },
  { name: "16 seconds", request: { ...CAT, seconds: 16 }, says: /from 1 to 15/ },
  { name: "half a second", request: { ...CAT, seconds: 0.5 }, says: /whole seconds/ },
];
for (const { name, request, says } of REFUSED) {
  Deno.test(`submitVideo() refuses ${name} before it sends anything`, async () => {
    const world = await createWorld();
    const error = await fails(submitVideo(request, world.options));
    assertEquals(error.code, "invalid_request");
    assertMatch(error.message, says);
    assertEquals(world.sent, []);
  });
}

Deno.test("requestVideo() asks with the credential that made the job, and no other", async () => {
  const world = await createWorld();
  const job = await submitVideo(CAT, world.options);
  const error = await fails(requestVideo({ ...job, credential: "cred2" }, world.options));
  assertEquals(error.code, "invalid_request");
  assertMatch(error.message, /another account than work/);
  assertEquals(world.sent.length, 1);
  const unknown = await fails(requestVideo({ ...job, id: "no/../such" }, world.options));
  assertEquals(unknown.code, "not_found");
  assertMatch(world.sent.at(-1)!.url, /\/videos\/no%2F\.\.%2Fsuch$/);
});

Deno.test("awaitVideo() outlives polls that fail for the moment, and a bearer that ran out", async () => {
  const world = await createWorld();
  const job = await submitVideo(CAT, world.options);
  let failures = 4;
  world.answer = (url) =>
    url.endsWith(job.id) && failures-- > 0 ? new Response(null, { status: 503 }) : undefined;
  assertEquals((await awaitVideo(job, world.options)).state, "done");

  const other = await createWorld({ failOn: "media", failWith: "connection_lost" });
  const lost = await submitVideo(CAT, other.options);
  other.sandbox.setQuirks({ failNext: 100 });
  assertEquals((await fails(awaitVideo(lost, other.options))).code, "network");
  assert(other.sandbox.quirks.failNext < 90, "it gave up too early");
});

Deno.test("awaitVideo() gives up after a while; the job goes on", async () => {
  const world = await createWorld({ videoRenderMs: 20 * 60_000 });
  const job = await submitVideo(CAT, world.options);
  const error = await fails(awaitVideo(job, { ...world.options, timeoutMs: 60_000 }));
  assertEquals([error.code, error.retryable, world.waits.length], ["timeout", true, 12]);
  assertEquals((await requestVideo(job, world.options)).state, "pending");
});

Deno.test("awaitVideo() rethrows the reason of a cancellation; the job goes on", async () => {
  const abort = new AbortController();
  const world = await createWorld({}, { signal: abort.signal });
  const job = await submitVideo(CAT, world.options);
  const reason = new Error("enough");
  const onProgress = () => abort.abort(reason);
  const error = await awaitVideo(job, { ...world.options, onProgress }).catch((error) => error);
  assertEquals(error, reason);
  const { signal: _signal, ...later } = world.options;
  assertEquals((await awaitVideo(job, later)).state, "done");
});

const HOSTILE: { quirks: Partial<SandboxQuirks>; code: string }[] = [
  { quirks: { resultUrl: "foreign" }, code: "upstream" },
  { quirks: { resultUrl: "private" }, code: "upstream" },
  { quirks: { resultFile: "redirect" }, code: "upstream" },
  { quirks: { resultFile: "gone" }, code: "not_found" },
  { quirks: { resultFile: "cut" }, code: "stream_interrupted" },
];
for (const { quirks, code } of HOSTILE) {
  Deno.test(`openVideo() and a result with ${JSON.stringify(quirks)}`, async () => {
    const world = await createWorld(quirks);
    assertEquals((await fails(film(world))).code, code);
    for (const { url } of world.sent) assertMatch(url, /^https:\/\/(api|vidgen)\.x\.ai\//);
  });
}

Deno.test("openVideo() says that there is no address, where there is none", async () => {
  const world = await createWorld();
  const error = await fails(openVideo({ state: "done", url: undefined }, world.options));
  assertMatch(error.message, /named no address/);
});
