// requestSpeech() and requestTranscription() against the sandbox, and what both do when things go wrong.

import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { TransportError } from "../../src/core/errors.ts";
import {
  requestSpeech,
  requestTranscription,
  requestVoices,
  type SpeechRequest,
  type TranscriptionRequest,
} from "../../src/media/mod.ts";
import { minimaxOAuth } from "../../src/providers/minimax/provider.ts";
import { resolveEndpoints } from "../../src/providers/endpoints.ts";
import { collect, createWorld, fileOf, type MediaWorld } from "./support.ts";

const HELLO: SpeechRequest = { text: "Good morning to all", language: "en" };

async function fails(promise: Promise<unknown>): Promise<TransportError> {
  return await assertRejects(() => promise, TransportError) as TransportError;
}

async function speak(world: MediaWorld, request = HELLO): Promise<Uint8Array> {
  return await collect((await requestSpeech(request, world.options)).body);
}

Deno.test("requestSpeech() streams MP3 unless another codec is asked for", async () => {
  const world = await createWorld();
  const { body, mediaType } = await requestSpeech(HELLO, world.options);
  assertEquals(mediaType, "audio/mpeg");
  assertEquals(new TextDecoder().decode((await collect(body)).slice(0, 3)), "ID3");
  const [{ method, url, headers }] = world.sent as [MediaWorld["sent"][number]];
  assertEquals([method, url], ["POST", "https://api.x.ai/v1/tts"]);
  assertEquals(headers.get("user-agent"), "grantway");
  for (const codec of ["wav", "pcm", "mulaw", "alaw"] as const) {
    assert((await speak(world, { ...HELLO, codec, sampleRate: 8_000 })).length > 8_000, codec);
  }
});

Deno.test("requestSpeech() sends voice, language, speed and rates as the API names them", async () => {
  const world = await createWorld();
  let body: unknown;
  world.answer = (_url, init) => {
    body = JSON.parse(init.body as string);
    return undefined;
  };
  await speak(world, { text: "Hi" });
  assertEquals(body, {
    text: "Hi",
    language: "auto",
    voice_id: "eve",
    output_format: { codec: "mp3" },
  });
  await speak(world, {
    text: "Hi",
    voice: "Leo",
    language: "pt-BR",
    speed: 1.5,
    sampleRate: 44_100,
    bitRate: 64_000,
  });
  assertEquals(body, {
    text: "Hi",
    language: "pt-BR",
    voice_id: "Leo",
    output_format: { codec: "mp3", sample_rate: 44_100, bit_rate: 64_000 },
    speed: 1.5,
  });
});

const REFUSED: { name: string; request: SpeechRequest; says: RegExp }[] = [
  { name: "an empty text", request: { text: " " }, says: /empty/ },
  { name: "15,001 characters", request: { text: "😀".repeat(15_001) }, says: /15001 characters/ },
  { name: "a speed of 2", request: { text: "Hi", speed: 2 }, says: /0\.7 to 1\.5/ },
];
for (const { name, request, says } of REFUSED) {
  Deno.test(`requestSpeech() refuses ${name} before it sends anything`, async () => {
    const world = await createWorld();
    const error = await fails(requestSpeech(request, world.options));
    assertEquals(error.code, "invalid_request");
    assertMatch(error.message, says);
    assertEquals(world.sent, []);
  });
}

Deno.test("requestSpeech() takes 15,000 characters, however many bytes they are", async () => {
  const world = await createWorld();
  assert((await speak(world, { text: "😀".repeat(15_000) })).length > 0);
});

const FAILURES: { name: string; text: string; code: string; hint?: RegExp }[] = [
  {
    name: "a missing entitlement",
    text: "[error:entitlement]",
    code: "not_entitled",
    hint: /usage/,
  },
  { name: "a spending limit", text: "[error:spending_limit]", code: "quota_exhausted" },
  { name: "used-up usage", text: "[error:free_usage]", code: "quota_exhausted", hint: /24 hours/ },
  { name: "an unknown voice", text: "[error:not_found]", code: "not_found" },
  { name: "an edge's page", text: "[error:html_520]", code: "upstream" },
];
for (const { name, text, code, hint = /(?:)/ } of FAILURES) {
  Deno.test(`requestSpeech() tells ${name}`, async () => {
    const world = await createWorld();
    const error = await fails(requestSpeech({ text }, world.options));
    assertEquals(error.code, code);
    assertMatch(error.hint ?? "", hint);
  });
}

Deno.test("requestSpeech() never takes a page or JSON for audio", async () => {
  const world = await createWorld({ speechFile: "html" });
  const page = await fails(requestSpeech(HELLO, world.options));
  assertEquals(
    page.message,
    "Cannot get an answer from xAI OAuth: it answered with text/html, which is no answer",
  );
  world.answer = () => Response.json({ error: "The voice is busy" });
  assertMatch((await fails(requestSpeech(HELLO, world.options))).message, /The voice is busy/);
});

Deno.test("requestSpeech() renews a bearer that is refused, once", async () => {
  for (const staleToken of ["401", "403_code", "403_text", "403_tag"] as const) {
    const world = await createWorld({ staleToken }, { stale: 1 });
    assert((await speak(world)).length > 0);
    assertEquals(world.asked.map(({ rejectedGeneration }) => rejectedGeneration), [undefined, 0]);
  }
  const world = await createWorld({}, { stale: 2 });
  const error = await fails(requestSpeech(HELLO, world.options));
  assertEquals([error.code, world.sent.length], ["unauthorized", 2]);
  assertEquals(error.hint, "Sign in again: grantway auth add xai-oauth");
});

Deno.test("requestSpeech() repeats what was refused for the moment, and nothing that may have been spoken", async () => {
  const world = await createWorld({ failOn: "media", failNext: 1, failWith: "status_429" });
  await speak(world);
  assertEquals([world.sent.length, world.waits], [2, [1_000]]);
  world.sandbox.setQuirks({ loseOn: "media", loseNext: 1 });
  const error = await fails(requestSpeech(HELLO, world.options));
  assertEquals([error.code, world.sent.length], ["network", 3]);
});

Deno.test("requestSpeech() tells a body that breaks off, and one that ends too early", async () => {
  const world = await createWorld({ speechFile: "cut" });
  const { body } = await requestSpeech(HELLO, world.options);
  const cut = await fails(collect(body));
  assertEquals([cut.code, cut.retryable], ["stream_interrupted", true]);
  world.answer = () =>
    new Response(new Uint8Array(10), {
      headers: { "content-type": "audio/mpeg", "content-length": "20" },
    });
  const short = await requestSpeech(HELLO, world.options);
  assertMatch((await fails(collect(short.body))).message, /ended after 10 of 20 bytes/);
});

Deno.test("requestSpeech() ends the request when the speech is cancelled, or the caller cancels", async () => {
  const abort = new AbortController();
  const world = await createWorld({}, { signal: abort.signal });
  let sent: AbortSignal | undefined;
  world.answer = (_url, init) => {
    sent = init.signal!;
    return new Response(
      new ReadableStream({
        start: (controller) => {
          controller.enqueue(new Uint8Array(1));
          init.signal!.addEventListener("abort", () => controller.error(init.signal!.reason));
        },
      }),
      { headers: { "content-type": "audio/mpeg" } },
    );
  };
  const first = await requestSpeech(HELLO, world.options);
  await first.body.cancel();
  assert(sent!.aborted);
  const second = await requestSpeech(HELLO, world.options);
  const reader = second.body.getReader();
  await reader.read();
  const reason = new Error("enough");
  abort.abort(reason);
  assertEquals(await reader.read().catch((error) => error), reason);
});

Deno.test("requestSpeech() of a provider without media says so", async () => {
  const world = await createWorld();
  const provider = minimaxOAuth;
  const endpoints = resolveEndpoints(provider, provider.regions[0]!);
  const error = await fails(requestSpeech(HELLO, { ...world.options, provider, endpoints }));
  assertEquals([error.code, error.message], [
    "unsupported",
    "Cannot make media with MiniMax OAuth: it offers none",
  ]);
});

Deno.test("media go to the API that makes them, whichever answers chats", async () => {
  const world = await createWorld();
  const { provider } = world.options;
  const endpoints = resolveEndpoints(provider, provider.regions[0]!, { upstream: "cli" });
  const { body } = await requestSpeech(HELLO, { ...world.options, endpoints });
  await body.cancel();
  assertEquals(world.sent[0]!.url, "https://api.x.ai/v1/tts");
  assertEquals(world.sent[0]!.headers.get("x-xai-token-auth"), null);
});

Deno.test("requestVoices() lists the voices", async () => {
  const world = await createWorld();
  const voices = await requestVoices(world.options);
  assertEquals(voices.map(({ id }) => id), ["ara", "eve", "leo", "rex", "sal"]);
  assertEquals(voices[0]!.name, "Ara");
});

async function recording(world: MediaWorld): Promise<Uint8Array<ArrayBuffer>> {
  return await speak(world, { ...HELLO, codec: "wav" }) as Uint8Array<ArrayBuffer>;
}

Deno.test("requestTranscription() sends the file last, and reads text and times", async () => {
  const world = await createWorld();
  const bytes = await recording(world);
  let order: string[] = [];
  world.answer = async (_url, init) => {
    const form = await new Response(init.body, { headers: init.headers! }).formData();
    order = [...form.keys()];
    return world.sandbox.fetch("https://api.x.ai/v1/stt", {
      method: "POST",
      headers: { authorization: new Headers(init.headers!).get("authorization")! },
      body: form,
    });
  };
  const transcription = await requestTranscription({
    recording: fileOf(bytes, 'a "b"\r\n.wav'),
    language: "en",
    figures: true,
    diarize: true,
    fillerWords: true,
    keyterms: ["Grantway", "xAI"],
  }, world.options);
  assertEquals(order, [
    "language",
    "format",
    "diarize",
    "filler_words",
    "keyterm",
    "keyterm",
    "file",
  ]);
  assertEquals(transcription.text, HELLO.text);
  assertEquals([transcription.language, transcription.durationMs], ["en", 1_200]);
  assertEquals(transcription.words[1], { text: "morning", startMs: 300, endMs: 600, speaker: 0 });
});

Deno.test("requestTranscription() reads the file again for each attempt", async () => {
  const world = await createWorld();
  const file = fileOf(await recording(world));
  let failures = 1;
  world.answer = async (_url, init) => {
    if (failures-- <= 0) return undefined;
    await new Response(init.body).arrayBuffer();
    return new Response(null, { status: 503 });
  };
  assertEquals((await requestTranscription({ recording: file }, world.options)).text, HELLO.text);
  assertEquals(file.opened, 2);
});

Deno.test("requestTranscription() sends a file piece by piece", async () => {
  const world = await createWorld();
  let pulled = 0, largest = 0;
  world.answer = async (_url, init) => {
    const body = init.body as ReadableStream<Uint8Array>;
    for await (const chunk of body) largest = Math.max(largest, chunk.length);
    return Response.json({ text: "", duration: 0 });
  };
  const open = () =>
    new ReadableStream<Uint8Array<ArrayBuffer>>({
      pull: (controller) => {
        if (pulled++ === 400) controller.close();
        else controller.enqueue(new Uint8Array(1024 * 1024));
      },
    });
  await requestTranscription({ recording: { name: "a.mp3", open } }, world.options);
  assertEquals([pulled, largest], [401, 1024 * 1024]);
});

Deno.test("requestTranscription() takes a URL, several channels and raw samples", async () => {
  const world = await createWorld();
  const url = "https://files.example/talk.mp3";
  const { text } = await requestTranscription({ recording: { url } }, world.options);
  assertEquals(text, "This is what files.example has to say.");
  const raw = await requestTranscription({
    recording: fileOf(new Uint8Array(16_000), "a.pcm"),
    raw: { format: "pcm", sampleRate: 8_000 },
    channels: 2,
  }, world.options);
  assertEquals(raw.durationMs, 1_000);
  assertEquals(raw.channels!.map(({ index, words }) => [index, words.length]), [[0, 6], [1, 6]]);
});

const UNHEARD: { name: string; request: TranscriptionRequest; says: RegExp }[] = [
  {
    name: "501 MiB",
    request: { recording: { ...fileOf(new Uint8Array()), size: 501 * 2 ** 20 } },
    says: /larger than 500 MiB/,
  },
  { name: "nothing", request: { recording: fileOf(new Uint8Array()) }, says: /empty/ },
  {
    name: "figures without a language",
    request: { recording: { url: "https://a.example" }, figures: true },
    says: /language/,
  },
  {
    name: "101 terms",
    request: { recording: { url: "https://a.example" }, keyterms: Array(101).fill("a") },
    says: /at most 100/,
  },
];
for (const { name, request, says } of UNHEARD) {
  Deno.test(`requestTranscription() refuses ${name} before it sends anything`, async () => {
    const world = await createWorld();
    const error = await fails(requestTranscription(request, world.options));
    assertEquals(error.code, "invalid_request");
    assertMatch(error.message, says);
    assertEquals(world.sent, []);
  });
}

Deno.test("requestTranscription() of something that is no recording is refused by name", async () => {
  const world = await createWorld();
  const recording = fileOf(new TextEncoder().encode("hello"), "a.txt");
  const error = await fails(requestTranscription({ recording }, world.options));
  assertEquals(error.code, "invalid_request");
  assertMatch(error.message, /could not be decoded/);
});
