import { assert, assertEquals } from "@std/assert";
import { findProvider, PROVIDERS } from "../../src/providers/mod.ts";
import { BUNDLED_CATALOG, mergeModels, parseModelsDev } from "../../src/providers/models.ts";
import { BUNDLED_MODELS, BUNDLED_ON } from "../../src/providers/models.generated.ts";
import { pickVendors } from "../../src/providers/models_dev.ts";
import { createSandbox, type SandboxCatalog } from "../../src/sandbox/mod.ts";

async function parsed(catalog: SandboxCatalog) {
  const { fetch } = createSandbox({ quirks: { catalog } });
  const headers = { "user-agent": "test" };
  const document = await (await fetch("https://models.dev/api.json", { headers })).json();
  return parseModelsDev(document);
}

Deno.test("parseModelsDev() reads the chat models of our vendors, the newest first", async () => {
  const { xai, minimax, ...others } = await parsed("good");
  assertEquals(Object.keys(others), ["minimax-cn"]);
  assertEquals(xai!.map(({ id }) => id), [
    "grok-build-0.1",
    "grok-4.3",
    "grok-4.20-0309-non-reasoning",
    "grok-4.20-0309-reasoning",
    "grok-4.20-multi-agent-0309",
  ]);
  assertEquals(minimax!.map(({ id }) => id), [
    "MiniMax-M3",
    "MiniMax-M2.7",
    "MiniMax-M2.7-highspeed",
    "MiniMax-M2.5",
    "MiniMax-M2.5-highspeed",
    "MiniMax-M2.1",
    "MiniMax-M2",
  ]);
  assertEquals(xai!.at(-1), {
    id: "grok-4.20-multi-agent-0309",
    contextTokens: 1_000_000,
    maxOutputTokens: 30_000,
    input: ["text", "image", "pdf"],
    reasoning: true,
    efforts: ["low", "medium", "high", "xhigh"],
    tools: false,
    price: { input: 1.25, output: 2.5, cacheRead: 0.2 },
  });
  assertEquals(minimax![0]!.input, ["text", "image", "video"]);
});

Deno.test("parseModelsDev() leaves out rows that are none, and keeps the rest of odd ones", async () => {
  const { xai } = await parsed("strange_rows");
  const found = (id: string) => xai!.find((model) => model.id === id);
  assertEquals(xai!.length, 5 + 3);
  assert(found("grok-whole"));
  assertEquals(found("grok-bare"), {
    id: "grok-bare",
    contextTokens: 1_000,
    maxOutputTokens: 100,
    input: ["text"],
    reasoning: false,
    efforts: [],
  });
  assertEquals(found("grok-odd"), {
    id: "grok-odd",
    contextTokens: 2_000,
    maxOutputTokens: 200,
    input: ["text"],
    reasoning: false,
    efforts: ["low", "high"],
  });
  assertEquals(xai!.filter(({ id }) => !/^[\w.-]+$/.test(id)), []);
});

const row = { limit: { context: 1_000, output: 100 } };
const DOCUMENTS: { name: string; xai: unknown; ids?: string[] }[] = [
  { name: "no object", xai: "xai" },
  { name: "without models", xai: {} },
  { name: "models that are a list", xai: { models: [row] } },
  { name: "no usable model", xai: { models: { a: { limit: { context: 0, output: 1 } } } } },
  {
    name: "a deprecated model, which comes last",
    xai: {
      models: {
        a: { ...row, status: "deprecated", release_date: "2026-10-01" },
        b: { ...row, release_date: "2026-09" },
        c: { ...row, release_date: "2026-09-30" },
        d: { ...row, release_date: "soon" },
      },
    },
    ids: ["c", "b", "d", "a"],
  },
  {
    name: "more models than anybody has",
    xai: { models: Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`m${i}`, row])) },
    ids: Array.from({ length: 500 }, (_, i) => `m${i}`).sort().slice(0, 200),
  },
];
for (const { name, xai, ids } of DOCUMENTS) {
  Deno.test(`parseModelsDev() of a vendor: ${name}`, () => {
    assertEquals(parseModelsDev({ xai })["xai"]?.map(({ id }) => id), ids);
  });
}

Deno.test("pickVendors() keeps our vendors' rows as they are", () => {
  const document = { xai: { a: 1 }, other: {}, "minimax-cn": [] };
  assertEquals(pickVendors(document), { xai: { a: 1 }, "minimax-cn": [] });
});

Deno.test("mergeModels() keeps what is curated, and adds prices and other models", () => {
  const provider = findProvider("minimax-oauth")!;
  const [first] = provider.models;
  const price = { input: 1, output: 2 };
  const catalog = mergeModels({
    minimax: [
      { ...first!, contextTokens: 9, input: ["text", "image"], efforts: ["high"], price },
      { ...first!, id: "MiniMax-M9" },
    ],
  });
  assertEquals(catalog.list(provider).map(({ id }) => id), [
    "MiniMax-M2.7",
    "MiniMax-M2.7-highspeed",
    "MiniMax-M9",
  ]);
  assertEquals(catalog.list(provider)[0], { ...first!, price });
  assertEquals(catalog.find(provider, "minimax-m9")?.id, "MiniMax-M9");
  assertEquals(catalog.find(provider, "MiniMax-M10"), undefined);
  // China's list is another one.
  assertEquals(catalog.list(findProvider("minimax-cn")!), provider.models);
});

for (const provider of PROVIDERS) {
  Deno.test(`BUNDLED_CATALOG: ${provider.id} has its default first, and more than is curated`, () => {
    const models = BUNDLED_CATALOG.list(provider);
    assertEquals(models[0]?.id, provider.defaultModel);
    assert(models.length > provider.models.length);
    assertEquals(new Set(models.map(({ id }) => id.toLowerCase())).size, models.length);
    for (const { id, contextTokens, maxOutputTokens } of models) {
      assert(contextTokens >= 100_000 && maxOutputTokens >= 1_000, id);
    }
    assert(BUNDLED_CATALOG.find(provider, provider.auxiliaryModel));
  });
}

Deno.test("BUNDLED_MODELS has a day, and every vendor that a provider names", () => {
  assert(Date.parse(BUNDLED_ON) > Date.parse("2026-01-01"));
  for (const { catalogId } of PROVIDERS) assert(BUNDLED_MODELS[catalogId]?.length, catalogId);
});
