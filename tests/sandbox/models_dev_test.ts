import { assert, assertEquals, assertRejects } from "@std/assert";
import { createSandbox, type SandboxQuirks } from "../../src/sandbox/mod.ts";

const URL = "https://models.dev/api.json";
const HEADERS = { "user-agent": "test" };

function sandbox(quirks: Partial<SandboxQuirks> = {}) {
  return createSandbox({ quirks, sleep: () => Promise.resolve() });
}

// deno-lint-ignore no-explicit-any -- a JSON document whose shape the tests state
async function document(quirks: Partial<SandboxQuirks> = {}): Promise<any> {
  return await (await sandbox(quirks).fetch(URL, { headers: HEADERS })).json();
}

Deno.test("models.dev: what the facts say of July 2026", async () => {
  const { xai, minimax, ...others } = await document();
  assertEquals(Object.keys(others), ["elsewhere", "minimax-cn"]);
  assertEquals([xai.id, xai.env, xai.api], ["xai", ["XAI_API_KEY"], undefined]);
  assertEquals(minimax.api, "https://api.minimax.io/anthropic/v1");
  const limits = (models: Record<string, { limit: { context: number; output: number } }>) =>
    Object.values(models).map(({ limit }) => [limit.context, limit.output].join("/")).sort();
  assertEquals(limits(xai.models), [
    "1000000/30000",
    "1000000/30000",
    "1000000/30000",
    "1000000/30000",
    "1024/0",
    "256000/256000",
    "8000/0",
  ]);
  assertEquals(limits(minimax.models), [
    "1000000/128000",
    "196608/128000",
    ...Array(5).fill("204800/131072"),
  ]);
  assertEquals(xai.models["grok-4.3"].reasoning_options, [
    { type: "effort", values: ["none", "low", "medium", "high"] },
  ]);
  assertEquals(xai.models["grok-4.20-0309-non-reasoning"].reasoning_options, undefined);
  assertEquals(minimax.models["MiniMax-M2.7"].cost, {
    input: 0.3,
    output: 1.2,
    cache_read: 0.06,
    cache_write: 0.375,
  });
  assertEquals([xai.models["grok-4.3"].attachment, xai.models["grok-4.3"].tool_call], [true, true]);
  assertEquals(xai.models["grok-imagine-image"].modalities.output, ["image"]);
});

Deno.test("models.dev: an ETag spares the document until it changes", async () => {
  const { fetch, setQuirks } = sandbox();
  const first = await fetch(URL, { headers: HEADERS });
  const etag = first.headers.get("etag")!;
  assertEquals(first.headers.get("cache-control"), "public, max-age=3600");
  await first.body?.cancel();
  const ask = async () => {
    const headers = { ...HEADERS, "if-none-match": `"x", ${etag}` };
    const { status, body } = await fetch(URL, { headers });
    await body?.cancel();
    return status;
  };
  assertEquals(await ask(), 304);
  setQuirks({ catalog: "newer" });
  assertEquals(await ask(), 200);
});

Deno.test("models.dev: nobody without a name gets in", async () => {
  assertEquals((await sandbox().fetch(URL)).status, 403);
});

Deno.test("models.dev: on a loopback origin its host is the first segment", async () => {
  const request = new Request("http://127.0.0.1:1/models.dev/api.json", { headers: HEADERS });
  const response = await sandbox().handle(request);
  assertEquals(Object.keys(await response.json()).length, 4);
});

Deno.test("models.dev: its quirks", async () => {
  assert((await document({ catalog: "newer" })).xai.models["grok-4.6"]);
  assertEquals((await document({ catalog: "missing_vendor" })).xai, undefined);
  const { xai } = await document({ catalog: "strange_rows" });
  assertEquals([xai.models["grok-null"], xai.models["grok-list"]], [null, []]);
  assert(xai.models["grok-whole"].limit);
  const huge = await sandbox({ catalog: "huge" }).fetch(URL, { headers: HEADERS });
  assert((await huge.arrayBuffer()).byteLength > 24 * 1024 * 1024);
});

Deno.test("models.dev: it fails where it is told to", async () => {
  const failing = sandbox({ failNext: 2, failOn: "catalog", failWith: "truncated_json" });
  const text = await (await failing.fetch(URL, { headers: HEADERS })).text();
  assert(text.startsWith("{") && !text.endsWith("}"));
  failing.setQuirks({ failWith: "connection_lost" });
  await assertRejects(() => failing.fetch(URL, { headers: HEADERS }), TypeError);
  await document({ failNext: 1, failOn: "messages" });
});
