// speak, transcribe, image and video: what ends up where, who pays, and what happens when it ends early.

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { nameOf } from "../../src/cli/media/output_files.ts";
import type { SandboxQuirks } from "../../src/sandbox/mod.ts";
import { PIXEL } from "../media/support.ts";
import { jsonLines, type RunOptions, TestMachine } from "../support/platform.ts";

const TERMINAL: RunOptions = { lines: [] };
const KEY = { XAI_API_KEY: "xai-sandbox-key" };

async function signedIn(
  quirks: Partial<SandboxQuirks> = {},
  env: Record<string, string> = {},
): Promise<TestMachine> {
  const machine = new TestMachine({ env: { NO_COLOR: "1", ...env } });
  await machine.signIn("auth add xai-oauth");
  machine.sandbox.setQuirks(quirks);
  machine.requests.length = 0;
  return machine;
}

/** A file of the working folder. */
function made(machine: TestMachine, name: string): Uint8Array | undefined {
  return machine.workspace.files.get(`/project/${name}`) as Uint8Array | undefined;
}

function names(machine: TestMachine): string[] {
  return [...machine.workspace.files.keys()].map((path) => path.replace("/project/", "")).sort();
}

function startsWith(bytes: Uint8Array | undefined, text: string, at = 0): boolean {
  return new TextDecoder("latin1").decode(bytes?.slice(at, at + text.length)) === text;
}

/** Who was asked, by bearer: the login or the key. */
function askedAs(machine: TestMachine, part: string): string[] {
  return machine.sent(part).map(({ headers }) =>
    headers.get("authorization") === `Bearer ${KEY.XAI_API_KEY}` ? "key" : "login"
  );
}

Deno.test("speak names the file after the text, and never writes over another", async () => {
  const machine = await signedIn();
  const first = await machine.run(["speak", "Good morning, world!"], TERMINAL);
  assertEquals([first.code, first.stdout], [0, "good-morning-world.mp3\n"]);
  assert(startsWith(made(machine, "good-morning-world.mp3"), "ID3"));
  const second = await machine.run(["speak", "Good morning, world!"], TERMINAL);
  assertEquals(second.stdout, "good-morning-world-2.mp3\n");

  const named = ["speak", "Other", "-o", "good-morning-world.mp3"];
  machine.requests.length = 0;
  const refused = await machine.run(named, TERMINAL);
  assertEquals(refused.code, 2);
  assertMatch(refused.stderr, /is there already\n {2}Add --force/);
  assertEquals(machine.requests, []);
  const before = made(machine, "good-morning-world.mp3");
  assertEquals((await machine.run([...named, "--force"], TERMINAL)).code, 0);
  assert(made(machine, "good-morning-world.mp3") !== before);
});

Deno.test("speak writes to standard output where that is piped on", async () => {
  const machine = await signedIn();
  for (const args of [["speak", "Hi"], ["speak", "Hi", "-o", "-"]]) {
    const { code, stdout, stderr } = await machine.run(args);
    assertEquals([code, stdout.slice(0, 3), stderr], [0, "ID3", ""]);
  }
  assertEquals(names(machine), []);
  const json = await machine.run("speak Hi --json");
  const [line] = jsonLines(json.stdout);
  assertEquals([line.type, line.file, line.mediaType], ["speech", "hi.mp3", "audio/mpeg"]);
  assertEquals(line.bytes, made(machine, "hi.mp3")!.length);
  for (
    const [args, options] of [["speak Hi -o - --json", {}], ["speak Hi -o -", TERMINAL]] as const
  ) {
    assertEquals((await machine.run(args, options)).code, 2);
  }
  const closed = await machine.run(["speak", "Hi"], { stdoutLimit: 0 });
  assertEquals([closed.code, closed.stderr], [
    1,
    "error: Cannot write the output: its reader is gone\n",
  ]);
});

Deno.test("speak takes text from a pipe, and its format from the file's name", async () => {
  const machine = await signedIn();
  await machine.run("speak -o a.wav", { stdin: "From a pipe\n" });
  assert(startsWith(made(machine, "a.wav"), "WAVE", 8));
  await machine.run(["speak", "Say:", "-", "-o", "b.wav", "--format", "mp3"], { stdin: "this" });
  const { stdout } = await machine.run("transcribe b.wav");
  assertEquals(stdout, "Say: this\n");
  const unknown = await machine.run("speak --voice nope Hello");
  assertEquals(unknown.code, 1);
  assertStringIncludes(unknown.stderr, "grantway speak --list-voices");
  const voices = await machine.run("speak --list-voices");
  assertMatch(voices.stdout, /^ara {2}Ara, multilingual\neve {2}Eve/);
});

const WRONG: { args: string[]; says: RegExp; options?: RunOptions }[] = [
  { args: ["speak"], says: /There is no text/ },
  { args: ["speak"], says: /There is no text/, options: TERMINAL },
  { args: ["speak", "-"], says: /Nothing is piped in/, options: TERMINAL },
  { args: ["speak", "Hi", "--format", "opus"], says: /Unknown format "opus"\n.*mp3, wav/ },
  { args: ["speak", "Hi", "--speed", "3"], says: /--speed takes a number from 0\.7 to 1\.5/ },
  { args: ["speak", "Hi", "-o", "no/a.mp3"], says: /There is no folder \/project\/no/ },
  {
    args: ["speak", "Hi", "--provider", "minimax-oauth"],
    says: /makes no media\n.*xai-oauth, xai/,
  },
  { args: ["transcribe", "a.wav"], says: /There is no file a\.wav/ },
  { args: ["transcribe", "http://a.example/a.mp3"], says: /must be https/ },
  { args: ["transcribe", "-"], says: /Nothing is piped in/, options: TERMINAL },
  { args: ["transcribe", "x", "--format", "doc"], says: /Unknown format "doc"/ },
  { args: ["transcribe", "x", "--figures"], says: /--figures needs a language/ },
  { args: ["image", "A cat", "--n", "0"], says: /--n takes a whole number from 1 to 10/ },
  { args: ["image", "A cat", "--n", "2", "-o", "-"], says: /takes one file/ },
  { args: ["image", "A cat", "--edit", "no.png"], says: /There is no file no\.png/ },
  { args: ["video", "x", "--image", "a", "--reference", "b"], says: /exclude each other/ },
  { args: ["video", "x", ...Array(8).fill("--reference=a")], says: /7 times/ },
  { args: ["video", "x", "--seconds", "2.5"], says: /whole number from 1 to 15/ },
  { args: ["video", "x", "--resume", "y"], says: /takes no prompt/ },
  { args: ["video", "--resume", "y"], says: /There is no video y to go on with\n.*None/ },
];
for (const { args, says, options } of WRONG) {
  const where = options === TERMINAL ? " on a terminal" : "";
  Deno.test(`${args.join(" ").slice(0, 60)}${where} is wrong usage, and asks nobody`, async () => {
    const machine = await signedIn();
    const { code, stdout, stderr } = await machine.run(args, options);
    assertEquals([code, stdout], [2, ""]);
    assertMatch(stderr, says);
    assertEquals(machine.requests, []);
  });
}

Deno.test("transcribe writes text, JSON and subtitles, to standard output or a file", async () => {
  const machine = await signedIn();
  await machine.run(["speak", "Good morning to all", "-o", "a.wav"], TERMINAL);
  const write = async (args: string) => (await machine.run(`transcribe a.wav ${args}`)).stdout;
  assertEquals(await write(""), "Good morning to all\n");
  const { words, duration } = JSON.parse(await write("--format json"));
  assertEquals([duration, words[0]], [1.2, { text: "Good", start: 0, end: 0.3 }]);
  assertEquals(
    await write("--format srt"),
    "1\n00:00:00,000 --> 00:00:01,200\nGood morning to all\n",
  );
  assertMatch(await write("--format vtt"), /^WEBVTT\n\n00:00:00\.000 -->/);
  assertEquals(await write("-o a.srt"), "a.srt\n");
  assert(startsWith(made(machine, "a.srt"), "1\n00:00:00,000"));
  assertEquals((await machine.run("transcribe a.wav -o a.srt")).code, 2);
  const [line] = jsonLines(await write("--json --diarize"));
  assertEquals([line.version, line.type, line.words[3].speaker], [1, "transcription", 0]);
});

Deno.test("transcribe takes what is piped in, and addresses", async () => {
  const machine = await signedIn();
  await machine.run(["speak", "Piped in", "-o", "a.wav"], TERMINAL);
  const stdinBytes = made(machine, "a.wav") as Uint8Array<ArrayBuffer>;
  assertEquals((await machine.run("transcribe -", { stdinBytes })).stdout, "Piped in\n");
  const { stdout } = await machine.run("transcribe https://a.example/talk.mp3");
  assertEquals(stdout, "This is what a.example has to say.\n");
  machine.workspace.files.set("/project/notes.txt", "no recording");
  const refused = await machine.run("transcribe notes.txt");
  assertEquals(refused.code, 1);
  assertStringIncludes(refused.stderr, "The audio could not be decoded");
});

Deno.test("image numbers several, takes a folder, and says where the bytes are others than the name", async () => {
  const machine = await signedIn();
  const several = await machine.run(["image", "A cat", "--n", "2"], TERMINAL);
  assertEquals(several.stdout, "a-cat-1.png\na-cat-2.png\n");
  machine.workspace.files.set("/project/pictures/.keep", "");
  await machine.run(["image", "A dog", "-o", "pictures/"], TERMINAL);
  assert(startsWith(made(machine, "pictures/a-dog.png"), "PNG", 1));
  const other = await machine.run(["image", "A cow", "-o", "cow.jpg"], TERMINAL);
  assertEquals(other.stdout, "cow.jpg\n");
  assertMatch(other.stderr, /warning: cow\.jpg holds image\/png\n$/);
  const piped = await machine.run(["image", "A cow"]);
  assertEquals(piped.stdout.slice(1, 4), "PNG");
  const again = await machine.run(["image", "x", "--n", "2", "-o", "a-cat.png"], TERMINAL);
  assertMatch(again.stderr, /a-cat-1\.png is there already/);
});

Deno.test("image edits files and addresses; moderation has an exit code of its own", async () => {
  const machine = await signedIn();
  machine.workspace.files.set("/project/a.png", PIXEL);
  const args = [
    "image",
    "Winter",
    "--edit",
    "a.png",
    "--edit",
    "https://a.example/b.png",
    "--json",
  ];
  const { code, stdout } = await machine.run(args);
  assertEquals([code, jsonLines(stdout)[0].file], [0, "winter.png"]);
  assertMatch(machine.requests[0]!.url, /images\/edits$/);
  const held = await machine.run(["image", "Winter [moderated]"], TERMINAL);
  assertEquals(held.code, 10);
  assertMatch(held.stderr, /moderation held the image back/);
  const json = await machine.run(["image", "x [moderated]", "--json"]);
  assertEquals([json.code, jsonLines(json.stdout)[0].error.code], [10, "content_filter"]);
});

Deno.test("video waits, saves, and forgets the job", async () => {
  const machine = await signedIn();
  const { code, stdout, stderr } = await machine.run(["video", "Waves on a beach"], TERMINAL);
  assertEquals([code, stdout], [0, "waves-on-a-beach.mp4\n"]);
  assert(startsWith(made(machine, "waves-on-a-beach.mp4"), "ftyp", 4));
  assertMatch(stderr, /Filming… 62 %, 5 s/);
  assertMatch(stderr, /go on with: grantway video --resume [0-9a-f-]{36}/);
  assertEquals(Object.keys(JSON.parse(machine.file("media.json")!).records), []);
  for (const { url, headers } of machine.sent("vidgen")) {
    assertEquals(headers.get("authorization"), null, url);
  }
});

Deno.test("video --json tells job, progress and file", async () => {
  const machine = await signedIn();
  machine.workspace.files.set("/project/a.png", PIXEL);
  const { stdout } = await machine.run("video Waves --json --reference a.png --reference a.png");
  const lines = jsonLines(stdout);
  assertEquals(lines.map(({ type }) => type), [
    "video_job",
    "video_progress",
    "video_progress",
    "video",
  ]);
  const { id, file, seconds } = lines.at(-1);
  assertEquals([id, file, seconds], [lines[0].id, "waves.mp4", 8]);
});

/** The id of the only job. */
function jobOf(machine: TestMachine): string {
  const { records } = JSON.parse(machine.file("media.json")!);
  const [key, ...others] = Object.keys(records);
  assertEquals(others, []);
  return key!.replace("video/", "");
}

Deno.test("video goes on after Ctrl-C with --resume, and keeps no word of the prompt", async () => {
  const machine = await signedIn({ videoRenderMs: 60_000 });
  const interrupted = await machine.run(["video", "Secret waves"], {
    ...TERMINAL,
    onStderr: (text) => text.includes("Filming… 8") && machine.interrupt(),
  });
  assertEquals([interrupted.code, interrupted.stdout, names(machine)], [130, "", []]);
  const id = jobOf(machine);
  assertStringIncludes(interrupted.stderr, `Go on with: grantway video --resume ${id}`);
  const record = machine.file("media.json")!;
  assertStringIncludes(record, "secret-waves");
  assert(!record.includes("Secret waves"));

  const resumed = await machine.run(`video --resume ${id}`, TERMINAL);
  assertEquals([resumed.code, resumed.stdout], [0, "secret-waves.mp4\n"]);
  assertEquals(machine.sandbox.counters.videos, 1);
  const gone = await machine.run(`video --resume ${id}`, TERMINAL);
  assertEquals(gone.code, 2);
});

Deno.test("video goes on with the account that asked for it, whichever comes first now", async () => {
  const machine = await signedIn({ account: "b@x.example" });
  await machine.signIn("auth add xai-oauth");
  const timedOut = await machine.run("video Waves --timeout 2 --json");
  assertEquals(timedOut.code, 7);
  const id = jobOf(machine);
  assertStringIncludes(timedOut.stderr, `grantway video --resume ${id}`);
  await machine.run("auth use xai-oauth 2");
  assertEquals((await machine.run(`video --resume ${id} --json`)).code, 0);

  await machine.run("video Waves --timeout 2 --json");
  const other = jobOf(machine);
  await machine.run("auth remove xai-oauth 1 --yes");
  const orphan = await machine.run(`video --resume ${other} --json`);
  assertEquals(orphan.code, 4);
});

Deno.test("video downloads again what breaks off, and keeps the job where that does not help", async () => {
  const machine = await signedIn();
  let cuts = 2;
  const { fetch } = machine;
  machine.fetch = (input, init) => {
    if (String(input).includes("vidgen")) {
      machine.sandbox.setQuirks({ resultFile: cuts-- > 0 ? "cut" : "good" });
    }
    return fetch(input, init);
  };
  assertEquals((await machine.run("video Waves", TERMINAL)).stdout, "waves.mp4\n");
  cuts = 3;
  const failed = await machine.run("video Beach", TERMINAL);
  assertEquals(failed.code, 6);
  assertStringIncludes(failed.stderr, "whole video");
  assertEquals(names(machine), ["waves.mp4"]);
  const resumed = await machine.run(`video --resume ${jobOf(machine)}`, TERMINAL);
  assertEquals(resumed.stdout, "beach.mp4\n");
});

for (const [command, doing] of [["speak Hello", "Speaking"], ["image Cat", "Drawing"]] as const) {
  Deno.test(`${command} is cancelled by Ctrl-C, upstream too, and leaves nothing`, async () => {
    const machine = await signedIn({ failOn: "media", failNext: 1, failWith: "never" });
    let signal: AbortSignal | null | undefined;
    const { fetch } = machine;
    machine.fetch = (input, init) => {
      signal = init?.signal;
      setTimeout(() => machine.interrupt());
      return fetch(input, init);
    };
    const { code, stdout, stderr } = await machine.run(command, TERMINAL);
    assertEquals([code, stdout, names(machine)], [130, "", []]);
    assertMatch(stderr, new RegExp(`${doing}…[^]*Interrupted`));
    assert(signal!.aborted);
  });
}

const ENDS: { prompt: string; code: number; says: RegExp }[] = [
  { prompt: "[failed]", code: 6, says: /could not be generated/ },
  { prompt: "[expired]", code: 1, says: /has expired\n {2}Ask for the video again/ },
  { prompt: "[moderated]", code: 10, says: /moderation held the video back/ },
];
for (const { prompt, code, says } of ENDS) {
  Deno.test(`video ${prompt} ends with exit code ${code}`, async () => {
    const machine = await signedIn();
    const result = await machine.run(["video", prompt], TERMINAL);
    assertEquals([result.code, names(machine)], [code, []]);
    assertMatch(result.stderr, says);
  });
}

const PAYERS: {
  name: string;
  quirks?: Partial<SandboxQuirks>;
  env?: Record<string, string>;
  before?: string;
  args?: string;
  code?: number;
  asked: string[];
  says: RegExp;
}[] = [
  { name: "the login", env: KEY, asked: ["login"], says: /^$/ },
  {
    name: "no key that nobody allowed",
    env: KEY,
    quirks: { mediaAccess: "no_speech" },
    asked: ["login"],
    code: 8,
    says: /There is an API key: add --provider xai, or .*config set media\.allow_api_key true/,
  },
  {
    name: "no key that is not there",
    quirks: { mediaAccess: "no_speech" },
    asked: ["login"],
    code: 8,
    says: /The server does not say why/,
  },
  {
    name: "the key after the login, where the configuration says so",
    env: KEY,
    quirks: { mediaAccess: "no_speech" },
    before: "config set media.allow_api_key true",
    asked: ["login", "key"],
    says: /warning: .*active Grok subscription.*; trying xAI, API key of XAI_API_KEY/,
  },
  {
    name: "the key after the login, where its provider is the active one",
    env: { ...KEY, GRANTWAY_INFERENCE_PROVIDER: "grok" },
    quirks: { mediaAccess: "no_speech" },
    asked: ["login", "key"],
    says: /trying xAI, API key/,
  },
  {
    name: "the key alone, where it is asked for by name",
    env: KEY,
    args: "--provider xai",
    asked: ["key"],
    says: /^$/,
  },
  {
    name: "the key, where nobody is signed in and the configuration allows it",
    env: KEY,
    before: "auth logout xai-oauth; config set media.allow_api_key true",
    asked: ["key"],
    says: /^$/,
  },
  {
    name: "nobody, where nobody is signed in",
    before: "auth logout xai-oauth",
    asked: [],
    code: 4,
    says: /No xAI credentials found\n {2}Run: grantway auth add xai-oauth/,
  },
  {
    name: "nobody, where there is only a key that may not",
    env: KEY,
    before: "auth logout xai-oauth",
    asked: [],
    code: 4,
    says: /There is an API key: add --provider xai/,
  },
];
for (const { name, quirks, env, before = "", args = "", code = 0, asked, says } of PAYERS) {
  Deno.test(`media are made by ${name}`, async () => {
    const machine = await signedIn(quirks, env);
    for (const command of before.split("; ").filter(Boolean)) {
      assertEquals((await machine.run(`${command} --yes`)).code, 0);
    }
    const result = await machine.run(`speak Hi -o hi.mp3 ${args}`);
    assertEquals([result.code, askedAs(machine, "/tts")], [code, asked]);
    assertMatch(result.stderr, says);
  });
}

Deno.test("a login that may not speak is no worse for chats", async () => {
  const machine = await signedIn({ mediaAccess: "no_speech" });
  assertEquals((await machine.run("speak Hi -o hi.mp3")).code, 8);
  const [login] = await machine.credentials();
  assertEquals([login.status, login.coolDown], ["valid", null]);
  assertEquals((await machine.run("chat Hello")).code, 0);
});

Deno.test("media come from the next account where the first may not", async () => {
  const machine = await signedIn({ account: "b@x.example" });
  await machine.signIn("auth add xai-oauth");
  const { fetch } = machine;
  let refusals = 1;
  machine.fetch = (input, init) =>
    String(input).includes("/images/") && refusals-- > 0
      ? Promise.resolve(
        Response.json({ code: "subscription:free-usage-exhausted", error: "included free usage" }, {
          status: 429,
        }),
      )
      : fetch(input, init);
  const { code, stderr } = await machine.run(["image", "A cat", "-o", "cat.png"]);
  assertEquals(code, 0, stderr);
  assertMatch(stderr, /warning: .*included free usage; trying xAI OAuth, login b@x\.example/);
});

Deno.test("an access token that has run out is renewed for media as for chats", async () => {
  const machine = await signedIn();
  machine.sandbox.expireAccessTokens();
  assertEquals((await machine.run("speak Hi -o hi.mp3")).code, 0);
  assertEquals([machine.sandbox.counters.refreshes, machine.sent("/tts").length], [1, 2]);
});

Deno.test("config set media.allow_api_key takes true and false", async () => {
  const machine = new TestMachine();
  assertEquals((await machine.run("config set media.allow_api_key yes")).code, 2);
  assertEquals((await machine.run("config set media.allow_api_key false")).code, 0);
});

Deno.test("nameOf() makes names that every file system takes", () => {
  const cases = [
    ["A cat, in the rain!", "a-cat-in-the-rain"],
    ["../../etc/passwd", "etc-passwd"],
    ["C:\\con\u0000", "c-con"],
    ["雨の中の猫", "雨の中の猫"],
    ["…!?", "image"],
    ["x".repeat(200), "image"],
    [
      "one two three four five six seven eight nine ten eleven",
      "one-two-three-four-five-six-seven-eight-nine-ten",
    ],
  ];
  for (const [text, name] of cases) assertEquals(nameOf(text!, "image"), name);
});
