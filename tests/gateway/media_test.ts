// The media routes with OpenAI's own SDK as their client, and what they refuse.

import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import OpenAI, { APIError, toFile } from "openai";
import { createCredentialStore } from "../../src/credentials/credential_store.ts";
import { login } from "../../src/credentials/login.ts";
import { createKeeper } from "../../src/credentials/keeper.ts";
import { createMemoryStore } from "../../src/credentials/memory_store.ts";
import { storeLogin } from "../../src/credentials/store_login.ts";
import { CredentialError } from "../../src/core/errors.ts";
import {
  type AccessLogEntry,
  type ClientKey,
  createGateway,
  createUpstreams,
  DEFAULT_SETTINGS,
  type Gateway,
  type GatewaySettings,
  type UsageEntry,
} from "../../src/gateway/mod.ts";
import { findProvider, resolveEndpoints } from "../../src/providers/mod.ts";
import { createSandbox, type Sandbox, type SandboxQuirks } from "../../src/sandbox/mod.ts";
import { PIXEL } from "../media/support.ts";

interface World {
  gateway: Gateway;
  sandbox: Sandbox;
  client: OpenAI;
  clock: { now: number };
  /** Bearers and URLs of what was sent. */
  sent: { url: string; bearer: string | null }[];
  logged: AccessLogEntry[];
  counted: UsageEntry[];
  /** A request without the SDK. */
  send(path: string, body?: BodyInit, headers?: Record<string, string>): Promise<Response>;
}

const API_KEY = "xai-sandbox-key";
const CLIENT_KEY = "gw_test-key-that-is-good-for-everything-000";

/** A gateway over logins of these accounts. */
async function createWorld(
  { quirks = {}, accounts = ["a@x.example"], settings = {}, scope = {}, apiKey = false }: {
    quirks?: Partial<SandboxQuirks>;
    accounts?: string[];
    settings?: Partial<GatewaySettings>;
    scope?: ClientKey["scope"];
    apiKey?: boolean;
  } = {},
): Promise<World> {
  const clock = { now: 1_790_000_000_000 };
  const now = () => clock.now;
  const sandbox = createSandbox({ now });
  const kv = createMemoryStore();
  const credentials = createCredentialStore(kv, kv);
  const provider = findProvider("xai-oauth")!;
  const network = sandbox.fetch as typeof globalThis.fetch;
  for (const account of accounts) {
    sandbox.setQuirks({ account });
    const grant = await login(provider, provider.regions[0]!, {
      fetch: network,
      now,
      sleep: () => Promise.resolve(),
      onEvent: (event) => event.type === "code" && sandbox.approve(event.userCode),
    });
    await storeLogin(credentials, grant, { owner: { host: "test", createdAt: now() } });
  }
  sandbox.setQuirks(quirks);
  const sent: World["sent"] = [];
  const upstreams = createUpstreams({
    credentials,
    kv,
    lease: kv,
    now,
    sleep: () => Promise.resolve(),
    fetch: (input, init) => {
      sent.push({ url: String(input), bearer: new Headers(init?.headers).get("authorization") });
      return network(input, init);
    },
    endpoints: (provider, region) => Promise.resolve(resolveEndpoints(provider, region)),
    openLogin: (provider, credential) =>
      Promise.resolve(
        createKeeper(provider, credential, { store: kv, lease: kv, fetch: network, now }),
      ),
    findKey: ({ apiKey: settings }) =>
      Promise.resolve(
        apiKey && settings?.variables[0] === "XAI_API_KEY"
          ? { name: "XAI_API_KEY", value: API_KEY }
          : undefined,
      ),
    missing: ({ shortName }) =>
      new CredentialError("login_required", `Not logged into ${shortName}`),
  });
  const logged: AccessLogEntry[] = [];
  const counted: UsageEntry[] = [];
  const key: ClientKey = { id: "key_1", name: "test", scope, createdAt: 0 };
  const gateway = createGateway({
    version: "0",
    upstreams,
    now,
    keys: { isConfigured: () => Promise.resolve(true), verify: () => Promise.resolve(key) },
    settings: { read: () => Promise.resolve({ ...DEFAULT_SETTINGS, ...settings }) },
    log: (entry) => logged.push(entry),
    usage: {
      record: (entry) => counted.push(entry),
      report: () => Promise.resolve([]),
      flush: () => Promise.resolve(),
    },
  });
  const fetch = async (input: RequestInfo | URL, init?: RequestInit) => {
    // The SDK looks first what this function can do with forms.
    if (String(input).startsWith("data:")) return await globalThis.fetch(input, init);
    const request = new Request(input, init);
    request.headers.set("host", "localhost:8645");
    return await gateway.fetch(request);
  };
  return {
    gateway,
    sandbox,
    clock,
    sent,
    logged,
    counted,
    client: new OpenAI({
      apiKey: CLIENT_KEY,
      baseURL: "http://localhost:8645/v1",
      maxRetries: 0,
      fetch: fetch as typeof globalThis.fetch,
    }),
    send: (path, body, headers = { "content-type": "application/json" }) =>
      fetch(`http://localhost:8645${path}`, {
        method: body === undefined ? "GET" : "POST",
        headers: { authorization: `Bearer ${CLIENT_KEY}`, ...headers },
        ...(body === undefined ? {} : { body }),
      }),
  };
}

/** What the SDK fails with. */
async function fails(promise: PromiseLike<unknown>): Promise<APIError> {
  return await assertRejects(() => Promise.resolve(promise), APIError) as APIError;
}

const SPEECH = { model: "tts-1", voice: "alloy", input: "Good morning to all" } as const;

Deno.test("speech and transcription by the SDK: what is spoken is understood", async () => {
  const { client, sent, logged, counted } = await createWorld();
  const spoken = await client.audio.speech.create({ ...SPEECH, response_format: "wav", speed: 4 });
  assertEquals(spoken.headers.get("content-type"), "audio/wav");
  const bytes = new Uint8Array(await spoken.arrayBuffer());
  const file = await toFile(bytes, "a.wav");
  const heard = await client.audio.transcriptions.create({ model: "whisper-1", file });
  assertEquals(heard.text, SPEECH.input);
  const verbose = await client.audio.transcriptions.create({
    model: "whisper-1",
    file,
    language: "en",
    prompt: "dropped",
    temperature: 0,
    response_format: "verbose_json",
    timestamp_granularities: ["word"],
  });
  assertEquals([verbose.language, verbose.words![0]!.word, verbose.words![0]!.start], [
    "en",
    "Good",
    0,
  ]);
  const srt = await client.audio.transcriptions.create({
    model: "whisper-1",
    file,
    response_format: "srt",
  });
  assertMatch(
    srt as unknown as string,
    /^1\n00:00:00,000 --> 00:00:0\d,\d{3}\nGood morning to all\n$/,
  );
  assertEquals(sent.map(({ url }) => url.replace("https://api.x.ai/v1", "")), [
    "/tts",
    "/stt",
    "/stt",
    "/stt",
  ]);
  assert(sent.every(({ bearer }) => bearer !== `Bearer ${CLIENT_KEY}`));
  assertEquals(logged.map(({ route, outcome, model }) => [route, outcome, model]), [
    ["/v1/audio/speech", "completed", "tts"],
    ...Array(3).fill(["/v1/audio/transcriptions", "completed", "stt"]),
  ]);
  assertEquals(counted.length, 4);
});

Deno.test("speech: its bytes come as they are spoken, and the client may leave", async () => {
  const world = await createWorld();
  const response = await world.send(
    "/v1/audio/speech",
    JSON.stringify({ input: "x ".repeat(500) }),
  );
  assertEquals(world.logged, []);
  const reader = response.body!.getReader();
  await reader.read();
  await reader.cancel();
  assertEquals(world.logged.map(({ outcome }) => outcome), ["cancelled"]);
  world.sandbox.setQuirks({ speechFile: "cut" });
  const cut = await world.send("/v1/audio/speech", JSON.stringify({ input: "Hi" }));
  await assertRejects(() => cut.arrayBuffer());
  assertEquals(world.logged.map(({ outcome }) => outcome), ["cancelled", "failed"]);
});

Deno.test("images by the SDK: new ones and edits", async () => {
  const { client, sent } = await createWorld();
  const made = await client.images.generate({
    model: "gpt-image-1",
    prompt: "A cat",
    n: 2,
    size: "1536x1024",
    quality: "high",
  });
  assertEquals(made.data!.length, 2);
  const bytes = Uint8Array.from(atob(made.data![0]!.b64_json!), (c) => c.charCodeAt(0));
  assertEquals(new DataView(bytes.buffer).getUint32(16), 1248);
  const url = await client.images.generate({ prompt: "A cat", response_format: "url" });
  assertMatch(url.data![0]!.url!, /^data:image\/png;base64,iVBOR/);
  const image = await toFile(PIXEL, "a.png", { type: "image/png" });
  const edited = await client.images.edit({ model: "dall-e-2", prompt: "Winter", image });
  assertEquals(edited.data!.length, 1);
  const several = await client.images.edit({ prompt: "Winter", image: [image, image] });
  assertEquals(several.data!.length, 1);
  assertEquals(sent.map(({ url }) => url.split("/images/")[1]), [
    "generations",
    "generations",
    "edits",
    "edits",
  ]);
});

Deno.test("images: an edit as JSON, with addresses", async () => {
  const { send } = await createWorld();
  const body = { prompt: "x", images: [{ image_url: "https://a.example/a.png" }] };
  assertEquals((await send("/v1/images/edits", JSON.stringify(body))).status, 200);
});

Deno.test("videos by the SDK: asked for, looked after, fetched", async () => {
  const { client, clock, sent, logged } = await createWorld();
  const input_reference = await toFile(PIXEL, "a.png", { type: "image/png" });
  const job = await client.videos.create({
    model: "sora-2",
    prompt: "Waves",
    seconds: "4",
    size: "720x1280",
    input_reference,
  });
  assertEquals([job.status, job.seconds, job.size, job.model], [
    "in_progress",
    "4",
    "720x1280",
    "grok-imagine-video",
  ]);
  const early = await fails(client.videos.downloadContent(job.id));
  assertEquals(early.status, 404);
  clock.now += 5_000;
  assertEquals((await client.videos.retrieve(job.id)).progress, 62);
  clock.now += 5_000;
  const done = await client.videos.retrieve(job.id);
  assertEquals([done.status, done.progress, done.error], ["completed", 100, null]);
  const content = await client.videos.downloadContent(job.id);
  assertEquals(content.headers.get("content-type"), "video/mp4");
  const bytes = new Uint8Array(await content.arrayBuffer());
  assertEquals(new TextDecoder().decode(bytes.slice(4, 8)), "ftyp");
  assertEquals(sent.at(-1)!.bearer, null);
  assertEquals(logged.at(-1)!.route, "/v1/videos/{id}/content");
});

for (
  const [prompt, code] of [["[failed]", "upstream"], ["[expired]", "expired"], [
    "[moderated]",
    "moderation_blocked",
  ]] as const
) {
  Deno.test(`videos: ${prompt} is a failed video, not a failed request`, async () => {
    const { client, clock } = await createWorld();
    const job = await client.videos.create({ prompt });
    clock.now += 10_000;
    const { status, error } = await client.videos.retrieve(job.id);
    assertEquals([status, error!.code], ["failed", code]);
    assert((await fails(client.videos.downloadContent(job.id))).status! >= 400);
  });
}

Deno.test("videos: the account that made it is asked, whichever comes first", async () => {
  const world = await createWorld({ accounts: ["a@x.example", "b@x.example"] });
  const { client, clock, sandbox, sent } = world;
  sandbox.setQuirks({ failOn: "media", failNext: 1, failWith: "status_403" });
  const job = await client.videos.create({ prompt: "Waves" });
  const [first, second] = sent.map(({ bearer }) => bearer);
  assert(first !== second);
  clock.now += 10_000;
  assertEquals((await client.videos.retrieve(job.id)).status, "completed");
  assertEquals(sent.at(-1)!.bearer, second);
});

const REFUSED: { name: string; path: string; body: BodyInit; status: number; says: RegExp }[] = [
  { name: "no input", path: "/v1/audio/speech", body: "{}", status: 400, says: /"input"/ },
  {
    name: "opus",
    path: "/v1/audio/speech",
    body: JSON.stringify({ input: "Hi", response_format: "opus" }),
    status: 400,
    says: /mp3, wav, pcm/,
  },
  {
    name: "speech as events",
    path: "/v1/audio/speech",
    body: JSON.stringify({ input: "Hi", stream_format: "sse" }),
    status: 400,
    says: /stream_format/,
  },
  {
    name: "15,001 characters",
    path: "/v1/audio/speech",
    body: JSON.stringify({ input: "x".repeat(15_001) }),
    status: 400,
    says: /15000 is the most/,
  },
  { name: "no file", path: "/v1/audio/transcriptions", body: "{}", status: 400, says: /"file"/ },
  { name: "no prompt", path: "/v1/images/generations", body: "{}", status: 400, says: /"prompt"/ },
  {
    name: "a mask",
    path: "/v1/images/edits",
    body: JSON.stringify({ prompt: "x", image: "https://a.example/a.png", mask: "x" }),
    status: 400,
    says: /"mask" is not supported/,
  },
  {
    name: "an edit of nothing",
    path: "/v1/images/edits",
    body: JSON.stringify({ prompt: "x" }),
    status: 400,
    says: /"image" is required/,
  },
  {
    name: "an unknown model",
    path: "/v1/images/generations",
    body: JSON.stringify({ prompt: "x", model: "stable-diffusion" }),
    status: 404,
    says: /stable-diffusion/,
  },
  {
    name: "a model of a provider without media",
    path: "/v1/images/generations",
    body: JSON.stringify({ prompt: "x", model: "minimax-oauth/x" }),
    status: 404,
    says: /makes no media/,
  },
  {
    name: "moderation",
    path: "/v1/images/generations",
    body: JSON.stringify({ prompt: "[moderated]" }),
    status: 400,
    says: /moderation held/,
  },
];
for (const { name, path, body, status, says } of REFUSED) {
  Deno.test(`media routes refuse ${name}`, async () => {
    const { send } = await createWorld();
    const response = await send(path, body);
    const { error } = await response.json();
    assertEquals(response.status, status, error.message);
    assertMatch(error.message, says);
  });
}

Deno.test("media routes refuse ids that are none of theirs, and methods that they do not take", async () => {
  const { client, send } = await createWorld();
  for (const id of ["video_x", "video_bm90IGEgdGlja2V0IGF0IGFsbA", "x"]) {
    assertEquals((await fails(client.videos.retrieve(id))).status, 404, id);
  }
  assertEquals((await send("/v1/videos")).status, 405);
  assertEquals((await send("/v1/audio/translations", "{}")).status, 404);
});

Deno.test("a body that is too large is refused before it is read", async () => {
  const limits = { ...DEFAULT_SETTINGS.limits, bodyBytes: 1_000 };
  const { client, sent } = await createWorld({ settings: { limits } });
  const file = await toFile(new Uint8Array(5_000), "a.wav");
  const error = await fails(client.audio.transcriptions.create({ model: "whisper-1", file }));
  assertEquals([error.status, sent.length], [413, 0]);
});

Deno.test("a client key may be kept from media, from a provider, and to some models", async () => {
  const image = JSON.stringify({ prompt: "A cat" });
  const status = async (scope: ClientKey["scope"], path = "/v1/images/generations") =>
    (await (await createWorld({ scope })).send(path, image)).status;
  assertEquals(await status({ routes: ["chat"] }), 403);
  assertEquals(await status({ routes: ["images"] }), 200);
  assertEquals(await status({ providers: ["minimax-oauth"] }), 403);
  assertEquals(await status({ models: ["grok-4*"] }), 403);
  assertEquals(await status({ models: ["grok-imagine-image*"] }), 200);
});

Deno.test("an API key makes media where it is named, or where it is the gateway's default", async () => {
  const quirks: Partial<SandboxQuirks> = { mediaAccess: "no_speech" };
  const speak = async (model: string | undefined, settings: Partial<GatewaySettings> = {}) => {
    const { send, sent } = await createWorld({ quirks, apiKey: true, settings });
    const { status, body } = await send("/v1/audio/speech", JSON.stringify({ input: "Hi", model }));
    await body?.cancel();
    return [status, sent.map(({ bearer }) => bearer === `Bearer ${API_KEY}` ? "key" : "login")];
  };
  assertEquals(await speak(undefined), [403, ["login"]]);
  assertEquals(await speak("xai/tts"), [200, ["key"]]);
  assertEquals(await speak("tts-1", { defaultModel: "xai/grok-4.3" }), [200, ["login", "key"]]);
});
