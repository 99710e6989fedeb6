// The sandbox's media: what each endpoint takes and refuses, and files that real decoders decode.

import { assert, assertEquals, assertMatch } from "@std/assert";
import { createSandbox, type Sandbox } from "../../../src/sandbox/mod.ts";
import type { SandboxQuirks } from "../../../src/sandbox/mod.ts";
import { testIf } from "../../support/requires.ts";
import type { Json } from "../support.ts";
import { login } from "./support.ts";

const API = "https://api.x.ai/v1";
const KEY = "xai-sandbox-key";
const PIXEL =
  "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

function post(
  sandbox: Sandbox,
  path: string,
  body: unknown,
  headers: Record<string, string> = {},
): Promise<Response> {
  const isForm = body instanceof FormData;
  return sandbox.fetch(`${API}${path}`, {
    method: "POST",
    headers: {
      authorization: `Bearer ${KEY}`,
      ...(isForm ? {} : { "content-type": "application/json" }),
      ...headers,
    },
    body: isForm ? body : JSON.stringify(body),
  });
}

function get(sandbox: Sandbox, path: string, bearer = KEY): Promise<Response> {
  return sandbox.fetch(`${API}${path}`, { headers: { authorization: `Bearer ${bearer}` } });
}

async function bytesOf(response: Response): Promise<Uint8Array<ArrayBuffer>> {
  assertEquals(response.status, 200, response.ok ? "" : await response.clone().text());
  return new Uint8Array(await response.arrayBuffer());
}

/** A sandbox whose clock a test moves. */
function world(quirks: Partial<SandboxQuirks> = {}) {
  const clock = { now: 1_790_000_000_000 };
  const sandbox = createSandbox({ now: () => clock.now, quirks });
  return { clock, sandbox };
}

/** Runs a program over bytes on its standard input; its standard output. */
async function pipe(program: string, args: string[], bytes: Uint8Array): Promise<Uint8Array> {
  const child = new Deno.Command(program, {
    args,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const write = new Blob([bytes as Uint8Array<ArrayBuffer>]).stream().pipeTo(child.stdin)
    .catch(() => {});
  const { success, stdout, stderr } = await child.output();
  await write;
  const said = new TextDecoder().decode(stderr);
  assert(success && said === "", `${program}: ${said}`);
  return stdout;
}

const SPEECH = { text: "Good morning to all", language: "en" };

const REFUSALS: { name: string; path: string; body: unknown; status: number; says: RegExp }[] = [
  {
    name: "speech without a text",
    path: "/tts",
    body: { language: "en" },
    status: 400,
    says: /text/,
  },
  {
    name: "speech of more than 15,000 characters",
    path: "/tts",
    body: { ...SPEECH, text: "x".repeat(15_001) },
    status: 400,
    says: /15000/,
  },
  {
    name: "speech without a language",
    path: "/tts",
    body: { text: "Hi" },
    status: 400,
    says: /language is required/,
  },
  {
    name: "an unknown voice",
    path: "/tts",
    body: { ...SPEECH, voice_id: "alloy" },
    status: 404,
    says: /alloy/,
  },
  {
    name: "an unknown codec",
    path: "/tts",
    body: { ...SPEECH, output_format: { codec: "opus" } },
    status: 400,
    says: /codec must be one of/,
  },
  {
    name: "a bit rate of WAV",
    path: "/tts",
    body: { ...SPEECH, output_format: { codec: "wav", bit_rate: 64_000 } },
    status: 400,
    says: /bit_rate/,
  },
  {
    name: "a speed out of range",
    path: "/tts",
    body: { ...SPEECH, speed: 2 },
    status: 400,
    says: /speed/,
  },
  {
    name: "eleven images",
    path: "/images/generations",
    body: { model: "grok-imagine-image", prompt: "A cat", n: 11 },
    status: 400,
    says: /n must be/,
  },
  {
    name: "an unknown image model",
    path: "/images/generations",
    body: { model: "dall-e-3", prompt: "A cat" },
    status: 404,
    says: /dall-e-3/,
  },
  {
    name: "image and images at once",
    path: "/images/edits",
    body: { model: "grok-imagine-image", prompt: "x", image: { url: PIXEL }, images: [] },
    status: 400,
    says: /image or images/,
  },
  {
    name: "more than three images to edit",
    path: "/images/edits",
    body: { model: "grok-imagine-image", prompt: "x", images: Array(4).fill({ url: PIXEL }) },
    status: 400,
    says: /At most 3/,
  },
  {
    name: "what is no image",
    path: "/images/edits",
    body: {
      model: "grok-imagine-image",
      prompt: "x",
      image: { url: "data:image/png;base64,SGVsbG8=" },
    },
    status: 400,
    says: /PNG, JPEG or WebP/,
  },
  {
    name: "an edit as multipart",
    path: "/images/edits",
    body: new FormData(),
    status: 400,
    says: /application\/json/,
  },
  {
    name: "a first frame and references",
    path: "/videos/generations",
    body: {
      model: "grok-imagine-video",
      prompt: "x",
      image: { url: PIXEL },
      reference_images: [{ url: PIXEL }],
    },
    status: 400,
    says: /excludes/,
  },
  {
    name: "eight references",
    path: "/videos/generations",
    body: {
      model: "grok-imagine-video",
      prompt: "x",
      reference_images: Array(8).fill({ url: PIXEL }),
    },
    status: 400,
    says: /at most 7/,
  },
  {
    name: "a text alone for 1.5",
    path: "/videos/generations",
    body: { model: "grok-imagine-video-1.5", prompt: "x" },
    status: 400,
    says: /needs an image/,
  },
  {
    name: "1080p with references",
    path: "/videos/generations",
    body: {
      model: "grok-imagine-video-1.5",
      prompt: "x",
      resolution: "1080p",
      reference_images: [{ url: PIXEL }],
    },
    status: 400,
    says: /1080p/,
  },
  {
    name: "16 seconds",
    path: "/videos/generations",
    body: { model: "grok-imagine-video", prompt: "x", duration: 16 },
    status: 400,
    says: /from 1 to 15/,
  },
  {
    name: "an unknown voice in a video",
    path: "/videos/generations",
    body: { model: "grok-imagine-video", prompt: "x", reference_audios: [{ voice_id: "me" }] },
    status: 400,
    says: /ara, eve, leo, rex, sal/,
  },
  {
    name: "video_url in place of video",
    path: "/videos/edits",
    body: { model: "grok-imagine-video", prompt: "x", video_url: "https://x.example/v.mp4" },
    status: 422,
    says: /video must be an object/,
  },
];

for (const { name, path, body, status, says } of REFUSALS) {
  Deno.test(`sandbox: media refuses ${name}`, async () => {
    const response = await post(world().sandbox, path, body);
    assertEquals(response.status, status);
    assertMatch((await response.json()).error, says);
  });
}

function form(parts: [string, string | Blob][]): FormData {
  const data = new FormData();
  for (const [name, value] of parts) data.append(name, value as string);
  return data;
}

const WAV = async (sandbox: Sandbox) =>
  new Blob([
    await bytesOf(await post(sandbox, "/tts", { ...SPEECH, output_format: { codec: "wav" } })),
  ]);

Deno.test("sandbox: what was spoken as WAV or MP3 is understood, with the times of its words", async () => {
  for (const codec of ["wav", "mp3"]) {
    const { sandbox } = world();
    const spoken = await post(sandbox, "/tts", { ...SPEECH, output_format: { codec } });
    assertEquals(spoken.headers.get("content-type"), codec === "wav" ? "audio/wav" : "audio/mpeg");
    const file = new Blob([await bytesOf(spoken)]);
    const heard = await post(sandbox, "/stt", form([["language", "en"], ["file", file]]));
    const { text, language, duration, words } = await heard.json();
    assertEquals([text, language], [SPEECH.text, "en"]);
    assert(Math.abs(duration - 1.2) < 0.03, `${codec} ${duration}`);
    assertEquals(words.map(({ text }: Json) => text), SPEECH.text.split(" "));
    assertEquals([words[0].start, words[3].end], [0, duration]);
  }
});

Deno.test("sandbox: transcription reads its parts in order and refuses what the API refuses", async () => {
  const { sandbox } = world();
  const file = await WAV(sandbox);
  const ask = async (...parts: [string, string | Blob][]) => {
    const response = await post(sandbox, "/stt", form(parts));
    const body = await response.json();
    return response.ok ? body : [response.status, body.error];
  };
  assertEquals(await ask(["file", file], ["language", "en"]), [400, "file must be the last part"]);
  assertEquals(await ask(["format", "true"], ["file", file]), [400, "format requires language"]);
  assertEquals((await ask(["language", "xx"], ["file", file]))[0], 400);
  assertEquals(await ask(["language", "en"]), [400, "Exactly one of file and url is required"]);
  assertEquals(await ask(["file", new Blob(["hello"])]), [400, "The audio could not be decoded"]);
  assertEquals((await ask(["url", "http://a.example/a.mp3"]))[0], 400);
  assertEquals(
    (await ask(["url", "https://a.example/a.mp3"])).text,
    "This is what a.example has to say.",
  );
  const raw: [string, string | Blob] = ["file", new Blob([new Uint8Array(32_000)])];
  assertEquals((await ask(["audio_format", "pcm"], raw))[0], 400);
  const pcm = await ask(["audio_format", "pcm"], ["sample_rate", "16000"], raw);
  assertEquals([pcm.text, pcm.duration], ["This recording is 1.0 seconds long.", 1]);
  const both = await ask(["multichannel", "true"], ["diarize", "true"], ["file", file]);
  assertEquals([both.channels.length, both.words[0].speaker], [2, 0]);
  sandbox.setQuirks({ transcriptWords: "missing" });
  assertEquals("words" in await ask(["file", file]), false);
});

Deno.test("sandbox: speech with timestamps is JSON; broken off, its body fails", async () => {
  const { sandbox } = world();
  const timed = await (await post(sandbox, "/tts", { ...SPEECH, with_timestamps: true })).json();
  assertEquals(timed.audio_timestamps.graph_chars.join(""), SPEECH.text);
  assertEquals(timed.content_type, "audio/mpeg");
  sandbox.setQuirks({ speechFile: "cut" });
  const cut = await post(sandbox, "/tts", SPEECH);
  let failure: unknown;
  await cut.arrayBuffer().catch((error) => failure = error);
  assert(failure instanceof TypeError);
});

Deno.test("sandbox: an address of a result is pre-signed, runs out, and takes no bearer", async () => {
  const { sandbox, clock } = world();
  const body = { model: "grok-imagine-image", prompt: "A cat", n: 2, aspect_ratio: "16:9" };
  const { data, model } = await (await post(sandbox, "/images/generations", body)).json();
  assertEquals([data.length, model, data[0].mime_type], [2, "grok-imagine-image", "image/png"]);
  assert(data[0].url !== data[1].url && data[0].url.startsWith("https://imgen.x.ai/"));
  const first = await bytesOf(await sandbox.fetch(data[0].url));
  assertEquals(new DataView(first.buffer).getUint32(16), 1360);
  const signedTwice = await sandbox.fetch(data[0].url, { headers: { authorization: "Bearer x" } });
  assertEquals(signedTwice.status, 400);
  clock.now += 61 * 60_000;
  assertEquals((await sandbox.fetch(data[0].url)).status, 403);
});

Deno.test("sandbox: an image that moderation holds back is a placeholder that says so", async () => {
  const { sandbox } = world();
  const ask = async (prompt: string) =>
    await (await post(sandbox, "/images/generations", {
      model: "grok-imagine-image-pro",
      prompt,
      response_format: "b64_json",
    })).json();
  const good = await ask("A cat");
  assertEquals([good.model, good.data[0].respect_moderation], ["grok-imagine-image-quality", true]);
  assertEquals((await ask("A cat [moderated]")).data[0].respect_moderation, false);
  sandbox.setQuirks({ imageOutcome: "none" });
  assertEquals((await ask("A cat")).data, []);
});

const ENDS: { quirks: Partial<SandboxQuirks>; prompt?: string; states: Json[] }[] = [
  {
    quirks: {},
    states: [{ http: 202, status: "pending" }, { http: 202, status: "pending" }, {
      http: 200,
      status: "done",
    }],
  },
  {
    quirks: { videoPending: "202_empty", videoOutcome: "failed" },
    states: [{ http: 202 }, { http: 202 }, { http: 200, status: "failed" }],
  },
  {
    quirks: { videoPending: "200" },
    prompt: "A cat [expired]",
    states: [{ http: 200, status: "pending" }, { http: 200, status: "pending" }, {
      http: 200,
      status: "expired",
    }],
  },
  {
    quirks: { videoOutcome: "odd" },
    states: [{ http: 200, status: "warming_up" }, { http: 200, status: "warming_up" }, {
      http: 200,
      status: "done",
    }],
  },
];
for (const { quirks, prompt = "A cat", states } of ENDS) {
  Deno.test(`sandbox: a video with ${JSON.stringify({ ...quirks, prompt })}`, async () => {
    const { sandbox, clock } = world(quirks);
    const started = await post(sandbox, "/videos/generations", {
      model: "grok-imagine-video",
      prompt,
    });
    const { request_id } = await started.json();
    for (const { http, status } of states) {
      const response = await get(sandbox, `/videos/${request_id}`);
      const text = await response.text();
      assertEquals([response.status, text === "" ? undefined : JSON.parse(text).status], [
        http,
        status,
      ]);
      clock.now += 5_000;
    }
  });
}

Deno.test("sandbox: the same idempotency key is the same video; another account's is none", async () => {
  const { sandbox } = world();
  const body = { model: "grok-imagine-video", prompt: "A cat" };
  const headers = { "x-idempotency-key": "k1" };
  const [one, two, three] = await Promise.all([headers, headers, { "x-idempotency-key": "k2" }]
    .map(async (headers) =>
      await (await post(sandbox, "/videos/generations", body, headers)).json()
    ));
  assertEquals(one, two);
  assert(one.request_id !== three.request_id);
  assertEquals(sandbox.counters.videos, 2);
  const { access_token } = await login(sandbox);
  assertEquals((await get(sandbox, `/videos/${one.request_id}`, access_token)).status, 404);
  // The jobs of one process go on in the next.
  const later = createSandbox({ now: () => 1_790_000_010_000, state: sandbox.state });
  assertEquals((await get(later, `/videos/${one.request_id}`)).status, 200);
});

Deno.test("sandbox: a plan without speech, and without any media; a key is let in", async () => {
  const { sandbox } = world({ mediaAccess: "no_speech" });
  const { access_token } = await login(sandbox);
  const headers = { authorization: `Bearer ${access_token}` };
  const image = { model: "grok-imagine-image", prompt: "A cat" };
  const status = async (path: string, body: unknown, more = headers) => {
    const response = await post(sandbox, path, body, more);
    await response.body?.cancel();
    return response.status;
  };
  assertEquals(await status("/tts", SPEECH), 403);
  assertEquals(await status("/images/generations", image), 200);
  sandbox.setQuirks({ mediaAccess: "none" });
  assertEquals(await status("/images/generations", image), 403);
  assertEquals(await status("/tts", SPEECH, { authorization: `Bearer ${KEY}` }), 200);
});

Deno.test("sandbox: media can fail as everything else does", async () => {
  const { sandbox } = world({ failOn: "media", failNext: 1, failWith: "status_429" });
  assertEquals((await post(sandbox, "/tts", SPEECH)).status, 429);
  assertEquals((await get(sandbox, "/tts/voices")).status, 200);
  assertEquals((await get(sandbox, "/video-generation-models/grok-imagine-video")).status, 200);
  assertEquals((await get(sandbox, "/image-generation-models/dall-e-3")).status, 404);
  const asked = await post(sandbox, "/tts", { ...SPEECH, text: "[error:spending_limit]" });
  assertEquals((await asked.json()).code, "personal-team-blocked:spending-limit");
});

for (const codec of ["mp3", "wav", "pcm", "mulaw", "alaw"]) {
  testIf("ffmpeg", `sandbox: ${codec} decodes`, async (ffmpeg) => {
    const { sandbox } = world();
    for (const rate of [8_000, 24_000, 44_100]) {
      const output_format = { codec, sample_rate: rate };
      const bytes = await bytesOf(await post(sandbox, "/tts", { ...SPEECH, output_format }));
      const input = codec === "pcm" ? "s16le" : codec;
      const raw = input === codec && codec.length === 3 ? [] : ["-ar", `${rate}`, "-ac", "1"];
      const decoded = await pipe(
        ffmpeg,
        ["-v", "error", "-xerror", "-f", input, ...raw, "-i", "-", "-f", "s16le", "-"],
        bytes,
      );
      const seconds = decoded.length / 2 / rate;
      assert(Math.abs(seconds - 1.2) < 0.1, `${codec} ${rate}: ${seconds} s`);
      if (codec === "mp3") continue;
      const samples = new Int16Array(decoded.slice().buffer);
      const peak = samples.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0);
      assert(peak > 7_000 && peak < 9_000, `${codec} ${rate}: peak ${peak}`);
    }
  });
}

testIf("ffmpeg", "sandbox: an image decodes to its size, a video to its frames", async (ffmpeg) => {
  const { sandbox, clock } = world();
  const image = await (await post(sandbox, "/images/generations", {
    model: "grok-imagine-image",
    prompt: "A cat",
    aspect_ratio: "3:2",
    response_format: "b64_json",
  })).json();
  const png = Uint8Array.from(atob(image.data[0].b64_json), (c) => c.charCodeAt(0));
  const decode = (args: string[], bytes: Uint8Array) =>
    pipe(ffmpeg, ["-v", "error", "-xerror", ...args], bytes);
  const pixels = await decode(
    ["-f", "png_pipe", "-i", "-", "-f", "rawvideo", "-pix_fmt", "rgb24", "-"],
    png,
  );
  assertEquals(pixels.length, 1248 * 832 * 3);

  for (const [aspect_ratio, width, height] of [["16:9", 856, 480], ["9:16", 480, 856]] as const) {
    const { request_id } = await (await post(sandbox, "/videos/generations", {
      model: "grok-imagine-video",
      prompt: "A cat",
      aspect_ratio,
      duration: 2,
    })).json();
    clock.now += 8_000;
    const { video } = await (await get(sandbox, `/videos/${request_id}`)).json();
    const mp4 = await bytesOf(await sandbox.fetch(video.url));
    const path = await Deno.makeTempFile({ suffix: ".mp4" });
    try {
      await Deno.writeFile(path, mp4);
      const frames = await decode(
        ["-i", path, "-f", "rawvideo", "-pix_fmt", "rgb24", "-"],
        new Uint8Array(),
      );
      assertEquals(frames.length, width * height * 3 * 48);
      // One colour, from the first pixel of the first frame to the last of the last.
      const first = frames.slice(0, 3);
      assertEquals(frames.slice(-3), first);
      assertEquals(frames.slice(frames.length / 2, frames.length / 2 + 3), first);
    } finally {
      await Deno.remove(path);
    }
  }
});
