import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { GrantwayError } from "../../src/core/errors.ts";
import { findProvider } from "../../src/providers/mod.ts";
import { type CatalogFile, createCatalogSource } from "../../src/providers/models.ts";
import { createSandbox, type SandboxQuirks } from "../../src/sandbox/mod.ts";

const HOUR = 3_600_000;
const MINUTE = 60_000;
const XAI = findProvider("xai-oauth")!;
const CURATED = XAI.models.map(({ id }) => id);
const BUNDLED = [...CURATED, "grok-build-0.1"];

/** A file in memory, with what became of it. */
class MemoryFile implements CatalogFile {
  text: string | null = null;
  writes = 0;
  aside: string[] = [];
  failure: Error | undefined;

  read(limit: number): Promise<string | null> {
    if (this.failure) return Promise.reject(this.failure);
    return Promise.resolve(this.text?.slice(0, limit) ?? null);
  }
  write(text: string): Promise<void> {
    if (this.failure) return Promise.reject(this.failure);
    this.text = text;
    this.writes++;
    return Promise.resolve();
  }
  setAside(): Promise<string> {
    this.aside.push(this.text!);
    this.text = null;
    return Promise.resolve("models.json.broken");
  }
}

function setUp(quirks: Partial<SandboxQuirks> = {}, file = new MemoryFile()) {
  const world = { at: Date.parse("2026-11-01T00:00:00Z"), requests: [] as Request[] };
  const sandbox = createSandbox({ quirks, sleep: () => Promise.resolve() });
  const warnings: string[] = [];
  const open = (options: { url?: string; signal?: AbortSignal } = {}) =>
    createCatalogSource({
      fetch: (input, init) => {
        const request = new Request(input, init);
        world.requests.push(request);
        return sandbox.fetch(request);
      },
      now: () => world.at,
      startTimer: () => () => {},
      file,
      onWarning: (message) => warnings.push(message),
      ...options,
    });
  return { world, sandbox, file, warnings, open };
}

async function ids(source: ReturnType<ReturnType<typeof setUp>["open"]>): Promise<string[]> {
  return (await source.load()).catalog.list(XAI).map(({ id }) => id);
}

Deno.test("createCatalogSource() knows what was bundled before anything is fetched", async () => {
  const { world, file, open } = setUp();
  const source = open();
  const known = await source.load();
  assertEquals([known.url, known.isStale], [undefined, true]);
  assertEquals(await ids(source), BUNDLED);
  assertEquals([world.requests.length, file.writes], [0, 0]);
});

Deno.test("createCatalogSource() serves at once, refreshes beside it, and says who it is", async () => {
  const { world, file, open } = setUp({ catalog: "newer" });
  const source = open();
  const refreshing = source.refreshIfStale();
  assertEquals(await ids(source), BUNDLED);
  await refreshing;
  assertEquals(await ids(source), [...CURATED, "grok-4.6", "grok-build-0.1"]);
  const [{ url, headers }] = world.requests as [Request];
  assertEquals(url, "https://models.dev/api.json");
  assertEquals(
    ["accept", "user-agent", "if-none-match"].map((name) => headers.get(name)),
    ["application/json", "grantway", null],
  );
  const known = await source.load();
  assertEquals([known.url, known.asOf, known.isStale], [url, world.at, false]);
  // Of the document only our vendors are kept.
  assert(file.text!.length < 20_000, `${file.text!.length}`);
  assert(!file.text!.includes("elsewhere"));
});

Deno.test("createCatalogSource() finds what another process has fetched, and asks nobody for 4 h", async () => {
  const { world, sandbox, open } = setUp();
  await open().refresh();
  sandbox.setQuirks({ catalog: "newer" });
  const other = open();
  await other.refreshIfStale();
  world.at += 4 * HOUR - 1;
  await other.refreshIfStale();
  assertEquals(world.requests.length, 1);
  world.at += 1;
  assert((await other.load()).isStale);
  // The first of the processes refreshes, the next one sees that.
  await open().refreshIfStale();
  await other.refreshIfStale();
  assertEquals(world.requests.length, 2);
  assert((await ids(other)).includes("grok-4.6"));
});

Deno.test("createCatalogSource() asks whether the list has changed", async () => {
  const { world, sandbox, open } = setUp();
  const source = open();
  await source.refresh();
  world.at += 5 * HOUR;
  await source.refreshIfStale();
  assertEquals(world.requests[1]!.headers.get("if-none-match"), 'W/"sandbox-good"');
  const { asOf, isStale } = await source.load();
  assertEquals([asOf, isStale], [world.at, false]);
  assertEquals(await ids(source), BUNDLED);
  sandbox.setQuirks({ catalog: "newer" });
  await source.refresh();
  assert((await ids(source)).includes("grok-4.6"));
});

const FAILURES: { quirks: Partial<SandboxQuirks>; code: string; words: RegExp }[] = [
  { quirks: { failWith: "connection_lost" }, code: "network", words: /cannot reach models\.dev$/ },
  { quirks: { failWith: "status_503" }, code: "upstream", words: /answered 503$/ },
  { quirks: { failWith: "challenge_403" }, code: "upstream", words: /answered 403$/ },
  { quirks: { failWith: "truncated_json" }, code: "invalid_response", words: /no list$/ },
  { quirks: { failWith: "html" }, code: "invalid_response", words: /no list$/ },
  { quirks: { failWith: "empty" }, code: "invalid_response", words: /no list$/ },
  { quirks: { failWith: "json_array" }, code: "invalid_response", words: /no list$/ },
  { quirks: { failWith: "empty_object" }, code: "invalid_response", words: /none of our vendors/ },
  { quirks: { catalog: "huge", failNext: 0 }, code: "invalid_response", words: /16 MiB$/ },
];
for (const { quirks, code, words } of FAILURES) {
  Deno.test(`createCatalogSource() keeps what it has after ${JSON.stringify(quirks)}`, async () => {
    const { world, sandbox, open } = setUp({ catalog: "newer" });
    const source = open();
    await source.refresh();
    world.at += 5 * HOUR;
    sandbox.setQuirks({ failNext: 1, failOn: "catalog", ...quirks });
    const error = await assertRejects(() => source.refresh(), GrantwayError);
    assertEquals(error.code, code);
    assertMatch(error.message, words);
    assert((await ids(source)).includes("grok-4.6"));
    assert((await source.load()).isStale);

    // Nobody tries again by himself for five minutes, in this process or another.
    const sent = world.requests.length;
    world.at += 5 * MINUTE - 1;
    await source.refreshIfStale();
    await open().refreshIfStale();
    assertEquals(world.requests.length, sent);
    world.at += 1;
    sandbox.setQuirks({ failNext: 0, catalog: "good" });
    await open().refreshIfStale();
    assertEquals(world.requests.length, sent + 1);
  });
}

Deno.test("createCatalogSource() backs off although nothing was ever fetched", async () => {
  const { world, open } = setUp({ failNext: 9, failOn: "catalog" });
  const source = open();
  for (let time = 0; time < 3; time++) await source.refreshIfStale();
  await open().refreshIfStale();
  assertEquals(world.requests.length, 1);
  assertEquals((await source.load()).url, undefined);
  assertEquals(await ids(source), BUNDLED);
});

Deno.test("createCatalogSource() has a deadline, and can be cancelled", async () => {
  const { open } = setUp({ failNext: 9, failOn: "catalog", failWith: "never" });
  const cancel = new AbortController();
  const cancelled = open({ signal: cancel.signal });
  const pending = cancelled.refresh();
  cancel.abort(new Error("enough"));
  assertEquals((await assertRejects(() => pending, Error)).message, "enough");
  // Cancelled is no failure of the server's.
  assert((await cancelled.load()).isStale);

  let fire = () => {};
  const sandbox = createSandbox({
    quirks: { failNext: 1, failOn: "catalog", failWith: "never" },
  });
  const source = createCatalogSource({
    fetch: sandbox.fetch as typeof fetch,
    startTimer: (ms, expire) => {
      assertEquals(ms, 15_000);
      fire = expire;
      return () => {};
    },
  });
  const waiting = source.refresh();
  setTimeout(() => fire());
  assertEquals((await assertRejects(() => waiting, GrantwayError)).code, "timeout");
});

Deno.test("createCatalogSource() sends one request for many who ask at once", async () => {
  const { world, open } = setUp();
  const source = open();
  await Promise.all([source.refresh(), source.refreshIfStale(), source.refresh()]);
  assertEquals(world.requests.length, 1);
});

const BROKEN = ["", "{", "[]", '{"version":1}', '{"version":1,"url":3,"checkedAt":0,"vendors":{}}'];
for (const text of [...BROKEN, `{"a":"${"x".repeat(2 * 1024 * 1024)}"}`]) {
  Deno.test(`createCatalogSource() sets a broken file aside: ${text.slice(0, 60)}`, async () => {
    const file = new MemoryFile();
    file.text = text;
    const { world, warnings, open } = setUp({}, file);
    const source = open();
    assertEquals(await ids(source), BUNDLED);
    assertEquals(file.aside, [text]);
    assertEquals(warnings, [
      "The list of models that was kept is broken and is now models.json.broken",
    ]);
    // What is gone cannot be confirmed: the list is fetched whole.
    await source.refreshIfStale();
    assertEquals(world.requests[0]!.headers.get("if-none-match"), null);
    assertEquals(file.writes, 1);
  });
}

Deno.test("createCatalogSource() works without a file that can be read or written", async () => {
  const { file, warnings, open } = setUp({ catalog: "newer" });
  file.failure = new Error("it is a folder");
  const source = open();
  await source.refresh();
  assert((await ids(source)).includes("grok-4.6"));
  assertEquals(warnings, [
    "The list of models that was kept cannot be read: it is a folder",
    "The list of models cannot be kept: it is a folder",
  ]);
});

Deno.test("createCatalogSource() has the bundled models of a vendor that is not listed", async () => {
  const { world, sandbox, open } = setUp({ catalog: "missing_vendor" });
  assertEquals(await ids(open()), BUNDLED);
  await open().refresh();
  assertEquals(await ids(open()), BUNDLED);
  // And of one that is gone, what was listed last.
  sandbox.setQuirks({ catalog: "newer" });
  await open().refresh();
  sandbox.setQuirks({ catalog: "missing_vendor" });
  world.at += 5 * HOUR;
  await open().refresh();
  assert((await ids(open())).includes("grok-4.6"));
});

Deno.test("createCatalogSource() refreshes a list of the future, and one of another address", async () => {
  const { world, open } = setUp();
  await open().refresh();
  world.at -= 30 * 24 * HOUR;
  assert((await open().load()).isStale);
  world.at += 30 * 24 * HOUR;
  const mirror = open({ url: "http://127.0.0.1:1/models.dev/api.json" });
  assert((await mirror.load()).isStale);
  await mirror.refresh();
  assertEquals(world.requests[1]!.headers.get("if-none-match"), null);
});
